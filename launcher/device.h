/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opening /dev/ringlet so that it can be used, or saying why not and what to
 * do about it.
 */
#ifndef RINGLET_LAUNCHER_DEVICE_H
#define RINGLET_LAUNCHER_DEVICE_H

#include <stddef.h>

#include "../abi/ringlet.h"

/* An fd whose module speaks our ABI; or -errno, after one line of message. */
int device_open(void);

/* What to do about an errno of opening the device. */
const char *device_open_advice(int error);

/*
 * 0, or -EPROTO with a line in message: module and launcher do not speak the
 * same version of the interface.
 */
int device_check_info(const struct rl_info *info, char *message, size_t size);

#endif
