// SPDX-License-Identifier: GPL-2.0
/*
 * How entries of level 1 change: those that map pages, and marks.
 *
 * Everything here runs under the locks of the tree (shadow.c). The MMU notifier removes
 * entries as well (shadow_rmap.c).
 */
#include <linux/mm.h>
#include <linux/io.h>
#include "memory.h"
#include "shadow_page.h"

/* Entry i of a level 1 page maps nothing from now on. */
void shadow_remove_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i)
{
	if (!__test_and_clear_bit(i, sp->used))
		return;
	WRITE_ONCE(sp->entries[i], 0);
	vm->stats.shadow_zaps++;
	hlist_del(&sp->nodes[i]);
}

/* All of them. */
void shadow_remove_leaves(struct rl_vm *vm, struct shadow_page *sp)
{
	for (unsigned int first = 0; first < 512; first += BITS_PER_LONG) {
		unsigned long bits = sp->used[first / BITS_PER_LONG];

		sp->used[first / BITS_PER_LONG] = 0;
		vm->stats.shadow_zaps += hweight_long(bits);
		for (; bits; bits &= bits - 1) {
			unsigned int i = first + __ffs(bits);

			WRITE_ONCE(sp->entries[i], 0);
			hlist_del(&sp->nodes[i]);
		}
	}
}

/* Empties entry i of a level 1 page, for which the guest's is gpte. */
void shadow_clear_leaf(struct rl_vm *vm, struct shadow_page *sp,
		       unsigned int i, u64 gpte)
{
	shadow_remove_leaf(vm, sp, i);
	if (sp->user)
		shadow_mark(sp, i, gpte & PTE_P ? 0 : vm->shadow.absent);
}

/* Entry i of a level 1 page, which maps nothing, becomes a mark, or 0. */
void shadow_mark(struct shadow_page *sp, unsigned int i, u64 mark)
{
	sp->touched |= BIT(i >> TOUCHED_SHIFT);
	WRITE_ONCE(sp->entries[i], mark);
}

/*
 * Entry i of a level 1 page maps a known page from now on, perhaps as before. It is a link
 * in the list of its page: so adding and removing take no search.
 */
static inline void set_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i,
			    u64 rights, struct memory_known *known)
{
	if (!__test_and_set_bit(i, sp->used))
		hlist_add_head(&sp->nodes[i], &known->entries);
	WRITE_ONCE(sp->entries[i], page_to_phys(known->page) | rights);
	vm->stats.shadow_fills++;
}

/* Entry i of a level 1 page becomes what the guest's gpte says, if that can be. */
void shadow_copy_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i,
		      u64 gpte)
{
	gfn_t gfn = (gpte & PTE_ADDRESS) >> PAGE_SHIFT;
	u64 rights = shadow_leaf_rights(gpte, sp->user);
	struct memory_known *known = rights ? memory_known(vm, gfn) : NULL;

	if (!known) {
		shadow_clear_leaf(vm, sp, i, gpte);
		return;
	}
	if (test_bit(i, sp->used) && sp->gfns[i] != gfn)
		shadow_remove_leaf(vm, sp, i);
	sp->gfns[i] = gfn;
	set_leaf(vm, sp, i, rights, known);
}

/* Entry i of one that splits a large page, if the page is known. */
void shadow_direct_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i)
{
	struct memory_known *known = memory_known(vm, sp->gfn + i);
	u64 rights = PTE_P | PTE_A | PTE_D | PTE_W | (sp->user ? PTE_U : 0);

	if (known)
		set_leaf(vm, sp, i, rights, known);
}
