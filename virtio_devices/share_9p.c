// SPDX-License-Identifier: GPL-2.0
/* The two messages of 9P2000.L that the launcher changes on their way. */
#include <string.h>
#include <unistd.h>

#include "share_9p.h"

#define NOATIME		01000000u	/* P9_DOTL_NOATIME */

/*
 * fid[4] afid[4] uname[s] aname[s] n_uname[4], a string being its length (2 bytes) and
 * its bytes. diod's own mapping of users (allsquash) needs to look them up, so n_uname
 * is said here.
 */
bool p9_set_folder(uint8_t *message, size_t *bytes, const char *folder)
{
	size_t size = *bytes, at = P9_HEADER + 8, path = strlen(folder);
	size_t name, rest;

	if (size < at + 2)
		return false;
	at += 2 + p9_get16(message + at);
	if (size < at + 2)
		return false;
	name = p9_get16(message + at);
	rest = at + 2 + name;
	if (size < rest || size - rest != 4)
		return false;
	memmove(message + at + 2 + path, message + rest, 4);
	p9_put16(message + at, path);
	memcpy(message + at + 2, folder, path);
	at += 2 + path;
	if (geteuid())
		p9_put32(message + at, geteuid());
	*bytes = at + 4;
	p9_put32(message, *bytes);
	return true;
}

/* fid[4] flags[4]. */
void p9_allow_open(uint8_t *message, size_t bytes)
{
	uint8_t *flags = message + P9_HEADER + 4;

	if (message[4] == P9_TLOPEN && bytes == P9_HEADER + 8)
		p9_put32(flags, p9_get32(flags) & ~NOATIME);
}
