// SPDX-License-Identifier: GPL-2.0
/*
 * The flushes: making the shadow agree with the guest's tables again.
 *
 * Each function compares present shadow entries with what the guest's entries
 * would give now, takes over what is merely different and drops what is gone.
 * Entries that are not present need nothing: they will fault.
 *
 * Same owner and rules as shadow.c. The calls of a guest's give 0, or -EINTR where the
 * thread is being killed and nothing was done.
 */
#include <linux/mm.h>
#include "kick.h"
#include "memory.h"
#include "mmu_lock.h"
#include "shadow_page.h"
#include "vcpu.h"

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

/*
 * Most that changes is what may be done with a page: takes that over for entry i of a
 * level 1 page, or gives false where it is another page, or none. That the entry is
 * there says that the page is: who takes a page away takes its entries
 * (shadow_forget()).
 */
static inline bool sync_rights(struct shadow_page *sp, unsigned int i, u64 gpte)
{
	u64 entry = sp->entries[i], now = shadow_leaf_rights(gpte, sp->user);

	if (!now || (gpte & PTE_ADDRESS) >> PAGE_SHIFT != sp->gfns[i])
		return false;
	now |= entry & PTE_ADDRESS;
	if (now != entry)
		WRITE_ONCE(sp->entries[i], now);
	return true;
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
		if (!sync_rights(sp, i, gpte))
			shadow_copy_leaf(vm, sp, i, gpte);
		return false;
	}
	if (!shadow_child_matches(shadow_page_of(entry), gpte, sp->level)) {
		shadow_clear(vm, sp, i);
		return false;
	}
	shadow_link_set(vm, &sp->entries[i],
			link_entry(shadow_page_of(entry), gpte, sp->user));
	return true;
}

static void sync_leaves(struct rl_vm *vm, struct shadow_page *sp)
{
	struct page *page = memory_page(vm, sp->gfn);
	u64 *table = page ? page_address(page) : NULL;

	for (unsigned int first = 0; first < 512; first += BITS_PER_LONG) {
		unsigned long bits = sp->used[first / BITS_PER_LONG];

		for (; bits; bits &= bits - 1) {
			unsigned int i = first + __ffs(bits);
			u64 gpte = table ? READ_ONCE(table[i]) : 0;

			/* No table: the host took it away, nothing to compare with. */
			if (!table)
				shadow_clear(vm, sp, i);
			else if (!sync_rights(sp, i, gpte))
				shadow_copy_leaf(vm, sp, i, gpte);
		}
	}
}

/* Is what entry i of sp leads to the low kernel's part? Its flushes are others. */
static bool leads_to_kernel(const struct rl_vm *vm, const struct shadow_page *sp,
			    unsigned int i)
{
	return i == RL_LOW_KERNEL_SLOT && sp->level == 3 && sp->user &&
	       !sp->base && READ_ONCE(vm->shadow.low_kernel);
}

/*
 * Compares a shadow page and everything below it, but a low kernel's part. May breathe,
 * so above level 1 the guest's table is looked up anew for each entry.
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
				       shadow_guest_entry(vm, sp->gfn, i)) &&
			    !leads_to_kernel(vm, sp, i))
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
		shadow_link_set(vm, entry, link_entry(child, gpte, slot < 256));
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

/* RL_HC_FLUSH_USER: everything of the current lower half may have changed, but of what
   is the kernel's there. */
int shadow_flush_user(struct rl_vcpu *vcpu)
{
	struct rl_vm *vm = vcpu->vm;

	if (shadow_lock(vm))
		return -EINTR;
	vm->shadow.stamp++;
	sync_slots(vm, vcpu->view.current_root, 0, 256, true);
	shadow_unlock(vm);
	return 0;
}

/* What is the kernel's in the lower half of root, where something is. */
static void sync_low_kernel(struct rl_vm *vm, struct shadow_root *root)
{
	const unsigned int i = RL_LOW_KERNEL_SLOT;
	struct shadow_page *sp;

	if (!READ_ONCE(vm->shadow.low_kernel) ||
	    !sync_slot(vm, root, 0, shadow_guest_entry(vm, root->gfn, 0)))
		return;
	sp = shadow_page_of(root->low[0]);
	if (sync_entry(vm, sp, i, shadow_guest_entry(vm, sp->gfn, i)))
		shadow_sync_tree(vm, shadow_page_of(sp->entries[i]));
}

/* RL_HC_FLUSH_KERNEL: the kernel's part, of all roots; other vCPUs' lead to pages that
   this one may link without a look. */
int shadow_flush_kernel(struct rl_vcpu *vcpu)
{
	struct rl_vm *vm = vcpu->vm;
	struct shadow_root *root;
	struct rl_vcpu *each;
	unsigned int i;

	if (shadow_lock(vm))
		return -EINTR;
	vm->shadow.stamp++;
	for_each_vcpu(vm, each, i)
		list_for_each_entry(root, &each->view.roots, list) {
			sync_low_kernel(vm, root);
			sync_slots(vm, root, 257, 512, true);
		}
	shadow_unlock(vm);
	return 0;
}

/* Compares the entries on the way from a page to gva. */
static void flush_below(struct rl_vm *vm, struct shadow_page *sp, gva_t gva)
{
	while (!sp->direct) {
		unsigned int i = (gva >> (9 * sp->level + 3)) & 511;

		if (!sync_entry(vm, sp, i, shadow_guest_entry(vm, sp->gfn, i)))
			return;
		sp = shadow_page_of(sp->entries[i]);
	}
}

/* The whole way from a root. */
static void flush_way(struct rl_vm *vm, struct shadow_root *root, gva_t gva)
{
	unsigned int slot = pgd_slot(gva);

	if (sync_slot(vm, root, slot, shadow_guest_entry(vm, root->gfn, slot)))
		flush_below(vm, shadow_page_of(*shadow_root_entry(root, slot)),
			    gva);
}

