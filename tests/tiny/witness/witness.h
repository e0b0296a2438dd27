/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RINGLET_TESTS_WITNESS_H
#define RINGLET_TESTS_WITNESS_H

#include <linux/types.h>

#define WINDOWS		0xffff800000000000ULL

enum rule {
	FLAGS, BREAKPOINTS, LDTR, GLOBAL, ABSENT, USER_BIT, FRAMES, WINDOW,
	TABLES, LEFT, RAISED, GIVEN_BACK, RULES
};

/* Notes that a rule did not hold; the first value of each is logged. */
void check(bool good, enum rule rule, u64 value);

/* Interrupts off; cr3: a shadow root's host-physical address. */
void look_at_tables(u64 cr3, int cpu);

#endif
