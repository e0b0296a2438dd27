// SPDX-License-Identifier: GPL-2.0
/*
 * Guest-physical memory: which page of the launcher stands for a gfn.
 *
 * A slot is a range of the launcher's address space. A page becomes known when
 * the guest first needs it, and with it its aligned group of sixteen, so that
 * a guest costs what it touches. Known pages are not held: when the host's
 * memory management takes one away (swap, MADV_DONTNEED, munmap, migration),
 * it says so through the MMU notifier, and what the shadow had of it is dropped
 * before the page can become anybody else's.
 *
 * The rules, which are those of every user of MMU notifiers:
 * - a known page, the reverse map and level 1 entries change under mmu_lock;
 * - whoever uses a known page's contents holds mmu_lock meanwhile;
 * - nothing under mmu_lock sleeps. Where a page is not known, memory_find()
 *   notes it and gives -EAGAIN; the caller drops the lock, calls
 *   memory_fault_in() and starts over;
 * - a page that was looked up while an invalidation ran is looked up again, also
 *   when that began before the look-up and ended before its result was used: so
 *   invalidations are counted where they begin and where they end.
 *
 * The one page that the host uses at any time, the vCPU's shared page, is
 * pinned instead.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include "ringlet.h"

#define GROUP 16
/* The reverse map of one slot must fit into one allocation (INT_MAX bytes). */
#define MEMORY_END (1ULL << 38)
#define FORGET_AT_ONCE (1024 * PAGE_SIZE)

static struct memory_slot *slot_of(struct rl_vm *vm, gfn_t gfn)
{
	for (int i = 0; i < RL_MEMORY_SLOTS; i++) {
		struct memory_slot *s = &vm->slots[i];

		if (gfn >= s->base && gfn - s->base < s->npages)
			return s;
	}
	return NULL;
}

static void slot_free(struct memory_slot *s)
{
	kvfree(s->pages);
	kvfree(s->rmap);
	kvfree(s->many);
	memset(s, 0, sizeof(*s));
}

static bool slot_ok(struct rl_vm *vm, const struct rl_memory_slot *arg)
{
	u64 npages = arg->size >> PAGE_SHIFT;
	gfn_t base = arg->gpa >> PAGE_SHIFT;

	if (arg->slot >= RL_MEMORY_SLOTS || arg->flags ||
	    (arg->gpa | arg->size | arg->hva) & ~PAGE_MASK)
		return false;
	if (arg->gpa + arg->size < arg->gpa ||
	    arg->gpa + arg->size > MEMORY_END ||
	    arg->hva + arg->size < arg->hva ||
	    !access_ok((void __user *)arg->hva, arg->size))
		return false;
	for (int i = 0; npages && i < RL_MEMORY_SLOTS; i++) {
		struct memory_slot *s = &vm->slots[i];

		if (i != arg->slot && base < s->base + s->npages &&
		    s->base < base + npages)
			return false;
	}
	return true;
}

/*J: memory.slots
 * The guest believes in its own physical memory, from 0 up. What it gets is a
 * piece of an ordinary process: the launcher maps anonymous memory and tells
 * the module "GPA 0 to 256 MB is here". A memory slot is that sentence. From
 * then on each gfn has at most one host page, found by one subtraction and one
 * look into an array.
 :*/

/*
 * Sets or removes a slot (RL_SET_MEMORY_SLOT). Needs vm->lock and no vCPU yet.
 * Everything in arg is unchecked. Returns 0, -EINVAL (unaligned, wraps,
 * overlaps, unknown flags), -EBUSY, -ENOMEM.
 */
