// SPDX-License-Identifier: GPL-2.0
/*
 * CR3 loads that the window serves by itself: it may only ever load a root that
 * the host made and still has.
 */
#include "tiny.h"

#define NOFLUSH (1UL << 63)

CASE_KILLED(noflush_of_nothing, "CR3 0x8000000000000000|exception 14|triple")
{
	load_cr3(NOFLUSH, 0, 0);
	load_cr3(NOFLUSH, 0, 0);
	(void)*(volatile u64 *)direct(0);
}

/*
 * The place of PCID 0 held a root that is gone: the value 0 must not find it.
 * Freed tables are reused at once by the pages that follow. GPA 0 is memory, but
 * no page table that the guest could live with.
 */
CASE_KILLED(noflush_zero_of_dropped, "triple fault")
{
	u64 other = top_copy();

	load_cr3(other, 7, 1);
	load_cr3(TINY_TABLES | 2, 8, 1);
	hypercall(RL_HC_DROP_SPACE, other, 0, 0);
	for (u64 i = 0; i < 16; i++)
		*(volatile u64 *)direct(TINY_FREE + (8 << 20) + (i << 21)) = 0;
	load_cr3(NOFLUSH, 0, 0);
}

CASE_KILLED(noflush_of_garbage, "CR3 0x")
{
	load_cr3(NOFLUSH | 0x000ffffffffff003, 0, 0);
}

CASE_KILLED(outside_memory, "CR3 0x")
{
	load_cr3(TINY_MEMORY, 1, 1);
}

CASE_KILLED(emulated_outside_memory, "exception|CR3")
{
	/* MOV to CR3 of nothing: #GP, which TRY catches; then the real one. */
	asm volatile(TRY_BEGIN "movq %0, %%cr3" TRY_END
		     :: "r"(TINY_MEMORY) : "memory");
	EQUAL(trap.vector, 13);
	load_cr3(TINY_MEMORY, 0, 0);
}

/* How many of the CR3 loads so far went to the host. */
static u64 loads_by_the_host(void)
{
	return host_stats()->hypercalls[RL_HC_SET_CR3];
}

/*
 * A dropped root leaves the cache before its page is anybody else's: the host is
 * asked for it anew.
 */
CASE(noflush_of_dropped)
{
	u64 other = top_copy(), before;

	load_cr3(other | 1, 7, 1);
	load_cr3(TINY_TABLES | 2, 8, 1);
	before = loads_by_the_host();
	EQUAL(load_cr3(other | 1 | NOFLUSH, 7, 1), 0);
	load_cr3(TINY_TABLES | 2 | NOFLUSH, 8, 1);
	EQUAL(loads_by_the_host(), before);
	hypercall(RL_HC_DROP_SPACE, other, 0, 0);
	load_cr3(other | 1 | NOFLUSH, 7, 1);
	EQUAL(loads_by_the_host(), before + 1);
	load_cr3(TINY_TABLES | 2 | NOFLUSH, 8, 1);
}

/*
 * The same for one that was evicted just now, because there are more than the host keeps.
 * One more load would use its root again, for another table, and so forget it in any case.
 */
CASE(noflush_of_evicted)
{
	static u64 others[64];		/* SHADOW_ROOTS_MAX */
	const int n = sizeof(others) / sizeof(*others);
	u64 first = top_copy(), before;

	for (int i = 0; i < n; i++) {
		others[i] = top_copy();
		load_cr3(others[i] | 2, i + 2, 1);
	}
	/* The host is full. Each of these evicts the one that comes next, the last `first`. */
	load_cr3(first | 1, 1, 1);
	for (int i = 0; i < n; i++)
		load_cr3(others[i] | 2, i + 2, 1);
	before = loads_by_the_host();
	load_cr3(first | 1 | NOFLUSH, 1, 1);
	EQUAL(loads_by_the_host(), before + 1);
	load_cr3(TINY_TABLES, 1000, 1);
}

CASE_HOST_LIVES(noflush_of_none)
{
	u64 other = top_copy();

	load_cr3(other | 1, 7, 1);
	load_cr3(TINY_TABLES | 2, 8, 1);
	hypercall(RL_HC_DROP_SPACE, other, 0, 0);
	/* The key for "none" in place 1. */
	load_cr3(NOFLUSH | 1, 0, 0);
	load_cr3(NOFLUSH, 0, 0);
}

CASE_HOST_LIVES(raw_noflush_before_init)
{
	load_cr3(NOFLUSH, 0, 0);
	end(TINY_SUCCESS);
}

