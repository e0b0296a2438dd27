/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vCPU: one thread that runs the guest, and serves the exits that the module
 * leaves to the launcher, until the guest ends or is stopped.
 */
#ifndef RINGLET_LAUNCHER_VCPU_H
#define RINGLET_LAUNCHER_VCPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "console.h"
#include "devices.h"
#include "gdb.h"
#include "memory.h"
#include "vm.h"

enum ending_kind {
	ENDING_NONE,		/* still running */
	ENDING_STOPPED,		/* vcpu_kick() was obeyed */
	ENDING_POWEROFF,
	ENDING_REBOOT,
	ENDING_PANIC,
	ENDING_KILLED,		/* reason: from the module */
	ENDING_OUTPUT,		/* standard output is gone; reason says why */
	ENDING_ERROR,		/* the host failed; reason says why */
};

struct ending {
	enum ending_kind kind;
	char reason[RL_KILL_REASON_SIZE];	/* one safe line, or "" */
};

struct vcpu {
	unsigned int id;
	int pcpu;			/* where it shall run, -1: anywhere */
	int fd;
	int vm_fd;			/* borrowed */
	struct rl_run *run;
	const struct guest_memory *memory;	/* borrowed */
	struct console *console;		/* borrowed */
	struct devices *devices;	/* borrowed; NULL: none */
	struct gdb *gdb;		/* borrowed; NULL: none */
	pthread_t thread;
	atomic_bool stop;		/* the thread shall end */
	int done_fd;			/* borrowed eventfd: ending is valid */
	struct ending ending;		/* written by the thread, once */
};

/* 0 or -errno. The vCPU's registers are set and the thread not yet started. */
int vcpu_create(struct vcpu *vcpu, unsigned int id, int vm_fd, int done_fd,
		const struct guest_memory *memory, struct console *console);
int vcpu_set_start(struct vcpu *vcpu, uint64_t rip, uint64_t cr3,
		   uint64_t rsi);
void vcpu_destroy(struct vcpu *vcpu);

/* Start the thread (0 or -errno), and wait a moment for its end: has it come? */
int vcpu_start(struct vcpu *vcpu);
bool vcpu_join(struct vcpu *vcpu);

/*
 * Make the thread end. It may be anywhere, also about to block where only a
 * signal gets it out: call this again until it has ended.
 */
void vcpu_kick(struct vcpu *vcpu);

/* The thread's RL_RUN returns, and is called again: also when it has none. */
void vcpu_interrupt(struct vcpu *vcpu);

/* The thread's loop, on the caller's thread. Returns with ending filled. */
void vcpu_loop(struct vcpu *vcpu);

#endif
