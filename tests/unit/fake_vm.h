/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A module that is not there: the functions of launcher/vm.h, with a guest
 * written in C. A test sets fake_guest to what RL_RUN shall do.
 */
#ifndef RINGLET_TESTS_FAKE_VM_H
#define RINGLET_TESTS_FAKE_VM_H

#include <stdatomic.h>

#include "launcher/vm.h"

#define FAKE_VM_FDS 128

struct fake_vm {
	/* One RL_RUN: fills run and returns 0, or returns -errno. */
	int (*guest)(struct rl_run *run);
	/* The same of all vCPUs but the first; NULL: they sleep. */
	int (*second)(struct rl_run *run);
	unsigned int vcpu_error_from;	/* vcpu_error is for ids from here on */
	int open_error;		/* -errno of opening the device, or 0 */
	/* The same of the calls, by what they ask for. */
	int info_error, create_error, memory_error, vcpu_error, regs_error, debug_error,
		stats_error, kick_error, shadow_error;
	struct rl_info info;
	struct rl_memory_slot slot;	/* the last one that was set */
	struct rl_regs regs;
	struct rl_debug debug;
	__u64 traps[256];	/* handlers */
	struct rl_shadow shadow;	/* of any address */
	struct rl_stats stats;
	atomic_int raised[RL_IRQ_COUNT];	/* how often each line was */
	atomic_int runs;
	atomic_uint status[RL_IRQ_COUNT];	/* the words of InterruptStatus;
					   tests set bits, RL_FD_CLEAR clears */
	/* What was registered, in order. */
	struct rl_ioeventfd kicks[FAKE_VM_FDS];
	struct rl_irqfd irqfds[FAKE_VM_FDS];
	unsigned int kick_count, irqfd_count;
	int *device_fd;		/* if set: gets what opening the device gave */
	int vms, vcpus;		/* made in all */
	int open_fds;		/* made and not yet closed, vCPUs only */
};

extern struct fake_vm fake_vm;

/* As new: a module of the right version, and a guest that powers off. */
void fake_vm_reset(void);

/* The guest's memory at gpa; only what slot 0 covers. */
void *fake_vm_memory(__u64 gpa);

#endif
