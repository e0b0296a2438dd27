// SPDX-License-Identifier: GPL-2.0
/*
 * Forgetting: what a guest flushes is gone, on each way to it, and what is loaded again
 * is looked at where it must be.
 */
#include "tiny.h"

#define USER_GVA	0x700000000000UL
#define KERNEL_GVA	0xffffa00000000000UL

CASE(flush_one_address)
{
	map_page(KERNEL_GVA, page_with(1) | P_P);
	map_page(KERNEL_GVA + 4096, page_with(2) | P_P);
	EQUAL(try_read(KERNEL_GVA), 1);
	EQUAL(try_read(KERNEL_GVA + 4096), 2);
	map_page(KERNEL_GVA, page_with(3) | P_P);
	flush_one(KERNEL_GVA);
	EQUAL(try_read(KERNEL_GVA), 3);
	*entry_of(TINY_TABLES, KERNEL_GVA, 1) = 0;
	flush_one(KERNEL_GVA + 0xfff);
	try_read(KERNEL_GVA);
	EQUAL(trap.vector, 14);
	EQUAL(try_read(KERNEL_GVA + 4096), 2);
}

CASE(flush_halves)
{
	map_page(USER_GVA, page_with(1) | P_P | P_U);
	map_page(KERNEL_GVA, page_with(2) | P_P);
	EQUAL(try_read(USER_GVA), 1);
	EQUAL(try_read(KERNEL_GVA), 2);
	map_page(USER_GVA, page_with(3) | P_P | P_U);
	map_page(KERNEL_GVA, page_with(4) | P_P);
	hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
	EQUAL(try_read(USER_GVA), 3);
	hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
	EQUAL(try_read(KERNEL_GVA), 4);
}

/* A table that is freed and used for something else, at each level. */
CASE(table_replaced)
{
	for (int level = 2; level <= 4; level++) {
		volatile u64 *entry = entry_of(TINY_TABLES, USER_GVA, level);
		u64 old;

		map_page(USER_GVA, page_with(level) | P_P | P_W | P_U);
		EQUAL(try_read(USER_GVA), level);
		old = *entry;
		*entry = 0;
		map_page(USER_GVA, page_with(level + 10) | P_P | P_W | P_U);
		flush_one(USER_GVA);
		EQUAL(try_read(USER_GVA), level + 10);
		/* The old one returns, with other contents. */
		*entry = 0;
		flush_one(USER_GVA);
		*entry = old;
		map_page(USER_GVA, page_with(level + 20) | P_P | P_W | P_U);
		flush_one(USER_GVA);
		EQUAL(try_read(USER_GVA), level + 20);
		*entry = 0;
		hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
	}
}

/*
 * A table gets a second parent: there no translation was ever used, so none can
 * be stale, whatever the shadow knows from the first.
 */
static void second_parent(u64 gva)
{
	u64 table = page_alloc(), *t = direct(table);

	t[0] = page_with(1) | P_P | P_W | (gva >> 63 ? 0 : P_U);
	*entry_of(TINY_TABLES, gva, 2) = table | P_P | P_W | P_U;
	EQUAL(try_read(gva), 1);
	t[0] = page_with(2) | P_P | P_W | (gva >> 63 ? 0 : P_U);
	*entry_of(TINY_TABLES, gva + (2UL << 20), 2) = table | P_P | P_W | P_U;
	/* Not the entry itself: a fault on it would look at it anyway. */
	try_read(gva + (2UL << 20) + 4096);
	EQUAL(trap.vector, 14);
	t[1] = page_with(3) | P_P | P_W | (gva >> 63 ? 0 : P_U);
	EQUAL(try_read(gva + (2UL << 20) + 4096), 3);
	EQUAL(try_read(gva + (2UL << 20)), 2);
}

CASE(second_parent_of_a_program)
{
	second_parent(USER_GVA);
}

CASE(second_parent_of_the_kernel)
{
	second_parent(KERNEL_GVA);
}

/* CR3 with the generation that was seen keeps everything; another one looks. */
CASE(generations)
{
	u64 other = top_copy();

	map_page_in(other, USER_GVA, page_with(1) | P_P | P_W | P_U);
	load_cr3(other | 1, 5, 1);
	EQUAL(try_read(USER_GVA), 1);
	load_cr3(TINY_TABLES | 2, 6, 1);
	map_page_in(other, USER_GVA, page_with(2) | P_P | P_W | P_U);
	load_cr3(other | 1, 5, 2);
	EQUAL(try_read(USER_GVA), 2);
	/* Another space in the same table, though it counts as the old one did:
	   nothing of that is left. */
	load_cr3(TINY_TABLES | 2, 6, 1);
	map_page_in(other, USER_GVA, 0);
	load_cr3(other | 1, 7, 2);
	try_read(USER_GVA);
	EQUAL(trap.vector, 14);
	/* Context 0 tells nothing: always compared. */
	map_page_in(other, USER_GVA, page_with(3) | P_P | P_W | P_U);
	load_cr3(other, 0, 0);
	EQUAL(try_read(USER_GVA), 3);
	map_page_in(other, USER_GVA, page_with(4) | P_P | P_W | P_U);
	load_cr3(other, 0, 0);
	EQUAL(try_read(USER_GVA), 4);
	load_cr3(TINY_TABLES, 0, 0);
}

/* The kernel's half is one for all spaces. */
CASE(kernel_half_is_shared)
{
	u64 other;

	map_page(KERNEL_GVA, page_with(1) | P_P | P_W);
	other = top_copy();
	EQUAL(try_read(KERNEL_GVA), 1);
	load_cr3(other | 1, 5, 1);
	EQUAL(try_read(KERNEL_GVA), 1);
	map_page(KERNEL_GVA, page_with(2) | P_P | P_W);
	hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
	EQUAL(try_read(KERNEL_GVA), 2);
	load_cr3(TINY_TABLES | 2, 6, 1);
	EQUAL(try_read(KERNEL_GVA), 2);
}
