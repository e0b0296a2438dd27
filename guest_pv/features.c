// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest kernel believes about its processor.
 *
 * CPUID as the kernel asks it, through pv_ops. User programs that execute the
 * instruction themselves see the host's processor; so must not matter here.
 *
 * What it is told of other processors is in topology.c.
 *
 * The lists say what may be seen. A feature that is new to the world is hidden
 * until somebody has thought about it in ring 1.
 */
#include "cpuid.h"
#include "layer.h"

/* The basic and the extended range, as far as Linux needs them. */
#define LAST_BASIC		0xd
#define LAST_EXTENDED		0x80000008

/* Standard-format XSAVE areas: what lies outside is new and stays off. */
#define XCR0_ALLOWED		0xe7	/* x87, SSE, AVX, the three of AVX-512 */
#define XSAVE_LEGACY_BYTES	(512 + 64)

static const u32 leaf1_ecx =
	CPUID_SSE3 | CPUID_PCLMULQDQ |
	CPUID_SSSE3 | CPUID_FMA |
	CPUID_CX16 | CPUID_SSE4_1 |
	CPUID_SSE4_2 | CPUID_MOVBE |
	CPUID_POPCNT | CPUID_AES |
	CPUID_XSAVE | CPUID_OSXSAVE |
	CPUID_AVX | CPUID_F16C |
	CPUID_RDRAND;

static const u32 leaf1_edx =
	CPUID_FPU | CPUID_DE |
	CPUID_PSE | CPUID_TSC |
	CPUID_MSR | CPUID_PAE |
	CPUID_CX8 | CPUID_PGE |
	CPUID_CMOV | CPUID_PAT |
	CPUID_PSE36 | CPUID_CLFLUSH |
	CPUID_MMX | CPUID_FXSR |
	CPUID_SSE | CPUID_SSE2 |
	CPUID_SELFSNOOP;

static const u32 leaf7_ebx =
	CPUID_FSGSBASE | CPUID_BMI1 |
	CPUID_AVX2 | CPUID_SMEP |
	CPUID_BMI2 | CPUID_ERMS |
	CPUID_AVX512F | CPUID_AVX512DQ |
	CPUID_RDSEED | CPUID_ADX |
	CPUID_AVX512IFMA | CPUID_CLFLUSHOPT |
	CPUID_CLWB | CPUID_AVX512CD |
	CPUID_SHA_NI | CPUID_AVX512BW |
	CPUID_AVX512VL;

static const u32 leaf7_ecx =
	CPUID_UMIP | CPUID_AVX512VBMI | CPUID_AVX512_VBMI2 |
	CPUID_GFNI | CPUID_VAES |
	CPUID_VPCLMULQDQ | CPUID_AVX512_VNNI |
	CPUID_AVX512_BITALG |
	CPUID_AVX512_VPOPCNTDQ;

static const u32 leaf7_edx =
	CPUID_FSRM | CPUID_MD_CLEAR;

static const u32 extended1_ecx =
	CPUID_LAHF_LM | CPUID_ABM |
	CPUID_SSE4A | CPUID_MISALIGNSSE |
	CPUID_PREFETCHW | CPUID_XOP |
	CPUID_FMA4 | CPUID_TBM;

/* Low bits repeat leaf 1 on AMD; of those the same ones. */
static const u32 extended1_edx =
	CPUID_SYSCALL | CPUID_NX |
	CPUID_LM | CPUID_MMXEXT |
	CPUID_FXSR_OPT;

#define EXTENDED7_INVARIANT_TSC	(1u << 8)
#define EXTENDED8_CLZERO	(1u << 0)
#define XSAVE_XSAVEOPT		(1u << 0)
#define XSAVE_XGETBV1		(1u << 2)

/* The host's answer. An empty one if it has none, which hides everything. */
struct rl_cpuid rl_host_cpuid(u32 leaf, u32 subleaf)
{
	struct rl_cpuid r = {};
	u8 was = rl_irq_save();
	u64 nmis;

	do {
		nmis = shared_read(nmis);
		if (rl_hypercall(RL_HC_CPUID, leaf, subleaf, 0) < 0)
			break;
		r.eax = shared_read(cpuid[0]);
		r.ebx = shared_read(cpuid[1]);
		r.ecx = shared_read(cpuid[2]);
		r.edx = shared_read(cpuid[3]);
	} while (shared_read(nmis) != nmis);
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
static struct rl_cpuid xsave_leaf(u32 subleaf)
{
	struct rl_cpuid r = rl_host_cpuid(0xd, subleaf), part;
	u64 xcr0 = usable_xcr0();
	u32 i;

