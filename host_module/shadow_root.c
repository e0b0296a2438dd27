// SPDX-License-Identifier: GPL-2.0
/*
 * Shadow roots: a top-level table for each of the guest's address spaces.
 *
 * The list of roots belongs to the holder of vcpu->lock alone; what the roots
 * link needs vm->mmu_lock, as in shadow.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/pgtable.h>
#include "ringlet.h"

hpa_t shadow_root_hpa(const struct shadow_root *root)
{
	return __pa(root->top ? root->top : root->low);
}

/* Where a slot of a root is. */
u64 *shadow_root_entry(struct shadow_root *root, unsigned int slot)
{
	return slot < 256 ? &root->low[slot] : &root->high[slot];
}

void shadow_root_clear(struct rl_vm *vm, struct shadow_root *root,
		       unsigned int slot)
{
	u64 *entry = shadow_root_entry(root, slot);
	u64 old = *entry;

	if (!old)
		return;
	WRITE_ONCE(*entry, 0);
	__clear_bit(slot, root->used);
	shadow_put(vm, shadow_page_of(old));
}

static void root_set_chains(struct rl_vm *vm, struct shadow_root *root)
{
	WRITE_ONCE(root->high[RL_WINDOW_SLOT], vm->shadow.window_chain);
	WRITE_ONCE(root->high[RL_ALIAS_SLOT], vm->shadow.alias_chain);
}

/* The vCPU moved to another pCPU, or was bound for the first time. */
void shadow_set_chains(struct rl_vm *vm, u64 window, u64 alias)
{
	struct shadow_root *root;

	vm->shadow.window_chain = window;
	vm->shadow.alias_chain = alias;
	list_for_each_entry(root, &vm->shadow.roots, lru)
		root_set_chains(vm, root);
}

static void root_release(struct shadow_root *root)
{
	if (root->high != root->low)
		free_page((unsigned long)root->high);
	free_page((unsigned long)root->low);
	free_page((unsigned long)root->top);
	kfree(root);
}

/* The next program's, or the end of it. */
static void root_retire(struct shadow *s, struct shadow_root *root)
{
	if (s->free_root)
		root_release(root);
	else
		s->free_root = root;
}

static void root_free(struct rl_vm *vm, struct shadow_root *root)
{
	struct shadow *s = &vm->shadow;
	unsigned int slot;

	for_each_set_bit(slot, root->used, 512)
		shadow_root_clear(vm, root, slot);
	if (vm->vcpu)
		for (int i = 0; i < SHARED_ROOT_COUNT; i++)
			if (vm->vcpu->shared->roots[i].cr3 ==
			    shadow_root_hpa(root))
				vm->vcpu->shared->roots[i].key =
					SHARED_ROOT_NONE;
	if (s->current_root == root)
		s->current_root = NULL;
	list_del(&root->lru);
	s->nroots--;
	root_retire(s, root);
}

/*J: shadow.roots
 * Each address space of the guest gets a root of its own, so that going back to
 * one finds it filled. The lower half is private to a root; the upper half is
 * the guest kernel's and the same everywhere, so all roots link the same shadow
 * pages there. On a host with five levels of tables, one more page on top sends
 * both ends of the address space to the two halves.
 :*/
static struct shadow_root *root_alloc(struct shadow *s)
{
	struct shadow_root *root = NULL;
	bool ok;

	swap(root, s->free_root);
	if (root)
		return root;
	root = kzalloc(sizeof(*root), GFP_KERNEL_ACCOUNT);
	if (!root)
		return NULL;
	root->low = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	root->high = root->low;
	ok = root->low;
	if (pgtable_l5_enabled()) {
		root->high = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		root->top = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		ok = ok && root->high && root->top;
	}
	if (!ok) {
		root_release(root);
		return NULL;
	}
	if (root->top) {
		root->top[0] = __pa(root->low) | SHADOW_LINK | PTE_W | PTE_U;
		root->top[511] = __pa(root->high) | SHADOW_LINK | PTE_W;
	}
	return root;
}

/* Links what another root already has of the guest kernel's half. */
static void root_prefill(struct rl_vm *vm, struct shadow_root *root,
			 const struct shadow_root *other)
{
	unsigned int slot = 257;

	for_each_set_bit_from(slot, other->used, 512) {
		u64 gpte = shadow_guest_entry(vm, root->gfn, slot);
		struct shadow_page *child = shadow_page_of(other->high[slot]);

		/* What served another slot first waits for its fault. */
		if (!shadow_child_matches(child, gpte, 4) ||
		    child->base != RL_SLOT_ADDRESS(slot))
			continue;
		child->parents++;
		__set_bit(slot, root->used);
		WRITE_ONCE(root->high[slot],
			   __pa(child->entries) | SHADOW_LINK |
			   (gpte & (PTE_W | PTE_NX)));
	}
}

