/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the shadow share: its pages and roots, and their entries. From
 * below: shadow_rmap.c, shadow_leaf.c, shadow_page.c, shadow_entry.c, shadow_way.c,
 * shadow_look.c, shadow_sync.c, and side by side shadow_root.c and shadow.c.
 */
#ifndef RINGLET_HOST_MODULE_SHADOW_PAGE_H
#define RINGLET_HOST_MODULE_SHADOW_PAGE_H

#include <linux/bitmap.h>
#include <linux/kvm_types.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <asm/page.h>

#include "mmu_lock.h"
#include "shadow.h"
#include "vm.h"

struct walk;

/* What every entry that leads to another table has. */
#define SHADOW_LINK (PTE_P | PTE_A)

#define SHADOW_SEVERAL (~0UL)

struct shadow_page {
	struct hlist_node hash;
	u64 *entries;		/* the page that the processor reads */
	gfn_t gfn;		/* of the guest's table; direct: of the memory */
	u32 *gfns;		/* level 1, not direct: what each entry maps */
	struct hlist_node *nodes;	/* level 1: each entry's in the reverse map */
	gva_t base;		/* of the only range it was linked for, or SHADOW_SEVERAL */
	u32 parents;		/* entries that point here */
	u32 stamp;		/* of the last comparison (upper half) */
	u8 level;		/* 1: page table .. 3: PDP table */
	bool user;		/* of the lower half */
	bool direct;		/* splits a large page of the guest */
	DECLARE_BITMAP(used, 512);	/* entries but 0 and SHADOW_ABSENT */
	struct list_head retired;	/* while it waits for vCPUs to leave */
	u64 epoch;		/* when it was */
	u32 touched;		/* level 1: blocks of 16 entries that may not be 0 */
};

/* Blocks of 16 entries: what is filled around a fault, and two lines of a cache. */
#define TOUCHED_SHIFT 4

/* Has there been a mark in the block of entry i of a level 1 page? */
static inline bool shadow_marked(const struct shadow_page *sp, unsigned int i)
{
	return sp->touched & BIT(i >> TOUCHED_SHIFT);
}

/* A top-level table for one of the guest's address spaces. */
struct shadow_root {
	struct list_head list;	/* in its vCPU's; tree lock */
	u64 last_use;		/* count of its vCPU's uses then */
	bool dropped;		/* another vCPU said that the guest frees it */
	u64 *low, *high;	/* PGD slots 0-255 and 256-511; may be one page */
	u64 *top;		/* LA57: the level above, else NULL */
	gfn_t gfn;		/* of the guest's PGD */
	u64 context, generation;
	DECLARE_BITMAP(used, 512);
};

static inline hpa_t shadow_root_hpa(const struct shadow_root *root)
{
	return __pa(root->top ? root->top : root->low);
}

/* The shadow page that an entry leads to. Here because a flush asks ten times. */
static inline struct shadow_page *shadow_page_of(u64 entry)
{
	struct page *page = pfn_to_page((entry & PTE_ADDRESS) >> PAGE_SHIFT);

	return (struct shadow_page *)page_private(page);
}

/* Where a slot of a root is. */
static inline u64 *shadow_root_entry(struct shadow_root *root,
				     unsigned int slot)
{
	return slot < 256 ? &root->low[slot] : &root->high[slot];
}

/*
 * Is gva of the part of the lower half that is the kernel's, with RL_INIT_LOW_KERNEL? One
 * entry leads to all of it: entry 3 of the page of level 3 that serves slot 0, and no
 * other slot. Where a guest's tables are not so, its TLB is stale, and no more.
 */
static inline bool shadow_low_kernel(const struct rl_vm *vm, gva_t gva)
{
	return gva >> RL_LOW_KERNEL_SHIFT == RL_LOW_KERNEL_SLOT &&
	       READ_ONCE(vm->shadow.low_kernel);
}

int shadow_take(struct rl_vm *vm);
void shadow_leave(struct rl_vm *vm);
void shadow_take_last(struct rl_vm *vm);

