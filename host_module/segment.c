// SPDX-License-Identifier: GPL-2.0
/*
 * Segment descriptors: what a guest may put into its GDT.
 *
 * Pure functions. Tested from inside: escape.tiny, escape32.tiny, hypercall.tiny/tls.
 *
 * Source: SDM volume 3, 3.4.5 (segment descriptors), 5.8 (call gates).
 */
#include <linux/kernel.h>
#include "../abi/guest.h"
#include "segment.h"

#define DESC_ACCESSED	(1ULL << 40)
#define DESC_CODE	(1ULL << 43)
#define DESC_CONFORMING	(1ULL << 42)	/* of code */
#define DESC_S		(1ULL << 44)	/* code or data, not system */
#define DESC_DPL	(3ULL << 45)
#define DESC_DPL_1	(1ULL << 45)
#define DESC_PRESENT	(1ULL << 47)
#define DESC_LONG	(1ULL << 53)

/*J: gates.segments
 * A descriptor is a small program for the processor, and a guest may write
 * some of its own. What it can ask for is narrowed until nothing is left that
 * could raise a privilege: no system descriptors, so no call gates and no task
 * gates; no code that is conforming, because that runs with its caller's
 * level; a DPL of 3, or of 1, where the guest's kernel is anyway. The accessed bit
 * is set in advance, because the page is read-only and the processor would fault
 * when it tried to set it.
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
 * The same of a segment for either ring of the guest's. One of ring 1 keeps its DPL:
 * 32-bit code there is what its 64-bit code is, at CPL 1, and can name no more
 * descriptors; a far call finds no gate, because there are no system descriptors. Any
 * other DPL is a mistake of the guest's.
 */
bool segment_own_ok(u64 descriptor, u64 *safe)
{
	if (!segment_user_ok(descriptor, safe))
		return false;
	if (!*safe || (descriptor & DESC_DPL) == DESC_DPL)
		return true;
	*safe = (*safe & ~DESC_DPL) | DESC_DPL_1;
	return (descriptor & DESC_DPL) == DESC_DPL_1;
}

/*
 * Fills a page with the GDT that the vCPU with this id starts with. The limit is the
 * host's; where that is larger than Linux's 16 entries, the rest stays 0.
 */
void segment_default_gdt(u64 gdt[512], unsigned int id)
{
	for (int i = 0; i < 512; i++)
		gdt[i] = 0;
	gdt[RL_SWITCHER_CS / 8] = 0x00af9b000000ffffULL;
	gdt[RL_SWITCHER_SS / 8] = 0x00cf93000000ffffULL;
	gdt[RL_USER32_CS / 8] = 0x00cffb000000ffffULL;
	gdt[RL_USER_DS / 8] = 0x00cff3000000ffffULL;
	gdt[RL_USER_CS / 8] = 0x00affb000000ffffULL;
	gdt[RL_KERNEL_CS / 8] = 0x00afbb000000ffffULL;	/* DPL 1 */
	/* LSL of this one tells Linux programs their CPU, up to bit 11, and node: 0. */
	gdt[15] = 0x0040f50000000000ULL | id;
}
