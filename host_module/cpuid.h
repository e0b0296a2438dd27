/* SPDX-License-Identifier: GPL-2.0 */
/* What a guest is told about its processor: see cpuid.c. */
#ifndef RINGLET_HOST_MODULE_CPUID_H
#define RINGLET_HOST_MODULE_CPUID_H

#include <linux/types.h>

u64 xcr0_for_guest(u64 xcr0);
void cpuid_for_guest(u32 leaf, u32 subleaf, u32 out[4]);

#endif
