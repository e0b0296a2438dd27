// SPDX-License-Identifier: GPL-2.0
/*
 * The way to a table of the last level, which the host remembers from one fault or
 * flush to the next (host_module/shadow_way.c): what is remembered must never differ
 * from what a walk would find. The pages of a case lie in one 2 MB, too far from each
 * other to be filled together.
 */
#include "tiny.h"

/* The host remembers eight ways, by these bits; a kernel's are mostly in the first place. */
#define GVA	(0x700000000000UL + (5UL << 21))
#define FAR	(GVA + 64 * 4096)
#define USERS	(P_P | P_W | P_U)

static u64 table_of(u64 top, u64 gva)
{
	return *entry_of(top, gva, 2) & P_ADDRESS;
}

/* A fault and a flush in a table that took another one's place. */
CASE(table_exchanged)
{
	for (int level = 2; level <= 4; level++) {
		volatile u64 *entry = entry_of(TINY_TABLES, GVA, level);
		u64 value = 10 * level;

		map_page(GVA, page_with(value + 1) | USERS);
		map_page(FAR, page_with(value + 2) | USERS);
		EQUAL(try_read(GVA), value + 1);
		*entry = 0;
		map_page(GVA, page_with(value + 3) | USERS);
		map_page(FAR, page_with(value + 4) | USERS);
		EQUAL(try_read(FAR), value + 4);
		flush_one(GVA);
		EQUAL(try_read(GVA), value + 3);
		*entry = 0;
		flush_one(FAR);
		try_read(FAR);
		EQUAL(trap.vector, 14);
		flush_one(GVA);
	}
}

/* The shadow has no link any more, though each entry of the guest is as it was. */
CASE(table_returns)
{
	for (int level = 2; level <= 4; level++) {
		volatile u64 *entry = entry_of(TINY_TABLES, GVA, level);
		u64 old;

		map_page(GVA, page_with(level) | USERS);
		map_page(FAR, page_with(level + 10) | USERS);
		EQUAL(try_read(GVA), level);
		old = *entry;
		*entry = 0;
		flush_one(GVA);
		*entry = old;
		EQUAL(try_read(FAR), level + 10);
		EQUAL(try_read(GVA), level);
		map_page(GVA, 0);
		map_page(FAR, 0);
		flush_one(GVA);
		flush_one(FAR);
	}
}

/* The same with a link that has lost a right meanwhile. */
CASE(right_returns)
{
	for (int level = 2; level <= 4; level++) {
		volatile u64 *entry = entry_of(TINY_TABLES, GVA, level);

		map_page(GVA, page_with(level) | USERS);
		map_page(FAR, page_with(level) | USERS);
		flush_one(GVA);
		flush_one(FAR);
		try_write(GVA, 1);
		EQUAL(trap.vector, TRAP_NONE);
		*entry &= ~P_W;
		flush_one(GVA);
		try_write(GVA, 2);
		EQUAL(trap.vector, 14);
		EQUAL(trap.frame.error, 3);
		try_write(FAR, 2);
		EQUAL(trap.vector, 14);
		*entry |= P_W;
		try_write(FAR, 3);
		EQUAL(trap.vector, TRAP_NONE);
		try_write(GVA, 3);
		EQUAL(trap.vector, TRAP_NONE);
	}
}

/* What is allowed is what all levels allow, on a way that is known as well. */
CASE(rights_of_the_way)
{
	init_block.fault_entry = 0;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	map_page(GVA, page_with(1) | USERS);
	map_page(FAR, page_with(0xc3) | USERS);
	*entry_of(TINY_TABLES, GVA, 3) &= ~P_W;
	*entry_of(TINY_TABLES, GVA, 2) |= P_NX;
	*entry_of(TINY_TABLES, GVA, 4) &= ~P_U;
	EQUAL(try_read(GVA), 1);
	EQUAL(user_access(user_read, FAR), 14);
	EQUAL(trap.frame.error, 5);
	try_write(FAR, 2);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 3);
	try_execute(FAR);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 0x11);
	EQUAL(try_read(FAR), 0xc3);
	try_write(FAR, 2);
	EQUAL(trap.vector, 14);
	EQUAL(*(u64 *)direct(*entry_of(TINY_TABLES, FAR, 1) & P_ADDRESS), 0xc3);
}

