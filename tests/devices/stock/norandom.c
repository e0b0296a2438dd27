// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into the launcher: a host that has no entropy yet. The first calls
 * that do not want to wait are told so.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REFUSALS 20

ssize_t getrandom(void *bytes, size_t size, unsigned int flags)
{
	static int refused;

	if (flags & GRND_NONBLOCK && refused < REFUSALS) {
		if (++refused == REFUSALS)
			dprintf(2, "norandom: refused %d times\n", refused);
		errno = EAGAIN;
		return -1;
	}
	return syscall(SYS_getrandom, bytes, size, flags);
}
