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
 * - every shadow page has at least one parent, or is being linked, or is retired.
 *
 * Owner: the holder of the tree's lock, shadow.lock, one vCPU's thread at a time;
 * level 1 entries also the MMU notifier, so everything that touches them runs under
 * vm->mmu_lock and does not sleep. A guest decides how much there is to do, so mmu_lock
 * is dropped in between (mmu_breathe()), and then two things may be different: a level
 * 1 entry is gone, and a page is not known, so that a pointer into a guest's table is
 * not valid. The tree itself is as it was: the notifier does not touch it. shadow_lock()
 * takes both. The vCPU's own lock is outside of them; waiting for memory, or for vCPUs
 * to leave the guest, is done in neither.
 *
 * Other vCPUs are in the guest meanwhile, and walk what is changed here. Each entry
 * into the guest flushes the TLB, so of what is removed they have at most what they
 * found before; a page of entries is not used for anything else before they have left
 * (shadow_page.c), and who promises more than that to a guest, a flush for other vCPUs,
 * waits for them (vcpus_leave()). What is added or compared anew can make what
 * another vCPU sees newer, never older: it is read from the guest's tables under the
 * lock that a comparison takes later.
 *
 * Nine files: shadow_rmap.c (from a page to the entries that map it), shadow_leaf.c
 * (entries of level 1), shadow_page.c (pages), shadow_entry.c (what an entry must be),
 * shadow_way.c (ways that are remembered), shadow_look.c (what a debugger sees),
 * shadow_sync.c (flushes), shadow_root.c (roots), this one (faults).
 */
#include <linux/mm.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "memory.h"
#include "mmio.h"
#include "mmu_lock.h"
#include "shadow_page.h"
#include "vcpu.h"
#include "walk.h"

/* Neighbours of a filled entry that are filled with it, a power of two. */
#define FAULT_AROUND (1 << TOUCHED_SHIFT)

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

/* From the table of level `top` down. */
static void mark_accessed(struct walk *w, int top, bool write)
{
	for (int level = top; level >= w->level; level--) {
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

/* sp is linked for the range at base. Was it never for another one? */
static bool serves_only(struct shadow_page *sp, gva_t base)
{
	if (sp->base != base)
		sp->base = SHADOW_SEVERAL;
	return sp->base == base;
}

/* Finds or makes the shadow page below `level`, and links it at *entry. */
static struct shadow_page *link_child(struct rl_vcpu *vcpu, const struct walk *w,
				      int level, gva_t gva, u64 *entry,
				      unsigned long *used)
{
	struct rl_vm *vm = vcpu->vm;
	bool direct = level <= w->level, user = pgd_slot(gva) < 256;
	bool shared = user ? level == 3 && shadow_low_kernel(vm, gva) : level == 4;
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
			shadow_link_set(vm, entry, __pa(old->entries) | bits);
			return old;
		}
	}
	child = shadow_find(vm, gfn, level - 1, user, direct);
	if (!child) {
		child = shadow_new(vcpu, gfn, level - 1, user, direct, base);
		if (!child)
			return NULL;
	} else if (!serves_only(child, base) || !shared) {
		/*
		 * What other roots link of the kernel's part needs no look: each flush
		 * there came to it by one of them. Unless it was, or is, somewhere else
		 * as well: flushes there are not ours.
		 */
		vm->shadow.stamp++;
		shadow_sync_tree(vm, child);
	}
	child->parents++;
	shadow_link_set(vm, entry, __pa(child->entries) | bits);
	if (old)
		shadow_put(vm, old);
	else
		__set_bit(i, used);
	return child;
}

/* Those around entry `at` that cost nothing. */
static void fill_around(struct rl_vm *vm, struct shadow_page *sp,
			const struct walk *w, unsigned int at)
{
	unsigned int first = at & ~(FAULT_AROUND - 1);
	unsigned long todo = ~sp->used[first / BITS_PER_LONG] >>
			     (first % BITS_PER_LONG);

	BUILD_BUG_ON(FAULT_AROUND >= BITS_PER_LONG);
	todo &= BIT(FAULT_AROUND) - 1;
	todo &= ~BIT(at - first);
	for (; todo; todo &= todo - 1) {
		unsigned int i = first + __ffs(todo);
		u64 gpte;

		if (sp->direct) {
			shadow_direct_leaf(vm, sp, i);
			continue;
		}
		gpte = READ_ONCE(w->step[1].table[i]);
		if (gpte & PTE_P)
			shadow_copy_leaf(vm, sp, i, gpte);
		else if (sp->user)
			shadow_mark(sp, i, vm->shadow.absent);
	}
}

/*
 * The entry at gva, and perhaps those around it. Marks among these say that somebody has
 * looked before; then what the guest has added since is mostly one entry or all of them,
 * and the neighbour tells which.
 */
