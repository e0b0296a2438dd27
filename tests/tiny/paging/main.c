// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's page tables: what the shadow must copy, and what it must refuse. When it
 * must forget is in ../flush.
 */
#include "tiny.h"

#define USER_GVA	0x700000000000UL
#define KERNEL_GVA	0xffffa00000000000UL
#define RESERVED	(1UL << 51)	/* beyond every MAXPHYADDR there is */

/* --- permissions ---------------------------------------------------------------- */

CASE(write_protect)
{
	map_page(KERNEL_GVA, page_with(5) | P_P);
	EQUAL(try_read(KERNEL_GVA), 5);
	try_write(KERNEL_GVA, 6);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 3);
	EQUAL(trap.cr2, KERNEL_GVA);
	/* A right that a level above withholds. */
	map_page(KERNEL_GVA, page_with(5) | P_P | P_W);
	*entry_of(TINY_TABLES, KERNEL_GVA, 2) &= ~P_W;
	flush_one(KERNEL_GVA);
	try_write(KERNEL_GVA, 6);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 3);
	*entry_of(TINY_TABLES, KERNEL_GVA, 2) |= P_W;
	flush_one(KERNEL_GVA);
	try_write(KERNEL_GVA, 6);
	EQUAL(trap.vector, TRAP_NONE);
}

CASE(no_execute)
{
	u64 page = page_alloc();

	*(u8 *)direct(page) = 0xc3;
	map_page(KERNEL_GVA, page | P_P | P_NX);
	try_execute(KERNEL_GVA);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 0x11);
	map_page(KERNEL_GVA, page | P_P);
	flush_one(KERNEL_GVA);
	try_execute(KERNEL_GVA);
	EQUAL(trap.vector, TRAP_NONE);
	/* SMEP: no page of a program's. */
	map_page(USER_GVA, page | P_P | P_U);
	try_execute(USER_GVA);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 0x11);
}


CASE(user_bit)
{
	/* The switcher's own reports may be behind; see reflect/. */
	init_block.fault_entry = 0;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	map_page(USER_GVA, page_with(7) | P_P | P_W);
	EQUAL(try_read(USER_GVA), 7);
	EQUAL(user_access(user_read, USER_GVA), 14);
	EQUAL(trap.frame.error, 5);
	map_page(USER_GVA + 4096, page_with(8) | P_P | P_U);
	EQUAL(user_access(user_read, USER_GVA + 4096), TRAP_SYSCALL);
	EQUAL(trap.frame.rax, 8);
	EQUAL(user_access(user_write, USER_GVA + 4096), 14);
	EQUAL(trap.frame.error, 7);
}

/* U=1 in the kernel's half counts for nothing (SYSCALL tells by the sign). */
static void user_bit_counts_for_nothing(void)
{
	map_page(KERNEL_GVA, page_with(9) | P_P | P_W);
	for (int level = 4; level > 0; level--) {
		u64 *entry = entry_of(TINY_TABLES, KERNEL_GVA, level);

		CHECK(*entry & P_P);
		*entry |= P_U;
	}
	EQUAL(try_read(KERNEL_GVA), 9);
	EQUAL(user_access(user_read, KERNEL_GVA), 14);
	EQUAL(trap.frame.error, 5);
	user_go((void *)KERNEL_GVA);
	EQUAL(trap.vector, 14);
}

CASE(user_bit_in_the_kernel_half)
{
	user_bit_counts_for_nothing();
}

/* Without an entry for faults the switcher passes none on: each is the host's. */
CASE(user_bit_in_the_kernel_half_by_the_host)
{
	init_block.fault_entry = 0;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	user_bit_counts_for_nothing();
}

/* --- accessed and dirty ----------------------------------------------------------- */

CASE(accessed_and_dirty)
{
	volatile u64 *entry = entry_of(TINY_TABLES, KERNEL_GVA, 1);

	map_page(KERNEL_GVA, page_with(1) | P_P | P_W);
	EQUAL(*entry & (P_A | P_D), 0);
	try_read(KERNEL_GVA);
	EQUAL(*entry & (P_A | P_D), P_A);
	for (int level = 4; level > 1; level--)
		CHECK(*entry_of(TINY_TABLES, KERNEL_GVA, level) & P_A);
	try_write(KERNEL_GVA, 2);
	EQUAL(*entry & (P_A | P_D), P_A | P_D);
	/* Cleaned and flushed: the next write makes it dirty again. */
	*entry &= ~(P_A | P_D);
	flush_one(KERNEL_GVA);
	try_read(KERNEL_GVA);
	EQUAL(*entry & (P_A | P_D), P_A);
	try_write(KERNEL_GVA, 3);
	EQUAL(*entry & (P_A | P_D), P_A | P_D);
}

