// SPDX-License-Identifier: GPL-2.0
/*
 * Segment descriptors: what a guest may put into its GDT.
 *
 * Pure functions, tested in user space (tests/unit/test_segment.c).
 *
 * Source: SDM volume 3, 3.4.5 (segment descriptors), 5.8 (call gates).
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include "ringlet.h"
#else
#include "segment_test.h"
#endif

#define DESC_ACCESSED	(1ULL << 40)
#define DESC_CODE	(1ULL << 43)
#define DESC_CONFORMING	(1ULL << 42)	/* of code */
#define DESC_S		(1ULL << 44)	/* code or data, not system */
#define DESC_DPL	(3ULL << 45)
#define DESC_PRESENT	(1ULL << 47)
#define DESC_LONG	(1ULL << 53)

/*J: gates.segments
 * A descriptor is a small program for the processor, and a guest may write
 * some of its own. What it can ask for is narrowed until nothing is left that
 * could raise a privilege: no system descriptors, so no call gates and no task
 * gates; no code that is conforming, because that runs with its caller's
 * level; DPL always 3. The accessed bit is set in advance, because the page is
 * read-only and the processor would fault when it tried to set it.
 :*/

/*
 * Is this descriptor one that ring 3 may have? Then *safe is what goes into
 * the table; a descriptor that is not present becomes 0.
 */
bool segment_user_ok(u64 descriptor, u64 *safe)
{
	*safe = 0;
	if (!(descriptor & DESC_PRESENT))
		return true;
	if (!(descriptor & DESC_S))
		return false;
	if ((descriptor & DESC_CODE) &&
	    (descriptor & (DESC_CONFORMING | DESC_LONG)))
		return false;
	*safe = descriptor | DESC_DPL | DESC_ACCESSED;
	return true;
}

/*
 * Fills a page with the GDT that every vCPU starts with. The limit is the
 * host's; where that is larger than Linux's 16 entries, the rest stays 0.
 */
void segment_default_gdt(u64 gdt[512])
{
	for (int i = 0; i < 512; i++)
		gdt[i] = 0;
	gdt[RL_SWITCHER_CS / 8] = 0x00af9b000000ffffULL;
	gdt[RL_SWITCHER_SS / 8] = 0x00cf93000000ffffULL;
	gdt[RL_USER32_CS / 8] = 0x00cffb000000ffffULL;
	gdt[RL_USER_DS / 8] = 0x00cff3000000ffffULL;
	gdt[RL_USER_CS / 8] = 0x00affb000000ffffULL;
	gdt[RL_KERNEL_CS / 8] = 0x00afbb000000ffffULL;	/* DPL 1 */
	/* LSL of this one tells Linux programs their CPU and node: 0, 0. */
	gdt[15] = 0x0040f50000000000ULL;
}
