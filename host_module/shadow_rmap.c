// SPDX-License-Identifier: GPL-2.0
/*
 * The reverse map: from a page to every level 1 entry of the shadow that maps it;
 * and with its help, forgetting pages that the host takes away.
 *
 * Each gfn has a list, and each level 1 entry a node (struct shadow_page), so that
 * adding and removing take no allocation and no search, however often a guest maps
 * a page: to forget one costs what the guest paid in faults to map it. (Two places
 * and a mark "there are more" took less memory, but a marked page cost a sweep
 * over all of the shadow, and a guest can mark them all.)
 *
 * Everything here runs under vm->mmu_lock; see memory.c.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include "memory.h"
#include "mmu_lock.h"
#include "shadow_page.h"
#include "vm.h"

/* Entries, pages and empty chunks that are looked at before the lock is dropped. */
#define FORGET_AT_ONCE 512

/*J: memory.reverse-map
 * The shadow maps gfns to pages; to take a page away one must know the other
 * direction, from the page to every entry that shows it. Most pages of a guest
 * are shown once or twice, in the guest kernel's map of all memory and in one
 * program; but a hostile guest can show one a million times. So each level 1 entry
 * is a link in the list of its page, made by the fault that made the entry.
 :*/

/* The page behind a level 1 entry, whose node this is, goes away. */
static void unmap(struct hlist_node *node)
{
	struct shadow_page *sp = (void *)page_private(virt_to_page(node));
	unsigned int i = node - sp->nodes;

	hlist_del(node);
	WRITE_ONCE(sp->entries[i], 0);
	__clear_bit(i, sp->used);
}

/*
 * Page i of a chunk goes; false: it had more entries than *budget, call again.
 * Between the calls it is not known, so that no entry is added.
 */
static bool forget(struct rl_vm *vm, struct memory_chunk *chunk, unsigned int i,
		   unsigned int *budget)
{
	struct memory_known *known = &chunk->pages[i];
	struct hlist_head *entries = &known->entries;

	if (known->page)
		vm->stats.pages_known--;
	known->page = NULL;
	while (!hlist_empty(entries)) {
		if (!*budget)
			return false;
		--*budget;
		unmap(entries->first);
	}
	return true;
}

/* One bite of it; how far it got, `end` when there is no more. HVAs. */
static unsigned long forget_some(struct rl_vm *vm, struct memory_slot *s,
				 unsigned long start, unsigned long end)
{
	unsigned long from = max(start, s->hva);
	unsigned long to = min(end, s->hva + (s->npages << PAGE_SHIFT));
	unsigned int budget = FORGET_AT_ONCE;

	while (from < to && budget) {
		u64 n = (from - s->hva) >> PAGE_SHIFT;
		struct memory_chunk *chunk = s->chunks[n / CHUNK_PAGES];
		u64 next = chunk ? n + 1 : round_down(n, CHUNK_PAGES) + CHUNK_PAGES;

		budget--;
		if (chunk && !forget(vm, chunk, n % CHUNK_PAGES, &budget))
			break;
		from = s->hva + (next << PAGE_SHIFT);
	}
	return from < to ? from : end;
}

/*
 * Nothing of the launcher's addresses [start, end) is known any more, and no entry
 * maps it. Takes vm->mmu_lock, and drops it in between; `may_sleep`: other tasks get
 * their turn then. The caller sees to it that nothing becomes known meanwhile.
 *
 * A slot is looked at anew for each bite: before there is a vCPU, it may be another
 * one by then.
 */
void shadow_forget(struct rl_vm *vm, unsigned long start, unsigned long end,
		   bool may_sleep)
{
	for (int i = 0; i < RL_MEMORY_SLOTS; i++) {
		unsigned long at = start;

		while (at < end) {
			mmu_lock(vm);
			at = forget_some(vm, &vm->slots[i], at, end);
			mmu_unlock(vm);
			if (may_sleep)
				cond_resched();
		}
	}
}
