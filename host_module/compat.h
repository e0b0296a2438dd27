/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that ringlet builds for. HAVE_* comes from
 * probe.sh, which asks the kernel's headers.
 */
#ifndef RINGLET_HOST_MODULE_COMPAT_H
#define RINGLET_HOST_MODULE_COMPAT_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/kvm_para.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <linux/thread_info.h>
#include <asm/cpu.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include "have.h"
#ifdef HAVE_CPUID_API
#include <asm/cpuid/api.h>
#endif
#ifdef HAVE_ENTRY_VIRT
#include <linux/entry-virt.h>	/* for XFER_TO_GUEST_MODE_WORK */
#else
#include <linux/entry-kvm.h>
#endif
#ifdef HAVE_TRACE_IPI
#include <trace/events/ipi.h>	/* for smp_send_reschedule() */
#endif

static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef HAVE_EVENTFD_SIGNAL_ALONE
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/*
 * COMPAT_SYSCORE(name, function): something that is called on suspend, with one
 * pCPU left and interrupts off. function: int f(COMPAT_SYSCORE_ARGUMENT).
 */
#ifdef HAVE_SYSCORE_DATA
#define COMPAT_SYSCORE_ARGUMENT void *unused
#define COMPAT_SYSCORE(name, function) \
	static const struct syscore_ops name##_ops = { .suspend = function }; \
	static struct syscore name = { .ops = &name##_ops }
#define compat_register_syscore(core) register_syscore(core)
#define compat_unregister_syscore(core) unregister_syscore(core)
#else
#define COMPAT_SYSCORE_ARGUMENT void
#define COMPAT_SYSCORE(name, function) \
	static struct syscore_ops name = { .suspend = function }
#define compat_register_syscore(core) register_syscore_ops(core)
#define compat_unregister_syscore(core) unregister_syscore_ops(core)
#endif

static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*f)(struct hrtimer *),
					clockid_t clock, enum hrtimer_mode mode)
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, f, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = f;
#endif
}

#ifdef HAVE_RDMSRQ
#define rdmsrl rdmsrq
#define wrmsrl wrmsrq
#define rdmsrl_safe rdmsrq_safe
#endif

/* Thread flags that schedule() is the answer to. */
#ifdef _TIF_NEED_RESCHED_LAZY
#define COMPAT_RESCHEDULE (_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)
#else
#define COMPAT_RESCHEDULE _TIF_NEED_RESCHED
#endif

/* How long this thread has waited for a pCPU so far: ns, as of when it got one last. */
static inline u64 compat_run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

/* A thread's record of its FPU registers. */
static inline struct fpu *compat_fpu(struct task_struct *task)
{
#ifdef HAVE_FPU_IN_THREAD
	return &task->thread.fpu;
#else
	/* Behind the task, as x86_task_fpu() has it, which is not exported
	   where CONFIG_X86_DEBUG_FPU makes it a function. */
	return (void *)task + sizeof(*task);
#endif
}

/*
 * Asynchronous page faults of a KVM below (see take_fault_from_below). Where Linux
 * keeps its functions for them to KVM, the flag is read where KVM was told to put
 * it, and nobody sleeps: the guest touches the page again, and KVM, which has told
 * once that it is not there, stops this pCPU until it is. Linux remembers in vain
 * that the page came: some 100 bytes for each.
 */
#ifdef HAVE_ASYNC_FAULTS
static inline struct kvm_vcpu_pv_apf_data *compat_async_fault_area(void)
{
	return NULL;
}

static inline u32
compat_async_fault_flags(struct kvm_vcpu_pv_apf_data *unused)
{
	return kvm_read_and_reset_apf_flags();
}

static inline void compat_async_fault_wait(u32 token)
{
	local_irq_disable();
	kvm_async_pf_task_wait_schedule(token);
	local_irq_enable();
}
#else
/* This pCPU's, or NULL. */
static inline struct kvm_vcpu_pv_apf_data *compat_async_fault_area(void)
{
	u64 value;

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR) ||
	    rdmsrl_safe(MSR_KVM_ASYNC_PF_EN, &value) ||
	    !(value & KVM_ASYNC_PF_ENABLED))
		return NULL;
	return __va(value & ~63ULL);
}

static inline u32 compat_async_fault_flags(struct kvm_vcpu_pv_apf_data *area)
{
	u32 flags = area ? READ_ONCE(area->flags) : 0;

	if (unlikely(flags))
		WRITE_ONCE(area->flags, 0);
	return flags;
}

static inline void compat_async_fault_wait(u32 token)
{
}
#endif

/* Does Linux know what to do about a guest's split lock, and has it done it? */
static inline bool compat_split_lock_handled(unsigned long rip)
{
#ifdef HAVE_GUEST_SPLIT_LOCK
	handle_guest_split_lock(rip);
	return true;
#else
	return false;
#endif
}

static inline bool compat_fred_enabled(void)
{
#ifdef X86_FEATURE_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

/* Does this processor keep data in buffers that another mode can sample? */
static inline bool compat_leaks_buffers(void)
{
	return static_cpu_has_bug(X86_BUG_MDS) || static_cpu_has_bug(X86_BUG_TAA)
#ifdef X86_BUG_MMIO_STALE_DATA
		|| static_cpu_has_bug(X86_BUG_MMIO_STALE_DATA)
#endif
#ifdef X86_BUG_RFDS
		|| static_cpu_has_bug(X86_BUG_RFDS)
#endif
#ifdef X86_BUG_TSA
		|| static_cpu_has_bug(X86_BUG_TSA)
#endif
		;
}

/* DIV0 of AMD's Zen 1: the last quotient can be seen by whoever divides by 0. */
static inline void compat_clear_divider(void)
{
#ifdef X86_BUG_DIV0
	if (static_cpu_has_bug(X86_BUG_DIV0))
		amd_clear_divider();
#endif
}

/* Does Linux undo what a program taught the predictors at its own entries? */
static inline bool compat_untrains_at_entry(void)
{
	return boot_cpu_has_bug(X86_BUG_RETBLEED)
#ifdef X86_BUG_SRSO
		|| boot_cpu_has_bug(X86_BUG_SRSO)
#endif
		;
}

/* Does IBPB leave the predictions that SRSO makes use of? */
static inline bool compat_ibpb_incomplete(void)
{
#ifdef X86_BUG_SRSO
	return boot_cpu_has_bug(X86_BUG_SRSO) &&
	       !boot_cpu_has(X86_FEATURE_IBPB_BRTYPE);
#else
	return false;
#endif
}

#endif
