/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest-physical memory: slots, and the pages of the launcher's that are known. See
 * memory.c for the rules.
 */
#ifndef RINGLET_HOST_MODULE_MEMORY_H
#define RINGLET_HOST_MODULE_MEMORY_H

#include <linux/kvm_types.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#include "../abi/ringlet.h"

struct rl_vcpu;
struct rl_vm;

#define CHUNK_PAGES 512

/* What is known of a page. */
struct memory_known {
	struct page *page;		/* NULL: nothing */
	struct hlist_head entries;	/* level 1 entries that map it */
};

/* What is known of 2 MB of a slot; made when the first of its pages is. */
struct memory_chunk {
	struct memory_known pages[CHUNK_PAGES];
};

struct memory_slot {
	gfn_t base;
	u64 npages;		/* 0: unused */
	unsigned long hva;
	struct memory_chunk **chunks;	/* NULL: none of its pages is known */
};

int memory_set_slot(struct rl_vm *vm, const struct rl_memory_slot *arg);
void memory_destroy(struct rl_vm *vm);
struct memory_slot *memory_slot_of(struct rl_vm *vm, gfn_t gfn);
struct memory_known *memory_known(struct rl_vm *vm, gfn_t gfn);
struct page *memory_page(struct rl_vm *vm, gfn_t gfn);
int memory_find(struct rl_vcpu *vcpu, gfn_t gfn, struct page **page);
int memory_fault_in(struct rl_vcpu *vcpu);
struct page *memory_pin(struct rl_vm *vm, gfn_t gfn);
void memory_unpin(struct rl_vm *vm, struct page *page);

#endif
