/* SPDX-License-Identifier: GPL-2.0 */
/* A guest of a few instructions, to see that this host can run any. */
#ifndef RINGLET_LAUNCHER_PROBE_H
#define RINGLET_LAUNCHER_PROBE_H

#include <stddef.h>

/*
 * Makes a VM of the device, lets its vCPU run a guest that writes a byte, counts and
 * powers off, and looks whether it did. 0; or -errno and in why what went wrong: one
 * line, which the module's words may be part of (made fit for a terminal).
 */
int probe_run(int device_fd, char *why, size_t size);

#endif
