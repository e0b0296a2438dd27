// SPDX-License-Identifier: GPL-2.0
/*
 * A second look at what the switcher is given and gives back: a module of its
 * own that knows the invariants and nothing of how they are kept.
 *
 * It stops at the last C function before a guest (window_call) and the first
 * one behind it (syscall_msrs_exited). Before: the page tables that will be
 * loaded, entry by entry; CR4, LDTR and DR7. Behind: flags, LDTR and DR7. And it looks
 * at both ends of the MMU notifier's callback (invalidate_start) whether the vCPU
 * was in the guest all the time, and at what the host's timer interrupts. A thread on
 * each pCPU looks at what a vCPU's left to it.
 *
 * Parameters: looks counts the entries, walks those whose tables were read, takings
 * how often a vCPU was in a guest that lost pages, raised the timer interrupts that
 * came to the host by an INT instruction, kept the entries that found CR4.PGE off,
 * broken names the rules that did not hold. walk_each=N reads the tables at
 * each Nth entry.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/irq_regs.h>
#include <asm/pgtable.h>
#include <asm/processor-flags.h>

#include "abi/guest.h"
#include "switcher/layout.h"
#include "witness.h"

static ulong looks;
module_param(looks, ulong, 0444);
static ulong walks;
module_param(walks, ulong, 0444);
static ulong takings;
module_param(takings, ulong, 0444);
static ulong raised;
module_param(raised, ulong, 0444);
static ulong kept;
module_param(kept, ulong, 0444);
static uint walk_each = 8;
module_param(walk_each, uint, 0444);

static const char *const names[RULES] = {
	"flags", "breakpoints", "ldtr", "global", "absent", "user_bit",
	"frames", "window", "tables", "left", "raised", "given_back"
};
static unsigned long bad;

void check(bool good, enum rule rule, u64 value)
{
	if (good || test_and_set_bit(rule, &bad))
		return;
	pr_info("witness: %s: 0x%llx\n", names[rule], value);
}

static int show_broken(char *to, const struct kernel_param *parameter)
{
	int at = 0;

	for (int i = 0; i < RULES; i++)
		if (test_bit(i, &bad))
			at += scnprintf(to + at, PAGE_SIZE - at, "%s ",
					names[i]);
	return at + scnprintf(to + at, PAGE_SIZE - at, "\n");
}

static const struct kernel_param_ops broken_ops = { .get = show_broken };
module_param_cb(broken, &broken_ops, NULL, 0444);

/* --- before and behind ------------------------------------------------------------ */

/* What each pCPU is at: an odd number, another one for each stay in a guest. */
struct stay {
	unsigned long number;
	struct mm_struct *mm;	/* the launcher's */
};
static DEFINE_PER_CPU(struct stay, stays);

static void stay_changes(void)
{
	struct stay *stay = this_cpu_ptr(&stays);

	WRITE_ONCE(stay->mm, current->mm);
	smp_store_release(&stay->number, stay->number + 1);
}

static u64 breakpoints_on(void)
{
	unsigned long dr7;

	get_debugreg(dr7, 7);
	return dr7 & 0xff;
}

static u16 ldtr(void)
{
	u16 selector;

	asm volatile("sldt %0" : "=r"(selector));
	return selector;
}

static int before(struct kprobe *probe, struct pt_regs *regs)
{
	int cpu = smp_processor_id();	/* probes run without preemption */
	const struct window_host *host = (void *)
		(WINDOWS + (u64)cpu * WINDOW_SIZE + WINDOW_HOST);

	check(!ldtr(), LDTR, ldtr());
	check(!breakpoints_on(), BREAKPOINTS, breakpoints_on());
	/* Invariant 12. */
	check(!(host->guest_cr4 & X86_CR4_PGE), GLOBAL, host->guest_cr4);
	if (!(native_read_cr4() & X86_CR4_PGE))
		kept++;
	if (looks++ % walk_each == 0) {
		look_at_tables(host->guest_cr3, cpu);
		walks++;
	}
	stay_changes();
	return 0;
}

static int behind(struct kprobe *probe, struct pt_regs *regs)
{
	stay_changes();
	check(!(regs->flags & (X86_EFLAGS_AC | X86_EFLAGS_DF)), FLAGS,
	      regs->flags);
	check(!breakpoints_on(), BREAKPOINTS, breakpoints_on());
	check(!ldtr(), LDTR, ldtr());
	return 0;
}

/*
 * Invariant 15, where the host takes pages away: who was in the guest when it began
 * has come out before it ends. The numbers of the pCPUs are noted, 0 where one is not
 * in a guest of this address space, which is taken to have one VM.
 */
#define PCPUS 3			/* of the sandbox, at most */

struct taking {
	unsigned long in[PCPUS];
};

