/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Times by their size, in a fixed room: percentiles are right to 2%, count and total
 * exactly. Not initialised but by zeros.
 */
#ifndef RINGLET_LAUNCHER_HISTOGRAM_H
#define RINGLET_LAUNCHER_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS	32	/* to each power of two */

struct histogram {
	uint64_t count, total;
	uint32_t buckets[60 * HISTOGRAM_STEPS];
};

void histogram_add(struct histogram *h, uint64_t value);
/* Which value do percent of all not exceed? 0 where there are none. */
uint64_t histogram_percentile(const struct histogram *h, unsigned int percent);

#endif
