/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernel versions that ringlet builds for.
 */
#ifndef RINGLET_HOST_MODULE_COMPAT_H
#define RINGLET_HOST_MODULE_COMPAT_H

#include <asm/cpufeature.h>

static inline bool compat_fred_enabled(void)
{
#ifdef X86_FEATURE_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

#endif
