// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers, and the tables of four levels above the kernel's own.
 *
 * A PAE kernel's CR3 names four entries, each of which leads to a page of the same form
 * that long mode has. So for each CR3 there are two pages of the shim's: a top-level
 * one, and one for its first slot, which gets a copy of the four. Linux loads CR3 again
 * when it has changed one of them, as an i386 reads them only then.
 *
 * A load of CR3 is two things for an i386: another address space, and a flush. For the
 * host a flush is work, so it is told which address space this is, and since when its
 * tables are as they are: Linux keeps both for itself, and has just written them when it
 * changes spaces (abi/i386.h). The kernel's own part lies in the lower half, too; it is one
 * table for all spaces, and its entries are global as soon as there are global entries:
 * from then on a load of CR3 says nothing about it (RL_INIT_LOW_KERNEL).
 */
#include "shim.h"

#define CR0_PG		(1u << 31)
#define CR0_START	0x11u		/* PE, ET */
#define CR4_PAE		(1u << 5)
#define CR4_PGE		(1u << 7)

#define PRESENT		1ull
#define WRITE		2ull
#define WRITE_USER	6ull
#define ADDRESS		0x000ffffffffff000ull
#define NO_FLUSH	(1ull << 63)
#define PAGE		4096u
#define NO_EXECUTE	(1ull << 63)
#define ACCESSED	(1ull << 5)
#define DIRTY		(1ull << 6)

/* Where a kernel's fourth table of directories has the hole. */
#define HOLE_SLOT	(RL_I386_HOLE >> 21 & 511)

/* Address spaces that are known at once. */
#define SPACES		64
_Static_assert(RL_I386_POOL_GPA + SPACES * 2 * PAGE <= RL_I386_HOLE_PT_GPA, "room");

static u32 cr0 = CR0_START, cr3, cr4;
static u32 first_table;		/* CR3 where paging began, until it is left; or 0 */
static struct space {
	u32 table;			/* its CR3 */
	u64 context, generation;	/* at its last load; context 0: unknown */
} spaces[SPACES];
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

static void load(u64 top, u64 context, u64 generation)
{
	if (hypercall(RL_HC_SET_CR3, top, context, generation))
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
		if (spaces[next].table == cr3)
			next = (next + 1) % SPACES;
		space = next;
		next = (next + 1) % SPACES;
		hypercall(RL_HC_DROP_SPACE, top_of(space), 0, 0);
	}
	spaces[space] = (struct space) { .table = table };
	top = PHYSICAL(u64, top_of(space));
	for (unsigned int i = 1; i < 512; i++)
		top[i] = first[i];
	top[0] = (top_of(space) + PAGE) | PRESENT | WRITE_USER | ACCESSED;
	return space;
}

static unsigned int find_space(u32 table)
{
	for (unsigned int i = 0; i < used; i++)
		if (spaces[i].table == table)
			return i;
	return make_space(table);
}

void paging_start(void)
{
	volatile u64 *hole = PHYSICAL(u64, RL_I386_HOLE_PT_GPA);
	u64 code = gpa_of(image.jumps);

	hole[0] = gpa_of(&shared) | PRESENT | WRITE | ACCESSED | DIRTY | NO_EXECUTE;
	for (unsigned int i = 0; i < RL_I386_JUMP_BYTES / PAGE; i++)
		hole[i + 1] = (code + i * PAGE) | PRESENT | ACCESSED;
}

/*
 * Linux has one such table for all address spaces, and leaves our entry alone once it
 * has its final tables. Looking costs less than to know when that is.
 */
static void keep_hole(u64 fourth)
{
	u64 entry = RL_I386_HOLE_PT_GPA | PRESENT | WRITE | ACCESSED;
	volatile u64 *slot = PHYSICAL(u64, fourth & ADDRESS) + HOLE_SLOT;

	if (!image.hole || !(fourth & PRESENT) || *slot == entry)
		return;
	*slot = entry;
	hypercall(RL_HC_FLUSH_ONE, RL_I386_HOLE, 0, 0);
}

