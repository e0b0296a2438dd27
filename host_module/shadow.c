// SPDX-License-Identifier: GPL-2.0
/*
 * Shadow page tables: the tables that the processor really walks.
 *
 * The shadow is a TLB the size of memory. Entries come from page faults, which
 * copy what the guest's tables say; they go when the guest flushes
 * (shadow_sync.c). Between the two they may be stale, exactly as a TLB may be.
 *
 * Invariants:
 * - an entry is 0, or a copy of a guest entry that allowed the access then;
 * - level 2 and 3 entries point to shadow pages, never to large pages;
 * - the upper half never has U set;
 * - slots 256 and 508 of every root point to the host's own chains;
 * - every shadow page has at least one parent, or is being linked.
 *
 * Owner: the holder of vcpu->lock; level 1 entries also the MMU notifier, so
 * everything that touches them runs under vm->mmu_lock and does not sleep. The
 * vCPU is not running meanwhile, and each entry into the guest flushes the TLB,
 * so no invalidation is needed for what is removed.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/hashtable.h>
#include <linux/io.h>
#include <asm/pgtable.h>
#include "ringlet.h"

/* Neighbours of a filled entry that are filled with it, a power of two. */
#define FAULT_AROUND 16

#define LINK (PTE_P | PTE_A)

struct shadow_page *shadow_page_of(u64 entry)
{
	struct page *page = pfn_to_page((entry & PTE_ADDRESS) >> PAGE_SHIFT);

	return (struct shadow_page *)page_private(page);
}

hpa_t shadow_root_hpa(const struct shadow_root *root)
{
	return __pa(root->top ? root->top : root->low);
}

static struct hlist_head *bucket(struct shadow *s, gfn_t gfn)
{
	return &s->hash[hash_64(gfn, SHADOW_HASH_BITS)];
}

static struct shadow_page *find(struct rl_vm *vm, gfn_t gfn, int level,
				bool user, bool direct)
{
	struct shadow_page *sp;

	hlist_for_each_entry(sp, bucket(&vm->shadow, gfn), hash)
		if (sp->gfn == gfn && sp->level == level &&
		    sp->user == user && sp->direct == direct)
			return sp;
	return NULL;
}

static void page_free(struct shadow_page *sp)
{
	if (!sp)
		return;
	if (sp->entries) {
		set_page_private(virt_to_page(sp->entries), 0);
		free_page((unsigned long)sp->entries);
	}
	kfree(sp->gfns);
	kfree(sp);
}

static struct shadow_page *page_alloc(void)
{
	struct shadow_page *sp = kzalloc(sizeof(*sp), GFP_KERNEL_ACCOUNT);

	if (!sp)
		return NULL;
	sp->entries = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	sp->gfns = kcalloc(512, sizeof(*sp->gfns), GFP_KERNEL_ACCOUNT);
	if (!sp->entries || !sp->gfns) {
		page_free(sp);
		return NULL;
	}
	set_page_private(virt_to_page(sp->entries), (unsigned long)sp);
	return sp;
}

/* A fault needs three shadow pages at most, and gets them without sleeping. */
static bool refill_spares(struct shadow *s)
{
	for (int i = 0; i < ARRAY_SIZE(s->spare); i++) {
		if (!s->spare[i])
			s->spare[i] = page_alloc();
		if (!s->spare[i])
			return false;
	}
	return true;
}

static struct shadow_page *create(struct rl_vm *vm, gfn_t gfn, int level,
				  bool user, bool direct, gva_t base)
{
	struct shadow *s = &vm->shadow;
	struct shadow_page *sp = NULL;

	for (int i = 0; i < ARRAY_SIZE(s->spare) && !sp; i++)
		swap(sp, s->spare[i]);
	if (WARN_ON_ONCE(!sp))
		return NULL;
	if (level > 1 || direct) {
		kfree(sp->gfns);
		sp->gfns = NULL;
	}
	sp->gfn = gfn;
	sp->level = level;
	sp->user = user;
	sp->direct = direct;
	sp->base = base;
	hlist_add_head(&sp->hash, bucket(s, gfn));
	s->pages++;
	vm->stats.shadow_pages++;
	vm->stats.shadow_pages_peak = max(vm->stats.shadow_pages_peak,
					  vm->stats.shadow_pages);
	return sp;
}

