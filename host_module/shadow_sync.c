// SPDX-License-Identifier: GPL-2.0
/*
 * The flushes: making the shadow agree with the guest's tables again.
 *
 * Each function compares present shadow entries with what the guest's entries
 * would give now, takes over what is merely different and drops what is gone.
 * Entries that are not present need nothing: they will fault.
 *
 * Same owner and rules as shadow.c.
 */
#include <linux/mm.h>
#include "ringlet.h"

/* Entry i of the guest's table gfn; 0 where the host took the table away. */
u64 shadow_guest_entry(struct rl_vm *vm, gfn_t gfn, unsigned int i)
{
	struct page *page = memory_page(vm, gfn);

	return page ? READ_ONCE(((u64 *)page_address(page))[i]) : 0;
}

/* Does a guest entry at `level` still lead to this shadow page? */
bool shadow_child_matches(const struct shadow_page *child, u64 gpte, int level)
{
	gfn_t gfn = (gpte & PTE_ADDRESS) >> PAGE_SHIFT;

	if ((gpte & (PTE_P | PTE_A)) != (PTE_P | PTE_A))
		return false;
	if (gpte & PTE_PS) {
		u64 span = 1ULL << (9 * (level - 1));

		return child->direct && (child->gfn & ~(span - 1)) ==
					(gfn & ~(span - 1));
	}
	return !child->direct && child->gfn == gfn;
}

static u64 link_entry(const struct shadow_page *child, u64 gpte, bool user)
{
	u64 entry = __pa(child->entries) | PTE_P | PTE_A |
		    (gpte & (PTE_W | PTE_NX));

	if ((gpte & PTE_PS) && !(gpte & PTE_D))
		entry &= ~PTE_W;
	if (user)
		entry |= gpte & PTE_U;
	return entry;
}

/* Compares entry i of a shadow page; true: it (still) leads to a child. */
static bool sync_entry(struct rl_vm *vm, struct shadow_page *sp,
		       unsigned int i, u64 gpte)
{
	u64 entry = sp->entries[i];

	if (!test_bit(i, sp->used)) {
		/* A mark. That of a device's may be about something else now. */
		if (!sp->user)
			WRITE_ONCE(sp->entries[i], 0);
		return false;
	}
	if (sp->level == 1) {
		gfn_t gfn = (gpte & PTE_ADDRESS) >> PAGE_SHIFT;
		u64 now = shadow_leaf_rights(gpte, sp->user);

		/* Most that changes is what may be done with a page. That the
		   entry is there says that the page is: who takes a page away
		   takes its entries (memory_forget()). */
		if (now && gfn == sp->gfns[i])
			now |= entry & PTE_ADDRESS;
		else if (now)
			now = shadow_leaf(vm, gpte, gfn, sp->user);
		if (!now)
			shadow_clear_leaf(vm, sp, i, gpte);
		else if (now != entry)
			shadow_set_leaf(vm, sp, i, now, gfn);
		return false;
	}
	if (!shadow_child_matches(shadow_page_of(entry), gpte, sp->level)) {
		shadow_clear(vm, sp, i);
		return false;
	}
	WRITE_ONCE(sp->entries[i],
		   link_entry(shadow_page_of(entry), gpte, sp->user));
	return true;
}

static void sync_leaves(struct rl_vm *vm, struct shadow_page *sp)
{
	struct page *page = memory_page(vm, sp->gfn);
	u64 *table = page ? page_address(page) : NULL;
	unsigned int i;

	for_each_set_bit(i, sp->used, 512)
		if (table)
			sync_entry(vm, sp, i, READ_ONCE(table[i]));
		else	/* the host took it away: nothing to compare with */
			shadow_clear(vm, sp, i);
}

/*
 * Compares a shadow page and everything below it. May breathe, so above level 1 the
 * guest's table is looked up anew for each entry.
 */
