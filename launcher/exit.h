/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The launcher's exit statuses. ringlet(1) documents them: scripts rely on
 * the numbers, so a number never changes its meaning.
 */
#ifndef RINGLET_LAUNCHER_EXIT_H
#define RINGLET_LAUNCHER_EXIT_H

enum status {
	STATUS_OK	= 0,	/* the guest powered itself off */
	STATUS_ERROR	= 1,	/* the launcher or the host failed */
	STATUS_USAGE	= 2,	/* the command line is wrong */
	STATUS_HOST	= 3,	/* this host cannot run guests as it is */
	STATUS_KERNEL	= 4,	/* kernel or initrd cannot be used */
	STATUS_PANIC	= 5,	/* the guest's kernel panicked */
	STATUS_KILLED	= 6,	/* the host ended the guest for a crime */
	STATUS_LATE	= 7,	/* asked to power off, it did not in time */
	STATUS_SIGNAL	= 128,	/* + the number of the signal that ended it */
};

#endif
