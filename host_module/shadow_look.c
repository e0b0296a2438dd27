// SPDX-License-Identifier: GPL-2.0
/*
 * What the shadow has for an address, as a debugger in the launcher is told it.
 *
 * The entries hold host-physical addresses, and those are nobody's outside of the module:
 * who knows where his memory lies can choose the rows that he hammers. So an entry is told
 * with its rights alone, and with the guest-physical address that it stands for, which the
 * shadow knows of each. That is also what can be compared with the guest's own tables.
 */
#include <linux/kernel.h>
#include "../abi/guest.h"
#include "../abi/ringlet.h"
#include "shadow_page.h"
#include "vcpu.h"

#define TOLD (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_NX)

static u64 told(u64 entry, gfn_t gfn)
{
	return (entry & TOLD) | (gfn << PAGE_SHIFT);
}

/* Entry i of a level 1 page. */
static u64 told_leaf(const struct shadow_page *sp, unsigned int i)
{
	u64 entry = sp->entries[i];

	if (test_bit(i, sp->used))
		return told(entry, sp->direct ? sp->gfn + i : sp->gfns[i]);
	/* Nothing but a mark is no page's and not 0. */
	return entry ? RL_SHADOW_MARK : 0;
}

/*
 * The entries that lead to gva from the current root, as in struct rl_shadow; nothing is
 * changed. Needs vcpu->lock. -EINVAL: no address, or one of the host's two slots, whose
 * tables are no shadow pages; -EINTR: the thread is being killed.
 */
int shadow_look(struct rl_vcpu *vcpu, gva_t gva, u64 entries[4])
{
	const unsigned int slot = pgd_slot(gva);
	struct shadow_root *root = vcpu->view.current_root;
	int level = 4;
	u64 entry;

	if (!gva_canonical(gva) || slot == RL_WINDOW_SLOT ||
	    slot == RL_ALIAS_SLOT)
		return -EINVAL;
	memset(entries, 0, 4 * sizeof(*entries));
	/*
	 * A vCPU that never ran has nothing to do with the tree, nor with its lock:
	 * shadow_lock() relies on that.
	 */
	if (!root)
		return 0;
	if (shadow_lock(vcpu->vm))
		return -EINTR;
	entry = *shadow_root_entry(root, slot);
	while (entry) {
		const struct shadow_page *sp = shadow_page_of(entry);
		unsigned int i;

		entries[level - 1] = told(entry, sp->gfn) |
				     (sp->direct ? RL_SHADOW_DIRECT : 0);
		level--;
		i = (gva >> (9 * level + 3)) & 511;
		if (level == 1) {
			entries[0] = told_leaf(sp, i);
			break;
		}
		entry = sp->entries[i];
	}
	shadow_unlock(vcpu->vm);
	return 0;
}