/* The page of the kernel's part that root leads to on the way to gva, which other roots
   may lead to as well; or NULL. Compares nothing. */
static struct shadow_page *kernel_page(const struct rl_vm *vm,
				       struct shadow_root *root, gva_t gva)
{
	struct shadow_page *sp;

	if (!test_bit(pgd_slot(gva), root->used))
		return NULL;
	sp = shadow_page_of(*shadow_root_entry(root, pgd_slot(gva)));
	if (!shadow_low_kernel(vm, gva))
		return sp;
	return test_bit(RL_LOW_KERNEL_SLOT, sp->used) ?
		shadow_page_of(sp->entries[RL_LOW_KERNEL_SLOT]) : NULL;
}

/*
 * An address of the kernel's part, by the links of all other roots: what they lead to
 * may be linked by the current one later without a look. It may have no link now: where
 * its top table has no entry yet, and where the host has just taken that table's page.
 */
static noinline void flush_other_ways(struct rl_vm *vm, struct shadow_page *done,
				      gva_t gva)
{
	struct shadow_root *root;
	struct rl_vcpu *each;
	unsigned int i;

	for_each_vcpu(vm, each, i) {
		list_for_each_entry(root, &each->view.roots, list) {
			struct shadow_page *sp = kernel_page(vm, root, gva);

			if (!sp)
				continue;
			if (sp != done)
				flush_below(vm, sp, gva);
			done = sp;
		}
		/* Shadow pages may go meanwhile, and others have their places. */
		done = NULL;
		mmu_breathe(vm);
	}
}

/* A slot that is the host's own. */
static bool is_host_slot(unsigned int slot)
{
	return slot == RL_WINDOW_SLOT || slot == RL_ALIAS_SLOT;
}

/* RL_HC_FLUSH_ONE: the way to gva in the current address space, of a kernel's in all. */
int shadow_flush_one(struct rl_vcpu *vcpu, gva_t gva)
{
	struct shadow_root *root = vcpu->view.current_root;
	unsigned int i = (gva >> PAGE_SHIFT) & 511;
	struct rl_vm *vm = vcpu->vm;
	struct shadow_way *way;

	if (is_host_slot(pgd_slot(gva)))
		return 0;
	if (shadow_lock(vm))
		return -EINTR;
	/* A low kernel's table is the same in all spaces. */
	way = pgd_slot(gva) < 256 ? shadow_way_find(vcpu, gva) : NULL;
	if (way) {
		sync_entry(vm, way->sp, i, READ_ONCE(way->table[i]));
	} else {
		flush_way(vm, root, gva);
		if (pgd_slot(gva) >= 256 || shadow_low_kernel(vm, gva))
			flush_other_ways(vm, kernel_page(vm, root, gva), gva);
	}
	shadow_unlock(vm);
	return 0;
}

/* Pages of a flush that are looked up one by one; a longer one compares the half. */
#define FLUSH_PAGES_MAX 32

static void flush_root(struct rl_vm *vm, struct shadow_root *root, gva_t start,
		       gva_t end)
{
	u64 first = start >> PAGE_SHIFT, last = (end - 1) >> PAGE_SHIFT;
	bool user = pgd_slot(start) < 256;

	if (last - first >= FLUSH_PAGES_MAX) {
		sync_slots(vm, root, user ? 0 : 257, user ? 256 : 512, true);
		return;
	}
	/* By number: behind the last page of all there is no address. */
	for (u64 n = first; n <= last; n++)
		if (!is_host_slot(pgd_slot(n << PAGE_SHIFT)))
			flush_way(vm, root, n << PAGE_SHIFT);
	mmu_breathe(vm);
}

/* Those roots of a vCPU that a flush is about: of one space, or all. */
static void flush_view(struct rl_vm *vm, struct shadow_view *view, u64 cr3,
		       gva_t start, gva_t end)
{
	struct shadow_root *root;

	list_for_each_entry(root, &view->roots, list)
		if (pgd_slot(start) >= 256 ||
		    root->gfn == (cr3 & PTE_ADDRESS) >> PAGE_SHIFT)
			flush_root(vm, root, start, end);
	mmu_breathe(vm);
}

/*
 * RL_HC_FLUSH_VCPUS: [start, end) of the address space at cr3, or of the kernel's half
 * of all, for the vCPUs of the mask. When it returns, they have left the guest and
 * have nothing older than the call in their TLBs. -EINVAL: no such range.
 *
 * Links of a top level are compared for each root, also for those of vCPUs that are not
 * in the mask where it is the kernel's half: what is below is theirs, too. Pages below
 * are compared once: by the stamp, or because only few addresses are looked up.
 */
int shadow_flush_vcpus(struct rl_vcpu *vcpu, u64 mask, u64 cr3, gva_t start,
		       gva_t end)
{
	struct rl_vm *vm = vcpu->vm;
	struct rl_vcpu *each;
	unsigned int i;

	/* Both ends in one half, the last byte of which `end` may be. */
	if (start >= end || !gva_canonical(start) || !gva_canonical(end - 1) ||
	    (s64)(start ^ (end - 1)) < 0 || READ_ONCE(vm->shadow.low_kernel))
		return -EINVAL;
	if (shadow_lock(vm))
		return -EINTR;
	vm->shadow.stamp++;
	for_each_vcpu(vm, each, i)
		if (mask & BIT_ULL(i) || (s64)start < 0)
			flush_view(vm, &each->view, cr3, start, end);
	shadow_unlock(vm);
	vcpus_leave(vm, mask);
	return 0;
}