static void fill(struct rl_vm *vm, struct shadow_page *sp, const struct walk *w,
		 gva_t gva)
{
	unsigned int at = (gva >> PAGE_SHIFT) & 511;
	const u64 *table = w->step[1].table;

	if (sp->direct)
		shadow_direct_leaf(vm, sp, at);
	else
		shadow_copy_leaf(vm, sp, at, w->step[1].entry);
	if (sp->direct || !shadow_marked(sp, at) ||
	    (!test_bit(at ^ 1, sp->used) && READ_ONCE(table[at ^ 1]) & PTE_P))
		fill_around(vm, sp, w, at);
}

/* Can one more fault not have its pages? */
static bool is_full(const struct rl_vcpu *vcpu)
{
	const struct shadow *s = &vcpu->vm->shadow;

	return s->pages + ARRAY_SIZE(vcpu->view.spare) > s->limit;
}

/* Drops everything but the roots themselves, of all vCPUs; what is needed comes back. */
static void shadow_zap_all(struct rl_vm *vm)
{
	struct shadow_root *root;
	struct rl_vcpu *vcpu;
	unsigned int i, slot;

	for_each_vcpu(vm, vcpu, i)
		list_for_each_entry(root, &vcpu->view.roots, list)
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

/* The level 1 page for gva, with links of all levels to it; NULL: no memory. */
static struct shadow_page *link_way(struct rl_vcpu *vcpu, const struct walk *w,
				    gva_t gva)
{
	struct shadow_root *root = vcpu->view.current_root;
	struct shadow_page *sp;

	sp = link_child(vcpu, w, 4, gva, shadow_root_entry(root, pgd_slot(gva)),
			root->used);
	for (int level = 3; sp && level > 1; level--)
		sp = link_child(vcpu, w, level, gva,
				&sp->entries[(gva >> (9 * level + 3)) & 511],
				sp->used);
	return sp;
}

/*
 * One try at a fault, under shadow_lock(); -EAGAIN: a page must be faulted in; -ERESTART:
 * the way down is linked, but the lock was dropped: once more.
 */
static int fault_known(struct rl_vcpu *vcpu, gva_t gva, u32 error,
		       u32 *guest_error)
{
	u32 access = error & (FAULT_W | FAULT_U | FAULT_I);
	struct shadow_way *way = shadow_way_find(vcpu, gva);
	struct rl_vm *vm = vcpu->vm;
	unsigned long breaths = vm->breaths;
	struct shadow_page *sp;
	struct page *page;
	struct walk w;
	int r;

	if (way) {
		w.access = way->access;
		w.step[1].table = way->table;
		r = walk_last(gva, access, &w);
	} else {
		r = walk_gva(vcpu, vcpu->cr3, gva, access, &w);
	}
	if (r) {
		*guest_error = w.error;
		return r;
	}
	/* No user page in the upper half: SYSCALL tells by the sign of RCX. */
	if ((error & FAULT_U) && pgd_slot(gva) >= 256) {
		*guest_error |= FAULT_P;
		return 1;
	}
	r = memory_find(vcpu, w.gfn, &page);
	if (r == -EFAULT) {
		vcpu->fault_gpa = (w.gfn << PAGE_SHIFT) | offset_in_page(gva);
		if (!guest_serves(vcpu, &w, gva))
			return -ENXIO;
	} else if (r) {
		return r;
	}
	mark_accessed(&w, way ? 1 : 4, error & FAULT_W);
	sp = way ? way->sp : link_way(vcpu, &w, gva);
	if (!sp)
		return -ENOMEM;
	/* What links dropped or compared took long: the walk may be outdated. */
	if (vm->breaths != breaths)
		return -ERESTART;
	if (!way)
		shadow_way_note(vcpu, gva, &w, sp);
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
 * memory, or memory that the launcher no longer has; -ENOMEM; -EINTR: the thread is
 * being killed, nothing was done. May sleep.
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
		r = shadow_refill(vcpu);
		if (r)
			return r;
		if (shadow_lock(vm))
			return -EINTR;
		if (unlikely(is_full(vcpu)))
			shadow_zap_all(vm);
		/* Others may still walk what was dropped: shadow_refill() waits. */
		if (unlikely(is_full(vcpu)))
			r = -ERESTART;
		else
			r = fault_known(vcpu, gva, error, guest_error);
		shadow_unlock(vm);
		/* Other vCPUs can make each try vain. */
		if (r == -ERESTART) {
			cond_resched();
			if (fatal_signal_pending(current))
				return -EINTR;
		}
	} while (r == -ERESTART || (r == -EAGAIN && !(r = memory_fault_in(vcpu))));
	return r;
}

/* The VM is made. */
void shadow_init(struct rl_vm *vm)
{
	mutex_init(&vm->shadow.lock);
	INIT_LIST_HEAD(&vm->shadow.retired);
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
	return s->hash ? 0 : -ENOMEM;
}

/* No vCPU has a root any more, and so there is no shadow page. */
void shadow_destroy(struct rl_vm *vm)
{
	WARN_ON_ONCE(vm->shadow.pages);
	shadow_drop_pools(&vm->shadow);
	kvfree(vm->shadow.hash);
}
