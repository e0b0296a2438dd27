// SPDX-License-Identifier: GPL-2.0
/*
 * Guest-physical memory: which page of the launcher stands for a gfn.
 *
 * A slot is a range of the launcher's address space. Its pages are pinned when
 * the guest first needs them, in aligned groups of sixteen, so that a guest
 * costs what it touches. A pinned page has a fixed HPA and a fixed address in
 * the host kernel's direct map, so guest page tables are read without any
 * user access.
 *
 * Locks: slots change under vm->lock and only before the vCPU exists; the page
 * arrays belong to the holder of vcpu->lock.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "ringlet.h"

#define PIN_GROUP 16

static struct memory_slot *slot_of(struct rl_vm *vm, gfn_t gfn)
{
	for (int i = 0; i < RL_MEMORY_SLOTS; i++) {
		struct memory_slot *s = &vm->slots[i];

		if (gfn >= s->base && gfn - s->base < s->npages)
			return s;
	}
	return NULL;
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
	u64 npages = arg->size >> PAGE_SHIFT;
	gfn_t base = arg->gpa >> PAGE_SHIFT;
	struct memory_slot *slot;

	if (vm->vcpu)
		return -EBUSY;
	if (arg->slot >= RL_MEMORY_SLOTS || arg->flags ||
	    (arg->gpa | arg->size | arg->hva) & ~PAGE_MASK)
		return -EINVAL;
	if (arg->gpa + arg->size < arg->gpa ||
	    arg->gpa + arg->size > (1ULL << 40) ||
	    arg->hva + arg->size < arg->hva ||
	    !access_ok((void __user *)arg->hva, arg->size))
		return -EINVAL;
	for (int i = 0; i < RL_MEMORY_SLOTS; i++) {
		struct memory_slot *s = &vm->slots[i];

		if (i != arg->slot && base < s->base + s->npages &&
		    s->base < base + npages)
			return -EINVAL;
	}
	slot = &vm->slots[arg->slot];
	kvfree(slot->pages);
	memset(slot, 0, sizeof(*slot));
	if (!npages)
		return 0;
	slot->pages = kvcalloc(npages, sizeof(*slot->pages),
			       GFP_KERNEL_ACCOUNT);
	if (!slot->pages)
		return -ENOMEM;
	slot->base = base;
	slot->npages = npages;
	slot->hva = arg->hva;
	return 0;
}

/* Unpins everything. The VM's last user is gone. */
void memory_destroy(struct rl_vm *vm)
{
	for (int i = 0; i < RL_MEMORY_SLOTS; i++) {
		struct memory_slot *s = &vm->slots[i];

		for (u64 n = 0; n < s->npages; n++) {
			if (s->pages[n])
				unpin_user_pages_dirty_lock(&s->pages[n], 1,
							    true);
			if (!(n & 1023))
				cond_resched();
		}
		kvfree(s->pages);
	}
}

/* The pinned page of gfn, or NULL when there is none (yet). Never sleeps. */
struct page *memory_page_present(struct rl_vm *vm, gfn_t gfn)
{
	struct memory_slot *s = slot_of(vm, gfn);

	return s ? s->pages[gfn - s->base] : NULL;
}

/*
 * The page of gfn, pinned now if it was not. May sleep; the caller runs in the
 * launcher's mm. NULL when no slot has it or the launcher's mapping has no
 * writable page there.
 */
struct page *memory_page(struct rl_vm *vm, gfn_t gfn)
{
	struct memory_slot *s = slot_of(vm, gfn);
	u64 n, first, last;

	if (!s)
		return NULL;
	n = gfn - s->base;
	if (s->pages[n])
		return s->pages[n];
	first = round_down(n, PIN_GROUP);
	last = min(first + PIN_GROUP, s->npages);
	while (first < last) {
		u64 end;
		int got;

		if (s->pages[first]) {
			first++;
			continue;
		}
		for (end = first; end < last && !s->pages[end]; end++)
			;
		got = pin_user_pages_fast(s->hva + (first << PAGE_SHIFT),
					  end - first,
					  FOLL_WRITE | FOLL_LONGTERM,
					  &s->pages[first]);
		if (got > 0)
			vm->stats.pages_pinned += got;
		first = end;
	}
	return s->pages[n];
}
