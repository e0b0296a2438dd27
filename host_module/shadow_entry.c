// SPDX-License-Identifier: GPL-2.0
/*
 * What an entry of the shadow must be, by what the guest has at the same place.
 *
 * Reads known pages, so the caller holds vm->mmu_lock; changes nothing.
 */
#include <linux/mm.h>
#include <linux/io.h>
#include "memory.h"
#include "shadow_page.h"

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
