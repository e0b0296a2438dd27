/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the attacks in tests/soak share: a VM whose guest is a few bytes that write
 * MARK into page after page for ever, and a victim, a process of root's whose pages
 * must stay its own. Programs that use it end with err(3) where the host refuses.
 */
#ifndef RINGLET_TESTS_RAW_VM_H
#define RINGLET_TESTS_RAW_VM_H

#include <stddef.h>
#include <stdint.h>
#include "../../../abi/guest.h"
#include "../../../abi/ringlet.h"

#define PAGE	4096UL
#define TABLES	0x1000UL	/* GPA: PML4, PDPT, PD, PT in a row */
#define CODE	0x6000UL	/* GPA and GVA */
#define DATA	0x10000UL	/* GPA and GVA: the first page that is free */
#define MARK	0xa5

struct vm {
	int fd, vcpu;
	size_t bytes;
	struct rl_run *run;
	unsigned char *memory;
	volatile int stop, killed;
};

/* What the parties tell each other; in shared memory. */
struct shared {
	volatile uint64_t stop, checks, spoiled, vms, killed, runs, busy, rounds;
	volatile uint64_t done[16];
};
struct shared *shared_create(void);

/* bytes: of the guest's memory, 2 MB at most. */
void vm_create(struct vm *vm, int device, size_t bytes);
/* Its page tables (GVA = GPA) and its code, once more. */
void vm_write_guest(struct vm *vm);
/* It starts over; it will write to `pages` pages from GPA `first` on. */
void vm_start(struct vm *vm, uint64_t first, uint64_t pages);

/*
 * A process that takes fresh pages, on pCPU `cpu` (-1: any), puts a pattern there and
 * looks whether it stays, until shared->stop. Its pid.
 */
int victim_start(struct shared *shared, int cpu);
/* On pCPU cpu from now on. */
void pin(int cpu);
/* From now on without any rank: uid and gid 1000. The device. */
int become_nobody_and_open(void);

#endif
