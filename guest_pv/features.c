// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest kernel believes about its processor.
 *
 * CPUID as the kernel asks it, through pv_ops. User programs that execute the
 * instruction themselves see the host's processor; so must not matter here.
 *
 * The lists say what may be seen. A feature that is new to the world is hidden
 * until somebody has thought about it in ring 1.
 */
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/processor.h>
#include <asm/setup.h>

#include "layer.h"

#define BIT_OF(feature)		(1u << ((feature) & 31))

/* The basic and the extended range, as far as Linux needs them. */
#define LAST_BASIC		0xd
#define LAST_EXTENDED		0x80000008

/* Standard-format XSAVE areas: what lies outside is new and stays off. */
#define XCR0_ALLOWED		(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | \
				 XFEATURE_MASK_YMM | XFEATURE_MASK_AVX512)
#define XSAVE_LEGACY_BYTES	(512 + 64)

static const u32 leaf1_ecx =
	BIT_OF(X86_FEATURE_XMM3) | BIT_OF(X86_FEATURE_PCLMULQDQ) |
	BIT_OF(X86_FEATURE_SSSE3) | BIT_OF(X86_FEATURE_FMA) |
	BIT_OF(X86_FEATURE_CX16) | BIT_OF(X86_FEATURE_XMM4_1) |
	BIT_OF(X86_FEATURE_XMM4_2) | BIT_OF(X86_FEATURE_MOVBE) |
	BIT_OF(X86_FEATURE_POPCNT) | BIT_OF(X86_FEATURE_AES) |
	BIT_OF(X86_FEATURE_XSAVE) | BIT_OF(X86_FEATURE_OSXSAVE) |
	BIT_OF(X86_FEATURE_AVX) | BIT_OF(X86_FEATURE_F16C) |
	BIT_OF(X86_FEATURE_RDRAND);

static const u32 leaf1_edx =
	BIT_OF(X86_FEATURE_FPU) | BIT_OF(X86_FEATURE_DE) |
	BIT_OF(X86_FEATURE_PSE) | BIT_OF(X86_FEATURE_TSC) |
	BIT_OF(X86_FEATURE_MSR) | BIT_OF(X86_FEATURE_PAE) |
	BIT_OF(X86_FEATURE_CX8) | BIT_OF(X86_FEATURE_PGE) |
	BIT_OF(X86_FEATURE_CMOV) | BIT_OF(X86_FEATURE_PAT) |
	BIT_OF(X86_FEATURE_PSE36) | BIT_OF(X86_FEATURE_CLFLUSH) |
	BIT_OF(X86_FEATURE_MMX) | BIT_OF(X86_FEATURE_FXSR) |
	BIT_OF(X86_FEATURE_XMM) | BIT_OF(X86_FEATURE_XMM2) |
	BIT_OF(X86_FEATURE_SELFSNOOP);

static const u32 leaf7_ebx =
	BIT_OF(X86_FEATURE_FSGSBASE) | BIT_OF(X86_FEATURE_BMI1) |
	BIT_OF(X86_FEATURE_AVX2) | BIT_OF(X86_FEATURE_SMEP) |
	BIT_OF(X86_FEATURE_BMI2) | BIT_OF(X86_FEATURE_ERMS) |
	BIT_OF(X86_FEATURE_AVX512F) | BIT_OF(X86_FEATURE_AVX512DQ) |
	BIT_OF(X86_FEATURE_RDSEED) | BIT_OF(X86_FEATURE_ADX) |
	BIT_OF(X86_FEATURE_AVX512IFMA) | BIT_OF(X86_FEATURE_CLFLUSHOPT) |
	BIT_OF(X86_FEATURE_CLWB) | BIT_OF(X86_FEATURE_AVX512CD) |
	BIT_OF(X86_FEATURE_SHA_NI) | BIT_OF(X86_FEATURE_AVX512BW) |
	BIT_OF(X86_FEATURE_AVX512VL);

