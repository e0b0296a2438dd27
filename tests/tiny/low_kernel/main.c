// SPDX-License-Identifier: GPL-2.0
/*
 * RL_INIT_LOW_KERNEL: the last of the low 4 GB is the kernel's part of all address spaces,
 * as with i386 Linux, and its flushes are the kernel's.
 */
#include "tiny.h"

#define KERNEL_PART	(3UL << 30)
#define FAR		(256 << 12)	/* in the same table; nobody fills so far around */

static const u64 word = KERNEL_PART + (5 << 21);

static void start(void)
{
	init_block.flags = RL_INIT_LOW_KERNEL;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
}

/* A space whose entry for the kernel's part is that of `like`. */
static u64 space_like(u64 like)
{
	u64 top = top_copy();

	*entry_of(top, KERNEL_PART, 3) = *entry_of(like, KERNEL_PART, 3);
	return top;
}

/* A space whose kernel's part has 1 at word, and 3 far from it. */
static u64 space_with_word(void)
{
	u64 top = top_copy();

	map_page_in(top, word, page_with(1) | P_P | P_W);
	map_page_in(top, word + FAR, page_with(3) | P_P | P_W);
	return top;
}

static u64 read(u64 gva)
{
	return *(volatile u64 *)gva;
}

static void back(void)
{
	EQUAL(load_cr3(TINY_TABLES, 6, 1), 0);
}

/*
 * The tables were filled by another space; the current one links them after the flush and
 * without a look.
 */
static void flush_here_of_another(void (*flush)(void))
{
	u64 b = space_with_word(), a = space_like(b);

	start();
	EQUAL(load_cr3(b, 7, 1), 0);
	EQUAL(read(word), 1);
	EQUAL(load_cr3(a, 5, 1), 0);
	*(volatile u64 *)entry_of(b, word, 1) = page_with(2) | P_P | P_W;
	flush();
	EQUAL(read(word + FAR), 3);
	EQUAL(read(word), 2);
	back();
}

static void flush_word(void)
{
	flush_one(word);
}

static void flush_kernel(void)
{
	EQUAL(hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0), 0);
}

CASE(flush_one_of_another_space)
{
	flush_here_of_another(flush_word);
}

CASE(flush_kernel_of_another_space)
{
	flush_here_of_another(flush_kernel);
}

/* In the space where it is. */
CASE(flush_of_the_current_space)
{
	u64 a = space_with_word();
	volatile u64 *entry = entry_of(a, word, 1);

	start();
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(read(word), 1);
	*entry = page_with(2) | P_P | P_W;
	flush_word();
	EQUAL(read(word), 2);
	*entry = page_with(4) | P_P | P_W;
	flush_kernel();
	EQUAL(read(word), 4);
	back();
}

/* A load is about all that is not the kernel's, also below the same table. */
CASE(load_compares_what_is_the_programs)
{
	u64 a = space_with_word(), low = KERNEL_PART - 4096;
	volatile u64 *entry = entry_of(a, low, 1);

	start();
	*entry = page_with(1) | P_P | P_W;
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(read(low), 1);
	EQUAL(read(word), 1);
	back();
	*entry = page_with(2) | P_P | P_W;
	EQUAL(load_cr3(a, 5, 2), 0);
	EQUAL(read(low), 2);
	*entry = page_with(4) | P_P | P_W;
	EQUAL(hypercall(RL_HC_FLUSH_USER, 0, 0, 0), 0);
	EQUAL(read(low), 4);
	back();
}

/* The space has another table for the kernel's part now. */
CASE(load_compares_the_entry)
{
	u64 a = space_with_word(), b = top_copy();

	start();
	map_page_in(b, word, page_with(9) | P_P | P_W);
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(read(word), 1);
	back();
	*entry_of(a, word, 3) = *entry_of(b, word, 3);
	EQUAL(load_cr3(a, 5, 2), 0);
	EQUAL(read(word), 9);
	back();
}

/* The table of slot 0 in another slot, too: there it is a program's, whole. */
CASE(load_compares_another_slot)
{
	u64 a = space_with_word(), there = (5UL << 39) + word;
	u64 above = (5UL << 39) + (4UL << 30);
	volatile u64 *entry = entry_of(a, word, 1), *entry2;

	start();
	*entry_of(a, there, 4) = *entry_of(a, word, 4);
	entry2 = entry_of(a, above, 1);
	*entry2 = page_with(5) | P_P | P_W;
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(read(word), 1);
	EQUAL(read(there), 1);
	EQUAL(read(above), 5);
	back();
	*entry = page_with(2) | P_P | P_W;
	*entry2 = page_with(6) | P_P | P_W;
	EQUAL(load_cr3(a, 5, 2), 0);
	EQUAL(read(there), 2);
	EQUAL(read(above), 6);
	back();
}

/* 40 tables of the kernel's: how many shadow pages does a load compare? */
CASE(load_leaves_the_kernels_alone)
{
	u64 b = space_with_word(), a = space_like(b), before;

	start();
	for (u64 i = 0; i < 40; i++)
		map_page_in(b, word + (i << 21), page_with(i) | P_P | P_W);
	EQUAL(load_cr3(b, 7, 1), 0);
	for (u64 i = 0; i < 40; i++)
		EQUAL(read(word + (i << 21)), i);
	before = host_stats()->shadow_syncs;
	EQUAL(load_cr3(a, 5, 1), 0);
	EQUAL(read(word), 0);
	EQUAL(load_cr3(b, 7, 2), 0);
	EQUAL(hypercall(RL_HC_FLUSH_USER, 0, 0, 0), 0);
	CHECK(host_stats()->shadow_syncs - before < 10);
	back();
}

/* A table was a program's first, and changed when only the kernel's part had it. */
CASE(table_was_a_programs)
{
	u64 b = space_with_word(), a = space_like(b), low = 1UL << 30;

	start();
	*entry_of(b, low, 2) = *entry_of(b, word, 2);
	EQUAL(load_cr3(b, 7, 1), 0);
	EQUAL(read(low), 1);
	EQUAL(load_cr3(a, 5, 1), 0);
	*(volatile u64 *)entry_of(b, word, 1) = page_with(2) | P_P | P_W;
	flush_word();
	EQUAL(read(word + FAR), 3);
	EQUAL(read(word), 2);
	back();
}

/* RL_HC_FLUSH_VCPUS knows two halves. */
CASE(flush_vcpus_is_refused)
{
	static struct rl_flush flush = { .vcpus = 1, .end = 4096 };

	start();
	EQUAL(hypercall(RL_HC_FLUSH_VCPUS, (u64)&flush, 0, 0), -22);
	init_block.flags = 0;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	EQUAL(hypercall(RL_HC_FLUSH_VCPUS, (u64)&flush, 0, 0), 0);
}
