// SPDX-License-Identifier: GPL-2.0
/*
 * The tiny kernel's own page tables, reached through the direct map.
 */
#include "tiny.h"

static u64 next_page = TINY_FREE;

u64 page_alloc(void)
{
	u64 gpa = next_page;
	u64 *page = direct(gpa);

	if (gpa + 4096 > TINY_MEMORY)
		end_with(TINY_ERROR, "the test needs more memory than there is");
	next_page += 4096;
	for (int i = 0; i < 512; i++)
		page[i] = 0;
	return gpa;
}

u64 page_with(u64 value)
{
	u64 gpa = page_alloc();

	*(u64 *)direct(gpa) = value;
	return gpa;
}

/*
 * The entry for gva at `level` (4 top, 1 last) in the table at GPA top. Tables
 * are made on the way; those of the lower half allow ring 3.
 */
u64 *entry_of(u64 top, u64 gva, int level)
{
	u64 *table = direct(top);

	for (int l = 4; l > level; l--) {
		u64 *entry = &table[(gva >> (9 * l + 3)) & 511];

		if (!(*entry & P_P))
			*entry = page_alloc() | P_P | P_W |
				 ((s64)gva >= 0 ? P_U : 0);
		table = direct(*entry & P_ADDRESS);
	}
	return &table[(gva >> (9 * level + 3)) & 511];
}

void map_page_in(u64 top, u64 gva, u64 entry)
{
	*(volatile u64 *)entry_of(top, gva, 1) = entry;
}

void map_page(u64 gva, u64 entry)
{
	map_page_in(TINY_TABLES, gva, entry);
}

/* A table with the upper half of the first one and the user section. */
u64 top_copy(void)
{
	u64 top = page_alloc();
	u64 *to = direct(top), *from = direct(TINY_TABLES);

	for (int i = 256; i < 512; i++)
		to[i] = from[i];
	return top;
}

void flush_one(u64 gva)
{
	hypercall(RL_HC_FLUSH_ONE, gva, 0, 0);
}

s64 load_cr3(u64 value, u64 context, u64 generation)
{
	return hypercall(RL_HC_SET_CR3, value, context, generation);
}
