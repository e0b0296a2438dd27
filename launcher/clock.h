/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RINGLET_LAUNCHER_CLOCK_H
#define RINGLET_LAUNCHER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

#endif
