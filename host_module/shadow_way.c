// SPDX-License-Identifier: GPL-2.0
/*
 * Ways: what a fault found of the guest's tables and of their shadow above the last
 * level, so that the next fault or flush in the same 2 MB need not look for it.
 *
 * A processor keeps such ways, too, and may use them until a flush. Here nothing is ever
 * older than a walk would be, so no flush has to know of them: a way is good as long as
 * - the three entries of the guest's that lead there are what they were: each is read
 *   again, and has A, as a walk leaves it;
 * - the pages that hold them are the same: the host has not begun to take any page away;
 * - no link of the shadow has changed: shadow.changes counts them all.
 * Then a walk would come to the same table, and a comparison would find each link right.
 *
 * Everything here runs under the locks of the tree (shadow.c). Nothing of a way is
 * followed before it is known to be good.
 */
#include <linux/mm.h>
#include "shadow_page.h"
#include "vcpu.h"
#include "walk.h"

static struct shadow_way *place_of(struct rl_vcpu *vcpu, gva_t gva)
{
	return &vcpu->view.ways[(gva >> WAY_SHIFT) & (SHADOW_WAYS - 1)];
}

/* The way to gva from the current root, which is as good as a walk; or NULL. */
struct shadow_way *shadow_way_find(struct rl_vcpu *vcpu, gva_t gva)
{
	struct shadow_way *way = place_of(vcpu, gva);
	const struct rl_vm *vm = vcpu->vm;

	if (way->root != vcpu->view.current_root ||
	    way->region != gva >> WAY_SHIFT ||
	    way->changes != vm->shadow.changes ||
	    way->invalidations != vm->invalidations)
		return NULL;
	for (int i = 0; i < ARRAY_SIZE(way->at); i++)
		if (READ_ONCE(*way->at[i]) != way->entry[i])
			return NULL;
	return way;
}

/* A walk for gva led to sp, a shadow page of level 1, and its links are set. */
void shadow_way_note(struct rl_vcpu *vcpu, gva_t gva, const struct walk *w,
		     struct shadow_page *sp)
{
	struct shadow_way *way = place_of(vcpu, gva);
	struct rl_vm *vm = vcpu->vm;
	u64 all = ~0ULL, any = 0;

	way->root = NULL;
	/* A page that is being taken away may still be known: one that began before is
	   not seen by its number. */
	if (w->level != 1 || vm->invalidating)
		return;
	for (int i = 0; i < ARRAY_SIZE(way->at); i++) {
		const struct walk_step *s = &w->step[i + 2];

		way->at[i] = &s->table[s->index];
		way->entry[i] = s->entry;
		all &= s->entry;
		any |= s->entry;
	}
	/* The guest changed an entry while A was to be set in it. */
	if (!(all & PTE_A))
		return;
	way->access = (all & (PTE_W | PTE_U)) | (any & PTE_NX);
	way->table = w->step[1].table;
	way->sp = sp;
	way->region = gva >> WAY_SHIFT;
	way->changes = vm->shadow.changes;
	way->invalidations = vm->invalidations;
	way->root = vcpu->view.current_root;
}