/* The neighbours that are filled along get no A they did not have. */
CASE(neighbours)
{
	for (u64 i = 0; i < 16; i++)
		map_page(KERNEL_GVA + i * 4096, page_with(i) | P_P | P_W);
	for (u64 i = 0; i < 16; i += 2)
		EQUAL(try_read(KERNEL_GVA + i * 4096), i);
	for (u64 i = 0; i < 16; i++)
		EQUAL(!!(*entry_of(TINY_TABLES, KERNEL_GVA + i * 4096, 1) & P_A),
		      !(i & 1));
}

/* --- large pages --------------------------------------------------------------------- */

CASE(large_pages)
{
	u64 base = 32UL << 20;	/* GPA */

	for (u64 i = 0; i < 512; i++)
		*(u64 *)direct(base + i * 4096) = i;
	*entry_of(TINY_TABLES, KERNEL_GVA, 2) = base | P_P | P_PS;
	for (u64 i = 0; i < 512; i++)
		EQUAL(try_read(KERNEL_GVA + i * 4096), i);
	try_write(KERNEL_GVA + 5000, 1);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 3);
	*entry_of(TINY_TABLES, KERNEL_GVA, 2) |= P_W;
	flush_one(KERNEL_GVA + 5000);
	try_write(KERNEL_GVA + 5000, 1);
	EQUAL(trap.vector, TRAP_NONE);
	CHECK(*entry_of(TINY_TABLES, KERNEL_GVA, 2) & P_D);
	/* From large to small. */
	*entry_of(TINY_TABLES, KERNEL_GVA, 2) = 0;
	flush_one(KERNEL_GVA);
	try_read(KERNEL_GVA + 4096);
	EQUAL(trap.vector, 14);
	map_page(KERNEL_GVA + 4096, page_with(77) | P_P);
	EQUAL(try_read(KERNEL_GVA + 4096), 77);
}

CASE(huge_page)
{
	u64 at = TINY_FREE + (8 << 20);

	*entry_of(TINY_TABLES, KERNEL_GVA, 3) = P_P | P_W | P_PS;
	*(u64 *)direct(at) = 123;
	EQUAL(try_read(KERNEL_GVA + at), 123);
	try_write(KERNEL_GVA + at, 124);
	EQUAL(*(volatile u64 *)direct(at), 124);
	/* Low bits that must be 0. */
	*entry_of(TINY_TABLES, KERNEL_GVA + (1UL << 30), 3) =
		P_P | P_W | P_PS | 1UL << 20;
	try_read(KERNEL_GVA + (1UL << 30));
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 9);
}

CASE(large_page_unaligned)
{
	*entry_of(TINY_TABLES, KERNEL_GVA, 2) =
		TINY_FREE | 1UL << 14 | P_P | P_PS;
	try_read(KERNEL_GVA);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 9);
}

/* Half of it is memory, half a hole. */
CASE_KILLED(huge_page_over_the_hole, "no memory there")
{
	*entry_of(TINY_TABLES, KERNEL_GVA, 3) = P_P | P_W | P_PS;
	try_read(KERNEL_GVA + TINY_MEMORY - 8);
	EQUAL(trap.vector, TRAP_NONE);
	try_read(KERNEL_GVA + TINY_MEMORY);
}

CASE(ps_at_the_top)
{
	map_page(KERNEL_GVA, page_with(1) | P_P);
	EQUAL(try_read(KERNEL_GVA), 1);
	*entry_of(TINY_TABLES, KERNEL_GVA, 4) |= P_PS;
	hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
	try_read(KERNEL_GVA);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 9);
}

/* --- beyond memory --------------------------------------------------------------------- */

CASE_KILLED(page_beyond_memory, "no memory there")
{
	map_page(KERNEL_GVA, TINY_MEMORY | P_P | P_W);
	try_read(KERNEL_GVA);
}

CASE_KILLED(page_in_the_hole, "no memory there")
{
	map_page(KERNEL_GVA, (TINY_HIGH_GPA - 4096) | P_P | P_W);
	try_write(KERNEL_GVA, 1);
}

CASE_KILLED(table_beyond_memory, "outside memory")
{
	*entry_of(TINY_TABLES, KERNEL_GVA, 2) = TINY_MEMORY | P_P | P_W;
	try_read(KERNEL_GVA);
}