static void put_parent(struct rl_vm *vm, struct shadow_page *sp)
{
	unsigned int i;

	if (--sp->parents)
		return;
	for_each_set_bit(i, sp->used, 512)
		shadow_clear(vm, sp, i);
	hlist_del(&sp->hash);
	page_free(sp);
	vm->shadow.pages--;
	vm->stats.shadow_pages--;
}

/* Which gfn entry i of a level 1 page maps. */
static gfn_t leaf_gfn(const struct shadow_page *sp, unsigned int i)
{
	return sp->direct ? sp->gfn + i : sp->gfns[i];
}

/* Empties entry i of sp; what it pointed to loses a parent. */
void shadow_clear(struct rl_vm *vm, struct shadow_page *sp, unsigned int i)
{
	u64 old = sp->entries[i];

	if (!old)
		return;
	WRITE_ONCE(sp->entries[i], 0);
	__clear_bit(i, sp->used);
	vm->stats.shadow_zaps++;
	if (sp->level > 1)
		put_parent(vm, shadow_page_of(old));
	else
		memory_rmap_remove(vm, leaf_gfn(sp, i), &sp->entries[i]);
}

/* Sets entry i of a level 1 page, which maps gfn from now on. */
void shadow_set_leaf(struct rl_vm *vm, struct shadow_page *sp, unsigned int i,
		     u64 entry, gfn_t gfn)
{
	if (sp->entries[i] && leaf_gfn(sp, i) != gfn)
		shadow_clear(vm, sp, i);
	if (!sp->entries[i]) {
		__set_bit(i, sp->used);
		if (sp->gfns)
			sp->gfns[i] = gfn;
		memory_rmap_add(vm, gfn, &sp->entries[i]);
	}
	WRITE_ONCE(sp->entries[i], entry);
}

/* The page behind a level 1 entry goes away; the reverse map is the caller's. */
void shadow_unmap(u64 *entry)
{
	struct shadow_page *sp = (void *)page_private(virt_to_page(entry));

	WRITE_ONCE(*entry, 0);
	__clear_bit(entry - sp->entries, sp->used);
}

/* All level 1 entries, and with them all reverse maps, become empty. */
void shadow_unmap_all(struct rl_vm *vm)
{
	struct shadow_page *sp;
	unsigned int i;
	int b;

	hash_for_each(vm->shadow.hash, b, sp, hash) {
		if (sp->level > 1)
			continue;
		for_each_set_bit(i, sp->used, 512)
			shadow_clear(vm, sp, i);
	}
}

static u64 *root_entry(struct shadow_root *root, unsigned int slot)
{
	return slot < 256 ? &root->low[slot] : &root->high[slot];
}

void shadow_root_clear(struct rl_vm *vm, struct shadow_root *root,
		       unsigned int slot)
{
	u64 *entry = root_entry(root, slot);
	u64 old = *entry;

	if (!old)
		return;
	WRITE_ONCE(*entry, 0);
	__clear_bit(slot, root->used);
	put_parent(vm, shadow_page_of(old));
}

/* --- roots --------------------------------------------------------------- */

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
	root_release(root);
}

/*J: shadow.roots
 * Each address space of the guest gets a root of its own, so that going back to
 * one finds it filled. The lower half is private to a root; the upper half is
 * the guest kernel's and the same everywhere, so all roots link the same shadow
 * pages there. On a host with five levels of tables, one more page on top sends
 * both ends of the address space to the two halves.
 :*/
