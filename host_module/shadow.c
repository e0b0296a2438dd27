// SPDX-License-Identifier: GPL-2.0
/*
 * Shadow page tables: the tables that the processor really walks.
 *
 * The shadow is a TLB the size of memory. Entries come from page faults, which
 * copy what the guest's tables say; they go when the guest flushes
 * (shadow_sync.c). Between the two they may be stale, exactly as a TLB may be.
 *
 * Invariants:
 * - an entry is 0, or a copy of a guest entry that allowed the access then, or
 *   SHADOW_ABSENT where the guest's entry was not present then;
 * - level 2 and 3 entries point to shadow pages, never to large pages;
 * - the upper half never has U set;
 * - slots 256 and 508 of every root point to the host's own chains;
 * - every shadow page has at least one parent, or is being linked.
 *
 * Owner: the holder of vcpu->lock; level 1 entries also the MMU notifier, so
 * everything that touches them runs under vm->mmu_lock and does not sleep. A guest
 * decides how much there is to do, so the lock is dropped in between
 * (mmu_breathe()), and then two things may be different: a level 1 entry is gone,
 * and a page is not known, so that a pointer into a guest's table is not valid. The
 * tree itself is as it was: the notifier does not touch it. The
 * vCPU is not running meanwhile, and each entry into the guest flushes the TLB,
 * so no invalidation is needed for what is removed.
 *
 * Four files: shadow_page.c (pages), shadow_root.c (roots), this one (faults),
 * shadow_sync.c (flushes).
 */
#include <linux/mm.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "ringlet.h"

/* Neighbours of a filled entry that are filled with it, a power of two. */
#define FAULT_AROUND 16

/*
 * The bits beside the address of a level 1 entry for this guest entry; 0: there is
 * to be none. Writable only when the guest's D is set, so that the first write comes
 * here and sets it.
 */
u64 shadow_leaf_rights(u64 gpte, bool user)
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

/* What the shadow's level 1 entry for a guest entry must be now; 0: nothing. */
u64 shadow_leaf(struct rl_vm *vm, u64 gpte, gfn_t gfn, bool user)
{
	u64 rights = shadow_leaf_rights(gpte, user);
	struct page *page = rights ? memory_page(vm, gfn) : NULL;

	return page ? page_to_phys(page) | rights : 0;
}

/* Permissions of a link: those of the guest's entry at the same place. */
static u64 link_bits(u64 gpte, bool user, bool leaf)
{
	u64 bits = SHADOW_LINK | (gpte & (PTE_W | PTE_NX));

	if (leaf && !(gpte & PTE_D))
		bits &= ~PTE_W;
	if (user)
		bits |= gpte & PTE_U;
	return bits;
}

static void mark_accessed(struct walk *w, bool write)
{
	for (int level = 4; level >= w->level; level--) {
		struct walk_step *s = &w->step[level];
		u64 want = PTE_A;

		if (write && level == w->level)
			want |= PTE_D;
		if ((s->entry & want) == want)
			continue;
		/* The guest may write the entry at the same time. */
		if (cmpxchg64(&s->table[s->index], s->entry,
			      s->entry | want) == s->entry)
			s->entry |= want;
	}
}

/* Finds or makes the shadow page below `level`, and links it at *entry. */
static struct shadow_page *link_child(struct rl_vm *vm, const struct walk *w,
				      int level, gva_t gva, u64 *entry,
				      unsigned long *used)
{
	bool direct = level <= w->level, user = pgd_slot(gva) < 256;
	u64 span = 1ULL << (9 * (level - 1));
	gva_t base = gva & ~((span << PAGE_SHIFT) - 1);
	gfn_t gfn = direct ? w->gfn & ~(span - 1) : w->step[level - 1].gfn;
	u64 bits = level >= w->level ?
		link_bits(w->step[level].entry, user, level == w->level) :
		SHADOW_LINK | PTE_W | (user ? PTE_U : 0);
	struct shadow_page *child, *old = NULL;
	unsigned int i = (gva >> (9 * level + 3)) & 511;

	if (*entry) {
		old = shadow_page_of(*entry);
		if (old->gfn == gfn && old->direct == direct) {
			WRITE_ONCE(*entry, __pa(old->entries) | bits);
			return old;
		}
	}
	child = shadow_find(vm, gfn, level - 1, user, direct);
	if (!child) {
		child = shadow_new(vm, gfn, level - 1, user, direct, base);
		if (!child)
			return NULL;
	} else if (!direct && (user || child->base != base)) {
		/* It served another range, whose flushes are not ours. */
		vm->shadow.stamp++;
		shadow_sync_tree(vm, child);
	}
	child->parents++;
	WRITE_ONCE(*entry, __pa(child->entries) | bits);
	if (old)
		shadow_put(vm, old);
	else
		__set_bit(i, used);
	return child;
}

