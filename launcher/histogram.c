// SPDX-License-Identifier: GPL-2.0
/* See histogram.h. */
#include "histogram.h"

/* Below HISTOGRAM_STEPS each value has a bucket; above, 32 to each power of two. */
static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < HISTOGRAM_STEPS)
		return value;
	shift = 63 - __builtin_clzll(value) - 5;
	return shift * HISTOGRAM_STEPS + (value >> shift);
}

/* The middle of what is in bucket i. */
static uint64_t value_of(unsigned int i)
{
	unsigned int shift = i / HISTOGRAM_STEPS;
	uint64_t first;

	if (!shift)
		return i;
	first = HISTOGRAM_STEPS + i % HISTOGRAM_STEPS;
	return (first << (shift - 1)) + ((1ull << (shift - 1)) >> 1);
}

void histogram_add(struct histogram *h, uint64_t value)
{
	h->count++;
	h->total += value;
	h->buckets[bucket_of(value)]++;
}

uint64_t histogram_percentile(const struct histogram *h, unsigned int percent)
{
	uint64_t wanted = (h->count * percent + 99) / 100, seen = 0;
	unsigned int i = 0;

	if (!h->count)
		return 0;
	if (!wanted)
		wanted = 1;
	while ((seen += h->buckets[i]) < wanted)
		i++;
	return value_of(i);
}
