// SPDX-License-Identifier: GPL-2.0
/*
 * Guest-physical memory: which page of the launcher stands for a gfn.
 *
 * The way back, from a page to the entries that map it, is the shadow's
 * (shadow_rmap.c); what the host takes away comes by notifier.c.
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
 * - nothing under mmu_lock sleeps, and nobody holds it for long: who has more to
 *   do than a few hundred entries calls mmu_breathe();
 * - where a page is not known, memory_find() notes it and gives -EAGAIN; the
 *   caller drops the lock, calls memory_fault_in() and starts over;
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
#include "memory.h"
#include "mmu_lock.h"
#include "vcpu.h"

#define GROUP 16
/* A gfn fits into 32 bits (struct shadow_page), and this is more than enough. */
#define MEMORY_END (1ULL << 38)

/* The slot of gfn, or NULL. Needs mmu_lock, or that there is a vCPU. */
struct memory_slot *memory_slot_of(struct rl_vm *vm, gfn_t gfn)
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
	u64 count = DIV_ROUND_UP(s->npages, CHUNK_PAGES);

	for (u64 i = 0; s->chunks && i < count; i++) {
		kfree(s->chunks[i]);
		cond_resched();
	}
	kvfree(s->chunks);
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
 * then on each gfn has at most one host page, found by one subtraction and two
 * looks into arrays: a slot of 256 GB costs nothing where the guest never was, so
 * what is known of it lies in chunks for 2 MB each, made at the first use.
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

	if (vm->vcpu_end)
		return -EBUSY;
	if (!slot_ok(vm, arg))
		return -EINVAL;
	if (new.npages) {
		new.chunks = kvcalloc(DIV_ROUND_UP(new.npages, CHUNK_PAGES),
				      sizeof(*new.chunks),
				      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!new.chunks)
			return -ENOMEM;
	}
	mmu_lock(vm);
	old = vm->slots[arg->slot];
	vm->slots[arg->slot] = new;
	mmu_unlock(vm);
	slot_free(&old);
	return 0;
}

/* --- known pages ------------------------------------------------------------- */

/* What is known of the page number `n` of a slot; NULL: nothing. Needs mmu_lock. */
static struct memory_known *known(const struct memory_slot *s, u64 n)
{
	struct memory_chunk *chunk;
	struct memory_known *k;

	n = array_index_nospec(n, s->npages);
	chunk = s->chunks[n / CHUNK_PAGES];
	if (!chunk)
		return NULL;
	k = &chunk->pages[n % CHUNK_PAGES];
	return k->page ? k : NULL;
}

/* The same of gfn, also where there is no memory. Needs mmu_lock. */
struct memory_known *memory_known(struct rl_vm *vm, gfn_t gfn)
{
	struct memory_slot *s = memory_slot_of(vm, gfn);

	return s ? known(s, gfn - s->base) : NULL;
}

/* The page of gfn if it is known, else NULL. Needs mmu_lock. */
struct page *memory_page(struct rl_vm *vm, gfn_t gfn)
{
	struct memory_known *k = memory_known(vm, gfn);

	return k ? k->page : NULL;
}

/*
 * The page of gfn. Needs mmu_lock. -EFAULT: no slot has it; -EAGAIN: it is not
 * known, call memory_fault_in() without the lock and start over.
 */
int memory_find(struct rl_vcpu *vcpu, gfn_t gfn, struct page **page)
{
	struct memory_slot *s = memory_slot_of(vcpu->vm, gfn);
	struct memory_known *k;

	if (!s)
		return -EFAULT;
	k = known(s, gfn - s->base);
	if (k) {
		*page = k->page;
		return 0;
	}
	vcpu->missing = gfn;
	return -EAGAIN;
}

static unsigned long invalidations(struct rl_vm *vm)
{
	unsigned long n;

	mmu_lock(vm);
	n = vm->invalidations;
	mmu_unlock(vm);
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
	struct memory_chunk *chunk = s->chunks[first / CHUNK_PAGES];
	bool fresh;

	first %= CHUNK_PAGES;
	mmu_lock(vm);
	fresh = vm->invalidations == seen && !vm->invalidating;
	for (int i = 0; fresh && i < count; i++) {
		if (!chunk->pages[first + i].page)
			vm->stats.pages_known++;
		chunk->pages[first + i].page = pages[i];
	}
	mmu_unlock(vm);
	for (int i = 0; i < count; i++) {
		set_page_dirty_lock(pages[i]);
		put_page(pages[i]);
	}
	return fresh;
}

/* The chunk of a slot's page number `n` exists after this, or -ENOMEM. */
static int make_chunk(struct rl_vm *vm, struct memory_slot *s, u64 n)
{
	struct memory_chunk *chunk;

	if (READ_ONCE(s->chunks[n / CHUNK_PAGES]))
		return 0;
	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	mmu_lock(vm);
	/* Another vCPU may have been faster. */
	if (!s->chunks[n / CHUNK_PAGES]) {
		s->chunks[n / CHUNK_PAGES] = chunk;
		chunk = NULL;
	}
	mmu_unlock(vm);
	kfree(chunk);
	return 0;
}

/*
 * Makes the page that memory_find() missed known, and what is around it. May
 * sleep; the caller runs in the launcher's mm and holds no lock. -EFAULT: the
 * launcher's mapping has no writable page there; -EINTR: the thread is being
 * killed; -ENOMEM.
 */
int memory_fault_in(struct rl_vcpu *vcpu)
{
	struct rl_vm *vm = vcpu->vm;
	struct memory_slot *s = memory_slot_of(vm, vcpu->missing);
	u64 n = vcpu->missing - s->base;
	u64 first = round_down(n, GROUP);
	u64 count = min_t(u64, GROUP, s->npages - first);
	struct page *pages[GROUP];

	BUILD_BUG_ON(CHUNK_PAGES % GROUP);
	/* The caller starts over, perhaps for the hundredth time. */
	if (fatal_signal_pending(current))
		return -EINTR;
	if (make_chunk(vm, s, n))
		return -ENOMEM;
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
 * The page of gfn, pinned until memory_unpin(), and counted as locked memory of the
 * launcher's. NULL: there is none, or RLIMIT_MEMLOCK allows no more. May sleep; for
 * the launcher's mm.
 */
struct page *memory_pin(struct rl_vm *vm, gfn_t gfn)
{
	struct memory_slot *s = memory_slot_of(vm, gfn);
	struct page *page;

	if (!s || account_locked_vm(vm->mm, 1, true))
		return NULL;
	if (pin_user_pages_fast(s->hva + ((gfn - s->base) << PAGE_SHIFT), 1,
				FOLL_WRITE | FOLL_LONGTERM, &page) != 1) {
		account_locked_vm(vm->mm, 1, false);
		return NULL;
	}
	return page;
}

/* Any process; the launcher may be gone. */
void memory_unpin(struct rl_vm *vm, struct page *page)
{
	unpin_user_page(page);
	account_locked_vm(vm->mm, 1, false);
}

/* Frees the slots. The VM's last user and its shadow are gone. */
void memory_destroy(struct rl_vm *vm)
{
	for (int i = 0; i < RL_MEMORY_SLOTS; i++)
		slot_free(&vm->slots[i]);
}
