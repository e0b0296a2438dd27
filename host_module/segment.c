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
#define DESC_WRITABLE	(1ULL << 41)	/* of data */
#define DESC_S		(1ULL << 44)	/* code or data, not system */
#define DESC_DPL	(3ULL << 45)
#define DESC_DPL_1	(1ULL << 45)
#define DESC_PRESENT	(1ULL << 47)
#define DESC_LONG	(1ULL << 53)
#define DESC_BIG	(1ULL << 54)	/* of a stack: ESP, not SP */
#define DESC_PAGES	(1ULL << 55)	/* what the limit counts */
#define DESC_LDT	(2ULL << 40)

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
 * The same of an entry of an LDT, which are all ring 3's. A stack of 16 bits becomes one of
 * 32: an IRET to the former leaves the upper half of ESP as the code was using it that
 * executed the IRET, so each interrupt would change it, and show where that code's stack is.
 * What is no stack, and grows up, is the same with this bit. Code and data that are not
 * present stay what they are, because programs may ask (LAR) and expect the #NP of a use.
 */
bool segment_ldt_ok(u64 descriptor, u64 *safe)
{
	u64 absent = ~descriptor & DESC_PRESENT;

	if (!segment_user_ok(descriptor | DESC_PRESENT, safe))
		return absent;
	*safe &= ~absent;
	if (*safe & DESC_WRITABLE && !(*safe & DESC_CODE))
		*safe |= DESC_BIG;
	return true;
}

/* The last byte of a segment that grows up. */
u32 segment_limit(u64 descriptor)
{
	u32 limit = (descriptor & 0xffff) | (descriptor >> 32 & 0xf0000);

	return descriptor & DESC_PAGES ? limit << 12 | 0xfff : limit;
}

/*
 * Describes the LDT at base to the GDT, at RL_LDT_SELECTOR: so many entries, RL_LDT_ENTRIES
 * at most; 0: there is none. It is the one system descriptor of the table, with a DPL of 0,
 * and no instruction that is ring 1's or ring 3's takes it.
 */
void segment_describe_ldt(u64 gdt[512], u64 base, unsigned int entries)
{
	u64 *at = &gdt[RL_LDT_SELECTOR / 8];

	BUILD_BUG_ON(RL_SEGMENTS & 3 << RL_LDT_SELECTOR / 8);
	at[0] = !entries ? 0 : DESC_PRESENT | DESC_LDT | (entries * 8 - 1) |
		(base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	at[1] = !entries ? 0 : base >> 32;
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