CASE_KILLED(top_table_entry_beyond_memory, "outside memory")
{
	*entry_of(TINY_TABLES, KERNEL_GVA, 4) =
		(TINY_HIGH_GPA + TINY_HIGH_SIZE) | P_P | P_W;
	try_read(KERNEL_GVA);
}

CASE(high_slot)
{
	u64 *high = direct(TINY_HIGH_GPA);

	high[0] = 42;
	map_page(KERNEL_GVA, TINY_HIGH_GPA | P_P);
	EQUAL(try_read(KERNEL_GVA), 42);
	high[TINY_HIGH_SIZE / 8 - 1] = 43;
	map_page(KERNEL_GVA, (TINY_HIGH_GPA + TINY_HIGH_SIZE - 4096) | P_P);
	flush_one(KERNEL_GVA);
	EQUAL(try_read(KERNEL_GVA + 4088), 43);
}

CASE(reserved_bits)
{
	map_page(KERNEL_GVA, page_with(1) | P_P | P_W);
	for (int level = 4; level > 0; level--) {
		volatile u64 *entry = entry_of(TINY_TABLES, KERNEL_GVA, level);

		*entry |= RESERVED;
		hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
		try_read(KERNEL_GVA);
		EQUAL(trap.vector, 14);
		EQUAL(trap.frame.error, 9);
		*entry &= ~RESERVED;
	}
	EQUAL(try_read(KERNEL_GVA), 1);
}

/* Neighbours whose entries are wrong must not be filled along. */
CASE(bad_neighbours)
{
	static const u64 bad[] = {
		RESERVED | P_P | P_W | P_A | P_D, TINY_MEMORY | P_P | P_A,
		P_ADDRESS | P_P | P_W | P_A | P_D, P_NX | RESERVED | P_P | P_A,
	};

	map_page(KERNEL_GVA, page_with(1) | P_P);
	for (u64 i = 1; i <= 4; i++)
		map_page(KERNEL_GVA + i * 4096, bad[i - 1]);
	EQUAL(try_read(KERNEL_GVA), 1);
	try_read(KERNEL_GVA + 4096);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 9);
	try_read(KERNEL_GVA + 4 * 4096);
	EQUAL(trap.vector, 14);
}

CASE_KILLED(neighbour_beyond_memory, "no memory there")
{
	u64 beyond = KERNEL_GVA + 4096;

	map_page(KERNEL_GVA, page_with(1) | P_P);
	map_page(beyond, TINY_MEMORY | P_P | P_W | P_A | P_D);
	EQUAL(try_read(KERNEL_GVA), 1);
	try_read(beyond);
}

/*
 * Another processor changes an entry all the time: a page that can be read, or
 * another one that can be written. What comes of a fault is one of the two.
 */
CASE(entry_read_once)
{
	u64 values = page_alloc(), fixed = page_with(0), free = page_with(0);
	u64 *v = direct(values), *entry = entry_of(TINY_TABLES, KERNEL_GVA, 1);
	u64 table = *entry_of(TINY_TABLES, KERNEL_GVA, 2) & P_ADDRESS;
	u64 written = 0;

	if (mailbox->cpus < 2)
		SKIP("the host has one processor");
	v[0] = fixed | P_P | P_A | P_D;
	v[1] = free | P_P | P_W | P_A | P_D;
	*entry = v[0];
	EQUAL(request(TINY_FLIP, table + ((u64)entry & 0xfff), values), 0);
	for (int i = 0; i < 40000; i++) {
		flush_one(KERNEL_GVA);
		try_write(KERNEL_GVA, 1);
		written += trap.vector == TRAP_NONE;
		EQUAL(*(volatile u64 *)direct(fixed), 0);
	}
	EQUAL(request(TINY_FLIP, 0, 0), 0);
	print("%lu of 40000 were written\n", written);
	CHECK(written);
}

/* --- tables that are their own parents -------------------------------------------------- */

CASE(recursive)
{
	u64 *top = direct(TINY_TABLES);
	u64 slot = 300;

	top[slot] = TINY_TABLES | P_P | P_W;
	/* Through it, every table is memory: 1, 2, 3 and 4 levels deep. */
	EQUAL(try_read(0xffff000000000000 | slot << 39 | slot << 30 |
		       slot << 21 | slot << 12 | slot << 3) & P_ADDRESS,
	      TINY_TABLES);
	for (u64 s = 257; s < 512; s++) {
		if (s == RL_ALIAS_SLOT)
			continue;
		try_read(0xffff000000000000 | slot << 39 | slot << 30 |
			 slot << 21 | slot << 12 | s << 3);
		EQUAL(trap.vector, TRAP_NONE);
		try_read(0xffff000000000000 | slot << 39 | slot << 30 |
			 slot << 21 | s << 12);
		CHECK(trap.vector == 14 || trap.vector == TRAP_NONE);
	}
	/* Writing through it changes a mapping. */
	try_write(0xffff000000000000 | slot << 39 | slot << 30 | slot << 21 |
		  slot << 12 | 301 << 3, TINY_TABLES | P_P | P_W);
	EQUAL(trap.vector, TRAP_NONE);
	EQUAL(top[301] & P_ADDRESS, TINY_TABLES);
	hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
	top[slot] = 0;
	top[301] = 0;
	hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
	try_read(0xffff000000000000 | slot << 39);
	EQUAL(trap.vector, 14);
}

