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
#include <linux/sched.h>
#include <asm/tsc.h>
#include "ringlet.h"

/* The nodes of a page's entries are two pages, each of which knows its owner. */
#define NODES_ORDER 1

struct shadow_page *shadow_page_of(u64 entry)
{
	struct page *page = pfn_to_page((entry & PTE_ADDRESS) >> PAGE_SHIFT);

	return (struct shadow_page *)page_private(page);
}

static struct hlist_head *bucket(struct shadow *s, gfn_t gfn)
{
	return &s->hash[(gfn * s->hash_factor) >> (64 - s->hash_bits)];
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

static void set_owner(void *pages, unsigned int count, struct shadow_page *sp)
{
	for (unsigned int i = 0; i < count; i++)
		set_page_private(virt_to_page(pages) + i, (unsigned long)sp);
}

static void page_free(struct shadow_page *sp)
{
	if (!sp)
		return;
	if (sp->entries) {
		set_owner(sp->entries, 1, NULL);
		free_page((unsigned long)sp->entries);
	}
	if (sp->nodes) {
		set_owner(sp->nodes, 1 << NODES_ORDER, NULL);
		free_pages((unsigned long)sp->nodes, NODES_ORDER);
	}
	kfree(sp->gfns);
	kfree(sp);
}

static bool leaf_alloc(struct shadow_page *sp)
{
	BUILD_BUG_ON(512 * sizeof(*sp->nodes) != PAGE_SIZE << NODES_ORDER);
	sp->gfns = kmalloc_array(512, sizeof(*sp->gfns), GFP_KERNEL_ACCOUNT);
	sp->nodes = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT, NODES_ORDER);
	if (!sp->nodes)
		return false;
	set_owner(sp->nodes, 1 << NODES_ORDER, sp);
	return sp->gfns;
}

static struct shadow_page *page_alloc(int level)
{
	struct shadow_page *sp = kzalloc(sizeof(*sp), GFP_KERNEL_ACCOUNT);

	if (!sp)
		return NULL;
	sp->level = level;
	sp->entries = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (sp->entries)
		set_owner(sp->entries, 1, sp);
	if (!sp->entries || (level == 1 && !leaf_alloc(sp))) {
		page_free(sp);
		return NULL;
	}
	return sp;
}

/*
 * Programs come and go, and their shadow pages with them; to make one costs more
 * than all else that is done with it, most of it for zeroes. So a few that are left
 * over wait for the next program: about 650 KB at most, charged to the launcher.
 */
#define POOL_PAGES 32

static struct shadow_pool *pool_of(struct shadow *s, int level)
{
	return level == 1 ? &s->leaves : &s->inner;
}

/* Blocks of 16 entries: one of fill()'s steps, and two lines of a cache. */
#define TOUCHED_SHIFT 4

/* A page without a parent and without an entry. */
static void pool_put(struct shadow *s, struct shadow_page *sp)
{
	struct shadow_pool *pool = pool_of(s, sp->level);
	unsigned long touched = sp->touched;
	unsigned int block;

	/* One that was direct has no gfns. */
	if (pool->count >= POOL_PAGES || (sp->level == 1 && !sp->gfns)) {
		page_free(sp);
		return;
	}
	/* Marks are not in `used`. */
	for_each_set_bit(block, &touched, 512 >> TOUCHED_SHIFT)
		memset(&sp->entries[block << TOUCHED_SHIFT], 0,
		       sizeof(u64) << TOUCHED_SHIFT);
	sp->touched = 0;
	sp->stamp = 0;
	hlist_add_head(&sp->hash, &pool->pages);
	pool->count++;
}

static struct shadow_page *pool_get(struct shadow *s, int level)
{
	struct shadow_pool *pool = pool_of(s, level);
	struct shadow_page *sp;

	if (!pool->count)
		return page_alloc(level);
	sp = hlist_entry(pool->pages.first, struct shadow_page, hash);
	hlist_del(&sp->hash);
	pool->count--;
	sp->level = level;
	return sp;
}

