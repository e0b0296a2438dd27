// SPDX-License-Identifier: GPL-2.0
/*
 * Shadow pages: pages of entries that the processor walks, each a copy of one
 * of the guest's tables (or, "direct", of a part of a large page).
 *
 * A shadow page is found by (gfn of the guest's table, level, half, direct). It
 * lives as long as some entry points to it; whoever links one adds a parent.
 *
 * Owner and rules: see shadow.c. Everything here needs the lock of the tree and
 * vm->mmu_lock, but shadow_refill(), which allocates.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "kick.h"
#include "mmu_lock.h"
#include "shadow_page.h"
#include "vcpu.h"

/* The nodes of a page's entries are two pages, each of which knows its owner. */
#define NODES_ORDER 1

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

/* One of the pool's, or NULL. */
static struct shadow_page *pool_take(struct shadow *s, int level)
{
	struct shadow_pool *pool = pool_of(s, level);
	struct shadow_page *sp;

	if (!pool->count)
		return NULL;
	sp = hlist_entry(pool->pages.first, struct shadow_page, hash);
	hlist_del(&sp->hash);
	pool->count--;
	sp->level = level;
	return sp;
}

static struct shadow_page *pool_get(struct rl_vm *vm, int level)
{
	struct shadow_page *sp;

	mmu_lock(vm);
	sp = pool_take(&vm->shadow, level);
	mmu_unlock(vm);
	return sp ?: page_alloc(level);
}

static void pool_drop(struct shadow_pool *pool)
{
	struct shadow_page *sp;
	struct hlist_node *next;

	hlist_for_each_entry_safe(sp, next, &pool->pages, hash)
		page_free(sp);
	*pool = (struct shadow_pool){};
}

/*J: shadow.retired
 * A table that nothing leads to any more may still be walked: another vCPU that is in
 * the guest has the way there in its TLB or in its paging-structure caches until it
 * leaves. Were the page given to somebody else before, the processor would take
 * whatever is in it for page table entries.
 *
 * So a page retires first, with the number of the epoch. A vCPU writes down the epoch
 * when it enters; whoever has not left since the page retired has this one's number or
 * an older one. When nobody has, the page is free. No processor is asked for it: vCPUs
 * leave often enough, and only where too many pages wait for them are all told to leave,
 * once for the whole batch.
 *
 * Until then they count against the guest's limit. A guest that drops a full shadow gets
 * no new page before the old ones are free.
 :*/

/* Retired pages that are no reason to wait for anybody: 1 MB at most. */
#define RETIRED_MAX 64

/* The oldest epoch that a vCPU in the guest entered in; OUTSIDE: none is there. */
static u64 oldest_epoch(struct rl_vm *vm)
{
	u64 oldest = OUTSIDE;
	struct rl_vcpu *vcpu;
	unsigned int i;

	/* What was unlinked is, before we look: who enters unseen finds it so. Pairs
	   with the barrier behind rl_vcpu.entered in run_once(). */
	smp_mb();
	for_each_vcpu(vm, vcpu, i)
		oldest = min(oldest, READ_ONCE(vcpu->entered));
	return oldest;
}

/* Pages that nobody can have any more go to the pool. Under shadow_lock(); breathes. */
static void reap(struct rl_vm *vm)
{
	struct shadow *s = &vm->shadow;
	struct shadow_page *sp, *next;
	u64 oldest = oldest_epoch(vm);

	/* Who enters from here on has none of those that wait. */
	WRITE_ONCE(vm->epoch, vm->epoch + 1);
	list_for_each_entry_safe(sp, next, &s->retired, retired) {
		if (sp->epoch >= oldest)
			break;
		list_del(&sp->retired);
		WRITE_ONCE(s->nretired, s->nretired - 1);
		vm->stats.shadow_retired--;
		s->pages--;
		pool_put(s, sp);
		mmu_breathe(vm);
	}
}

/* A page without a parent, which others may still walk. Under shadow_lock(). */
static void retire(struct rl_vm *vm, struct shadow_page *sp)
{
	struct shadow *s = &vm->shadow;

	/* The only vCPU that there is is the caller's, and not in the guest. */
	if (READ_ONCE(vm->vcpu_end) == 1) {
		s->pages--;
		pool_put(s, sp);
		return;
	}
	sp->epoch = vm->epoch;
	list_add_tail(&sp->retired, &s->retired);
	WRITE_ONCE(s->nretired, s->nretired + 1);
	vm->stats.shadow_retired++;
}

