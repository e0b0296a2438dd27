// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's own page tables: what they say about an address, and access to
 * guest-virtual memory through them.
 *
 * The guest's paging is always that of a 4-level kernel with NX, write protect
 * and SMEP on and SMAP off. Everything read here is hostile: a table may lie
 * outside memory, be its own parent, or change under our eyes on another vCPU,
 * so each entry is read once and the copy is used.
 *
 * Source: SDM volume 3, 4.5 (4-level paging), 4.6 (access rights), 4.7 (error
 * code).
 */
#include <linux/mm.h>
#include "memory.h"
#include "mmu_lock.h"
#include "vcpu.h"
#include "walk.h"

static u64 reserved_bits(int level, u64 entry)
{
	u64 mask = GENMASK_ULL(51, boot_cpu_data.x86_phys_bits);

	if (level == 4)
		mask |= PTE_PS;
	else if (level > 1 && (entry & PTE_PS))
		mask |= GENMASK_ULL(9 * level + 2, 13);
	return entry & mask;
}

/*J: shadow.walk
 * A walk is what the processor's page miss handler does, in C: four tables,
 * nine bits of the address for each. The result is a verdict and, with it,
 * everything that the shadow needs to copy it: which table each entry came
 * from, how large the page is, and what all levels together allow.
 :*/

/* Looks at the entry for gva of the table of w->level. 1: a fault. */
static int look(struct walk *w, gva_t gva)
{
	struct walk_step *s = &w->step[w->level];

	s->index = (gva >> (9 * w->level + 3)) & 511;
	s->entry = READ_ONCE(s->table[s->index]);
	if (!(s->entry & PTE_P))
		return 1;
	if (reserved_bits(w->level, s->entry)) {
		w->error |= FAULT_P | FAULT_RSVD;
		return 1;
	}
	w->access = (w->access & (s->entry | PTE_NX)) | (s->entry & PTE_NX);
	return 0;
}

/* The way is there to its end: is the access allowed? */
static int judge(struct walk *w, u32 access)
{
	w->error |= FAULT_P;
	if ((access & FAULT_U) && !(w->access & PTE_U))
		return 1;
	if ((access & FAULT_W) && !(w->access & PTE_W))
		return 1;
	/* SMEP: ring 1 does not run user pages. */
	if ((access & FAULT_I) &&
	    ((w->access & PTE_NX) || (!(access & FAULT_U) && (w->access & PTE_U))))
		return 1;
	return 0;
}

/*
 * Walks the tables at cr3 for an access to gva. access: FAULT_W, FAULT_U, FAULT_I.
 * Returns 0: allowed, *w is the whole way; 1: the guest's tables say fault,
 * w->error is its error code; -EFAULT: a table lies outside memory; -EAGAIN: a
 * table's page must be faulted in first. Accessed and dirty bits are left
 * alone. Needs vm->mmu_lock, as long as *w is used.
 */
int walk_gva(struct rl_vcpu *vcpu, u64 cr3, gva_t gva, u32 access,
	     struct walk *w)
{
	gfn_t gfn = (cr3 & PTE_ADDRESS) >> PAGE_SHIFT;

	w->error = access & (FAULT_W | FAULT_U | FAULT_I);
	w->access = PTE_W | PTE_U;
	for (w->level = 4;; w->level--) {
		struct walk_step *s = &w->step[w->level];
		struct page *page;
		int r = memory_find(vcpu, gfn, &page);

		if (r)
			return r;
		s->gfn = gfn;
		s->table = page_address(page);
		if (look(w, gva))
			return 1;
		gfn = (s->entry & PTE_ADDRESS) >> PAGE_SHIFT;
		if (w->level == 1 || (s->entry & PTE_PS))
			break;
	}
	if (w->level > 1) {
		u64 mask = (1ULL << (9 * (w->level - 1))) - 1;

		gfn = (gfn & ~mask) | ((gva >> PAGE_SHIFT) & mask);
	}
	w->gfn = gfn;
	return judge(w, access);
}

/* The last step alone, where w->access and w->step[1].table are those of the way. */
int walk_last(gva_t gva, u32 access, struct walk *w)
{
	w->error = access & (FAULT_W | FAULT_U | FAULT_I);
	w->level = 1;
	if (look(w, gva))
		return 1;
	w->gfn = (w->step[1].entry & PTE_ADDRESS) >> PAGE_SHIFT;
	return judge(w, access);
}

/* Copies from or to one guest page, without sleeping. */
static int copy_known(struct rl_vcpu *vcpu, gva_t gva, void *buffer,
		      size_t bytes, u32 access, u32 *error)
{
	struct page *page;
	struct walk w;
	void *at;
	int r;

	r = walk_gva(vcpu, vcpu->cr3, gva, access, &w);
	if (r == -EAGAIN)
		return r;
	if (r) {
		*error = w.error;
		return -EFAULT;
	}
	r = memory_find(vcpu, w.gfn, &page);
	if (r)
		return r;
	at = page_address(page) + offset_in_page(gva);
	if (access & FAULT_W)
		memcpy(at, buffer, bytes);
	else
		memcpy(buffer, at, bytes);
	return 0;
}

/* Copies bytes from or to one guest page; gva and bytes stay inside it. */
static int copy_piece(struct rl_vcpu *vcpu, gva_t gva, void *buffer,
		      size_t bytes, u32 access, u32 *error)
{
	struct rl_vm *vm = vcpu->vm;
	int r;

	*error = access & (FAULT_W | FAULT_U | FAULT_I);
	if (!gva_canonical(gva) || pgd_slot(gva) == RL_WINDOW_SLOT ||
	    pgd_slot(gva) == RL_ALIAS_SLOT)
		return -EFAULT;
	do {
		mmu_lock(vm);
		r = copy_known(vcpu, gva, buffer, bytes, access, error);
		mmu_unlock(vm);
	} while (r == -EAGAIN && !(r = memory_fault_in(vcpu)));
	return r ? -EFAULT : 0;
}

static int copy_gva(struct rl_vcpu *vcpu, gva_t gva, void *buffer,
		    size_t bytes, u32 access, u32 *error, gva_t *fault)
{
	while (bytes) {
		size_t n = min_t(size_t, bytes, PAGE_SIZE - offset_in_page(gva));

		if (copy_piece(vcpu, gva, buffer, n, access, error)) {
			*fault = gva;
			return -EFAULT;
		}
		gva += n;
		buffer += n;
		bytes -= n;
	}
	return 0;
}

/*
 * Reads guest-virtual memory as ring 1 (or, with FAULT_U in access, ring 3)
 * would. Returns 0 or -EFAULT with the page fault's error code and address.
 * May sleep.
 */
int guest_read(struct rl_vcpu *vcpu, gva_t gva, void *to, size_t bytes,
	       u32 access, u32 *error, gva_t *fault)
{
	return copy_gva(vcpu, gva, to, bytes, access & ~FAULT_W, error, fault);
}

/* Writes guest-virtual memory as ring 1 would; else like guest_read(). */
int guest_write(struct rl_vcpu *vcpu, gva_t gva, const void *from,
		size_t bytes, u32 *error, gva_t *fault)
{
	return copy_gva(vcpu, gva, (void *)from, bytes, FAULT_W, error, fault);
}