/* The entry at gva, and those around it that cost nothing. */
static void fill(struct rl_vm *vm, struct shadow_page *sp,
		 const struct walk *w, gva_t gva)
{
	unsigned int at = (gva >> PAGE_SHIFT) & 511;
	unsigned int first = at & ~(FAULT_AROUND - 1);
	u64 full = PTE_P | PTE_A | PTE_D | PTE_W | (sp->user ? PTE_U : 0);

	for (unsigned int i = first; i < first + FAULT_AROUND; i++) {
		gfn_t gfn = sp->gfn + i;
		u64 entry, gpte = PTE_P;

		if (test_bit(i, sp->used) && i != at)
			continue;
		if (sp->direct) {
			struct page *page = memory_page(vm, gfn);

			entry = page ? page_to_phys(page) | full : 0;
		} else {
			gpte = READ_ONCE(w->step[1].table[i]);
			if (!(gpte & PTE_P) &&
			    sp->entries[i] == vm->shadow.absent)
				continue;
			gfn = (gpte & PTE_ADDRESS) >> PAGE_SHIFT;
			entry = shadow_leaf(vm, gpte, gfn, sp->user);
		}
		if (!entry) {
			shadow_clear_leaf(vm, sp, i, gpte);
			continue;
		}
		shadow_set_leaf(vm, sp, i, entry, gfn);
		vm->stats.shadow_fills++;
	}
}

/* Drops everything but the roots themselves; what is needed comes back. */
static void shadow_zap_all(struct rl_vm *vm)
{
	struct shadow_root *root;
	unsigned int slot;

	list_for_each_entry(root, &vm->shadow.roots, lru)
		for_each_set_bit(slot, root->used, 512)
			shadow_root_clear(vm, root, slot);
}

/*
 * Is it one of the two device registers that the guest serves itself, by a 4 KB
 * entry, and can the shadow mark it? Then the next access shall come to the guest
 * by the switcher.
 */
static bool guest_serves(struct rl_vcpu *vcpu, const struct walk *w, gva_t gva)
{
	return (vcpu->init.flags & RL_INIT_DEVICE_STATUS) &&
	       vcpu->vm->shadow.absent && w->level == 1 &&
	       pgd_slot(gva) >= 256 && mmio_is_device(vcpu->fault_gpa) &&
	       (gva & RL_STATUS_MASK) == RL_STATUS_OFFSET;
}

/*J: shadow.fault
 * A page fault in the guest has one of two causes. Either the guest's own
 * tables forbid the access: then the fault is the guest's, and it gets it.
 * Or they allow it and only the shadow did not know: then the guest must never
 * hear of it. The walk decides; in the second case the way down is copied, one
 * shadow page for each of the guest's tables, and the instruction is repeated.
 *
 * The accessed and dirty bits are the processor's to set, but the processor
 * walks the shadow. So they are set here, and the copy of a clean page is
 * read-only: the first write comes back as a fault and makes it dirty.
 :*/

/*
 * One try at a fault, under mmu_lock; -EAGAIN: a page must be faulted in; -ERESTART:
 * the way down is linked, but the lock was dropped: once more.
 */