static struct shadow_root *root_alloc(gfn_t gfn)
{
	struct shadow_root *root = kzalloc(sizeof(*root), GFP_KERNEL_ACCOUNT);
	bool ok;

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
		root->top[0] = __pa(root->low) | LINK | PTE_W | PTE_U;
		root->top[511] = __pa(root->high) | LINK | PTE_W;
	}
	root->gfn = gfn;
	return root;
}

/* Links what the other roots already have of the guest kernel's half. */
static void root_prefill(struct rl_vm *vm, struct shadow_root *root)
{
	struct page *page = memory_page(vm, root->gfn);
	u64 *table;

	if (!page)
		return;
	table = page_address(page);
	for (unsigned int slot = 257; slot < 512; slot++) {
		u64 gpte = READ_ONCE(table[slot]);
		struct shadow_page *child;

		if (!(gpte & PTE_P) || slot == RL_ALIAS_SLOT)
			continue;
		child = find(vm, (gpte & PTE_ADDRESS) >> PAGE_SHIFT, 3, false,
			     false);
		if (!child || child->base != RL_SLOT_ADDRESS(slot))
			continue;
		child->parents++;
		__set_bit(slot, root->used);
		WRITE_ONCE(root->high[slot],
			   __pa(child->entries) | LINK |
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
	list_add(&root->lru, &s->roots);
	s->nroots++;
	root_prefill(vm, root);
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
		spin_lock(&vm->mmu_lock);
		r = memory_find(vm, gfn, &page);
		spin_unlock(&vm->mmu_lock);
	} while (r == -EAGAIN && !memory_fault_in(vm));
	if (r)
		return -EFAULT;
	root = root_find(s, gfn);
	if (!root) {
		new = root_alloc(gfn);
		if (!new)
			return -ENOMEM;
	}
	spin_lock(&vm->mmu_lock);
	if (new) {
		root = new;
		root_add(vm, root);
	} else if (!context || root->context != context ||
		   root->generation != generation) {
		shadow_sync_root(vm, root);
	}
	spin_unlock(&vm->mmu_lock);
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

	spin_lock(&vcpu->vm->mmu_lock);
	list_for_each_entry_safe(root, next, &s->roots, lru)
		if (root->gfn == (cr3 & PTE_ADDRESS) >> PAGE_SHIFT &&
		    root != s->current_root)
			root_free(vcpu->vm, root);
	spin_unlock(&vcpu->vm->mmu_lock);
}

/* --- faults ---------------------------------------------------------------- */

/*
 * What the shadow's level 1 entry for a guest entry must be now; 0: nothing.
 * Writable only when the guest's D is set, so that the first write comes here
 * and sets it.
 */
u64 shadow_leaf(struct rl_vm *vm, u64 gpte, gfn_t gfn, bool user)
{
	struct page *page;
	u64 entry;

	if ((gpte & (PTE_P | PTE_A)) != (PTE_P | PTE_A))
		return 0;
	page = memory_page(vm, gfn);
	if (!page)
		return 0;
	entry = page_to_phys(page) | PTE_P | PTE_A | PTE_D | (gpte & PTE_NX);
	if ((gpte & PTE_W) && (gpte & PTE_D))
		entry |= PTE_W;
	if (user)
		entry |= gpte & PTE_U;
	return entry;
}

/* Permissions of a link: those of the guest's entry at the same place. */
static u64 link_bits(u64 gpte, bool user, bool leaf)
{
	u64 bits = LINK | (gpte & (PTE_W | PTE_NX));

	if (leaf && !(gpte & PTE_D))
		bits &= ~PTE_W;
	if (user)
		bits |= gpte & PTE_U;
	return bits;
}

static void mark_accessed(struct walk *w, bool write)
{
	for (int level = 4; level >= w->level; level--) {
		struct walk_step *s = &w->step[level];
		u64 want = PTE_A;

		if (write && level == w->level)
			want |= PTE_D;
		if ((s->entry & want) == want)
			continue;
		/* The guest may write the entry at the same time. */
		if (cmpxchg64(&s->table[s->index], s->entry,
			      s->entry | want) == s->entry)
			s->entry |= want;
	}
}

/* Finds or makes the shadow page below `level`, and links it at *entry. */
static struct shadow_page *link_child(struct rl_vm *vm, const struct walk *w,
				      int level, gva_t gva, u64 *entry,
				      unsigned long *used)
{
	bool direct = level <= w->level, user = pgd_slot(gva) < 256;
	u64 span = 1ULL << (9 * (level - 1));
	gva_t base = gva & ~((span << PAGE_SHIFT) - 1);
	gfn_t gfn = direct ? w->gfn & ~(span - 1) : w->step[level - 1].gfn;
	u64 bits = level >= w->level ?
		link_bits(w->step[level].entry, user, level == w->level) :
		LINK | PTE_W | (user ? PTE_U : 0);
	struct shadow_page *child, *old = NULL;
	unsigned int i = (gva >> (9 * level + 3)) & 511;

	if (*entry) {
		old = shadow_page_of(*entry);
		if (old->gfn == gfn && old->direct == direct) {
			WRITE_ONCE(*entry, __pa(old->entries) | bits);
			return old;
		}
	}
	child = find(vm, gfn, level - 1, user, direct);
	if (!child) {
		child = create(vm, gfn, level - 1, user, direct, base);
		if (!child)
			return NULL;
	} else if (!direct && (user || child->base != base)) {
		/* It served another range, whose flushes are not ours. */
		vm->shadow.stamp++;
		shadow_sync_tree(vm, child);
	}
	child->parents++;
	WRITE_ONCE(*entry, __pa(child->entries) | bits);
	if (old)
		put_parent(vm, old);
	else
		__set_bit(i, used);
	return child;
}

/* The entry at gva, and those around it that cost nothing. */
static void fill(struct rl_vm *vm, struct shadow_page *sp,
		 const struct walk *w, gva_t gva)
{
	unsigned int at = (gva >> PAGE_SHIFT) & 511;
	unsigned int first = at & ~(FAULT_AROUND - 1);
	u64 full = PTE_P | PTE_A | PTE_D | PTE_W | (sp->user ? PTE_U : 0);

	for (unsigned int i = first; i < first + FAULT_AROUND; i++) {
		gfn_t gfn = sp->gfn + i;
		u64 entry;

		if (sp->entries[i] && i != at)
			continue;
		if (sp->direct) {
			struct page *page = memory_page(vm, gfn);

			entry = page ? page_to_phys(page) | full : 0;
		} else {
			u64 gpte = READ_ONCE(w->step[1].table[i]);

			gfn = (gpte & PTE_ADDRESS) >> PAGE_SHIFT;
			entry = shadow_leaf(vm, gpte, gfn, sp->user);
		}
		if (!entry)
			continue;
		shadow_set_leaf(vm, sp, i, entry, gfn);
		vm->stats.shadow_fills++;
	}
}

/* Drops everything but the roots themselves; what is needed comes back. */
static void shadow_zap_all(struct rl_vm *vm)
{
	struct shadow_root *root;
	unsigned int slot;

	list_for_each_entry(root, &vm->shadow.roots, lru)
		for_each_set_bit(slot, root->used, 512)
			shadow_root_clear(vm, root, slot);
}

/*J: shadow.fault
 * A page fault in the guest has one of two causes. Either the guest's own
 * tables forbid the access: then the fault is the guest's, and it gets it.
 * Or they allow it and only the shadow did not know: then the guest must never
 * hear of it. The walk decides; in the second case the way down is copied, one
 * shadow page for each of the guest's tables, and the instruction is repeated.
 *
 * The accessed and dirty bits are the processor's to set, but the processor
 * walks the shadow. So they are set here, and the copy of a clean page is
 * read-only: the first write comes back as a fault and makes it dirty.
 :*/

/* One try at a fault, under mmu_lock; -EAGAIN: a page must be faulted in. */
static int fault_known(struct rl_vcpu *vcpu, gva_t gva, u32 error,
		       u32 *guest_error)
{
	struct rl_vm *vm = vcpu->vm;
	struct shadow_root *root = vm->shadow.current_root;
	struct shadow_page *sp;
	struct page *page;
	struct walk w;
	int r;

	r = walk_gva(vcpu, vcpu->cr3, gva,
		     error & (FAULT_W | FAULT_U | FAULT_I), &w);
	if (r) {
		*guest_error = w.error;
		return r;
	}
	/* No user page in the upper half: SYSCALL tells by the sign of RCX. */
	if ((error & FAULT_U) && pgd_slot(gva) >= 256) {
		*guest_error = error | FAULT_P;
		return 1;
	}
	r = memory_find(vm, w.gfn, &page);
	if (r == -EFAULT) {
		vcpu->fault_gpa = (w.gfn << PAGE_SHIFT) | offset_in_page(gva);
		return -ENXIO;
	}
	if (r)
		return r;
	if (vm->shadow.pages + ARRAY_SIZE(vm->shadow.spare) > vm->shadow.limit)
		shadow_zap_all(vm);
	mark_accessed(&w, error & FAULT_W);
	sp = link_child(vm, &w, 4, gva, root_entry(root, pgd_slot(gva)),
			root->used);
	for (int level = 3; sp && level > 1; level--)
		sp = link_child(vm, &w, level, gva,
				&sp->entries[(gva >> (9 * level + 3)) & 511],
				sp->used);
	if (!sp)
		return -ENOMEM;
	fill(vm, sp, &w, gva);
	return 0;
}

/*
 * Serves a page fault that the processor reported at gva with its error code.
 * Returns 0: the shadow was filled, repeat; 1: the guest's own fault with
 * *guest_error; -ENXIO: no memory at vcpu->fault_gpa; -EFAULT: tables outside
 * memory, or memory that the launcher no longer has; -ENOMEM. May sleep.
 */
int shadow_fault(struct rl_vcpu *vcpu, gva_t gva, u32 error, u32 *guest_error)
{
	struct rl_vm *vm = vcpu->vm;
	unsigned int slot = pgd_slot(gva);
	int r;

	*guest_error = error & ~FAULT_RSVD;
	if (slot == RL_WINDOW_SLOT || slot == RL_ALIAS_SLOT)
		return 1;
	do {
		if (!refill_spares(&vm->shadow))
			return -ENOMEM;
		spin_lock(&vm->mmu_lock);
		r = fault_known(vcpu, gva, error, guest_error);
		spin_unlock(&vm->mmu_lock);
	} while (r == -EAGAIN && !memory_fault_in(vm));
	return r == -EAGAIN ? -EFAULT : r;
}

/* --- life ------------------------------------------------------------------ */

int shadow_create(struct rl_vm *vm)
{
	struct shadow *s = &vm->shadow;
	u64 npages = 0;

	INIT_LIST_HEAD(&s->roots);
	for (int i = 0; i < RL_MEMORY_SLOTS; i++)
		npages += vm->slots[i].npages;
	/* A page of tables for eight of memory is more than Linux ever uses. */
	s->limit = max_t(unsigned long, 1024, npages / 8);
	return 0;
}

void shadow_destroy(struct rl_vm *vm)
{
	struct shadow_root *root, *next;

	for (int i = 0; i < ARRAY_SIZE(vm->shadow.spare); i++)
		page_free(vm->shadow.spare[i]);
	if (!vm->shadow.roots.next)
		return;
	list_for_each_entry_safe(root, next, &vm->shadow.roots, lru)
		root_free(vm, root);
	WARN_ON_ONCE(vm->shadow.pages);
}