	if (subleaf == 0) {
		/* The size that goes with our features, not with the host's. */
		r.eax = (u32)xcr0;
		r.edx = (u32)(xcr0 >> 32);
		r.ebx = XSAVE_LEGACY_BYTES;
		for (i = 2; i < 63; i++) {
			if (!(xcr0 >> i & 1))
				continue;
			part = rl_host_cpuid(0xd, i);
			r.ebx = max(r.ebx, part.ebx + part.eax);
		}
		r.ecx = r.ebx;
	} else if (subleaf == 1) {
		/* No XSAVES, which is privileged; then nothing is compacted. */
		r.eax &= XSAVE_XSAVEOPT | XSAVE_XGETBV1;
		r.ebx = r.ecx = r.edx = 0;
	} else if (subleaf > 62 || !(xcr0 >> subleaf & 1)) {
		r = (struct rl_cpuid){};
	}
	return r;
}

static struct rl_cpuid basic_leaf(u32 leaf, u32 subleaf)
{
	struct rl_cpuid r = rl_host_cpuid(leaf, subleaf);

	switch (leaf) {
	case 0:
		r.eax = min(r.eax, (u32)LAST_BASIC);
		return r;
	case 1:
		r.ecx = (r.ecx & leaf1_ecx) | CPUID_PCID |
			CPUID_HYPERVISOR;
		r.edx &= leaf1_edx;
		rl_topology(leaf, subleaf, &r);
		return r;
	case 2:
		return r;
	case 4: case 0xb:
		rl_topology(leaf, subleaf, &r);
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
	return (struct rl_cpuid){};
}

static struct rl_cpuid extended_leaf(u32 leaf)
{
	struct rl_cpuid r = rl_host_cpuid(leaf, 0);

	switch (leaf) {
	case 0x80000000:
		r.eax = min(r.eax, (u32)LAST_EXTENDED);
		break;
	case 0x80000001:
		r.ecx &= extended1_ecx;
		r.edx &= extended1_edx | (leaf1_edx & ~CPUID_SSE
					  & 0x0183f3ff);
		rl_topology(leaf, 0, &r);
		break;
	case 0x80000007:
		r.eax = r.ebx = r.ecx = 0;
		r.edx = EXTENDED7_INVARIANT_TSC;
		break;
	case 0x80000008:
		/* Four levels of page tables: 48 bits of virtual address. */
		r.eax = (r.eax & 0xff) | 48 << 8;
		r.ebx &= EXTENDED8_CLZERO;
		r.edx = 0;
		rl_topology(leaf, 0, &r);
		break;
	}
	return r;
}

/* A signature of our own, so that no other hypervisor's driver starts. */
static struct rl_cpuid hypervisor_leaf(u32 leaf)
{
	struct rl_cpuid r = {};

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
	struct rl_cpuid r = {};

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
	u32 *words = part(boot_cpu_data, cpuinfo_x86, x86_capability);

	/* The number is from the kernel's code, the room from its types. */
	if (feature / 32 >= count_of(cpuinfo_x86, x86_capability))
		rl_shutdown(RL_SHUTDOWN_PANIC);
	words[feature / 32] |= 1u << feature % 32;
	cpu_caps_set[feature / 32] |= 1u << feature % 32;
}

/* Here a kernel need not have the feature: -1. */
static void clear(int feature)
{
	if (feature >= 0)
		setup_clear_cpu_cap(feature);
}

/* Before any other code asks for a feature. */
void rl_features_init(void)
{
	/* Chooses the code paths for a kernel that is not in ring 0. */
	force(feature_number(xenpv));
	/* The host told the frequency and keeps its CPUs' counters together. */
	force(feature_number(tsc_known_freq));
	force(feature_number(tsc_reliable));
	force(feature_number(constant_tsc));
	force(feature_number(nonstop_tsc));

	/* Not from CPUID but set by vendor code: how 32-bit programs enter the kernel. */
	clear(IMAGE("feature.entry32.0"));
	clear(IMAGE("feature.entry32.1"));
	clear(feature_number(apic));
}