static void pool_drop(struct shadow_pool *pool)
{
	struct shadow_page *sp;
	struct hlist_node *next;

	hlist_for_each_entry_safe(sp, next, &pool->pages, hash)
		page_free(sp);
	*pool = (struct shadow_pool){};
}

/* A fault needs a shadow page of each level at most, and gets it without sleeping. */
bool shadow_refill(struct shadow *s)
{
	for (int i = 0; i < ARRAY_SIZE(s->spare); i++) {
		if (!s->spare[i])
			s->spare[i] = pool_get(s, i + 1);
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

	swap(sp, s->spare[level - 1]);
	if (WARN_ON_ONCE(!sp))
		return NULL;
	if (direct) {
		kfree(sp->gfns);
		sp->gfns = NULL;
	}
	sp->gfn = gfn;
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

/*
 * Called with mmu_lock held, after a piece of work whose like a guest can make as
 * many of as it wants: drops the lock for a moment when it was held for 50 us or
 * somebody waits. What may be different afterwards: see shadow.c. May sleep.
 *
 * Time and not work is what is counted because work differs: an entry that is not
 * in any cache is a hundred times as dear as one that is. The clock starts with the
 * first call under a lock, one piece of work late: most who take the lock have no
 * second piece, and shall not pay for a clock.
 */
void mmu_breathe(struct rl_vm *vm)
{
	u64 now = rdtsc();

	if (!vm->mmu_lock_since)
		vm->mmu_lock_since = now;
	if (now - vm->mmu_lock_since < tsc_khz / 20 &&
	    !spin_is_contended(&vm->mmu_lock))
		return;
	mmu_unlock(vm);
	vm->shadow.breaths++;
	cond_resched();
	mmu_lock(vm);
}

/*
 * One parent less; the last one takes the page with it, and so on down the three
 * levels. May breathe.
 */
void shadow_put(struct rl_vm *vm, struct shadow_page *sp)
{
	unsigned int i;

	if (--sp->parents)
		return;
	for_each_set_bit(i, sp->used, 512)
		shadow_clear(vm, sp, i);
	hlist_del(&sp->hash);
	pool_put(&vm->shadow, sp);
	vm->shadow.pages--;
	vm->stats.shadow_pages--;
	mmu_breathe(vm);
}

/* Which gfn entry i of a level 1 page maps. */
static gfn_t leaf_gfn(const struct shadow_page *sp, unsigned int i)
{
	return sp->direct ? sp->gfn + i : sp->gfns[i];
}

/*
 * Empties entry i of sp; what it pointed to loses a parent. Above level 1 this may
 * breathe.
 */
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
		memory_rmap_remove(&sp->nodes[i]);
}

/* Empties entry i of a level 1 page, for which the guest's is gpte. */
void shadow_clear_leaf(struct rl_vm *vm, struct shadow_page *sp,
		       unsigned int i, u64 gpte)
{
	shadow_clear(vm, sp, i);
	if (sp->user)
		shadow_mark(sp, i, gpte & PTE_P ? 0 : vm->shadow.absent);
}

/* Entry i of a level 1 page, which maps nothing, becomes a mark, or 0. */
void shadow_mark(struct shadow_page *sp, unsigned int i, u64 mark)
{
	sp->touched |= BIT(i >> TOUCHED_SHIFT);
	WRITE_ONCE(sp->entries[i], mark);
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
		memory_rmap_add(vm, gfn, &sp->nodes[i]);
	}
	WRITE_ONCE(sp->entries[i], entry);
}

/* The page behind a level 1 entry, whose node this is, goes away. */
void shadow_unmap(struct hlist_node *node)
{
	struct shadow_page *sp = (void *)page_private(virt_to_page(node));
	unsigned int i = node - sp->nodes;

	memory_rmap_remove(node);
	WRITE_ONCE(sp->entries[i], 0);
	__clear_bit(i, sp->used);
}

/* No fault comes any more. */
void shadow_drop_spares(struct shadow *s)
{
	for (int i = 0; i < ARRAY_SIZE(s->spare); i++)
		page_free(s->spare[i]);
	pool_drop(&s->leaves);
	pool_drop(&s->inner);
}
