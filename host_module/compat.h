/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernel versions that ringlet builds for.
 */
#ifndef RINGLET_HOST_MODULE_COMPAT_H
#define RINGLET_HOST_MODULE_COMPAT_H

#include <asm/cpufeature.h>
#include <asm/processor.h>

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
