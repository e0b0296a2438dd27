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
#include <linux/module.h>
#include <linux/nospec.h>
#include <asm/debugreg.h>
#include <asm/fpu/xcr.h>
#include <asm/mce.h>
#include <asm/nospec-branch.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include "compat.h"
#include "cpuid.h"
#include "enter.h"
#include "fpu.h"
#include "shadow.h"
#include "syscall_msrs.h"
#include "window.h"
#include "trace_buffers.h"
#include "vcpu.h"
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
 * switch". A list of what is allowed, so that a new feature starts out off. VMXE is
 * in it because it cannot be cleared while Intel's KVM has VMX on (SDM volume 3,
 * 24.8); VMX instructions then fault by their CPL.
 */
#define CR4_KEEP (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_OSFXSR | \
		  X86_CR4_OSXMMEXCPT | X86_CR4_UMIP | X86_CR4_LA57 | \
		  X86_CR4_FSGSBASE | X86_CR4_PCIDE | X86_CR4_OSXSAVE | \
		  X86_CR4_SMEP | X86_CR4_VMXE)

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
	vcpu->below.flags = compat_async_fault_flags(vcpu->below.area);
	if (unlikely(vcpu->below.flags))
		vcpu->below.token = native_read_cr2();
}

/*
 * An NMI that came in the guest or in the switcher. Before anything that can fault
 * or hit a breakpoint: its IRET would let the next NMI in, see reraise_nmi(). (A #MC
 * could, as it could in the first instructions of any NMI's handler.)
 */
static noinline void raise_nmi(struct rl_vcpu *vcpu, bool is_exit)
{
	if (is_exit)
		take_fault_from_below(vcpu);
	vcpu->stats.nmis++;
	reraise_nmi();
}

static void handle_nmi(struct rl_vcpu *vcpu)
{
	bool is_exit = (vcpu->regs->vector & ~VECTOR_ON_ENTRY) == 2;

	if (unlikely(is_exit || vcpu->host->pending & PENDING_NMI))
		raise_nmi(vcpu, is_exit);
}

/*J: enter.interrupts
 * The host's interrupts must not wait for a guest, so while one runs the real
 * interrupt flag is always on, whatever the guest believes. Each interrupt is
 * an exit; here, before any other can come, the vector is raised once more for
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

/* All but DR7, which the switcher loads and clears (see extras_off). Linux
   uses the host's for breakpoints of the kernel and of the launcher. */
static void load_debug_registers(struct rl_vcpu *vcpu)
{
	get_debugreg(vcpu->host_dr[0], 0);
	get_debugreg(vcpu->host_dr[1], 1);
	get_debugreg(vcpu->host_dr[2], 2);
	get_debugreg(vcpu->host_dr[3], 3);
	set_debugreg(vcpu->loaded_dr[0], 0);
	set_debugreg(vcpu->loaded_dr[1], 1);
	set_debugreg(vcpu->loaded_dr[2], 2);
	set_debugreg(vcpu->loaded_dr[3], 3);
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
	if (vcpu->shared->dr7) {
		set_debugreg(vcpu->host_dr[0], 0);
		set_debugreg(vcpu->host_dr[1], 1);
		set_debugreg(vcpu->host_dr[2], 2);
		set_debugreg(vcpu->host_dr[3], 3);
	}
}

/* The thread has waited for a pCPU since the last entry. */
static noinline void count_stolen(struct rl_vcpu *vcpu)
{
	u64 delay = compat_run_delay();

	vcpu->stolen += delay - vcpu->run_delay;
	vcpu->run_delay = delay;
	if (vcpu->page)
		WRITE_ONCE(vcpu->page->stolen, vcpu->stolen);
}

/* See split_lock(). The MSR is the core's, so its other half is without, too. */
static void call_without_detection(struct rl_vcpu *vcpu)
{
	u64 detection;

	rdmsrl(MSR_TEST_CTRL, detection);
	wrmsrl(MSR_TEST_CTRL, detection & ~MSR_TEST_CTRL_SPLIT_LOCK_DETECT);
	window_call();
	wrmsrl(MSR_TEST_CTRL, detection);
	vcpu->split_lock = false;
}

/* What enter_guest() says before anything is touched: 0, -EINVAL or -EBUSY. */
static int others_in_the_way(void)
{
	u16 ldt;

	asm volatile("sldt %0" : "=r"(ldt));
	if (unlikely(ldt))
		return -EINVAL;
	if ((cpu_feature_enabled(X86_FEATURE_PEBS) ||
	     cpu_feature_enabled(X86_FEATURE_BTS)) && unlikely(trace_buffers_on()))
		return -EBUSY;
	return 0;
}

/*
 * Enters the guest once. Returns 0 when it came back, for a reason that
 * vcpu->regs->vector tells and of which the host's own part is done; -errno
 * when this pCPU cannot run it: -ENODEV (window_bind()), -EBUSY (perf's
 * trace_buffers_on()), -EINVAL (the launcher has an LDT: LDTR holds
 * the address of its table, and that address would be the guest's).
 */
int enter_guest(struct rl_vcpu *vcpu)
{
	struct window_host *host = vcpu->host;
	int cpu = smp_processor_id();
	u64 now, cr3, xcr0 = 0;
	u32 pkru = 0;
	int r;

	if (unlikely(!window_bound(vcpu, cpu))) {
		r = window_bind(vcpu, cpu);
		if (r)
			return r;
	}
	host->cr4 = native_read_cr4();
	r = others_in_the_way();
	if (r)
		return r;
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		fpu_load(vcpu);
	syscall_msrs_load();
	host->guest_cr4 = host->cr4 & CR4_KEEP;
	host->guest_cr3 = host->exit_cr3;
	host->pending = 0;
	/* Ring 1 trains predictors in the same mode as the host's kernel. */
	host->ibpb = READ_ONCE(ibpb) | must_flush;
	host->cr4 &= ~vcpu->global;
	cr3 = __native_read_cr3();
	/* See global_pages.c. PCID 0 is the guest's. */
	if (vcpu->global && host->cr4 & X86_CR4_PCIDE && cr3 & X86_CR3_PCID_MASK)
		cr3 |= X86_CR3_PCID_NOFLUSH;
	vcpu->shared->host_cr3 = cr3;
	if (unlikely(hw_breakpoint_active()))
		set_debugreg(0, 7);
	if (unlikely(vcpu->shared->dr7))
		load_debug_registers(vcpu);
	vcpu->stats.entries++;
	trace_rl_entry(vcpu);
	now = rdtsc();
	count_ticks(&vcpu->stats.host_ns, vcpu->mark_ns, now);
	vcpu_kept_waiting(vcpu, vcpu->mark_ns, now);
	if (unlikely(compat_run_delay() != vcpu->run_delay))
		count_stolen(vcpu);

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

	if (unlikely(vcpu->split_lock))
		call_without_detection(vcpu);
	else
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
	count_ticks(&vcpu->stats.guest_ns, now, vcpu->mark_ns);
	if (unlikely(vcpu->regs->vector == 1 || vcpu->shared->dr7))
		store_debug_registers(vcpu);
	/* The last, as others may be on from here. */
	if (unlikely(hw_breakpoint_active()))
		set_debugreg(__this_cpu_read(cpu_dr7), 7);
	handle_host_events(vcpu);
	trace_rl_exit(vcpu);
	/* The window's stub may have switched roots by itself. */
	if (host->exit_cr3 != host->guest_cr3)
		shadow_follow(vcpu, host->exit_cr3);
	return 0;
}
