/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vCPU.
 *
 * Locking: vcpu->lock is held by every ioctl of the vCPU, RL_RUN included, so all of
 * it has one user at a time. Other threads write nothing while a guest runs but, in
 * the shared page, *irqs and the status words, by atomic operations, and timer_armed.
 */
#ifndef RINGLET_HOST_MODULE_VCPU_H
#define RINGLET_HOST_MODULE_VCPU_H

#include <linux/hrtimer.h>
#include <linux/kvm_types.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <asm/desc_defs.h>
#include <asm/tsc.h>

#include "../abi/guest.h"
#include "../abi/ringlet.h"
#include "../switcher/layout.h"
#include "decode.h"
#include "gate.h"
#include "vm.h"

struct fpstate;
struct kvm_vcpu_pv_apf_data;
struct x86_hw_tss;

#define ALIAS_PAGES 8
#define OUTSIDE		(~0ULL)		/* rl_vcpu.entered: not in the guest */

struct rl_vcpu {
	struct rl_vm *vm;
	unsigned int id;		/* its place in vm->vcpus */
	struct mutex lock;
	struct rl_run *run;		/* shared with the launcher */

	/* Pages that a window maps; see layout.h. */
	struct window_shared *shared;
	struct window_host *host;
	struct window_stack *stack;
	struct window_frame *regs;	/* = &stack->frame */
	/* Pages at the addresses of the host's IDT, GDT and TSS. */
	gate_desc *idt;
	u64 *gdt;
	struct x86_hw_tss *tss;
	u64 *alias[ALIAS_PAGES];	/* the tables that lead there */
	u64 *ldt;			/* RL_LDT_ENTRIES, once there was one; see ldt.c */
	u64 *ldt_tables[2];		/* levels 2 and 1, that lead there */
	int bound_cpu;			/* pCPU of the last window_bind(), or -1 */
	int running_cpu;		/* while between entry and exit, else -1 */
	u64 entered;			/* the epoch of that entry, or OUTSIDE */

#ifdef CONFIG_PREEMPT_NOTIFIERS
	struct preempt_notifier notifier;	/* of the thread in RL_RUN */
#endif
	u64 global;			/* CR4.PGE if an exit leaves it off, or 0 */
	struct shadow_view view;	/* its address spaces */
	struct fpstate *fpstate;	/* of the guest; see fpu.c */

	/* From RL_HC_INIT. */
	struct rl_init init;
	struct rl_shared *page;		/* the shared page, pinned, or NULL */
	struct rl_shared *old_page;	/* and the one before it */
	struct trap traps[256];

	u64 early_cr2;			/* before there is a shared page */
	u64 cr3;			/* as the guest wrote it */
	u64 cr0, cr4;			/* as the guest believes */
	struct desc_ptr gdtr, idtr;	/* what it loaded last; for SGDT */
	u16 tr;
	u64 dr[4], dr6, dr7;
	u64 loaded_dr[4];		/* what the processor gets; shared->dr7 */
	unsigned long host_dr[4];	/* while the guest has breakpoints */
	struct rl_debug debug;		/* see debug.c; flags 0: nobody debugs */
	unsigned int debug_vector;	/* of RL_EXIT_DEBUG, until RL_RUN goes on */
	u64 fault_gva;
	/* KVM's asynchronous #PF, where the host is a guest of KVM. */
	struct {
		u32 flags, token;
		struct kvm_vcpu_pv_apf_data *area;	/* of bound_cpu */
	} below;
	/* Lines that wait: the word in the shared page, once there is one. */
	unsigned long *irqs, early_irqs;
	bool halted;
	/* See park.c. `halted` is true as well. */
	bool parked;
	bool permit;			/* any thread leaves one */
	bool nmi;			/* one waits; any thread sends it */
	/* Not started, or stopped; `halted` is true as well. See start.c. */
	bool stopped;
	struct {
		spinlock_t lock;
		bool possible, requested;
		struct rl_start request;
	} start;
	struct wait_queue_head wait;
	struct hrtimer timer;
	raw_spinlock_t timer_lock;
	struct {
		u64 entries;		/* when it was last put off */
		unsigned int times;	/* with so many */
	} put_off;			/* see timer.c */

	/* A device access that the launcher is serving. */
	struct {
		struct mmio_insn insn;
		bool await_read;
	} mmio;
	gpa_t fault_gpa;		/* of a fault without memory */
	gfn_t missing;			/* where memory_find() gave -EAGAIN */
	/* A console call that the launcher is serving: RAX comes from run. */
	bool await_result;
	bool dead;			/* of all vCPUs together; see kick.c */
	bool shut_down;			/* RL_RUN has said so */
	bool split_lock;		/* the next entry may do one */
	struct rl_stats stats;		/* its part; see stats.c */
	u64 mark_ns;			/* of the last entry or exit */
	u64 left;			/* TSC at the end of the last RL_RUN */
	u64 absences, stolen, nmis;	/* see abi/guest.h */
	u64 run_delay;			/* of the thread, as far as it is in `stolen` */
};

struct rl_vcpu *vcpu_create(struct rl_vm *vm, unsigned int id);
void vcpu_destroy(struct rl_vcpu *vcpu);

/* CR2 is in the shared page, where the switcher writes it too. */
static inline __u64 *vcpu_cr2(struct rl_vcpu *vcpu)
{
	return vcpu->page ? &vcpu->page->cr2 : &vcpu->early_cr2;
}

static inline bool vcpu_in_user(const struct rl_vcpu *vcpu)
{
	return (vcpu->regs->cs & 3) == 3;
}

/* TSCs of two pCPUs may differ: time never runs backwards here. */
static inline void count_ticks(__u64 *sum, u64 from, u64 to)
{
	if (to > from)
		*sum += to - from;
}

/*
 * The vCPU was kept from running between these two values of the TSC: where that
 * was long, its guest is told. Needs vcpu->lock.
 */
static inline void vcpu_kept_waiting(struct rl_vcpu *vcpu, u64 from, u64 to)
{
	/* A second; signed, as the TSCs of two pCPUs may differ. */
	if (unlikely((s64)(to - from) >= 1000 * (s64)tsc_khz) && vcpu->page)
		WRITE_ONCE(vcpu->page->absences, ++vcpu->absences);
}

/* Does it run? For other vCPUs of the guest. Needs vcpu->lock. */
static inline void vcpu_say_preempted(struct rl_vcpu *vcpu, bool preempted)
{
	if (vcpu->page)
		WRITE_ONCE(vcpu->page->preempted, preempted);
}

#endif
