/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shadow of a VM's page tables, as the rest of the module sees it; shadow_page.h
 * is what its own files share. Start reading at shadow.c.
 *
 * Shadow pages are the VM's (struct shadow); the top-level tables that lead to them are
 * each vCPU's own (struct shadow_view), because two slots of them are.
 */
#ifndef RINGLET_HOST_MODULE_SHADOW_H
#define RINGLET_HOST_MODULE_SHADOW_H

#include <linux/kvm_types.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "../switcher/layout.h"
#include "paging.h"

struct rl_vcpu;
struct rl_vm;
struct shadow_page;
struct shadow_root;

/*
 * A level 1 entry of the lower half where the guest's is not present, or of the
 * upper half for a device's registers: a fault with the reserved bit, by which the
 * switcher knows whose it is. Bit 51 is reserved on every processor with less than
 * 52 bits of physical address, and no memory is where the address bits lead
 * speculatively (L1TF).
 */
#define SHADOW_ABSENT (PTE_P | PTE_ADDRESS)

#define SHADOW_ROOTS_MAX	64

/* Shadow pages that nobody uses, all entries 0; see shadow_put(). */
struct shadow_pool {
	struct hlist_head pages;
	unsigned int count;
};

struct shadow {
	struct mutex lock;	/* of the tree; see shadow.c */
	bool locked;		/* by its holder: it is */
	struct hlist_head *hash;
	unsigned int hash_bits;
	u64 hash_factor;	/* odd, and the guest's guess is as good as any */
	unsigned long pages, limit;	/* shadow pages, retired ones too: now, at most */
	u32 stamp;		/* of the comparison that is going on */
	u64 changes;		/* of links, so far: see shadow_way.c */
	struct shadow_pool leaves, inner;	/* of level 1; of the others */
	struct list_head retired;	/* oldest first; see shadow_page.c */
	unsigned int nretired;
	u64 absent;		/* SHADOW_ABSENT, or 0: see reserved_bit_faults() */
	bool low_kernel;	/* RL_INIT_LOW_KERNEL, at the last RL_HC_INIT */
};

/*
 * The way down the tables to 2 MB of addresses, as a fault found it: see shadow_way.c.
 * Empty: `root` is NULL.
 */
struct shadow_way {
	const struct shadow_root *root;
	u64 region;		/* gva >> WAY_SHIFT */
	u64 changes;		/* shadow.changes then */
	unsigned long invalidations;	/* vm->invalidations then */
	u64 *at[3], entry[3];	/* the guest's entries of levels 2 to 4 */
	u64 access;		/* of these together, as in struct walk */
	u64 *table;		/* the guest's of level 1 */
	struct shadow_page *sp;	/* and its shadow */
};

#define WAY_SHIFT	21
#define SHADOW_WAYS	8	/* a power of two */

/* A vCPU's part: its address spaces. */
struct shadow_view {
	struct list_head roots;
	unsigned int nroots;
	u64 uses;		/* of roots, so far; see shadow_root.last_use */
	bool has_dropped;	/* some root is `dropped` */
	struct shadow_root *current_root;
	/* Those that the window's stub can load: as window_shared.roots. */
	struct shadow_root *cached[SHARED_ROOT_COUNT];
	struct shadow_root *free_root;	/* one, or NULL; its tables are 0 */
	u64 alias_chain, window_chain;	/* entries of slots 508 and 256 */
	struct shadow_way ways[SHADOW_WAYS];
	struct shadow_page *spare[3];	/* by level, for link_child(), which cannot
					   sleep */
};

void shadow_init(struct rl_vm *vm);
int shadow_create(struct rl_vm *vm);
void shadow_destroy(struct rl_vm *vm);
void shadow_view_create(struct rl_vcpu *vcpu);
void shadow_view_destroy(struct rl_vcpu *vcpu);
int shadow_load(struct rl_vcpu *vcpu, u64 cr3, u64 context, u64 generation);
int shadow_fault(struct rl_vcpu *vcpu, gva_t gva, u32 error,
		 u32 *guest_error);
int shadow_flush_one(struct rl_vcpu *vcpu, gva_t gva);
int shadow_flush_user(struct rl_vcpu *vcpu);
int shadow_flush_kernel(struct rl_vcpu *vcpu);
int shadow_flush_vcpus(struct rl_vcpu *vcpu, u64 mask, u64 cr3, gva_t start,
		       gva_t end);
int shadow_drop(struct rl_vcpu *vcpu, u64 cr3);
int shadow_look(struct rl_vcpu *vcpu, gva_t gva, u64 entries[4]);
void shadow_set_chains(struct rl_vcpu *vcpu, u64 window, u64 alias);
void shadow_follow(struct rl_vcpu *vcpu, hpa_t cr3);
void shadow_forget(struct rl_vm *vm, unsigned long start, unsigned long end,
		   bool may_sleep);

#endif
