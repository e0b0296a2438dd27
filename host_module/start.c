// SPDX-License-Identifier: GPL-2.0
/*
 * Starting and stopping vCPUs. All but the first wait in RL_RUN, asleep, until the
 * guest starts them.
 *
 * A vCPU's registers are for the thread in its RL_RUN alone. So who starts another one
 * leaves a request there (start.request, under start.lock), and that thread takes it.
 */
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include "kick.h"
#include "shadow.h"
#include "start.h"
#include "vcpu.h"
#include "walk.h"

/* A request for a vCPU that has none and is stopped: 0 or -EBUSY. */
static s64 leave_request(struct rl_vcpu *vcpu, const struct rl_start *start)
{
	s64 r = -EBUSY;

	spin_lock(&vcpu->start.lock);
	if (vcpu->start.possible) {
		vcpu->start.possible = false;
		vcpu->start.request = *start;
		smp_store_release(&vcpu->start.requested, true);
		r = 0;
	}
	spin_unlock(&vcpu->start.lock);
	if (!r)
		vcpu_kick(vcpu);
	return r;
}

/*
 * RL_HC_START_VCPU: id, and the GVA of a struct rl_start. -EINVAL: no such vCPU, or
 * registers that no vCPU can have; -EFAULT; -EBUSY: it is not stopped.
 */
s64 start_vcpu(struct rl_vcpu *caller, u64 id, u64 at)
{
	struct rl_vcpu *vcpu = vm_vcpu(caller->vm, id);
	struct rl_start start;
	gva_t fault;
	u32 error;

	if (!vcpu)
		return -EINVAL;
	if (guest_read(caller, at, &start, sizeof(start), 0, &error, &fault))
		return -EFAULT;
	if (!gva_canonical(start.rip) || !gva_canonical(start.gs_base) ||
	    start.cr3 & ~(u64)PTE_ADDRESS)
		return -EINVAL;
	return leave_request(vcpu, &start);
}

/* RL_HC_STOP_VCPU: this one, until it is started again. */
void start_stop(struct rl_vcpu *vcpu)
{
	vcpu->halted = vcpu->stopped = true;
	spin_lock(&vcpu->start.lock);
	vcpu->start.possible = true;
	spin_unlock(&vcpu->start.lock);
}

static void load(struct rl_vcpu *vcpu, const struct rl_start *start)
{
	struct window_frame *f = vcpu->regs;

	*f = (struct window_frame) {
		.rip = start->rip, .rsp = start->rsp, .rdi = start->rdi,
		.cs = RL_KERNEL_CS, .ss = RL_KERNEL_SS,
		.rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED,
	};
	vcpu->stack->fs_base = 0;
	vcpu->stack->gs_base = start->gs_base;
	vcpu->stack->selectors = 0;
	if (vcpu->page)
		WRITE_ONCE(vcpu->page->vif, 0);
	WRITE_ONCE(vcpu->nmi, false);
	vcpu->halted = vcpu->stopped = false;
}

/* The vCPU is stopped: sleeps until it is started, or as a halt ends. */
void start_wait(struct rl_vcpu *vcpu)
{
	struct rl_start start;
	int r;

	wait_event_interruptible(vcpu->wait,
				 READ_ONCE(vcpu->start.requested) ||
				 READ_ONCE(vcpu->dead) ||
				 READ_ONCE(vcpu->run->immediate_exit));
	vcpu->mark_ns = rdtsc();
	spin_lock(&vcpu->start.lock);
	if (!vcpu->start.requested) {
		spin_unlock(&vcpu->start.lock);
		return;
	}
	start = vcpu->start.request;
	spin_unlock(&vcpu->start.lock);
	/* The request stays where it is if this thread is being killed. Nobody else
	   changes it: no start is possible before the next stop. */
	r = shadow_load(vcpu, start.cr3, 0, 0);
	if (r == -EINTR)
		return;
	WRITE_ONCE(vcpu->start.requested, false);
	if (r)
		rl_kill_guest(vcpu, "a vCPU started with CR3 0x%llx: no memory there",
			      (u64)start.cr3);
	else
		load(vcpu, &start);
}