/* A known way sets A and D like a walk does. */
CASE(accessed_and_dirty)
{
	volatile u64 *far = entry_of(TINY_TABLES, FAR, 1);

	map_page(GVA, page_with(1) | USERS);
	map_page(FAR, page_with(2) | USERS);
	EQUAL(try_read(GVA), 1);
	EQUAL(try_read(FAR), 2);
	EQUAL(*far & (P_A | P_D), P_A);
	try_write(FAR, 3);
	EQUAL(*far & (P_A | P_D), P_A | P_D);
	*far &= ~(P_A | P_D);
	flush_one(FAR);
	try_write(FAR, 4);
	EQUAL(*far & (P_A | P_D), P_A | P_D);
}

/* The host takes the table's page away: what is there then are zeroes. */
CASE(table_discarded)
{
	for (int level = 1; level <= 3; level++) {
		u64 *entry = entry_of(TINY_TABLES, GVA, level + 1);

		map_page(GVA, page_with(1) | USERS);
		map_page(FAR, page_with(2) | USERS);
		EQUAL(try_read(GVA), 1);
		EQUAL(request(TINY_DISCARD, *entry & P_ADDRESS, 4096), 0);
		try_read(FAR);
		EQUAL(trap.vector, 14);
		flush_one(GVA);
		try_read(GVA);
		EQUAL(trap.vector, 14);
	}
}

/* A flush in one space, where the way that was walked last is the other one's. */
CASE(flush_in_other_space)
{
	u64 other = top_copy(), third = FAR + 64 * 4096;

	map_page(FAR, page_with(1) | USERS);
	map_page(third, page_with(2) | USERS);
	map_page_in(other, FAR, page_with(3) | USERS);
	load_cr3(other | 2, 6, 1);
	EQUAL(try_read(FAR), 3);
	load_cr3(TINY_TABLES | 1, 5, 1);
	EQUAL(try_read(FAR), 1);
	EQUAL(try_read(third), 2);
	load_cr3(other | 2, 6, 1);
	map_page_in(other, FAR, page_with(4) | USERS);
	flush_one(FAR);
	EQUAL(try_read(FAR), 4);
	load_cr3(TINY_TABLES | 1, 5, 1);
}

/* One address in two spaces, which differ there alone. */
CASE(other_space)
{
	u64 other = top_copy();

	map_page(GVA, page_with(1) | USERS);
	map_page(FAR, page_with(2) | USERS);
	map_page_in(other, GVA, page_with(3) | USERS);
	map_page_in(other, FAR, page_with(4) | USERS);
	CHECK(table_of(TINY_TABLES, GVA) != table_of(other, GVA));
	load_cr3(TINY_TABLES | 1, 5, 1);
	EQUAL(try_read(GVA), 1);
	load_cr3(other | 2, 6, 1);
	EQUAL(try_read(FAR), 4);
	map_page_in(other, FAR, page_with(5) | USERS);
	flush_one(FAR);
	EQUAL(try_read(FAR), 5);
	load_cr3(TINY_TABLES | 1, 5, 1);
	EQUAL(try_read(FAR), 2);
	/* The other one goes, and a third has its place. */
	hypercall(RL_HC_DROP_SPACE, other, 0, 0);
	map_page_in(other, GVA, page_with(6) | USERS);
	map_page_in(other, FAR, page_with(7) | USERS);
	load_cr3(other | 2, 7, 1);
	EQUAL(try_read(FAR), 7);
	EQUAL(try_read(GVA), 6);
	load_cr3(TINY_TABLES | 1, 5, 1);
}