/*
 * The tree of shadow pages is the caller's from here on, and level 1 entries as far as
 * mmu_breathe() lets them be. A vCPU's thread, in no lock but vcpu->lock. -EINTR: the
 * thread is being killed, and nothing is locked; only where there are several vCPUs.
 *
 * Where there is only the first vCPU, its vcpu->lock is enough: should another one be
 * made meanwhile, it has nothing to do with the tree before it is started, and that is
 * a hypercall of the first one's, after this.
 */
static inline int __must_check shadow_lock(struct rl_vm *vm)
{
	if (unlikely(READ_ONCE(vm->vcpu_end) > 1) && shadow_take(vm))
		return -EINTR;
	mmu_lock(vm);
	return 0;
}

/* For the VM's last user. */
static inline void shadow_lock_last(struct rl_vm *vm)
{
	shadow_take_last(vm);
	mmu_lock(vm);
}

static inline void shadow_unlock(struct rl_vm *vm)
{
	if (likely(!vm->shadow.locked)) {
		mmu_unlock(vm);
		return;
	}
	shadow_leave(vm);
	mmu_unlock(vm);
	mutex_unlock(&vm->shadow.lock);
}

/* --- shadow_page.c: pages, and how their entries change ---------------------- */

struct shadow_page *shadow_find(struct rl_vm *vm, gfn_t gfn, int level,
				bool user, bool direct);
struct shadow_page *shadow_new(struct rl_vcpu *vcpu, gfn_t gfn, int level,
			       bool user, bool direct, gva_t base);
void shadow_put(struct rl_vm *vm, struct shadow_page *sp);
int shadow_refill(struct rl_vcpu *vcpu);
void shadow_drop_spares(struct rl_vcpu *vcpu);
void shadow_drop_pools(struct shadow *s);
void shadow_clear(struct rl_vm *vm, struct shadow_page *sp, unsigned int i);
void shadow_root_clear(struct rl_vm *vm, struct shadow_root *root,
		       unsigned int slot);

/* --- shadow_leaf.c: how entries of level 1 change ------------------------------ */

void shadow_remove_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i);
void shadow_remove_leaves(struct rl_vm *vm, struct shadow_page *sp);
void shadow_clear_leaf(struct rl_vm *vm, struct shadow_page *sp,
		       unsigned int i, u64 gpte);
void shadow_mark(struct shadow_page *sp, unsigned int i, u64 mark);
void shadow_copy_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i,
		      u64 gpte);
void shadow_direct_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i);

/* --- shadow_entry.c: what an entry must be, by the guest's ------------------- */

/*
 * The bits beside the address of a level 1 entry for this guest entry; 0: there is
 * to be none. Writable only when the guest's D is set, so that the first write comes
 * here and sets it.
 */
static inline u64 shadow_leaf_rights(u64 gpte, bool user)
{
	u64 rights = PTE_P | PTE_A | PTE_D | (gpte & PTE_NX);

	if ((gpte & (PTE_P | PTE_A)) != (PTE_P | PTE_A))
		return 0;
	if ((gpte & PTE_W) && (gpte & PTE_D))
		rights |= PTE_W;
	if (user)
		rights |= gpte & PTE_U;
	return rights;
}

bool shadow_child_matches(const struct shadow_page *child, u64 gpte,
			  int level);
u64 shadow_guest_entry(struct rl_vm *vm, gfn_t gfn, unsigned int i);

/* --- shadow_way.c: ways that were walked before ------------------------------ */

struct shadow_way *shadow_way_find(struct rl_vcpu *vcpu, gva_t gva);
void shadow_way_note(struct rl_vcpu *vcpu, gva_t gva, const struct walk *w,
		     struct shadow_page *sp);

/* Sets a link, or with 0 removes it. Where there was none, no way led by it. */
static inline void shadow_link_set(struct rl_vm *vm, u64 *link, u64 value)
{
	if (*link == value)
		return;
	if (*link)
		vm->shadow.changes++;
	WRITE_ONCE(*link, value);
}

/* --- shadow_sync.c: comparing ---------------------------------------------------- */

void shadow_sync_tree(struct rl_vm *vm, struct shadow_page *sp);
void shadow_sync_root(struct rl_vm *vm, struct shadow_root *root);

#endif
