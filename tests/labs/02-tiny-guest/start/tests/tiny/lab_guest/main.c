// SPDX-License-Identifier: GPL-2.0
/*
 * A first tiny guest. A case that returns has succeeded.
 */
#include "tiny.h"

#define GVA	0xffffc90000000000UL	/* of the kernel's half, and not mapped yet */
#define LINE	5

/* A page table entry leads elsewhere, and the guest says so. */
CASE(sees_the_new_page)
{
	FAIL("nobody has written this yet (GVA 0x%lx)", GVA);
}

/* An interrupt comes while virtual interrupts are off. */
CASE(waits_for_the_flag)
{
	FAIL("nobody has written this yet (line %d)", LINE);
}
