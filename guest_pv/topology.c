// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID's leaves that tell where a processor is among the others: all of a guest's are
 * cores of one package, with one thread each, and share the last cache.
 *
 * Cores of one package, because Linux looks for an idle processor among those that share
 * a cache, and because its package is what people count. No threads, and none of the
 * host's own topology: a vCPU runs wherever the host's scheduler puts it.
 *
 * A guest with one processor is shown nothing of this. TOPOEXT and its leaves are hidden:
 * AMD's kernels then take the package for what shares the last cache. What programs see
 * that execute CPUID themselves is the processor that they run on at that moment.
 *
 * Source: SDM volume 2, CPUID, leaves 1, 4 and 0BH; APM volume 3, E.3.2, E.4.2, E.4.7.
 */
#include "cpuid.h"
#include "layer.h"

/* How a vendor's name begins. */
#define NAME(a, b, c, d)	((a) | (b) << 8 | (c) << 16 | (d) << 24)

#define LEVEL_THREADS	1	/* level types of leaf 0xb */
#define LEVEL_CORES	2
#define LAST_CACHE	3	/* a cache of this level or above is the package's */

/* How many of an APIC ID's bits tell cores apart. */
static unsigned int core_bits(void)
{
	unsigned int bits = 0;

	while (1u << bits < rl_cpu_count)
		bits++;
	return bits;
}

/* AMD's way to tell; the same bits are reserved, and 0, with others. */
static bool is_amd(void)
{
	u32 name = rl_host_cpuid(0, 0).ebx;

	return name == NAME('A', 'u', 't', 'h') || name == NAME('H', 'y', 'g', 'o');
}

/* Of a cache: how many share it, how many cores there are. */
static void cache_leaf(struct rl_cpuid *r)
{
	u32 type = r->eax & 31, level = r->eax >> 5 & 7;
	u32 others = (1u << core_bits()) - 1;

	r->eax &= 0x3fff;
	if (!type)
		return;
	if (level >= LAST_CACHE)
		r->eax |= others << 14;
	r->eax |= others << 26;
}

/* Leaf 0xb. The levels are over where one has no processors. */
static void level_leaf(u32 subleaf, struct rl_cpuid *r)
{
	*r = (struct rl_cpuid){ .ecx = subleaf & 0xff, .edx = rl_this_id() };
	if (subleaf > 1)
		return;
	r->eax = subleaf ? core_bits() : 0;
	r->ebx = subleaf ? rl_cpu_count : 1;
	r->ecx |= (subleaf ? LEVEL_CORES : LEVEL_THREADS) << 8;
}

/* See cpuid.h. */
void rl_topology(u32 leaf, u32 subleaf, struct rl_cpuid *r)
{
	bool many = rl_cpu_count > 1;

	switch (leaf) {
	case 1:
		r->ebx = (r->ebx & 0xff00) | rl_this_id() << 24;
		if (many) {
			r->ebx |= 1u << core_bits() << 16;
			r->edx |= CPUID_HTT;
		}
		break;
	case 4:
		cache_leaf(r);
		break;
	case 0xb:
		if (many)
			level_leaf(subleaf, r);
		else
			*r = (struct rl_cpuid){};
		break;
	case 0x80000001:
		if (many && is_amd())
			r->ecx |= CPUID_CMP_LEGACY;
		break;
	case 0x80000008:
		r->ecx = many && is_amd() ?
			 core_bits() << 12 | (rl_cpu_count - 1) : 0;
		break;
	}
}
