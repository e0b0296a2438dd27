// SPDX-License-Identifier: GPL-2.0
/*
 * One entry into the guest and back: what C does around the switcher.
 *
 * Everything here runs with preemption and interrupts off, so pCPU and window
 * stay the same.
 */
#include <linux/cpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/perf_event.h>
#include <linux/hw_breakpoint.h>
#include <linux/kvm_para.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <asm/debugreg.h>
#include <asm/fpu/xcr.h>
#include <asm/mce.h>
#include <asm/nospec-branch.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include "compat.h"
#include "ringlet.h"
#include "trace.h"

static bool ibpb;		/* as asked for */
static bool must_flush;		/* ... or needed */

static int set_ibpb(const char *value, const struct kernel_param *param)
{
	bool on;
	int r = kstrtobool(value, &on);

	if (!r && on && !boot_cpu_has(X86_FEATURE_IBPB)) {
		pr_err("ibpb=1: this processor has no IBPB (update its microcode, or the hypervisor below)\n");
		return -ENODEV;
	}
	if (!r)
		WRITE_ONCE(ibpb, on);
	return r;
}

static const struct kernel_param_ops ibpb_ops = {
	.set = set_ibpb,
	.get = param_get_bool,
};
module_param_cb(ibpb, &ibpb_ops, &ibpb, 0644);
MODULE_PARM_DESC(ibpb, "flush the branch predictors after each exit (slow; for guests that are not trusted)");

/*
 * Against RETBLEED and SRSO Linux makes its predictions harmless where its own
 * entries are. An exit of a guest is none of them; so it flushes. mitigations=off
 * counts here as it does for Linux.
 */
void enter_init(void)
{
	if (!compat_untrains_at_entry() || cpu_mitigations_off())
		return;
	must_flush = boot_cpu_has(X86_FEATURE_IBPB);
	if (must_flush)
		pr_info("RETBLEED or SRSO: each exit of a guest flushes the branch predictors\n");
	if (!must_flush || compat_ibpb_incomplete())
		pr_warn("RETBLEED or SRSO without the IBPB that helps: guests can steer the host's predictions (update the microcode, or the hypervisor below)\n");
}

/*
 * What a guest keeps of the host's CR4: see Documentation/design.md, "A world
 * switch". A list of what is allowed, so that a new feature starts out off.
 */
#define CR4_KEEP (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_OSFXSR | \
		  X86_CR4_OSXMMEXCPT | X86_CR4_UMIP | X86_CR4_LA57 | \
		  X86_CR4_FSGSBASE | X86_CR4_PCIDE | X86_CR4_OSXSAVE | \
		  X86_CR4_SMEP)

/*
 * Runs the host's handler for an interrupt that came in the guest. Interrupts
 * are off before and afterwards; in between they are on, but for the handler,
 * so preemption must be off, and others may come.
 */
void enter_reraise(u64 vector)
{
	void (*handler)(void) =
		(void *)&reraise_table[RERAISE_SIZE *
				       array_index_nospec(vector, 256)];

	preempt_disable();
	trace_hardirqs_on();
	handler();
	trace_hardirqs_off();
	preempt_enable();
}

static void handle_machine_check(void)
{
	struct pt_regs regs = {
		.cs = 3,		/* as if from a program: killable */
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
}

/*
 * The host may itself be a guest of KVM, which reports a page of the host's that
 * is on a disk by a #PF of its own. It does so where CPL is not 0, and takes our
 * ring 1 and 3 for programs. That it was KVM is told by a flag alone, in the
 * host's memory, and by whoever asks first: a #PF of the host's kernel that found
 * it would be taken for KVM's, which is a panic. So it is asked at each exit
 * that a #PF can have led to, before anything can fault: for vector 14, and for
 * an NMI or a #MC that made the switcher forget a #PF (ist_entry). The error code
 * is 0, so page_fault never passes such a fault on. CR2 holds the token.
 */
static void take_fault_from_below(struct rl_vcpu *vcpu)
{
	vcpu->below.flags = kvm_read_and_reset_apf_flags();
	if (unlikely(vcpu->below.flags))
		vcpu->below.token = native_read_cr2();
}

/*
 * An NMI that came in the guest or in the switcher. Before anything that can fault
 * or hit a breakpoint: its IRET would let the next NMI in, see reraise_nmi(). (A #MC
 * could, as it could in the first instructions of any NMI's handler.)
 */
static void handle_nmi(struct rl_vcpu *vcpu)
{
	bool is_exit = (vcpu->regs->vector & ~VECTOR_ON_ENTRY) == 2;

	if (likely(!is_exit && !(vcpu->host->pending & PENDING_NMI)))
		return;
	if (is_exit)
		take_fault_from_below(vcpu);
	vcpu->vm->stats.nmis++;
	reraise_nmi();
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

	if (unlikely(vcpu->host->pending & PENDING_MC))
		handle_machine_check();
	if (vector >= 32 && vector < 256) {
		enter_reraise(vector);
		/* Long runs of a guest must not look like one long run of the
		   kernel to those who wait for every task to come by. */
		rcu_note_context_switch(false);
	}
	if (vector == 18) {
		take_fault_from_below(vcpu);
		handle_machine_check();
	}
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
	}
	set_debugreg(DR6_RESERVED, 6);
	if (hw_breakpoint_active() || vcpu->shared->dr7)
		hw_breakpoint_restore();
}

