// SPDX-License-Identifier: GPL-2.0
/*
 * Shadow roots: a top-level table for each of the guest's address spaces.
 *
 * A vCPU's roots are its own: it alone makes, uses and frees them, holder of vcpu->lock.
 * Their list changes under the lock of the tree, so that who holds that can look
 * through all vCPUs' roots; what they link changes as in shadow.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/pgtable.h>
#include "kick.h"
#include "memory.h"
#include "mmu_lock.h"
#include "shadow_page.h"
#include "vcpu.h"

static void root_set_chains(const struct shadow_view *view,
			    struct shadow_root *root)
{
	WRITE_ONCE(root->high[RL_WINDOW_SLOT], view->window_chain);
	WRITE_ONCE(root->high[RL_ALIAS_SLOT], view->alias_chain);
}

/* The vCPU moved to another pCPU, or was bound for the first time. */
void shadow_set_chains(struct rl_vcpu *vcpu, u64 window, u64 alias)
{
	struct shadow_view *view = &vcpu->view;
	struct shadow_root *root;

	view->window_chain = window;
	view->alias_chain = alias;
	list_for_each_entry(root, &view->roots, list)
		root_set_chains(view, root);
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
static void root_retire(struct shadow_view *view, struct shadow_root *root)
{
	if (view->free_root)
		root_release(root);
	else
		view->free_root = root;
}

/*
 * Place i of the window's cache holds this root from now on; NULL: none. No other place
 * does: by its root alone shadow_follow() knows which one the window's stub loaded, and
 * with it the CR3 that the guest wrote.
 */
static void cache_root(struct rl_vcpu *vcpu, unsigned int i, u64 key,
		       struct shadow_root *root)
{
	for (unsigned int other = 0; root && other < SHARED_ROOT_COUNT; other++)
		if (other != i && vcpu->view.cached[other] == root)
			cache_root(vcpu, other, 0, NULL);
	vcpu->view.cached[i] = root;
	vcpu->shared->roots[i] = (struct window_root) {
		.key = root ? key : SHARED_ROOT_NONE,
		.cr3 = root ? shadow_root_hpa(root) : 0,
	};
}

static void root_free(struct rl_vcpu *vcpu, struct shadow_root *root)
{
	struct shadow_view *view = &vcpu->view;
	unsigned int slot;

	for_each_set_bit(slot, root->used, 512)
		shadow_root_clear(vcpu->vm, root, slot);
	for (int i = 0; i < SHARED_ROOT_COUNT; i++)
		if (view->cached[i] == root)
			cache_root(vcpu, i, 0, NULL);
	if (view->current_root == root)
		view->current_root = NULL;
	list_del(&root->list);
	view->nroots--;
	root_retire(view, root);
}

/*J: shadow.roots
 * Each address space of the guest gets a root of its own, so that going back to
 * one finds it filled. The lower half is private to a root; the upper half is
 * the guest kernel's and the same everywhere, so all roots link the same shadow
 * pages there. On a host with five levels of tables, one more page on top sends
 * both ends of the address space to the two halves.
 :*/
static struct shadow_root *root_alloc(struct shadow_view *view)
{
	struct shadow_root *root = NULL;
	bool ok;

	swap(root, view->free_root);
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

		/* What has served another slot waits for its fault. */
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

/* The root that was not used for longest. There are some. */
static struct shadow_root *root_oldest(struct shadow_view *view)
{
	struct shadow_root *root, *oldest = NULL;

	list_for_each_entry(root, &view->roots, list)
		if (!oldest || root->last_use < oldest->last_use)
			oldest = root;
	return oldest;
}

static void root_add(struct rl_vcpu *vcpu, struct shadow_root *root)
{
	struct shadow_view *view = &vcpu->view;

	if (view->nroots >= SHADOW_ROOTS_MAX)
		root_free(vcpu, root_oldest(view));
	root_set_chains(view, root);
	if (view->current_root)
		root_prefill(vcpu->vm, root, view->current_root);
	list_add(&root->list, &view->roots);
	view->nroots++;
}

static struct shadow_root *root_find(struct shadow_view *view, gfn_t gfn)
{
	struct shadow_root *root;

	list_for_each_entry(root, &view->roots, list)
		if (root->gfn == gfn)
			return root;
	return NULL;
}

/* The current one is root. */
static void use(struct shadow_view *view, struct shadow_root *root)
{
	root->last_use = ++view->uses;
	view->current_root = root;
}

/* Roots that another vCPU has emptied, but for the current one. */
static void free_dropped(struct rl_vcpu *vcpu)
{
	struct shadow_view *view = &vcpu->view;
	struct shadow_root *root, *next;

	view->has_dropped = false;
	list_for_each_entry_safe(root, next, &view->roots, list) {
		if (!root->dropped)
			continue;
		if (root == view->current_root)
			view->has_dropped = true;
		else
			root_free(vcpu, root);
	}
}

/*
 * Makes the address space at cr3 (as the guest wrote it) the current one.
 * context and generation: see RL_HC_SET_CR3; context 0 means that the guest
 * tells nothing, so the lower half is compared each time. 0 or -errno; with -EINTR,
 * for a thread that is being killed, nothing was done.
 */
int shadow_load(struct rl_vcpu *vcpu, u64 cr3, u64 context, u64 generation)
{
	struct rl_vm *vm = vcpu->vm;
	struct shadow_view *view = &vcpu->view;
	gfn_t gfn = (cr3 & PTE_ADDRESS) >> PAGE_SHIFT;
	struct shadow_root *root, *new = NULL;
	struct page *page;
	int r;

	do {
		mmu_lock(vm);
		r = memory_find(vcpu, gfn, &page);
		mmu_unlock(vm);
	} while (r == -EAGAIN && !(r = memory_fault_in(vcpu)));
	if (r)
		return r == -ENOMEM || r == -EINTR ? r : -EFAULT;
	root = root_find(view, gfn);
	if (!root) {
		new = root_alloc(view);
		if (!new)
			return -ENOMEM;
		new->gfn = gfn;
	}
	if (shadow_lock(vm)) {
		if (new)
			root_retire(view, new);
		return -EINTR;
	}
	if (new) {
		root = new;
		root_add(vcpu, root);
	} else if (!context || root->context != context ||
		   root->generation != generation || root->dropped) {
		shadow_sync_root(vm, root);
	}
	/* The most recent are found first. */
	list_move(&root->list, &view->roots);
	root->dropped = false;
	root->context = context;
	root->generation = generation;
	use(view, root);
	if (view->has_dropped)
		free_dropped(vcpu);
	shadow_unlock(vm);
	vcpu->cr3 = cr3 & ~BIT_ULL(63);
	vcpu->host->exit_cr3 = shadow_root_hpa(root);
	cache_root(vcpu, cr3 & (SHARED_ROOT_COUNT - 1), vcpu->cr3,
		   context ? root : NULL);
	return 0;
}

/* The window's stub switched roots by itself: cr3 was loaded at the exit. */
void shadow_follow(struct rl_vcpu *vcpu, hpa_t cr3)
{
	struct shadow_view *view = &vcpu->view;

	if (likely(view->current_root &&
		   shadow_root_hpa(view->current_root) == cr3))
		return;
	for (int i = 0; i < SHARED_ROOT_COUNT; i++) {
		struct shadow_root *root = view->cached[i];

		if (!root || shadow_root_hpa(root) != cr3)
			continue;
		use(view, root);
		vcpu->cr3 = vcpu->shared->roots[i].key;
		return;
	}
	rl_kill_guest(vcpu, "left with an unknown page table root");
}

/* Another vCPU's root, which that one may be using or just loading: what it leads to
   goes, it itself when that vCPU comes by. */
static void root_empty(struct rl_vm *vm, struct shadow_view *view,
		       struct shadow_root *root)
{
	unsigned int slot;

	for_each_set_bit(slot, root->used, 512)
		shadow_root_clear(vm, root, slot);
	root->dropped = true;
	view->has_dropped = true;
}

/*
 * The guest frees the table at cr3. Only a root's own vCPU frees it, and not the one
 * that it uses: the window's stub of that vCPU can load any root of its cache at any
 * time, without asking. 0 or -EINTR, as all flushes.
 */
int shadow_drop(struct rl_vcpu *vcpu, u64 cr3)
{
	gfn_t gfn = (cr3 & PTE_ADDRESS) >> PAGE_SHIFT;
	struct rl_vm *vm = vcpu->vm;
	struct shadow_root *root, *next;
	struct rl_vcpu *each;
	unsigned int i;

	if (shadow_lock(vm))
		return -EINTR;
	for_each_vcpu(vm, each, i) {
		list_for_each_entry_safe(root, next, &each->view.roots, list) {
			if (root->gfn != gfn)
				continue;
			if (each != vcpu)
				root_empty(vm, &each->view, root);
			else if (root != vcpu->view.current_root)
				root_free(vcpu, root);
		}
		mmu_breathe(vm);
	}
	shadow_unlock(vm);
	return 0;
}

/* A view without a root. The window's cache is made with it. */
void shadow_view_create(struct rl_vcpu *vcpu)
{
	INIT_LIST_HEAD(&vcpu->view.roots);
	for (int i = 0; i < SHARED_ROOT_COUNT; i++)
		cache_root(vcpu, i, 0, NULL);
}

/* Drops the vCPU's roots and what hangs on them alone. It never runs again. */
void shadow_view_destroy(struct rl_vcpu *vcpu)
{
	struct shadow_view *view = &vcpu->view;
	struct shadow_root *root, *next;

	shadow_lock_last(vcpu->vm);
	list_for_each_entry_safe(root, next, &view->roots, list)
		root_free(vcpu, root);
	shadow_unlock(vcpu->vm);
	if (view->free_root)
		root_release(view->free_root);
	shadow_drop_spares(vcpu);
}
