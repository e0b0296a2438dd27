/* SPDX-License-Identifier: GPL-2.0 */
/* Who `--user USER[:GROUP]` names. */
#ifndef RINGLET_LAUNCHER_IDENTITY_H
#define RINGLET_LAUNCHER_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

struct identity {
	uid_t uid;
	gid_t gid;
	bool change;
};

/*
 * Looks USER[:GROUP], names or numbers, up, which needs /etc/passwd. 0 and
 * *identity, or -EINVAL after a message.
 */
int identity_find(const char *text, struct identity *identity);

#endif
