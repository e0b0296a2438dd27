// SPDX-License-Identifier: GPL-2.0
/* The page tables that the guest is about to get, entry by entry. See probes.c. */
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/desc.h>
#include <asm/pgtable.h>

#include "abi/guest.h"
#include "switcher/layout.h"
#include "witness.h"

#define PRESENT		1ULL
#define WRITABLE	2ULL
#define USER		4ULL
#define ADDRESS		GENMASK_ULL(51, 12)
#define NO_EXECUTE	(1ULL << 63)
#define LDT_BYTES	(RL_LDT_ENTRIES * sizeof(u64))

/* One walk: where it is, and what it looks for. */
struct walk {
	int cpu;
	u64 gdt, idt, tss;	/* addresses that must be the guest's own tables */
	unsigned int found;
	unsigned int budget;	/* tables that may still be read */
};

/* A guest can make a few tables look like millions. */
#define TABLES_PER_SLOT	200

static u64 *table_at(u64 entry)
{
	return __va(entry & ADDRESS);
}

/* Invariant 3a: 0, or ring 3's code or data. */
static bool harmless(u64 descriptor)
{
	u64 kind = descriptor >> 40 & 0x7f;	/* DPL, S, type with the accessed bit */

	if (!descriptor)
		return true;
	/* Of code, neither conforming nor with L. */
	return (kind & 0x71) == 0x71 &&
	       (!(kind & 8) || (!(kind & 4) && !(descriptor & 1ULL << 53)));
}

static void look_at_ldt(u64 gva, u64 entry)
{
	const u64 *page = table_at(entry);

	check((entry & (WRITABLE | USER | NO_EXECUTE)) == NO_EXECUTE, TABLES, gva);
	for (unsigned int i = 0; i < 512; i++)
		check(harmless(READ_ONCE(page[i])), TABLES, page[i]);
}

/* Invariants 10 and 11: these pages with these rights, and no others. */
static void look_at_window(const struct walk *w, u64 gva, u64 entry)
{
	u64 own = WINDOWS + (u64)w->cpu * WINDOW_SIZE;
	u64 page = gva - own;
	void *here = (void *)gva;
	bool writable = entry & WRITABLE;

	if (gva - WINDOWS - WINDOW_LDT < LDT_BYTES) {
		look_at_ldt(gva, entry);
		return;
	}
	check(gva >= own && page < WINDOW_SIZE, WINDOW, gva);
	if (page >= WINDOW_SIZE)
		return;
	if (page < WINDOW_TEXT_SIZE)
		check(!writable && !memcmp(here, table_at(entry), PAGE_SIZE),
		      WINDOW, gva);
	else if (page == WINDOW_SHARED)
		check(!writable && !memcmp(here, table_at(entry), PAGE_SIZE),
		      WINDOW, gva);
	else
		check(page == WINDOW_STACK || page == WINDOW_GUEST, WINDOW,
		      gva);
}

/* Invariant 3: where the host has its descriptor tables, and not writable. */
static void look_at_alias(struct walk *w, u64 gva, u64 entry)
{
	check(!(entry & WRITABLE), TABLES, gva);
	if (gva == w->gdt)
		w->found |= 1;
	else if (gva == w->idt)
		w->found |= 2;
	else if (gva == w->tss)
		w->found |= 4;
	else
		check(false, TABLES, gva);
}

static void look_at_leaf(struct walk *w, u64 gva, u64 entry)
{
	u64 pfn = (entry & ADDRESS) >> PAGE_SHIFT;
	unsigned int slot = (gva >> 39) & 511;

	if (slot == RL_WINDOW_SLOT)
		look_at_window(w, gva, entry);
	else if (slot == RL_ALIAS_SLOT)
		look_at_alias(w, gva, entry);
	else	/* invariant 7: a page that some program has */
		check(pfn_valid(pfn) && page_mapped(pfn_to_page(pfn)), FRAMES,
		      entry);
}

static u64 beyond_memory(void)
{
	return GENMASK_ULL(51, boot_cpu_data.x86_phys_bits) & ADDRESS;
}

/* True: it leads on to a page or a table. */
static bool look_at_entry(u64 gva, u64 entry)
{
	/* Invariant 8: a processor may use the address speculatively. */
	if (!(entry & PRESENT) || (entry & beyond_memory())) {
		check(!entry || (entry & ADDRESS) == ADDRESS, ABSENT, entry);
		return false;
	}
	/* Invariant 9. */
	check((s64)gva >= 0 || !(entry & USER), USER_BIT, entry);
	return true;
}

static void look_at_table(struct walk *w, const u64 *table, int level, u64 base)
{
	if (level < 4 && !w->budget--) {
		w->budget = 0;
		return;
	}
	for (unsigned int i = 0; i < 512; i++) {
		u64 entry = READ_ONCE(table[i]);
		u64 gva = base | (u64)i << (9 * level + 3);

		if (level == 4 && i >= 256)
			gva |= ~0ULL << 48;
		if (level == 4)
			w->budget = TABLES_PER_SLOT;
		if (!look_at_entry(gva, entry))
			continue;
		if (level == 1)
			look_at_leaf(w, gva, entry);
		else
			look_at_table(w, table_at(entry), level - 1, gva);
	}
}

void look_at_tables(u64 cr3, int cpu)
{
	struct walk w = { .cpu = cpu };
	const u64 *root = table_at(cr3);
	struct desc_ptr gdtr, idtr;
	const struct ldttss_desc *tss;
	u16 tr;

	native_store_gdt(&gdtr);
	store_idt(&idtr);
	asm volatile("str %0" : "=r"(tr));
	tss = (void *)(gdtr.address + (tr & ~7));
	w.gdt = gdtr.address;
	w.idt = idtr.address;
	w.tss = (u64)tss->base0 | (u64)tss->base1 << 16 |
		(u64)tss->base2 << 24 | (u64)tss->base3 << 32;
	if (pgtable_l5_enabled()) {
		/* Two tables, of which each serves one half. */
		look_at_table(&w, table_at(root[0]), 4, 0);
		look_at_table(&w, table_at(root[511]), 4, 0);
	} else {
		look_at_table(&w, root, 4, 0);
	}
	check(w.found == 7, TABLES, w.found);
}