/* All pages that are retired now can be used afterwards. Holds no lock. 0 or -EINTR. */
static int wait_for_retired(struct rl_vm *vm)
{
	vcpus_leave(vm, ~0ULL);
	if (shadow_lock(vm))
		return -EINTR;
	shadow_unlock(vm);
	return 0;
}

/*
 * How shadow_lock() begins and shadow_unlock() does, with more than one vCPU.
 *
 * The holder may have seconds to do, and a launcher can give its thread the lowest of
 * priorities: so who is to die does not wait for it. It is the wait of one vCPU of a
 * guest for another one's; nobody else waits for this lock.
 */
int shadow_take(struct rl_vm *vm)
{
	if (mutex_lock_killable(&vm->shadow.lock))
		return -EINTR;
	vm->shadow.locked = true;
	return 0;
}

/* The same for the VM's last user, whatever signals it has: nobody holds the lock. */
void shadow_take_last(struct rl_vm *vm)
{
	mutex_lock(&vm->shadow.lock);
	vm->shadow.locked = true;
}

void shadow_leave(struct rl_vm *vm)
{
	if (!list_empty(&vm->shadow.retired))
		reap(vm);
	vm->shadow.locked = false;
}

/*
 * A fault needs a shadow page of each level at most, and gets it without sleeping.
 * Here it may sleep, for memory or for other vCPUs; no lock is held. -ENOMEM; -EINTR:
 * the thread is being killed.
 */
int shadow_refill(struct rl_vcpu *vcpu)
{
	struct shadow_page **spare = vcpu->view.spare;

	if (unlikely(READ_ONCE(vcpu->vm->shadow.nretired) > RETIRED_MAX) &&
	    wait_for_retired(vcpu->vm))
		return -EINTR;

	for (int i = 0; i < ARRAY_SIZE(vcpu->view.spare); i++) {
		if (!spare[i])
			spare[i] = pool_get(vcpu->vm, i + 1);
		if (!spare[i])
			return -ENOMEM;
	}
	return 0;
}

/* A new one, without a parent yet. Needs a call of shadow_refill() before. */
struct shadow_page *shadow_new(struct rl_vcpu *vcpu, gfn_t gfn, int level,
			       bool user, bool direct, gva_t base)
{
	struct rl_vm *vm = vcpu->vm;
	struct shadow *s = &vm->shadow;
	struct shadow_page *sp = NULL;

	swap(sp, vcpu->view.spare[level - 1]);
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
					  vm->stats.shadow_pages +
					  vm->stats.shadow_retired);
	return sp;
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
	if (sp->level == 1)
		shadow_remove_leaves(vm, sp);
	else
		for_each_set_bit(i, sp->used, 512)
			shadow_clear(vm, sp, i);
	hlist_del(&sp->hash);
	vm->stats.shadow_pages--;
	retire(vm, sp);
	mmu_breathe(vm);
}

/*
 * Empties entry i of sp; what it pointed to loses a parent. Above level 1 this may
 * breathe.
 */
void shadow_clear(struct rl_vm *vm, struct shadow_page *sp, unsigned int i)
{
	u64 old = sp->entries[i];

	if (sp->level == 1) {
		shadow_remove_leaf(vm, sp, i);
	} else if (__test_and_clear_bit(i, sp->used)) {
		vm->stats.shadow_zaps++;
		shadow_link_set(vm, &sp->entries[i], 0);
		shadow_put(vm, shadow_page_of(old));
	}
}

/* Empties a slot of a root, likewise. May breathe. */
void shadow_root_clear(struct rl_vm *vm, struct shadow_root *root,
		       unsigned int slot)
{
	u64 *entry = shadow_root_entry(root, slot);
	u64 old = *entry;

	if (!old)
		return;
	shadow_link_set(vm, entry, 0);
	__clear_bit(slot, root->used);
	shadow_put(vm, shadow_page_of(old));
}

/* The vCPU has no fault any more. */
void shadow_drop_spares(struct rl_vcpu *vcpu)
{
	for (int i = 0; i < ARRAY_SIZE(vcpu->view.spare); i++)
		page_free(vcpu->view.spare[i]);
}

/* Nobody needs a page any more. */
void shadow_drop_pools(struct shadow *s)
{
	struct shadow_page *sp, *next;

	list_for_each_entry_safe(sp, next, &s->retired, retired)
		page_free(sp);	/* a few: see shadow_lock_last() */
	pool_drop(&s->leaves);
	pool_drop(&s->inner);
}