static int taking_begins(struct kretprobe_instance *at, struct pt_regs *regs)
{
	const struct mmu_notifier_range *range = (void *)regs->si;
	struct taking *taking = (void *)at->data;
	unsigned int cpu;

	memset(taking, 0, sizeof(*taking));
	for_each_online_cpu(cpu) {
		const struct stay *stay = per_cpu_ptr(&stays, cpu);
		unsigned long number = smp_load_acquire(&stay->number);

		if (cpu < PCPUS && number % 2 &&
		    READ_ONCE(stay->mm) == range->mm)
			taking->in[cpu] = number;
	}
	return 0;
}

static int taking_ends(struct kretprobe_instance *at, struct pt_regs *regs)
{
	const struct taking *taking = (void *)at->data;

	for (unsigned int cpu = 0; cpu < PCPUS; cpu++) {
		if (!taking->in[cpu])
			continue;
		takings++;
		check(READ_ONCE(per_cpu_ptr(&stays, cpu)->number) !=
		      taking->in[cpu], LEFT, taking->in[cpu]);
	}
	return 0;
}

/*
 * Invariant 21: an interrupt comes only where they are on, so its handler must find
 * that in what it interrupted, also where ringlet raised it once more.
 */
static int timer_comes(struct kprobe *probe, struct pt_regs *unused)
{
	const struct pt_regs *regs = get_irq_regs();
	const u8 *behind_int;

	if (!regs || user_mode((struct pt_regs *)regs))
		return 0;
	/* The first of a page may be the first of all, as in a trampoline of ftrace's;
	   ringlet's INTs are in entries of 16 bytes. */
	behind_int = (const u8 *)regs->ip;
	if (offset_in_page(behind_int) >= 2 && behind_int[-2] == 0xcd)
		raised++;
	check(regs->flags & X86_EFLAGS_IF, RAISED, regs->ip);
	return 0;
}

/*
 * Invariant 12, the other way round: the launcher's program and other tasks have global
 * pages again. A task like any other looks, and no probe of the scheduler: where Linux
 * writes over code that all processors run, TCG may stand still (Documentation/testing.md).
 */
static struct task_struct *others[PCPUS];

static int look_now_and_then(void *unused)
{
	while (!kthread_should_stop()) {
		check(native_read_cr4() & X86_CR4_PGE, GIVEN_BACK, 1);
		usleep_range(500, 1000);
	}
	return 0;
}

static void stop_others(void)
{
	for (unsigned int cpu = 0; cpu < PCPUS; cpu++)
		if (others[cpu])
			kthread_stop(others[cpu]);
}

static int start_others(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct task_struct *other;

		if (cpu >= PCPUS)
			break;
		other = kthread_run_on_cpu(look_now_and_then, NULL, cpu, "witness/%u");
		if (IS_ERR(other)) {
			stop_others();
			return PTR_ERR(other);
		}
		others[cpu] = other;
	}
	return 0;
}

static int run_ends(struct kretprobe_instance *at, struct pt_regs *regs)
{
	check(native_read_cr4() & X86_CR4_PGE, GIVEN_BACK, 0);
	return 0;
}

static struct kprobe before_probe = {
	.symbol_name = "window_call", .pre_handler = before,
};
static struct kprobe behind_probe = {
	.symbol_name = "syscall_msrs_exited", .pre_handler = behind,
};
static struct kprobe timer_probe = {
	.symbol_name = "hrtimer_interrupt", .pre_handler = timer_comes,
};
static struct kprobe *places[] = { &before_probe, &behind_probe, &timer_probe };

static struct kretprobe run_probe = {
	.kp.symbol_name = "vcpu_run", .handler = run_ends, .maxactive = 16,
};
static struct kretprobe taking_probe = {
	.kp.symbol_name = "invalidate_start",
	.entry_handler = taking_begins,
	.handler = taking_ends,
	.data_size = sizeof(struct taking),
	.maxactive = 16,
};
static struct kretprobe *calls[] = { &run_probe, &taking_probe };

static int __init witness_init(void)
{
	int r = register_kprobes(places, ARRAY_SIZE(places));

	if (r)
		return r;
	r = register_kretprobes(calls, ARRAY_SIZE(calls));
	if (r)
		goto no_calls;
	r = start_others();
	if (r)
		goto no_others;
	return 0;

no_others:
	unregister_kretprobes(calls, ARRAY_SIZE(calls));
no_calls:
	unregister_kprobes(places, ARRAY_SIZE(places));
	return r;
}

static void __exit witness_exit(void)
{
	stop_others();
	unregister_kretprobes(calls, ARRAY_SIZE(calls));
	unregister_kprobes(places, ARRAY_SIZE(places));
}

module_init(witness_init);
module_exit(witness_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Looks at ringlet's entries and exits from outside");
