// SPDX-License-Identifier: GPL-2.0
/*
 * The loop that runs a vCPU.
 *
 * A vCPU is driven by whichever thread of the launcher calls RL_RUN; vcpu->lock
 * makes it one at a time. Other threads only raise interrupt lines (kick.c).
 */
#include <linux/sched/signal.h>
#include <linux/wait.h>
#include <asm/msr.h>
#include <asm/segment.h>
#include "compat.h"
#include "debug.h"
#include "enter.h"
#include "exit.h"
#include "fpu.h"
#include "global_pages.h"
#include "inject.h"
#include "kick.h"
#include "ldt.h"
#include "mmio.h"
#include "park.h"
#include "run.h"
#include "shadow.h"
#include "start.h"
#include "vcpu.h"

/*
 * Is there anything that the return to the launcher's program does: signals,
 * and work that other parts of the kernel left for this thread? The launcher
 * calls RL_RUN again.
 */
static bool interrupted(const struct rl_vcpu *vcpu)
{
	return READ_ONCE(vcpu->run->immediate_exit) ||
	       read_thread_flags() & (XFER_TO_GUEST_MODE_WORK &
				      ~COMPAT_RESCHEDULE);
}

/* Takes the permit that ends it, where it is a parking. */
static bool halt_ends(struct rl_vcpu *vcpu)
{
	if (!READ_ONCE(vcpu->nmi) &&
	    (vcpu->parked ? !park_ends(vcpu) : !READ_ONCE(*vcpu->irqs)))
		return false;
	vcpu->halted = vcpu->parked = false;
	return true;
}

static void wait_for_interrupt(struct rl_vcpu *vcpu)
{
	vcpu->stats.halts++;
	vcpu_say_preempted(vcpu, vcpu->parked);
	wait_event_interruptible(vcpu->wait,
				 halt_ends(vcpu) ||
				 READ_ONCE(vcpu->dead) ||
				 READ_ONCE(vcpu->run->immediate_exit));
	vcpu_say_preempted(vcpu, false);
	vcpu->mark_ns = rdtsc();
}

/*
 * Another task's turn. A host that takes the pCPU away at other places of this thread's
 * way through the kernel says so to nobody; they are short, and few preempt there.
 */
static void give_way(struct rl_vcpu *vcpu)
{
	vcpu_say_preempted(vcpu, true);
	schedule();
	vcpu_say_preempted(vcpu, false);
}

/*
 * Enters the guest unless something must be done first. -EAGAIN: prepare() does
 * it; other -errno: this pCPU cannot run guests. With interrupts off nothing
 * can move the thread to another pCPU.
 */
static int run_once(struct rl_vcpu *vcpu)
{
	int r;

	local_irq_disable();
	WRITE_ONCE(vcpu->running_cpu, smp_processor_id());
	WRITE_ONCE(vcpu->entered, READ_ONCE(vcpu->vm->epoch));
	smp_mb();
	if (unlikely(read_thread_flags() & XFER_TO_GUEST_MODE_WORK ||
		     READ_ONCE(vcpu->dead) || vcpu->halted ||
		     READ_ONCE(vcpu->run->immediate_exit) ||
		     inject_wanted(vcpu) || inject_nmi_wanted(vcpu) ||
		     ldt_fault_wanted(vcpu)))
		r = -EAGAIN;
	else
		r = enter_guest(vcpu);
	/* Nothing of the guest's tables is used behind these. */
	smp_store_release(&vcpu->entered, OUTSIDE);
	WRITE_ONCE(vcpu->running_cpu, -1);
	local_irq_enable();
	return r;
}

/* Does what stands before an entry. 0: try it; 1 or -errno: RL_RUN ends. */
static int prepare(struct rl_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->dead)) {
		vcpu_show_end(vcpu);
		return 1;
	}
	if (interrupted(vcpu)) {
		vcpu->run->exit_reason = RL_EXIT_INTERRUPTED;
		return -EINTR;
	}
	if (vcpu->stopped) {
		start_wait(vcpu);
	} else if (vcpu->halted) {
		wait_for_interrupt(vcpu);
	} else if (read_thread_flags() & COMPAT_RESCHEDULE) {
		give_way(vcpu);
	} else if (ldt_fault_wanted(vcpu)) {
		inject_fault(vcpu, 13, true, 0);
	} else {
		inject_nmi(vcpu);
		inject_interrupts(vcpu);
	}
	return 0;
}

/*J: vcpu.loop
 * The life of a vCPU is one loop: enter the guest, find out why it came back,
 * serve that, enter again. Only when something stands before the entry is
 * anything else asked: is the guest dead, has a signal come, is it another
 * task's turn, is there an interrupt for the guest? A reason that the launcher
 * must serve ends the loop.
 :*/
static int run(struct rl_vcpu *vcpu)
{
	int r;

	for (;;) {
		r = run_once(vcpu);
		if (r == -EAGAIN)
			r = prepare(vcpu);
		else if (!r && exit_handle(vcpu) == EXIT_TO_LAUNCHER)
			r = 1;
		if (r)
			return min(r, 0);
	}
}

/* Selectors of the launcher's would be lost in the switch. */
static bool launcher_segments_plain(void)
{
	u16 ds, es, fs, gs;

	savesegment(ds, ds);
	savesegment(es, es);
	savesegment(fs, fs);
	savesegment(gs, gs);
	return !(ds | es | fs | gs);
}

/*
 * RL_RUN, in the launcher's mm with vcpu->lock held: 0 with a reason in the run page,
 * or what Documentation/abi.md says of it.
 */
int vcpu_run(struct rl_vcpu *vcpu)
{
	int r;

	if (!launcher_segments_plain())
		return -EINVAL;
	if (vcpu->shut_down)
		return -EIO;
	if (!vcpu->view.current_root && !vcpu->stopped) {
		/* SET_REGS gave the CR3 that the guest starts with. */
		r = shadow_load(vcpu, vcpu->cr3, 0, 0);
		if (r)
			return r == -ENOMEM || r == -EINTR ? r : -EINVAL;
	}
	if (vcpu->await_result) {
		vcpu->await_result = false;
		vcpu->regs->rax = READ_ONCE(vcpu->run->result);
	}
	mmio_complete(vcpu);
	debug_resume(vcpu);
	vcpu->mark_ns = rdtsc();
	vcpu_kept_waiting(vcpu, vcpu->left, vcpu->mark_ns);
	/* The thread may be another one; what it waited elsewhere is not the guest's. */
	vcpu->run_delay = compat_run_delay();
	fpu_swap(vcpu, true);
	global_pages_begin(vcpu);
	r = run(vcpu);
	global_pages_end(vcpu);
	fpu_swap(vcpu, false);
	vcpu->left = rdtsc();
	count_ticks(&vcpu->stats.host_ns, vcpu->mark_ns, vcpu->left);
	vcpu->stats.user_exits++;
	return r;
}