/* More spaces than the host keeps: the oldest are evicted, none is mixed up. */
CASE(many_spaces)
{
	static u64 tops[100];
	volatile u64 *word = (volatile u64 *)0x700000000000;

	for (int i = 0; i < 100; i++) {
		u64 page = page_alloc();

		tops[i] = top_copy();
		*(u64 *)direct(page) = i;
		map_page_in(tops[i], (u64)word, page | P_P | P_W | P_U);
	}
	for (int round = 0; round < 4; round++)
		for (int i = 0; i < 100; i++) {
			EQUAL(load_cr3(tops[i] | (i % 6 + 1), i + 1, 1), 0);
			EQUAL(*word, i);
			if (i & 1)
				continue;
			load_cr3(tops[i] | (i % 6 + 1) | NOFLUSH, i + 1, 1);
			EQUAL(*word, i);
		}
	load_cr3(TINY_TABLES, 1000, 1);
}

/* The fast path: no exit, and the right memory is seen. */
CASE(switch_without_exit)
{
	volatile u64 *word = (volatile u64 *)0x700000000000;
	u64 a = top_copy(), b = top_copy(), before, after;

	for (int i = 0; i < 2; i++) {
		u64 page = page_alloc();

		*(u64 *)direct(page) = i;
		map_page_in(i ? b : a, (u64)word, page | P_P | P_W | P_U);
		load_cr3((i ? b : a) | (i + 1), i + 1, 1);
		EQUAL(*word, i);
	}
	before = host_stats()->hypercalls[RL_HC_SET_CR3];
	for (int i = 0; i < 1000; i++) {
		load_cr3(a | 1 | NOFLUSH, 1, 1);
		EQUAL(*word, 0);
		load_cr3(b | 2 | NOFLUSH, 2, 1);
		EQUAL(*word, 1);
	}
	after = host_stats()->hypercalls[RL_HC_SET_CR3];
	EQUAL(after - before, 0);
	load_cr3(TINY_TABLES, 3, 1);
}

static u64 cr3(void)
{
	static struct rl_regs regs;

	EQUAL(request(TINY_REGS, gpa_of(&regs), 0), 0);
	return *(volatile __u64 *)&regs.cr3;
}

/* One table by two PCIDs: CR3 is what was written last, whoever served it. */
CASE(pcids_of_one_table)
{
	u64 other = top_copy();

	load_cr3(other | 1, 1, 1);
	load_cr3(other | 2, 1, 1);
	for (u64 i = 0; i < 20; i++) {
		u64 pcid = 1 + (i / 2 & 1);

		if (i & 1)
			load_cr3(TINY_TABLES | 3, 7, 1);
		load_cr3(other | pcid | NOFLUSH, 1, 1);
		EQUAL(cr3(), other | pcid);
	}
	load_cr3(TINY_TABLES | 3, 7, 1);
}

/* A kernel's table that only another root leads to: this one will link it without a
   look, at the first fault on another page, so a flush must look. */
CASE(flush_of_what_another_root_links)
{
	u64 a = top_copy(), b = top_copy(), word = 0xffffd00000000000;
	u64 *entry = entry_of(b, word, 1), far = word + (256 << 12);

	*entry = page_with(1) | P_P | P_W;
	map_page_in(b, far, page_with(3) | P_P | P_W);
	((u64 *)direct(a))[word >> 39 & 511] =
		((u64 *)direct(b))[word >> 39 & 511];
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(load_cr3(TINY_TABLES, 6, 1), 0);
	EQUAL(load_cr3(b, 7, 1), 0);
	EQUAL(*(volatile u64 *)word, 1);
	EQUAL(load_cr3(a, 5, 1), 0);
	*(volatile u64 *)entry = page_with(2) | P_P | P_W;
	flush_one(word);
	EQUAL(*(volatile u64 *)far, 3);
	EQUAL(*(volatile u64 *)word, 2);
	EQUAL(load_cr3(TINY_TABLES, 6, 1), 0);
}

/* The current space's own top table has no entry there yet. */
CASE(flush_of_what_is_not_present_here)
{
	u64 a = top_copy(), b = top_copy(), word = 0xffffd10000000000;
	u64 *entry = entry_of(b, word, 1);

	*entry = page_with(1) | P_P | P_W;
	map_page_in(b, word + (256 << 12), page_with(3) | P_P | P_W);
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(load_cr3(TINY_TABLES, 6, 1), 0);
	EQUAL(load_cr3(b, 7, 1), 0);
	EQUAL(*(volatile u64 *)word, 1);
	EQUAL(load_cr3(a, 5, 1), 0);
	*(volatile u64 *)entry = page_with(2) | P_P | P_W;
	flush_one(word);
	EQUAL(load_cr3(b, 7, 1), 0);
	EQUAL(*(volatile u64 *)word, 2);
	EQUAL(load_cr3(TINY_TABLES, 6, 1), 0);
}