static const u32 leaf7_ecx =
	BIT_OF(X86_FEATURE_UMIP) | BIT_OF(X86_FEATURE_AVX512VBMI) | BIT_OF(X86_FEATURE_AVX512_VBMI2) |
	BIT_OF(X86_FEATURE_GFNI) | BIT_OF(X86_FEATURE_VAES) |
	BIT_OF(X86_FEATURE_VPCLMULQDQ) | BIT_OF(X86_FEATURE_AVX512_VNNI) |
	BIT_OF(X86_FEATURE_AVX512_BITALG) |
	BIT_OF(X86_FEATURE_AVX512_VPOPCNTDQ);

static const u32 leaf7_edx =
	BIT_OF(X86_FEATURE_FSRM) | BIT_OF(X86_FEATURE_MD_CLEAR);

static const u32 extended1_ecx =
	BIT_OF(X86_FEATURE_LAHF_LM) | BIT_OF(X86_FEATURE_ABM) |
	BIT_OF(X86_FEATURE_SSE4A) | BIT_OF(X86_FEATURE_MISALIGNSSE) |
	BIT_OF(X86_FEATURE_3DNOWPREFETCH) | BIT_OF(X86_FEATURE_XOP) |
	BIT_OF(X86_FEATURE_FMA4) | BIT_OF(X86_FEATURE_TBM);

/* Low bits repeat leaf 1 on AMD; of those the same ones. */
static const u32 extended1_edx =
	BIT_OF(X86_FEATURE_SYSCALL) | BIT_OF(X86_FEATURE_NX) |
	BIT_OF(X86_FEATURE_LM) | BIT_OF(X86_FEATURE_MMXEXT) |
	BIT_OF(X86_FEATURE_FXSR_OPT);

#define EXTENDED7_INVARIANT_TSC	(1u << 8)
#define EXTENDED8_CLZERO	(1u << 0)
#define XSAVE_XSAVEOPT		(1u << 0)
#define XSAVE_XGETBV1		(1u << 2)

struct regs {
	u32 eax, ebx, ecx, edx;
};

/* The host's answer. An empty one if it has none, which hides everything. */
static struct regs host_cpuid(u32 leaf, u32 subleaf)
{
	struct regs r = {};
	u8 was = rl_irq_save();

	if (rl_hypercall(RL_HC_CPUID, leaf, subleaf, 0) >= 0) {
		r.eax = READ_ONCE(rl_shared.cpuid[0]);
		r.ebx = READ_ONCE(rl_shared.cpuid[1]);
		r.ecx = READ_ONCE(rl_shared.cpuid[2]);
		r.edx = READ_ONCE(rl_shared.cpuid[3]);
	}
	rl_irq_restore(was);
	return r;
}

/* What the host has switched on in XCR0: reading it takes no privilege. */
static u64 usable_xcr0(void)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a" (low), "=d" (high) : "c" (0));
	return ((u64)high << 32 | low) & XCR0_ALLOWED;
}

/*J: guest.cpuid
 * CPUID is not a list of facts, it is a list of promises: what it shows, the
 * kernel will use. So the layer hides what ring 1 cannot do (SMAP's STAC
 * faults there), what the host keeps to itself (machine checks, performance
 * counters, the APIC), and what would need care at a switch (new register
 * state). It also shows two things that the processor may not have, because
 * they are promises that the hypervisor keeps: process-context identifiers,
 * which are only names for cached shadow roots, and a steady clock.
 :*/
static struct regs xsave_leaf(u32 subleaf)
{
	struct regs r = host_cpuid(0xd, subleaf), part;
	u64 xcr0 = usable_xcr0();
	u32 i;

	if (subleaf == 0) {
		/* The size that goes with our features, not with the host's. */
		r.eax = (u32)xcr0;
		r.edx = (u32)(xcr0 >> 32);
		r.ebx = XSAVE_LEGACY_BYTES;
		for (i = 2; i < 63; i++) {
			if (!(xcr0 & BIT_ULL(i)))
				continue;
			part = host_cpuid(0xd, i);
			r.ebx = max(r.ebx, part.ebx + part.eax);
		}
		r.ecx = r.ebx;
	} else if (subleaf == 1) {
		/* No XSAVES, which is privileged; then nothing is compacted. */
		r.eax &= XSAVE_XSAVEOPT | XSAVE_XGETBV1;
		r.ebx = r.ecx = r.edx = 0;
	} else if (subleaf > 62 || !(xcr0 & BIT_ULL(subleaf))) {
		r = (struct regs){};
	}
	return r;
}

