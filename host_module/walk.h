/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's own page tables, and guest-virtual memory through them: see walk.c. */
#ifndef RINGLET_HOST_MODULE_WALK_H
#define RINGLET_HOST_MODULE_WALK_H

#include <linux/kvm_types.h>
#include <linux/types.h>

struct rl_vcpu;

/* One step down the guest's tables: where an entry is and what it held. */
struct walk_step {
	gfn_t gfn;		/* of the table */
	u64 *table;		/* HVA in the host kernel */
	unsigned int index;
	u64 entry;
};

struct walk {
	struct walk_step step[5];	/* [level], 4 (top) to 1 */
	int level;		/* of the leaf: 1, 2 (2 MB), 3 (1 GB) */
	gfn_t gfn;		/* of the 4 KB page at the address */
	u64 access;		/* PTE_W | PTE_U | PTE_NX, all levels together */
	u32 error;		/* for the guest's #PF when walk_gva() says so */
};

int walk_gva(struct rl_vcpu *vcpu, u64 cr3, gva_t gva, u32 access,
	     struct walk *w);
int walk_last(gva_t gva, u32 access, struct walk *w);
int guest_read(struct rl_vcpu *vcpu, gva_t gva, void *to, size_t bytes,
	       u32 access, u32 *error, gva_t *fault);
int guest_write(struct rl_vcpu *vcpu, gva_t gva, const void *from,
		size_t bytes, u32 *error, gva_t *fault);

#endif
