/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of this guest share. */
#ifndef TESTS_TINY_LDT_H
#define TESTS_TINY_LDT_H

#include "tiny.h"

#define LDT		0xffff800040000000UL	/* where ring 1 could see it */
#define FAR		0xffffc90000000000UL
#define SELECTOR(n)	((n) * 8UL + 7)		/* RPL 3 */
#define EINVAL_		(-22)
#define EFAULT_		(-14)

#define CODE32		0x00cffa000000ffffUL	/* DPL 3, base 0, 4 GB */
#define DATA32		0x00cff2000000ffffUL
#define LONG_MODE	(1UL << 53)
#define PRESENT		(1UL << 47)
#define BIG		(1UL << 54)
#define DPL(n)		((u64)(n) << 45)

extern u64 table[8192];			/* what becomes the LDT */

static inline s64 set_ldt(u64 entries)
{
	return hypercall(RL_HC_SET_LDT, (u64)table, entries, 0);
}

/* Access rights as LAR gives them; 0: no such segment, or not for ring 1. */
static inline u64 rights(u64 selector)
{
	u64 value = 0;
	bool known;

	asm volatile("lar %2, %0" : "+r"(value), "=@ccz"(known)
		     : "r"(selector) : "cc");
	return known ? value : 0;
}

#endif
