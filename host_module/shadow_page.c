// SPDX-License-Identifier: GPL-2.0
/*
 * Shadow pages: pages of entries that the processor walks, each a copy of one
 * of the guest's tables (or, "direct", of a part of a large page).
 *
 * A shadow page is found by (gfn of the guest's table, level, half, direct). It
 * lives as long as some entry points to it; whoever links one adds a parent.
 *
 * Owner and rules: see shadow.c. Everything here needs vm->mmu_lock, but
 * shadow_refill(), which allocates.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/hash.h>
#include <linux/hashtable.h>
#include "ringlet.h"

struct shadow_page *shadow_page_of(u64 entry)
{
	struct page *page = pfn_to_page((entry & PTE_ADDRESS) >> PAGE_SHIFT);

	return (struct shadow_page *)page_private(page);
}

static struct hlist_head *bucket(struct shadow *s, gfn_t gfn)
{
	return &s->hash[hash_64(gfn, SHADOW_HASH_BITS)];
}

/* The shadow page with this key, or NULL. */
struct shadow_page *shadow_find(struct rl_vm *vm, gfn_t gfn, int level,
				bool user, bool direct)
{
	struct shadow_page *sp;

	hlist_for_each_entry(sp, bucket(&vm->shadow, gfn), hash)
		if (sp->gfn == gfn && sp->level == level &&
		    sp->user == user && sp->direct == direct)
			return sp;
	return NULL;
}

static void page_free(struct shadow_page *sp)
{
	if (!sp)
		return;
	if (sp->entries) {
		set_page_private(virt_to_page(sp->entries), 0);
		free_page((unsigned long)sp->entries);
	}
	kfree(sp->gfns);
	kfree(sp);
}

static struct shadow_page *page_alloc(void)
{
	struct shadow_page *sp = kzalloc(sizeof(*sp), GFP_KERNEL_ACCOUNT);

	if (!sp)
		return NULL;
	sp->entries = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	sp->gfns = kcalloc(512, sizeof(*sp->gfns), GFP_KERNEL_ACCOUNT);
	if (!sp->entries || !sp->gfns) {
		page_free(sp);
		return NULL;
	}
	set_page_private(virt_to_page(sp->entries), (unsigned long)sp);
	return sp;
}

/* A fault needs three shadow pages at most, and gets them without sleeping. */
bool shadow_refill(struct shadow *s)
{
	for (int i = 0; i < ARRAY_SIZE(s->spare); i++) {
		if (!s->spare[i])
			s->spare[i] = page_alloc();
		if (!s->spare[i])
			return false;
	}
	return true;
}

/* A new one, without a parent yet. Needs a call of shadow_refill() before. */
struct shadow_page *shadow_new(struct rl_vm *vm, gfn_t gfn, int level,
			       bool user, bool direct, gva_t base)
{
	struct shadow *s = &vm->shadow;
	struct shadow_page *sp = NULL;

	for (int i = 0; i < ARRAY_SIZE(s->spare) && !sp; i++)
		swap(sp, s->spare[i]);
	if (WARN_ON_ONCE(!sp))
		return NULL;
	if (level > 1 || direct) {
		kfree(sp->gfns);
		sp->gfns = NULL;
	}
	sp->gfn = gfn;
	sp->level = level;
	sp->user = user;
	sp->direct = direct;
	sp->base = base;
	hlist_add_head(&sp->hash, bucket(s, gfn));
	s->pages++;
	vm->stats.shadow_pages++;
	vm->stats.shadow_pages_peak = max(vm->stats.shadow_pages_peak,
					  vm->stats.shadow_pages);
	return sp;
}

/* One parent less; the last one takes the page with it. */
void shadow_put(struct rl_vm *vm, struct shadow_page *sp)
{
	unsigned int i;

	if (--sp->parents)
		return;
	for_each_set_bit(i, sp->used, 512)
		shadow_clear(vm, sp, i);
	hlist_del(&sp->hash);
	page_free(sp);
	vm->shadow.pages--;
	vm->stats.shadow_pages--;
}

/* Which gfn entry i of a level 1 page maps. */
static gfn_t leaf_gfn(const struct shadow_page *sp, unsigned int i)
{
	return sp->direct ? sp->gfn + i : sp->gfns[i];
}

/* Empties entry i of sp; what it pointed to loses a parent. */
void shadow_clear(struct rl_vm *vm, struct shadow_page *sp, unsigned int i)
{
	u64 old = sp->entries[i];

	if (!__test_and_clear_bit(i, sp->used))
		return;
	WRITE_ONCE(sp->entries[i], 0);
	vm->stats.shadow_zaps++;
	if (sp->level > 1)
		shadow_put(vm, shadow_page_of(old));
	else
		memory_rmap_remove(vm, leaf_gfn(sp, i), &sp->entries[i]);
}

/* Empties entry i of a level 1 page, for which the guest's is gpte. */
void shadow_clear_leaf(struct rl_vm *vm, struct shadow_page *sp,
		       unsigned int i, u64 gpte)
{
	shadow_clear(vm, sp, i);
	if (sp->user)
		WRITE_ONCE(sp->entries[i], gpte & PTE_P ? 0 : vm->shadow.absent);
}

/* Sets entry i of a level 1 page, which maps gfn from now on. */
void shadow_set_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i,
		     u64 entry, gfn_t gfn)
{
	if (test_bit(i, sp->used) && leaf_gfn(sp, i) != gfn)
		shadow_clear(vm, sp, i);
	if (!__test_and_set_bit(i, sp->used)) {
		if (sp->gfns)
			sp->gfns[i] = gfn;
		memory_rmap_add(vm, gfn, &sp->entries[i]);
	}
	WRITE_ONCE(sp->entries[i], entry);
}

/* The page behind a level 1 entry goes away; the reverse map is the caller's. */
void shadow_unmap(u64 *entry)
{
	struct shadow_page *sp = (void *)page_private(virt_to_page(entry));

	WRITE_ONCE(*entry, 0);
	__clear_bit(entry - sp->entries, sp->used);
}

/* All level 1 entries, and with them all reverse maps, become empty. */
void shadow_unmap_all(struct rl_vm *vm)
{
	struct shadow_page *sp;
	unsigned int i;
	int b;

	hash_for_each(vm->shadow.hash, b, sp, hash) {
		if (sp->level > 1)
			continue;
		for_each_set_bit(i, sp->used, 512)
			shadow_clear(vm, sp, i);
	}
}

/* No fault comes any more. */
void shadow_drop_spares(struct shadow *s)
{
	for (int i = 0; i < ARRAY_SIZE(s->spare); i++)
		page_free(s->spare[i]);
}
