/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the launcher gives up before its guest runs, so that a guest that takes
 * over a device's code has gained as little as possible: capabilities, the
 * right to gain any by exec, system calls that it has no use for, and, if
 * the user wants it, its identity and its view of the file system.
 */
#ifndef RINGLET_LAUNCHER_SANDBOX_H
#define RINGLET_LAUNCHER_SANDBOX_H

#include <stdbool.h>

struct sandbox_options {
	const char *user;	/* NULL, or USER[:GROUP], names or numbers */
	const char *folder;	/* NULL, or the new root directory */
	unsigned int needs;	/* VIRTIO_NEEDS_*, of all devices together */
	bool pins;		/* threads choose their pCPU */
};

/*
 * For good, for this thread and all that it starts: so before any other thread
 * is there. Says what failed; 0 or -errno.
 */
int sandbox_enter(const struct sandbox_options *options);

/* sandbox_filter.c: only the system calls that are needed from now on. */
int sandbox_filter(const struct sandbox_options *options);

#endif