/* Two level 3 tables in one slot share what is below; the current one has not linked
   it yet. */
CASE(flush_below_another_third)
{
	u64 a = top_copy(), b = top_copy(), word = 0xffffd30000000000;
	u64 *entry = entry_of(b, word, 1), far = word + (256 << 12);
	u64 other = word + (1UL << 30);

	*entry = page_with(1) | P_P | P_W;
	map_page_in(b, far, page_with(3) | P_P | P_W);
	map_page_in(a, other, page_with(4) | P_P | P_W);
	*entry_of(a, word, 3) = *entry_of(b, word, 3);
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(*(volatile u64 *)other, 4);
	EQUAL(load_cr3(b, 7, 1), 0);
	EQUAL(*(volatile u64 *)word, 1);
	EQUAL(load_cr3(a, 5, 1), 0);
	*(volatile u64 *)entry = page_with(2) | P_P | P_W;
	flush_one(word);
	EQUAL(*(volatile u64 *)far, 3);
	EQUAL(*(volatile u64 *)word, 2);
	EQUAL(load_cr3(TINY_TABLES, 6, 1), 0);
}

/* The table that the entries of x and y at this level lead to is used at x, then at y,
   too; x goes and comes back, and what changed between is flushed there while only y
   leads to it. */
static void flush_where_it_was_first(u64 x, u64 y, int level)
{
	u64 a = top_copy();
	u64 *leaf = entry_of(a, x, 1), *at_x = entry_of(a, x, level);
	u64 *at_y = entry_of(a, y, level), table;

	*leaf = page_with(1) | P_P | P_W;
	map_page_in(a, x + (256 << 12), page_with(3) | P_P | P_W);
	map_page_in(a, x + (1UL << 21), page_with(4) | P_P | P_W);
	*at_y = table = *at_x;
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(*(volatile u64 *)x, 1);
	EQUAL(*(volatile u64 *)y, 1);
	*(volatile u64 *)at_x = 0;
	flush_one(x);
	*(volatile u64 *)at_x = table;
	*(volatile u64 *)leaf = page_with(2) | P_P | P_W;
	flush_one(x);
	EQUAL(*(volatile u64 *)(x + (256 << 12)), 3);
	EQUAL(*(volatile u64 *)x, 2);
	EQUAL(load_cr3(TINY_TABLES, 6, 1), 0);
}

/* One of level 1. */
CASE(flush_where_a_table_was_first)
{
	u64 x = 0xffffd20000000000;

	flush_where_it_was_first(x, x + (1UL << 30), 2);
}

/* One of level 3, in two slots. */
CASE(flush_where_a_third_was_first)
{
	u64 x = 0xffffd50000000000;

	flush_where_it_was_first(x, x + (1UL << 39), 4);
}

/* A table of level 2 in two places, and two below it, of which one is never used in the
   second place. */
CASE(flush_where_a_table_was_below_another)
{
	u64 a = top_copy(), x = 0xffffd40000000000, y = x + (1UL << 30);
	u64 next = x + (1UL << 21), far = 256 << 12;
	u64 *leaf = entry_of(a, x, 1), *leaf2 = entry_of(a, next, 1);
	u64 *at_x = entry_of(a, x, 3), *again;
	u64 table = *entry_of(a, x, 2), table2 = *entry_of(a, next, 2);

	*leaf = page_with(1) | P_P | P_W;
	*leaf2 = page_with(5) | P_P | P_W;
	map_page_in(a, x + far, page_with(3) | P_P | P_W);
	map_page_in(a, next + far, page_with(7) | P_P | P_W);
	*entry_of(a, y, 3) = *at_x;
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(*(volatile u64 *)x, 1);
	EQUAL(*(volatile u64 *)next, 5);
	EQUAL(*(volatile u64 *)y, 1);
	*(volatile u64 *)at_x = 0;
	flush_one(x);
	again = entry_of(a, x, 2);
	again[0] = table;
	again[1] = table2;
	*(volatile u64 *)leaf = page_with(2) | P_P | P_W;
	*(volatile u64 *)leaf2 = page_with(6) | P_P | P_W;
	flush_one(x);
	flush_one(next);
	EQUAL(*(volatile u64 *)(x + far), 3);
	EQUAL(*(volatile u64 *)x, 2);
	EQUAL(*(volatile u64 *)(next + far), 7);
	EQUAL(*(volatile u64 *)next, 6);
	EQUAL(load_cr3(TINY_TABLES, 6, 1), 0);
}