static void root_add(struct rl_vm *vm, struct shadow_root *root)
{
	struct shadow *s = &vm->shadow;

	if (s->nroots >= SHADOW_ROOTS_MAX)
		root_free(vm, list_last_entry(&s->roots, struct shadow_root,
					      lru));
	root_set_chains(vm, root);
	if (s->current_root)
		root_prefill(vm, root, s->current_root);
	list_add(&root->lru, &s->roots);
	s->nroots++;
}

static struct shadow_root *root_find(struct shadow *s, gfn_t gfn)
{
	struct shadow_root *root;

	list_for_each_entry(root, &s->roots, lru)
		if (root->gfn == gfn)
			return root;
	return NULL;
}

/*
 * Makes the address space at cr3 (as the guest wrote it) the current one.
 * context and generation: see RL_HC_SET_CR3; context 0 means that the guest
 * tells nothing, so the lower half is compared each time. 0 or -errno.
 */
int shadow_load(struct rl_vcpu *vcpu, u64 cr3, u64 context, u64 generation)
{
	struct rl_vm *vm = vcpu->vm;
	struct shadow *s = &vm->shadow;
	gfn_t gfn = (cr3 & PTE_ADDRESS) >> PAGE_SHIFT;
	struct shadow_root *root, *new = NULL;
	struct window_root *cached;
	struct page *page;
	int r;

	do {
		mmu_lock(vm);
		r = memory_find(vm, gfn, &page);
		mmu_unlock(vm);
	} while (r == -EAGAIN && !(r = memory_fault_in(vm)));
	if (r)
		return r == -ENOMEM ? r : -EFAULT;
	root = root_find(s, gfn);
	if (!root) {
		new = root_alloc(s);
		if (!new)
			return -ENOMEM;
		new->gfn = gfn;
	}
	mmu_lock(vm);
	if (new) {
		root = new;
		root_add(vm, root);
	} else if (!context || root->context != context ||
		   root->generation != generation) {
		shadow_sync_root(vm, root);
	}
	mmu_unlock(vm);
	root->context = context;
	root->generation = generation;
	list_move(&root->lru, &s->roots);
	s->current_root = root;
	vcpu->cr3 = cr3 & ~BIT_ULL(63);
	vcpu->host->exit_cr3 = shadow_root_hpa(root);
	cached = &vcpu->shared->roots[cr3 & (SHARED_ROOT_COUNT - 1)];
	cached->key = context ? vcpu->cr3 : SHARED_ROOT_NONE;
	cached->cr3 = shadow_root_hpa(root);
	return 0;
}

/* The window's stub switched roots by itself: cr3 was loaded at the exit. */
void shadow_follow(struct rl_vcpu *vcpu, hpa_t cr3)
{
	struct shadow *s = &vcpu->vm->shadow;
	struct shadow_root *root;

	if (likely(s->current_root && shadow_root_hpa(s->current_root) == cr3))
		return;
	list_for_each_entry(root, &s->roots, lru) {
		if (shadow_root_hpa(root) != cr3)
			continue;
		list_move(&root->lru, &s->roots);
		s->current_root = root;
		for (int i = 0; i < SHARED_ROOT_COUNT; i++)
			if (vcpu->shared->roots[i].cr3 == cr3 &&
			    vcpu->shared->roots[i].key != SHARED_ROOT_NONE)
				vcpu->cr3 = vcpu->shared->roots[i].key;
		return;
	}
	rl_kill_guest(vcpu, "left with an unknown page table root");
}

/* The guest frees the table at cr3. */
void shadow_drop(struct rl_vcpu *vcpu, u64 cr3)
{
	struct shadow *s = &vcpu->vm->shadow;
	struct shadow_root *root, *next;

	mmu_lock(vcpu->vm);
	list_for_each_entry_safe(root, next, &s->roots, lru)
		if (root->gfn == (cr3 & PTE_ADDRESS) >> PAGE_SHIFT &&
		    root != s->current_root)
			root_free(vcpu->vm, root);
	mmu_unlock(vcpu->vm);
}

/* Drops all roots and with them all shadow pages. The guest never runs again. */
void shadow_destroy(struct rl_vm *vm)
{
	struct shadow_root *root, *next;

	if (!vm->shadow.roots.next)
		return;
	mmu_lock(vm);
	list_for_each_entry_safe(root, next, &vm->shadow.roots, lru)
		root_free(vm, root);
	mmu_unlock(vm);
	if (vm->shadow.free_root)
		root_release(vm->shadow.free_root);
	shadow_drop_spares(&vm->shadow);
	kvfree(vm->shadow.hash);
	WARN_ON_ONCE(vm->shadow.pages);
}