static struct regs basic_leaf(u32 leaf, u32 subleaf)
{
	struct regs r = host_cpuid(leaf, subleaf);

	switch (leaf) {
	case 0:
		r.eax = min_t(u32, r.eax, LAST_BASIC);
		return r;
	case 1:
		/* APIC ID 0, one logical processor. */
		r.ebx &= 0xff00;
		r.ecx = (r.ecx & leaf1_ecx) | BIT_OF(X86_FEATURE_PCID) |
			BIT_OF(X86_FEATURE_HYPERVISOR);
		r.edx &= leaf1_edx;
		return r;
	case 2:
		return r;
	case 4:
		/* Caches, but shared with nobody. */
		r.eax &= 0x3fff;
		return r;
	case 7:
		if (subleaf)
			break;
		r.eax = 0;
		r.ebx &= leaf7_ebx;
		r.ecx &= leaf7_ecx;
		r.edx &= leaf7_edx;
		return r;
	case 0xd:
		return xsave_leaf(subleaf);
	}
	return (struct regs){};
}

static struct regs extended_leaf(u32 leaf)
{
	struct regs r = host_cpuid(leaf, 0);

	switch (leaf) {
	case 0x80000000:
		r.eax = min_t(u32, r.eax, LAST_EXTENDED);
		break;
	case 0x80000001:
		r.ecx &= extended1_ecx;
		r.edx &= extended1_edx | (leaf1_edx & ~BIT_OF(X86_FEATURE_XMM)
					  & 0x0183f3ff);
		break;
	case 0x80000007:
		r.eax = r.ebx = r.ecx = 0;
		r.edx = EXTENDED7_INVARIANT_TSC;
		break;
	case 0x80000008:
		/* Four levels of page tables: 48 bits of virtual address. */
		r.eax = (r.eax & 0xff) | 48 << 8;
		r.ebx &= EXTENDED8_CLZERO;
		r.ecx = r.edx = 0;
		break;
	}
	return r;
}

/* A signature of our own, so that no other hypervisor's driver starts. */
static struct regs hypervisor_leaf(u32 leaf)
{
	struct regs r = {};

	if (leaf == 0x40000000) {
		r.eax = leaf;
		memcpy(&r.ebx, "ring", 4);
		memcpy(&r.ecx, "let ", 4);
		memcpy(&r.edx, "PV  ", 4);
	}
	return r;
}

void rl_cpuid(unsigned int *eax, unsigned int *ebx, unsigned int *ecx,
	      unsigned int *edx)
{
	u32 leaf = *eax, subleaf = *ecx;
	struct regs r = {};

	if (leaf <= LAST_BASIC)
		r = basic_leaf(leaf, subleaf);
	else if (leaf >= 0x80000000 && leaf <= LAST_EXTENDED)
		r = extended_leaf(leaf);
	else if (leaf >= 0x40000000 && leaf < 0x40010000)
		r = hypervisor_leaf(leaf);
	*eax = r.eax;
	*ebx = r.ebx;
	*ecx = r.ecx;
	*edx = r.edx;
}

/* Not setup_force_cpu_cap(): its locked instructions want to be patched. */
static void force(unsigned int feature)
{
	boot_cpu_data.x86_capability[feature / 32] |= BIT_OF(feature);
	cpu_caps_set[feature / 32] |= BIT_OF(feature);
}

/* Before any other code asks for a feature. */
void rl_features_init(void)
{
	/* Chooses the code paths for a kernel that is not in ring 0. */
	force(X86_FEATURE_XENPV);
	/* The host told the frequency and keeps its CPUs' counters together. */
	force(X86_FEATURE_TSC_KNOWN_FREQ);
	force(X86_FEATURE_TSC_RELIABLE);
	force(X86_FEATURE_CONSTANT_TSC);
	force(X86_FEATURE_NONSTOP_TSC);

	/* Not from CPUID but set by vendor code. */
	setup_clear_cpu_cap(X86_FEATURE_SYSENTER32);
	setup_clear_cpu_cap(X86_FEATURE_SYSCALL32);
	setup_clear_cpu_cap(X86_FEATURE_APIC);
}
