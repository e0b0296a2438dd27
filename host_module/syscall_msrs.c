// SPDX-License-Identifier: GPL-2.0
/*
 * The MSRs that say where SYSCALL and SYSENTER go: the switcher's while a pCPU
 * runs guests, the host's before it returns to a program.
 *
 * Locks: a pCPU's values are touched on that pCPU with interrupts off.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/percpu.h>
#include <linux/user-return-notifier.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include "compat.h"
#include "syscall_msrs.h"
#include "window.h"

extern const char switcher_text[], switcher_syscall[], switcher_syscall32[];

struct syscall_msrs {
	u64 lstar, cstar, sysenter_cs;	/* the host's */
	struct user_return_notifier notifier;
};

static DEFINE_PER_CPU(struct syscall_msrs, saved);
DEFINE_PER_CPU(bool, syscall_msrs_loaded);
static int hotplug_state;

/*J: window.msrs
 * SYSCALL jumps to the address in LSTAR, at CPL 0, whoever executes it. While a
 * guest runs, its pages are all that is mapped, so the host's LSTAR would be an
 * address that the guest can put its own code at: the shortest escape there is.
 * The same goes for CSTAR and SYSENTER. So these three are ours from the first
 * entry until the pCPU next returns to a host program, which is when the host
 * kernel's user return notifier lets us put them back. A guest that exits a
 * thousand times in between pays for none of it.
 :*/
static void restore_msrs(struct syscall_msrs *m)
{
	if (!this_cpu_read(syscall_msrs_loaded))
		return;
	wrmsrl(MSR_LSTAR, m->lstar);
	wrmsrl(MSR_CSTAR, m->cstar);
	if (m->sysenter_cs)
		wrmsrl(MSR_IA32_SYSENTER_CS, m->sysenter_cs);
	this_cpu_write(syscall_msrs_loaded, false);
	user_return_notifier_unregister(&m->notifier);
}

static void on_user_return(struct user_return_notifier *notifier)
{
	unsigned long flags;

	local_irq_save(flags);
	restore_msrs(container_of(notifier, struct syscall_msrs, notifier));
	local_irq_restore(flags);
}

/* syscall_msrs_load() where they are not yet. */
void syscall_msrs_take(void)
{
	struct syscall_msrs *m = this_cpu_ptr(&saved);
	u64 base = window_address(smp_processor_id());

	rdmsrl(MSR_LSTAR, m->lstar);
	rdmsrl(MSR_CSTAR, m->cstar);
	rdmsrl(MSR_IA32_SYSENTER_CS, m->sysenter_cs);
	wrmsrl(MSR_LSTAR, base + (switcher_syscall - switcher_text));
	wrmsrl(MSR_CSTAR, base + (switcher_syscall32 - switcher_text));
	if (m->sysenter_cs)
		wrmsrl(MSR_IA32_SYSENTER_CS, 0);
	this_cpu_write(syscall_msrs_loaded, true);
	m->notifier.on_user_return = on_user_return;
	user_return_notifier_register(&m->notifier);
}

/*
 * The guest exited. Intel's KVM, when it starts, takes what it finds in these
 * MSRs for the host's values, and remembers what its own guest has in them while
 * that guest's thread is not running; so where there can be a KVM, they hold now
 * again what they did before the entry. Interrupts off.
 */
void syscall_msrs_exited(void)
{
	if (cpu_feature_enabled(X86_FEATURE_VMX))
		restore_msrs(this_cpu_ptr(&saved));
}

/* A pCPU that went through a reset has the kernel's own values again. */
static int forget_msrs(unsigned int cpu)
{
	struct syscall_msrs *m = per_cpu_ptr(&saved, cpu);
	unsigned long flags;

	local_irq_save(flags);
	if (this_cpu_read(syscall_msrs_loaded)) {
		this_cpu_write(syscall_msrs_loaded, false);
		user_return_notifier_unregister(&m->notifier);
	}
	local_irq_restore(flags);
	return 0;
}

static int offline_msrs(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	restore_msrs(this_cpu_ptr(&saved));
	local_irq_restore(flags);
	return 0;
}

static int on_suspend(COMPAT_SYSCORE_ARGUMENT)
{
	restore_msrs(this_cpu_ptr(&saved));
	return 0;
}

COMPAT_SYSCORE(syscore, on_suspend);

/* The module is loaded: 0 or -errno. */
int syscall_msrs_init(void)
{
	int r = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "ringlet:online",
				  forget_msrs, offline_msrs);

	if (r < 0)
		return r;
	hotplug_state = r;
	compat_register_syscore(&syscore);
	return 0;
}

/*
 * The last VM is gone: every pCPU has the host's values afterwards, by offline_msrs(),
 * which runs in a thread there. It must be a thread: KVM on AMD saves LSTAR when its
 * own thread is scheduled and loads it behind each exit, so what an IPI puts back
 * under a guest of KVM would be gone again at its next exit, and ours back.
 */
void syscall_msrs_exit(void)
{
	compat_unregister_syscore(&syscore);
	cpuhp_remove_state(hotplug_state);
}