int memory_set_slot(struct rl_vm *vm, const struct rl_memory_slot *arg)
{
	struct memory_slot new = {
		.base = arg->gpa >> PAGE_SHIFT,
		.npages = arg->size >> PAGE_SHIFT,
		.hva = arg->hva,
	};
	struct memory_slot old;

	if (vm->vcpu)
		return -EBUSY;
	if (!slot_ok(vm, arg))
		return -EINVAL;
	if (new.npages) {
		new.pages = kvcalloc(new.npages, sizeof(*new.pages),
				     GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		new.rmap = kvcalloc(new.npages, sizeof(*new.rmap),
				    GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		new.many = kvcalloc(BITS_TO_LONGS(new.npages), sizeof(long),
				    GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!new.pages || !new.rmap || !new.many) {
			slot_free(&new);
			return -ENOMEM;
		}
	}
	spin_lock(&vm->mmu_lock);
	old = vm->slots[arg->slot];
	vm->slots[arg->slot] = new;
	spin_unlock(&vm->mmu_lock);
	slot_free(&old);
	return 0;
}

/* --- known pages ------------------------------------------------------------- */

/* The page of gfn if it is known, else NULL. Needs mmu_lock. */
struct page *memory_page(struct rl_vm *vm, gfn_t gfn)
{
	struct memory_slot *s = slot_of(vm, gfn);

	return s ? s->pages[array_index_nospec(gfn - s->base, s->npages)] : NULL;
}

/*
 * The page of gfn. Needs mmu_lock. -EFAULT: no slot has it; -EAGAIN: it is not
 * known, call memory_fault_in() without the lock and start over.
 */
int memory_find(struct rl_vm *vm, gfn_t gfn, struct page **page)
{
	struct memory_slot *s = slot_of(vm, gfn);

	if (!s)
		return -EFAULT;
	*page = s->pages[array_index_nospec(gfn - s->base, s->npages)];
	if (*page)
		return 0;
	vm->missing = gfn;
	return -EAGAIN;
}

static unsigned long invalidations(struct rl_vm *vm)
{
	unsigned long n;

	spin_lock(&vm->mmu_lock);
	n = vm->invalidations;
	spin_unlock(&vm->mmu_lock);
	return n;
}

/*
 * Makes pages known unless an invalidation ran meanwhile. `seen` was sampled before
 * the look-up. One that began after the sample counted then; one that was running
 * either runs still, or counted again when it ended, which was after the sample.
 */
static bool publish(struct rl_vm *vm, struct memory_slot *s, u64 first,
		    struct page **pages, int count, unsigned long seen)
{
	bool fresh;

	spin_lock(&vm->mmu_lock);
	fresh = vm->invalidations == seen && !vm->invalidating;
	for (int i = 0; fresh && i < count; i++) {
		if (!s->pages[first + i])
			vm->stats.pages_known++;
		s->pages[first + i] = pages[i];
	}
	spin_unlock(&vm->mmu_lock);
	for (int i = 0; i < count; i++) {
		set_page_dirty_lock(pages[i]);
		put_page(pages[i]);
	}
	return fresh;
}

/*
 * Makes the page that memory_find() missed known, and what is around it. May
 * sleep; the caller runs in the launcher's mm and holds no lock. -EFAULT: the
 * launcher's mapping has no writable page there; -EINTR: the thread is being
 * killed.
 */
int memory_fault_in(struct rl_vm *vm)
{
	struct memory_slot *s = slot_of(vm, vm->missing);
	u64 n = vm->missing - s->base;
	u64 first = round_down(n, GROUP);
	u64 count = min_t(u64, GROUP, s->npages - first);
	struct page *pages[GROUP];

	for (;;) {
		unsigned long seen = invalidations(vm);
		int got = get_user_pages_fast(s->hva + (first << PAGE_SHIFT),
					      count, FOLL_WRITE, pages);

		if (got <= 0 || first + got <= n) {
			for (int i = 0; i < got; i++)
				put_page(pages[i]);
			if (count == 1)
				return -EFAULT;
			/* Its neighbours have none: the page alone. */
			first = n;
			count = 1;
			continue;
		}
		if (publish(vm, s, first, pages, got, seen))
			return 0;
		/* Another thread may keep the launcher's mapping moving. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}

/*
 * The page of gfn, pinned until unpin_user_page(). NULL: there is none. May
 * sleep; for the launcher's mm.
 */
struct page *memory_pin(struct rl_vm *vm, gfn_t gfn)
{
	struct memory_slot *s = slot_of(vm, gfn);
	struct page *page;

	if (!s || pin_user_pages_fast(s->hva +
				      ((gfn - s->base) << PAGE_SHIFT), 1,
				      FOLL_WRITE | FOLL_LONGTERM, &page) != 1)
		return NULL;
	return page;
}

/* --- the reverse map ----------------------------------------------------------- */

/*J: memory.reverse-map
 * The shadow maps gfns to pages; to take a page away one must know the other
 * direction, from the page to every entry that shows it. Most pages of a guest
 * are shown once or twice, in the guest kernel's map of all memory and in one
 * program. So two places for each gfn are kept, and a bit that says "more",
 * in which rare case every level 1 entry goes, to come back by faults.
 :*/

/* A level 1 entry now maps gfn. Needs mmu_lock. */
void memory_rmap_add(struct rl_vm *vm, gfn_t gfn, u64 *entry)
{
	struct memory_slot *s = slot_of(vm, gfn);
	struct memory_rmap *r = &s->rmap[gfn - s->base];

	if (!r->entry[0])
		r->entry[0] = entry;
	else if (!r->entry[1])
		r->entry[1] = entry;
	else
		__set_bit(gfn - s->base, s->many);
}

/* A level 1 entry no longer maps gfn. Needs mmu_lock. */
void memory_rmap_remove(struct rl_vm *vm, gfn_t gfn, u64 *entry)
{
	struct memory_slot *s = slot_of(vm, gfn);
	struct memory_rmap *r = &s->rmap[gfn - s->base];

	if (r->entry[0] == entry)
		r->entry[0] = NULL;
	else if (r->entry[1] == entry)
		r->entry[1] = NULL;
}

static void forget(struct rl_vm *vm, struct memory_slot *s, u64 n)
{
	struct memory_rmap *r = &s->rmap[n];

	if (!s->pages[n])
		return;
	for (int i = 0; i < 2; i++) {
		if (r->entry[i])
			shadow_unmap(r->entry[i]);
		r->entry[i] = NULL;
	}
	if (__test_and_clear_bit(n, s->many))
		shadow_unmap_all(vm);
	s->pages[n] = NULL;
	vm->stats.pages_known--;
}

/* --- the MMU notifier ------------------------------------------------------------ */

static void nothing(void *unused)
{
}

/*
 * After this the vCPU has left the guest at least once since the call; with
 * its next entry it flushes its TLB.
 */
static void wait_for_exit(struct rl_vm *vm)
{
	struct rl_vcpu *vcpu = READ_ONCE(vm->vcpu);
	int cpu;

	if (!vcpu)
		return;
	/* Pairs with the barrier after running_cpu is set in run_once(). */
	smp_mb();
	cpu = READ_ONCE(vcpu->running_cpu);
	if (cpu >= 0)
		smp_call_function_single(cpu, nothing, NULL, 1);
}

/* One bite of it; how far it got, `end` when there is no more. */
static unsigned long forget_some(struct rl_vm *vm, struct memory_slot *s,
				 unsigned long start, unsigned long end)
{
	unsigned long from = max(start, s->hva);
	unsigned long to = min(end, s->hva + (s->npages << PAGE_SHIFT));
	unsigned long stop = from + FORGET_AT_ONCE;

	for (; from < to && from < stop; from += PAGE_SIZE)
		forget(vm, s, (from - s->hva) >> PAGE_SHIFT);
	return from < to ? from : end;
}

/* The slot is looked at anew for each bite: it may be another one by then. */
static void forget_range(struct rl_vm *vm, unsigned long start,
			 unsigned long end)
{
	for (int i = 0; i < RL_MEMORY_SLOTS; i++) {
		unsigned long at = start;

		while (at < end) {
			spin_lock(&vm->mmu_lock);
			at = forget_some(vm, &vm->slots[i], at, end);
			spin_unlock(&vm->mmu_lock);
		}
	}
}

static int invalidate_start(struct mmu_notifier *notifier,
			    const struct mmu_notifier_range *range)
{
	struct rl_vm *vm = container_of(notifier, struct rl_vm, notifier);

	spin_lock(&vm->mmu_lock);
	vm->invalidations++;
	vm->invalidating++;
	spin_unlock(&vm->mmu_lock);
	forget_range(vm, range->start, range->end);
	wait_for_exit(vm);
	return 0;
}

static void invalidate_end(struct mmu_notifier *notifier,
			   const struct mmu_notifier_range *range)
{
	struct rl_vm *vm = container_of(notifier, struct rl_vm, notifier);

	spin_lock(&vm->mmu_lock);
	vm->invalidations++;
	vm->invalidating--;
	spin_unlock(&vm->mmu_lock);
}

/* The launcher's address space ends: no thread can be in the guest. */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct rl_vm *vm = container_of(notifier, struct rl_vm, notifier);

	spin_lock(&vm->mmu_lock);
	vm->invalidations++;
	spin_unlock(&vm->mmu_lock);
	forget_range(vm, 0, ULONG_MAX);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = invalidate_start,
	.invalidate_range_end = invalidate_end,
	.release = release,
};

/* Starts to follow the caller's address space, which is vm->mm. */
int memory_create(struct rl_vm *vm)
{
	vm->notifier.ops = &notifier_ops;
	return mmu_notifier_register(&vm->notifier, vm->mm);
}

/* Stops to; nothing is known afterwards, and no vCPU may run. */
void memory_detach(struct rl_vm *vm)
{
	mmu_notifier_unregister(&vm->notifier, vm->mm);
	forget_range(vm, 0, ULONG_MAX);
}

/* Frees the slots. The VM's last user and its shadow are gone. */
void memory_destroy(struct rl_vm *vm)
{
	for (int i = 0; i < RL_MEMORY_SLOTS; i++)
		slot_free(&vm->slots[i]);
}
