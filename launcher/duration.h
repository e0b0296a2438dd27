/* SPDX-License-Identifier: GPL-2.0 */
/* A time that a user wrote: 2s, 500ms, 1m, 1.5 (seconds where no unit is said). */
#ifndef RINGLET_LAUNCHER_DURATION_H
#define RINGLET_LAUNCHER_DURATION_H

#include <stdint.h>

#define DURATION_MAX_NS	(86400ull * 1000000000)

/* 0 and *ns, from 1 ms to DURATION_MAX_NS; or -EINVAL. */
int duration_parse(const char *text, uint64_t *ns);

#endif
