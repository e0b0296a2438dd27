/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bits of CPUID that a guest may see, by SDM volume 2, CPUID, and APM volume 3, appendix
 * E. They are the processor's; what number Linux gives to a feature is another thing.
 */
#ifndef RINGLET_GUEST_PV_CPUID_H
#define RINGLET_GUEST_PV_CPUID_H

#include "types.h"

struct rl_cpuid {
	u32 eax, ebx, ecx, edx;
};

/* features.c: the host's answer. An empty one if it has none, which hides everything. */
struct rl_cpuid rl_host_cpuid(u32 leaf, u32 subleaf);
/* topology.c: puts what a leaf says of other processors into what is shown of it. */
void rl_topology(u32 leaf, u32 subleaf, struct rl_cpuid *r);

/* Leaf 1, ECX. */
#define CPUID_SSE3		(1u << 0)
#define CPUID_PCLMULQDQ		(1u << 1)
#define CPUID_SSSE3		(1u << 9)
#define CPUID_FMA		(1u << 12)
#define CPUID_CX16		(1u << 13)
#define CPUID_SSE4_1		(1u << 19)
#define CPUID_SSE4_2		(1u << 20)
#define CPUID_MOVBE		(1u << 22)
#define CPUID_POPCNT		(1u << 23)
#define CPUID_AES		(1u << 25)
#define CPUID_XSAVE		(1u << 26)
#define CPUID_OSXSAVE		(1u << 27)
#define CPUID_AVX		(1u << 28)
#define CPUID_F16C		(1u << 29)
#define CPUID_RDRAND		(1u << 30)
#define CPUID_PCID		(1u << 17)
#define CPUID_HYPERVISOR	(1u << 31)

/* Leaf 1, EDX. */
#define CPUID_FPU		(1u << 0)
#define CPUID_DE		(1u << 2)
#define CPUID_PSE		(1u << 3)
#define CPUID_TSC		(1u << 4)
#define CPUID_MSR		(1u << 5)
#define CPUID_PAE		(1u << 6)
#define CPUID_CX8		(1u << 8)
#define CPUID_PGE		(1u << 13)
#define CPUID_CMOV		(1u << 15)
#define CPUID_PAT		(1u << 16)
#define CPUID_PSE36		(1u << 17)
#define CPUID_CLFLUSH		(1u << 19)
#define CPUID_MMX		(1u << 23)
#define CPUID_FXSR		(1u << 24)
#define CPUID_SSE		(1u << 25)
#define CPUID_SSE2		(1u << 26)
#define CPUID_SELFSNOOP		(1u << 27)
#define CPUID_HTT		(1u << 28)	/* more than one in the package */

/* Leaf 7, EBX. */
#define CPUID_FSGSBASE		(1u << 0)
#define CPUID_BMI1		(1u << 3)
#define CPUID_AVX2		(1u << 5)
#define CPUID_SMEP		(1u << 7)
#define CPUID_BMI2		(1u << 8)
#define CPUID_ERMS		(1u << 9)
#define CPUID_AVX512F		(1u << 16)
#define CPUID_AVX512DQ		(1u << 17)
#define CPUID_RDSEED		(1u << 18)
#define CPUID_ADX		(1u << 19)
#define CPUID_AVX512IFMA	(1u << 21)
#define CPUID_CLFLUSHOPT	(1u << 23)
#define CPUID_CLWB		(1u << 24)
#define CPUID_AVX512CD		(1u << 28)
#define CPUID_SHA_NI		(1u << 29)
#define CPUID_AVX512BW		(1u << 30)
#define CPUID_AVX512VL		(1u << 31)

/* Leaf 7, ECX. */
#define CPUID_UMIP		(1u << 2)
#define CPUID_AVX512VBMI	(1u << 1)
#define CPUID_AVX512_VBMI2	(1u << 6)
#define CPUID_GFNI		(1u << 8)
#define CPUID_VAES		(1u << 9)
#define CPUID_VPCLMULQDQ	(1u << 10)
#define CPUID_AVX512_VNNI	(1u << 11)
#define CPUID_AVX512_BITALG	(1u << 12)
#define CPUID_AVX512_VPOPCNTDQ	(1u << 14)

/* Leaf 7, EDX. */
#define CPUID_FSRM		(1u << 4)
#define CPUID_MD_CLEAR		(1u << 10)

/* Leaf 0x80000001, ECX. */
#define CPUID_LAHF_LM		(1u << 0)
#define CPUID_CMP_LEGACY	(1u << 1)	/* these are cores, not threads */
#define CPUID_ABM		(1u << 5)
#define CPUID_SSE4A		(1u << 6)
#define CPUID_MISALIGNSSE	(1u << 7)
#define CPUID_PREFETCHW		(1u << 8)
#define CPUID_XOP		(1u << 11)
#define CPUID_FMA4		(1u << 16)
#define CPUID_TBM		(1u << 21)

/* Leaf 0x80000001, EDX. */
#define CPUID_SYSCALL		(1u << 11)
#define CPUID_NX		(1u << 20)
#define CPUID_LM		(1u << 29)
#define CPUID_MMXEXT		(1u << 22)
#define CPUID_FXSR_OPT		(1u << 25)

#endif