static int fault_known(struct rl_vcpu *vcpu, gva_t gva, u32 error,
		       u32 *guest_error)
{
	struct rl_vm *vm = vcpu->vm;
	struct shadow_root *root = vm->shadow.current_root;
	unsigned long breaths = vm->shadow.breaths;
	struct shadow_page *sp;
	struct page *page;
	struct walk w;
	int r;

	r = walk_gva(vcpu, vcpu->cr3, gva,
		     error & (FAULT_W | FAULT_U | FAULT_I), &w);
	if (r) {
		*guest_error = w.error;
		return r;
	}
	/* No user page in the upper half: SYSCALL tells by the sign of RCX. */
	if ((error & FAULT_U) && pgd_slot(gva) >= 256) {
		*guest_error |= FAULT_P;
		return 1;
	}
	r = memory_find(vm, w.gfn, &page);
	if (r == -EFAULT) {
		vcpu->fault_gpa = (w.gfn << PAGE_SHIFT) | offset_in_page(gva);
		if (!guest_serves(vcpu, &w, gva))
			return -ENXIO;
	} else if (r) {
		return r;
	}
	mark_accessed(&w, error & FAULT_W);
	sp = link_child(vm, &w, 4, gva, shadow_root_entry(root, pgd_slot(gva)),
			root->used);
	for (int level = 3; sp && level > 1; level--)
		sp = link_child(vm, &w, level, gva,
				&sp->entries[(gva >> (9 * level + 3)) & 511],
				sp->used);
	if (!sp)
		return -ENOMEM;
	/* What links dropped or compared took long: the walk may be outdated. */
	if (vm->shadow.breaths != breaths)
		return -ERESTART;
	if (r == -EFAULT) {
		unsigned int i = (gva >> PAGE_SHIFT) & 511;

		shadow_clear(vm, sp, i);
		shadow_mark(sp, i, vm->shadow.absent);
		return -ENXIO;
	}
	fill(vm, sp, &w, gva);
	return 0;
}

/*
 * Serves a page fault that the processor reported at gva with its error code.
 * Returns 0: the shadow was filled, repeat; 1: the guest's own fault with
 * *guest_error; -ENXIO: no memory at vcpu->fault_gpa; -EFAULT: tables outside
 * memory, or memory that the launcher no longer has; -ENOMEM. May sleep.
 */
int shadow_fault(struct rl_vcpu *vcpu, gva_t gva, u32 error, u32 *guest_error)
{
	struct rl_vm *vm = vcpu->vm;
	unsigned int slot = pgd_slot(gva);
	int r;

	*guest_error = error & ~FAULT_RSVD;
	if (slot == RL_WINDOW_SLOT || slot == RL_ALIAS_SLOT)
		return 1;
	do {
		if (!shadow_refill(&vm->shadow))
			return -ENOMEM;
		mmu_lock(vm);
		if (vm->shadow.pages + ARRAY_SIZE(vm->shadow.spare) >
		    vm->shadow.limit)
			shadow_zap_all(vm);
		r = fault_known(vcpu, gva, error, guest_error);
		mmu_unlock(vm);
	} while (r == -ERESTART || (r == -EAGAIN && !(r = memory_fault_in(vm))));
	return r == -EINTR ? -EFAULT : r;
}

/*
 * An empty shadow, or -ENOMEM. The memory slots are known.
 *
 * The hash grows with the guest, but not without end: a launcher may tell of memory
 * that it never uses. 64 GB full of tables make chains of 32.
 */
int shadow_create(struct rl_vm *vm)
{
	struct shadow *s = &vm->shadow;
	u64 npages = 0;

	for (int i = 0; i < RL_MEMORY_SLOTS; i++)
		npages += vm->slots[i].npages;
	/* A page of tables for eight of memory is more than Linux ever uses. */
	s->limit = max_t(unsigned long, 1024, npages / 8);
	s->hash_bits = min(order_base_2(s->limit), 16);
	/* The guest chooses the keys; it shall not choose where they meet. */
	s->hash_factor = get_random_u64() | 1;
	s->hash = kvcalloc(1UL << s->hash_bits, sizeof(*s->hash),
			   GFP_KERNEL_ACCOUNT);
	if (!s->hash)
		return -ENOMEM;
	INIT_LIST_HEAD(&s->roots);
	return 0;
}
