/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that ringlet builds for. HAVE_* comes from
 * probe.sh, which asks the kernel's headers.
 */
#ifndef RINGLET_HOST_MODULE_COMPAT_H
#define RINGLET_HOST_MODULE_COMPAT_H

#include <linux/eventfd.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include "have.h"
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
