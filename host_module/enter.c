// SPDX-License-Identifier: GPL-2.0
/*
 * One entry into the guest and back: what C does around the switcher.
 *
 * Everything here runs with preemption and interrupts off, so pCPU and window
 * stay the same.
 */
#include <linux/sched.h>
#include <linux/perf_event.h>
#include <linux/hw_breakpoint.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <asm/debugreg.h>
#include <asm/mce.h>
#include <asm/nospec-branch.h>
#include <asm/tlbflush.h>
#include "ringlet.h"
#include "trace.h"

static bool ibpb;
module_param(ibpb, bool, 0644);
MODULE_PARM_DESC(ibpb, "flush the branch predictors after each exit (slow; for guests that are not trusted)");

/* CR4 of a guest: see Documentation/design.md, "A world switch". */
#define CR4_OFF (X86_CR4_PGE | X86_CR4_SMAP | X86_CR4_PKE | X86_CR4_TSD | \
		 X86_CR4_PCE | X86_CR4_DE)

/*
 * Runs the host's handler for an interrupt that came in the guest. Interrupts
 * are off and stay off.
 */
void enter_reraise(u64 vector)
{
	void (*handler)(void) =
		(void *)&reraise_table[8 * array_index_nospec(vector, 256)];

	handler();
}

static void handle_machine_check(void)
{
	struct pt_regs regs = {
		.cs = 3,		/* as if from a program: killable */
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
}

/*J: enter.interrupts
 * The host's interrupts must not wait for a guest, so while one runs the real
 * interrupt flag is always on, whatever the guest believes. Each interrupt is
 * an exit; here, still with interrupts off, the vector is raised once more for
 * the host's own handler. The guest does not notice that it was away.
 :*/
static void handle_host_events(struct rl_vcpu *vcpu)
{
	u64 vector = vcpu->regs->vector & ~VECTOR_ON_ENTRY;
	u64 pending = vcpu->host->pending;

	if (unlikely(pending | (vector == 2))) {
		if (vector == 2 || (pending & PENDING_NMI)) {
			vcpu->vm->stats.nmis++;
			reraise_nmi();
		}
		if (pending & PENDING_MC)
			handle_machine_check();
	}
	if (vector >= 32 && vector < 256)
		enter_reraise(vector);
	else if (vector == 18)
		handle_machine_check();
}

/* All but DR7, which the switcher loads and clears (see breakpoints_off). */
static void load_debug_registers(struct rl_vcpu *vcpu)
{
	set_debugreg(vcpu->dr[0], 0);
	set_debugreg(vcpu->dr[1], 1);
	set_debugreg(vcpu->dr[2], 2);
	set_debugreg(vcpu->dr[3], 3);
	set_debugreg(DR6_RESERVED, 6);
}

static void store_debug_registers(struct rl_vcpu *vcpu)
{
	unsigned long dr6;

	if (vcpu->regs->vector == 1) {
		get_debugreg(dr6, 6);
		vcpu->dr6 = dr6;
		set_debugreg(DR6_RESERVED, 6);
	}
	if (hw_breakpoint_active() || vcpu->shared->dr7)
		hw_breakpoint_restore();
}

/*
 * Enters the guest once. Returns 0 when it came back, for a reason that
 * vcpu->regs->vector tells and of which the host's own part is done; -errno
 * when this pCPU cannot run it.
 */
int enter_guest(struct rl_vcpu *vcpu)
{
	struct window_host *host = vcpu->host;
	int cpu = smp_processor_id();
	u64 now;

	if (unlikely(!window_bound(vcpu, cpu))) {
		int r = window_bind(vcpu, cpu);

		if (r)
			return r;
	}
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	window_load_msrs();
	host->cr4 = cr4_read_shadow();
	host->guest_cr4 = host->cr4 & ~CR4_OFF;
	host->guest_cr3 = host->exit_cr3;
	host->pending = 0;
	vcpu->shared->host_cr3 = __native_read_cr3();
	if (unlikely(hw_breakpoint_active()))
		set_debugreg(0, 7);
	if (unlikely(vcpu->shared->dr7))
		load_debug_registers(vcpu);
	vcpu->vm->stats.entries++;
	trace_rl_entry(vcpu);
	now = rdtsc();
	vcpu->vm->stats.host_ns += now - vcpu->mark_ns;

	/* Ring 1 must not sample what the host left in the core's buffers. */
	if (boot_cpu_has_bug(X86_BUG_MDS) || boot_cpu_has_bug(X86_BUG_TAA))
		x86_clear_cpu_buffers();

	window_call(cpu);

	/* Ring 1 trains predictors in the same mode as the host's kernel. */
	if (unlikely(READ_ONCE(ibpb)) && boot_cpu_has(X86_FEATURE_IBPB))
		native_wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	vcpu->mark_ns = rdtsc();
	vcpu->vm->stats.guest_ns += vcpu->mark_ns - now;
	if (vcpu->regs->vector == 14)
		vcpu->fault_gva = native_read_cr2();
	if (unlikely(vcpu->regs->vector == 1 || vcpu->shared->dr7))
		store_debug_registers(vcpu);
	else if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
	trace_rl_exit(vcpu);
	handle_host_events(vcpu);
	shadow_follow(vcpu, host->exit_cr3);
	return 0;
}