/* The same table at several levels, in both halves. */
CASE(one_table_everywhere)
{
	u64 table = page_alloc(), *t = direct(table);

	for (int i = 0; i < 512; i++)
		t[i] = table | P_P | P_W | P_U;
	((u64 *)direct(TINY_TABLES))[100] = table | P_P | P_W | P_U;
	((u64 *)direct(TINY_TABLES))[300] = table | P_P | P_W | P_U;
	for (u64 i = 0; i < 512; i += 3) {
		EQUAL(try_read(100UL << 39 | i << 30 | i << 21 | i << 12) &
		      P_ADDRESS, table);
		EQUAL(try_read(0xffff000000000000 | 300UL << 39 | i << 30 |
			       i << 21 | i << 12) & P_ADDRESS, table);
	}
	EQUAL(user_access(user_read, 100UL << 39), TRAP_SYSCALL);
	t[5] = 0;
	hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
	hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
	try_read(100UL << 39 | 5UL << 30);
	EQUAL(trap.vector, 14);
	try_read(0xffff000000000000 | 300UL << 39 | 5UL << 21);
	EQUAL(trap.vector, 14);
	((u64 *)direct(TINY_TABLES))[100] = 0;
	((u64 *)direct(TINY_TABLES))[300] = 0;
	hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
	hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
}

/* --- exhaustion ------------------------------------------------------------------------------ */

/* Thousands of tables: the host's share of memory stays limited. */
CASE(many_tables)
{
	const struct rl_stats *stats;
	u64 table = page_alloc(), *t = direct(table), page = page_with(6);

	for (int i = 0; i < 512; i++)
		t[i] = page | P_P | P_W;
	/* One page table seen at 8,000 places, then 8,000 of the same level. */
	for (u64 i = 0; i < 8000; i++)
		*entry_of(TINY_TABLES, KERNEL_GVA + (i << 21), 2) =
			table | P_P | P_W;
	for (u64 i = 0; i < 8000; i++)
		EQUAL(try_read(KERNEL_GVA + (i << 21)), 6);
	for (u64 i = 0; i < 6000; i++) {
		u64 gpa = page_alloc();

		*(u64 *)direct(gpa) = page | P_P;
		*entry_of(TINY_TABLES, USER_GVA + (i << 21), 2) =
			gpa | P_P | P_W;
		EQUAL(try_read(USER_GVA + (i << 21)), 6);
	}
	stats = host_stats();
	CHECK(stats->shadow_pages_peak <= (TINY_MEMORY + TINY_HIGH_SIZE) /
	      4096 / 8 + 8);
	/* And all of it is still right. */
	for (u64 i = 0; i < 6000; i += 97)
		EQUAL(try_read(USER_GVA + (i << 21)), 6);
}

/* --- the host takes memory away ------------------------------------------------------------- */

/* What goes is gone wherever the guest sees it, be it once, twice or more often. */
CASE(memory_discarded)
{
	u64 gpa = page_alloc();
	volatile u64 *word = direct(gpa);

	for (u64 i = 0; i < 4; i++)
		map_page(KERNEL_GVA + i * 4096, gpa | P_P | P_W);
	for (u64 places = 0; places <= 4; places++) {
		*word = 77;
		for (u64 i = 0; i < places; i++)
			EQUAL(try_read(KERNEL_GVA + i * 4096), 77);
		EQUAL(request(TINY_DISCARD, gpa, 4096), 0);
		/* The last one first: once one of them has faulted, the page
		   may be the old one again, and be 0 everywhere. */
		for (u64 i = places; i-- > 0; )
			EQUAL(try_read(KERNEL_GVA + i * 4096), 0);
		EQUAL(*word, 0);
		*word = 78;
		for (u64 i = 0; i < places; i++)
			EQUAL(try_read(KERNEL_GVA + i * 4096), 78);
	}
}