/*
 * The entries of an i386 have no rights; those of long mode must give all. They count as
 * accessed for good: the bit is the processor's to set, and without it an entry would be
 * another one at each flush, and all that is below it news. True: they are others than at
 * the last load.
 */
static bool copy_entries(unsigned int space)
{
	volatile u64 *from = PHYSICAL(u64, spaces[space].table);
	volatile u64 *to = PHYSICAL(u64, top_of(space) + PAGE);
	bool changed = false;

	for (unsigned int i = 0; i < 4; i++) {
		u64 entry = from[i];

		entry = entry & PRESENT ? (entry & ADDRESS) | PRESENT | WRITE_USER |
					  ACCESSED : 0;
		changed = changed || to[i] != entry;
		to[i] = entry;
	}
	keep_hole(from[3]);
	return changed;
}

/*
 * Another space is the current one. Where nothing has changed in it since its last load
 * the switcher does the rest: its number's last bits name a place there (PCID).
 */
static void load_space(u64 context, u64 generation)
{
	unsigned int space = find_space(cr3);
	struct space *s = &spaces[space];
	u64 top = top_of(space) | (space & 7);

	if (!copy_entries(space) && context && s->context == context &&
	    s->generation == generation)
		top |= NO_FLUSH;
	s->context = context;
	s->generation = generation;
	load(top, context, generation);
}

/* The current space, again: a flush, but of the kernel's part. */
static void flush_user(void)
{
	copy_entries(find_space(cr3));
	hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
}

/* The kernel's part, of all spaces. */
static void flush_kernel(void)
{
	hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
}

/* Does Linux change address spaces here? Then these are the next one's. */
static bool read_context(u32 rip, u64 *context, u64 *generation)
{
	u32 state = image.tlb_state + segment_percpu();

	if (!image.tlb_state || rip < image.switch_start || rip >= image.switch_end)
		return false;
	*context = KERNEL(u64, state + RL_TLB_CONTEXT);
	*generation = KERNEL(u64, state + RL_TLB_GENERATION);
	return true;
}

void paging_set_cr0(u32 value)
{
	u32 changed = cr0 ^ value;

	cr0 = value;
	if (!(changed & CR0_PG))
		return;
	if (!(cr0 & CR0_PG))
		load(RL_I386_TOP_GPA, 0, 0);
	else if (cr4 & CR4_PAE)
		load_space(0, 0);
	else
		fatal("this kernel does not use PAE: use one that does, such as "
		      "Debian's linux-image-686-pae", NULL);
	flush_kernel();
	first_table = cr0 & CR0_PG ? cr3 : 0;
}

/*
 * The tables that paging began with have the kernel's at their beginning, too, where its
 * code was before. The host does not trust what it made of a table for two places, and
 * would compare it for each new space, so it forgets it here, before anybody needs it.
 */
static void leave_first(void)
{
	if (!first_table || first_table == cr3)
		return;
	hypercall(RL_HC_DROP_SPACE, top_of(find_space(first_table)), 0, 0);
	first_table = 0;
}

/* rip: who loads it. */
void paging_set_cr3(u32 value, u32 rip)
{
	u64 context = 0, generation = 0;
	u32 old = cr3;
	bool known = read_context(rip, &context, &generation);

	/* Bits 0 to 4 are no address: the table has 32 bytes. */
	cr3 = value & ~31u;
	if (!(cr0 & CR0_PG))
		return;
	if (cr3 == old && !known)
		flush_user();
	else
		load_space(context, generation);
	/* Without global entries it is also about the kernel's part. */
	if (!(cr4 & CR4_PGE))
		flush_kernel();
	leave_first();
}

/* Linux switches PGE off and on again to be rid of all entries, and does not rely on the
   second of the two. */
void paging_set_cr4(u32 value)
{
	u32 cleared = cr4 & ~value;

	cr4 = value;
	if (cleared & CR4_PGE && cr0 & CR0_PG) {
		flush_user();
		flush_kernel();
	}
}
