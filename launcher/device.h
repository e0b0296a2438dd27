/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opening /dev/ringlet so that it can be used, or saying why not and what to
 * do about it.
 */
#ifndef RINGLET_LAUNCHER_DEVICE_H
#define RINGLET_LAUNCHER_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "../abi/ringlet.h"

/* An fd whose module speaks our ABI; or -errno, after one line of message. */
int device_open(void);

/* Why something cannot be, and what to type next ("": nothing would help). */
struct advice {
	char why[160];
	char command[200];
};

/* About an errno of opening the device, by this process. */
void device_open_advice(int error, struct advice *);

/*
 * About a device of this mode and group (a name) that `user` may not open; listed:
 * the group's list of members has the user, who has logged in before.
 */
void device_access_advice(unsigned int mode, const char *group,
			  const char *user, bool listed, struct advice *);

/*
 * 0, or -EPROTO with a line in message: module and launcher do not speak the
 * same version of the interface.
 */
int device_check_info(const struct rl_info *info, char *message, size_t size);

#endif