/* What enter_guest() says before anything is touched: 0, -EINVAL or -EBUSY. */
static int others_in_the_way(unsigned long cr4)
{
	u16 ldt;

	asm volatile("sldt %0" : "=r"(ldt));
	if (unlikely(ldt))
		return -EINVAL;
	/* KVM writes the MSRs of system calls, and trusts what it finds there. */
	if (unlikely(cr4 & X86_CR4_VMXE))
		return -EBUSY;
	if ((static_cpu_has(X86_FEATURE_PEBS) ||
	     static_cpu_has(X86_FEATURE_BTS)) && unlikely(trace_buffers_on()))
		return -EBUSY;
	return 0;
}

/*
 * Enters the guest once. Returns 0 when it came back, for a reason that
 * vcpu->regs->vector tells and of which the host's own part is done; -errno
 * when this pCPU cannot run it: -ENODEV (window_bind()), -EBUSY (KVM, or perf's
 * trace_buffers_on(), is in use here), -EINVAL (the launcher has an LDT: LDTR holds
 * the address of its table, and that address would be the guest's).
 */
int enter_guest(struct rl_vcpu *vcpu)
{
	struct window_host *host = vcpu->host;
	int cpu = smp_processor_id();
	u64 now, xcr0 = 0;
	u32 pkru = 0;
	int r;

	if (unlikely(!window_bound(vcpu, cpu))) {
		r = window_bind(vcpu, cpu);
		if (r)
			return r;
	}
	host->cr4 = cr4_read_shadow();
	r = others_in_the_way(host->cr4);
	if (r)
		return r;
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	syscall_msrs_load();
	host->guest_cr4 = host->cr4 & CR4_KEEP;
	host->guest_cr3 = host->exit_cr3;
	host->pending = 0;
	/* Ring 1 trains predictors in the same mode as the host's kernel. */
	host->ibpb = READ_ONCE(ibpb) | must_flush;
	vcpu->shared->host_cr3 = __native_read_cr3();
	if (unlikely(hw_breakpoint_active()))
		set_debugreg(0, 7);
	if (unlikely(vcpu->shared->dr7))
		load_debug_registers(vcpu);
	vcpu->vm->stats.entries++;
	trace_rl_entry(vcpu);
	now = rdtsc();
	count_ticks(&vcpu->vm->stats.host_ns, vcpu->mark_ns, now);
	vcpu_kept_waiting(vcpu, vcpu->mark_ns, now);

	if (cpu_feature_enabled(X86_FEATURE_AMX_TILE)) {
		xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xcr0_for_guest(xcr0));
	}
	/* Zen 1: a #DE in the guest would show it the host's last quotient. No
	   division may stand behind this. */
	compat_clear_divider();
	/* The guest has no PKRU, but XRSTOR writes it all the same. */
	if (cpu_feature_enabled(X86_FEATURE_OSPKE))
		pkru = rdpkru();

	window_call();

	if (vcpu->regs->vector == 14) {
		vcpu->fault_gva = native_read_cr2();
		take_fault_from_below(vcpu);
	}
	if (cpu_feature_enabled(X86_FEATURE_AMX_TILE))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xcr0);
	if (cpu_feature_enabled(X86_FEATURE_OSPKE) && rdpkru() != pkru)
		wrpkru(pkru);
	syscall_msrs_exited();
	handle_nmi(vcpu);
	vcpu->mark_ns = rdtsc();
	count_ticks(&vcpu->vm->stats.guest_ns, now, vcpu->mark_ns);
	if (unlikely(vcpu->regs->vector == 1 || vcpu->shared->dr7))
		store_debug_registers(vcpu);
	else if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
	handle_host_events(vcpu);
	trace_rl_exit(vcpu);
	/* The window's stub may have switched roots by itself. */
	if (host->exit_cr3 != host->guest_cr3)
		shadow_follow(vcpu, host->exit_cr3);
	return 0;
}
