// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers, and the tables of four levels above the kernel's own.
 *
 * A PAE kernel's CR3 names four entries, each of which leads to a page of the same form
 * that long mode has. So for each CR3 there are two pages of the shim's: a top-level
 * one, and one for its first slot, which gets a copy of the four. Linux loads CR3 again
 * when it has changed one of them, as an i386 reads them only then.
 */
#include "shim.h"

#define CR0_PG		(1u << 31)
#define CR0_START	0x11u		/* PE, ET */
#define CR4_PAE		(1u << 5)
#define CR4_PGE		(1u << 7)

#define PRESENT		1ull
#define WRITE_USER	6ull
#define ADDRESS		0x000ffffffffff000ull
#define PAGE		4096u

/* Address spaces that are known at once. */
#define SPACES		64
_Static_assert(RL_I386_POOL_GPA + SPACES * 2 * PAGE <= RL_I386_POOL_END, "room");

static u32 cr0 = CR0_START, cr3, cr4;
static u32 spaces[SPACES];	/* the CR3 of each */
static unsigned int used, next;

u32 paging_cr0(void)
{
	return cr0;
}

u32 paging_cr3(void)
{
	return cr3;
}

u32 paging_cr4(void)
{
	return cr4;
}

static u64 top_of(unsigned int space)
{
	return RL_I386_POOL_GPA + space * 2 * PAGE;
}

static void load(u64 top)
{
	if (hypercall(RL_HC_SET_CR3, top, 0, 0))
		fatal("the host refuses a page table", NULL);
}

/* A space that is not the current one. */
static unsigned int make_space(u32 table)
{
	volatile u64 *first = PHYSICAL(u64, RL_I386_TOP_GPA), *top;
	unsigned int space;

	if (used < SPACES) {
		space = used++;
	} else {
		if (spaces[next] == cr3)
			next = (next + 1) % SPACES;
		space = next;
		next = (next + 1) % SPACES;
		hypercall(RL_HC_DROP_SPACE, top_of(space), 0, 0);
	}
	spaces[space] = table;
	top = PHYSICAL(u64, top_of(space));
	for (unsigned int i = 1; i < 512; i++)
		top[i] = first[i];
	top[0] = (top_of(space) + PAGE) | PRESENT | WRITE_USER;
	return space;
}

static unsigned int find_space(u32 table)
{
	for (unsigned int i = 0; i < used; i++)
		if (spaces[i] == table)
			return i;
	return make_space(table);
}

/* The entries of an i386 have no rights; those of long mode must give all. */
static void load_table(u32 table)
{
	unsigned int space = find_space(table);
	volatile u64 *from = PHYSICAL(u64, table);
	volatile u64 *to = PHYSICAL(u64, top_of(space) + PAGE);

	for (unsigned int i = 0; i < 4; i++) {
		u64 entry = from[i];

		to[i] = entry & PRESENT ? (entry & ADDRESS) | PRESENT | WRITE_USER : 0;
	}
	load(top_of(space));
}

static void update(void)
{
	if (!(cr0 & CR0_PG))
		load(RL_I386_TOP_GPA);
	else if (cr4 & CR4_PAE)
		load_table(cr3);
	else
		fatal("this kernel does not use PAE: use one that does, such as "
		      "Debian's linux-image-686-pae", NULL);
}

void paging_set_cr0(u32 value)
{
	u32 changed = cr0 ^ value;

	cr0 = value;
	if (changed & CR0_PG)
		update();
}

void paging_set_cr3(u32 value)
{
	/* Bits 0 to 4 are no address: the table has 32 bytes. */
	cr3 = value & ~31u;
	if (cr0 & CR0_PG)
		update();
}

/* Linux switches PGE off and on to be rid of global entries. */
void paging_set_cr4(u32 value)
{
	u32 changed = cr4 ^ value;

	cr4 = value;
	if (changed & (CR4_PAE | CR4_PGE) && cr0 & CR0_PG)
		update();
}