void shadow_sync_tree(struct rl_vm *vm, struct shadow_page *sp)
{
	unsigned int i;

	/* What splits a large page depends on nothing but the link to it.
	   A page that is reached on several ways is the same on each: without
	   the stamp, tables that point to each other would cost a guest a few
	   entries and the host hours. */
	if (sp->direct || sp->stamp == vm->shadow.stamp)
		return;
	sp->stamp = vm->shadow.stamp;
	vm->stats.shadow_syncs++;
	if (sp->level == 1)
		sync_leaves(vm, sp);
	else
		for_each_set_bit(i, sp->used, 512)
			if (sync_entry(vm, sp, i,
				       shadow_guest_entry(vm, sp->gfn, i)))
				shadow_sync_tree(vm, shadow_page_of(sp->entries[i]));
	mmu_breathe(vm);
}

/* The entry of a root at slot: true when it leads to a page, after compare. */
static bool sync_slot(struct rl_vm *vm, struct shadow_root *root,
		      unsigned int slot, u64 gpte)
{
	u64 *entry = slot < 256 ? &root->low[slot] : &root->high[slot];
	struct shadow_page *child;

	if (!*entry)
		return false;
	child = shadow_page_of(*entry);
	if (shadow_child_matches(child, gpte, 4)) {
		WRITE_ONCE(*entry, link_entry(child, gpte, slot < 256));
		return true;
	}
	shadow_root_clear(vm, root, slot);
	return false;
}

static void sync_slots(struct rl_vm *vm, struct shadow_root *root,
		       unsigned int from, unsigned int to, bool deep)
{
	unsigned int slot = from;

	for_each_set_bit_from(slot, root->used, to)
		if (sync_slot(vm, root, slot,
			      shadow_guest_entry(vm, root->gfn, slot)) && deep)
			shadow_sync_tree(vm, shadow_page_of(slot < 256 ?
					 root->low[slot] : root->high[slot]));
	mmu_breathe(vm);
}

/*J: shadow.flush
 * When Linux loads an address space it says which generation of it the CPU has
 * seen. The same generation as last time: the shadow is right, nothing is done.
 * Another one: some entry changed while the space was away, nobody said which,
 * and the lower half is compared from the top. It is work in proportion to what
 * is mapped in the shadow, and it happens only when something really changed.
 :*/

/* Compares the lower half of root in depth, and its links of the upper. */
void shadow_sync_root(struct rl_vm *vm, struct shadow_root *root)
{
	vm->shadow.stamp++;
	sync_slots(vm, root, 0, 256, true);
	sync_slots(vm, root, 257, 512, false);
}

/* RL_HC_FLUSH_USER: everything of the current lower half may have changed. */
void shadow_flush_user(struct rl_vcpu *vcpu)
{
	struct rl_vm *vm = vcpu->vm;

	mmu_lock(vm);
	vm->shadow.stamp++;
	sync_slots(vm, vm->shadow.current_root, 0, 256, true);
	mmu_unlock(vm);
}

/* RL_HC_FLUSH_KERNEL: the upper half, of all roots. */
void shadow_flush_kernel(struct rl_vcpu *vcpu)
{
	struct rl_vm *vm = vcpu->vm;
	struct shadow_root *root;

	mmu_lock(vm);
	vm->shadow.stamp++;
	list_for_each_entry(root, &vm->shadow.roots, lru)
		sync_slots(vm, root, 257, 512, true);
	mmu_unlock(vm);
}

static void flush_way(struct rl_vm *vm, struct shadow_root *root, gva_t gva)
{
	unsigned int slot = pgd_slot(gva);
	struct shadow_page *sp;

	if (!sync_slot(vm, root, slot,
		       shadow_guest_entry(vm, root->gfn, slot)))
		return;
	sp = shadow_page_of(slot < 256 ? root->low[slot] : root->high[slot]);
	while (!sp->direct) {
		unsigned int i = (gva >> (9 * sp->level + 3)) & 511;

		if (!sync_entry(vm, sp, i, shadow_guest_entry(vm, sp->gfn, i)))
			return;
		sp = shadow_page_of(sp->entries[i]);
	}
}

/* RL_HC_FLUSH_ONE: the way to gva in the current address space. */
void shadow_flush_one(struct rl_vcpu *vcpu, gva_t gva)
{
	struct rl_vm *vm = vcpu->vm;

	if (pgd_slot(gva) == RL_WINDOW_SLOT || pgd_slot(gva) == RL_ALIAS_SLOT)
		return;
	mmu_lock(vm);
	flush_way(vm, vm->shadow.current_root, gva);
	mmu_unlock(vm);
}
