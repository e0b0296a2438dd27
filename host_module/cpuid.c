// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID as the guest kernel sees it: the host's, less what a ring 1 kernel
 * cannot use, plus what its CR3 loads need.
 *
 * Guest programs execute CPUID themselves and see the real one.
 *
 * Source: SDM volume 2, CPUID; APM volume 3, appendix E.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>
#include "compat.h"
#include "cpuid.h"

#define BITS(...) bits((const u8[]){ __VA_ARGS__ }, \
		       sizeof((const u8[]){ __VA_ARGS__ }))

static u32 bits(const u8 *list, size_t n)
{
	u32 all = 0;

	while (n--)
		all |= BIT(list[n]);
	return all;
}

/*J: cpuid.mask
 * A feature is hidden when the guest kernel would use it with an instruction
 * that ring 1 does not have (XSAVES, RDTSCP's MSR, INVPCID), when it would set
 * up a device that is not there (APIC, MTRR, machine check banks), or when it
 * would ask for a rule that the host does not apply to ring 1 (SMAP).
 * PCID goes the other way: it is offered even where the processor has none,
 * because it makes Linux say which address spaces it has left unchanged.
 :*/
static void leaf_1(u32 out[4])
{
	out[1] &= 0x0000ffff;		/* one logical processor, APIC id 0 */
	out[2] &= ~BITS(2, 3, 5, 6, 7, 8, 10, 14, 15, 18, 21, 24, 31);
	out[2] |= BITS(17, 31);		/* PCID, hypervisor */
	if (cpu_feature_enabled(X86_FEATURE_OSXSAVE))
		out[2] |= BIT(27);
	/* PSE36, MCE, APIC, SEP, MTRR, MCA, DS, ACPI, HTT, TM, PBE off. */
	out[3] &= ~BITS(7, 9, 11, 12, 14, 17, 21, 22, 28, 29, 31);
	out[3] |= BITS(13, 16);		/* PGE, PAT */
}

static void leaf_7(u32 subleaf, u32 out[4])
{
	if (subleaf) {
		/* LASS, FRED, LKGS, WRMSRNS, MSRLIST, LAM off. */
		out[0] &= ~BITS(6, 8, 17, 18, 19, 22, 26, 27);
		out[3] &= ~BITS(18);	/* CET_SSS */
		return;
	}
	/* TSC_ADJUST, SGX, SMEP, INVPCID, CQM, MPX, RDT, SMAP, PT off. */
	out[1] &= ~BITS(1, 2, 7, 10, 12, 14, 15, 20, 25);
	/* PKU, OSPKE, WAITPKG, CET_SS, LA57, RDPID, bus lock, SGX_LC, PKS
	   off. */
	out[2] &= ~BITS(3, 4, 5, 7, 13, 16, 22, 23, 24, 29, 30, 31);
	/* UMIP where the host has it on: ring 3's #GP is then the guest
	   kernel's to answer. */
	if (!(native_read_cr4() & X86_CR4_UMIP))
		out[2] &= ~BITS(2);
	/* UINTR, hybrid, PCONFIG, LBR, IBT, AMX, SPEC_CTRL and its kin off. */
	out[3] &= ~BITS(5, 9, 11, 13, 15, 18, 19, 20, 22, 24, 25, 26, 27, 28, 29, 30, 31);
}

/*
 * What a guest has of the host's XCR0: no tiles (AMX). Their data is dynamic state
 * (XFD), which a guest kernel that is shown no XFD does not switch, while programs
 * find AMX with CPUID: what one of them left in TILECFG the next would read, and a
 * #NM of tile data would be one that the kernel cannot explain. Without its bits in
 * XCR0 a tile instruction is #UD. Not inlined, for tests/host/xstate.
 */
noinline u64 xcr0_for_guest(u64 xcr0)
{
	return xcr0 & ~(u64)XFEATURE_MASK_XTILE;
}

/* Bytes that XSAVE needs for these features (SDM volume 1, 13.4.3). */
static u32 xsave_bytes(u64 features)
{
	u32 bytes = 512 + 64, eax, ebx, ecx, edx;

	for (int i = 2; i < 63; i++) {
		if (!(features >> i & 1))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		bytes = max(bytes, ebx + eax);
	}
	return bytes;
}

static void leaf_xstate(u32 subleaf, u32 out[4])
{
	u64 has;

	switch (subleaf) {
	case 0:
		has = (u64)out[3] << 32 | out[0];
		if (!(has & XFEATURE_MASK_XTILE))
			return;
		out[0] = xcr0_for_guest(has);
		out[1] = xsave_bytes(xcr0_for_guest(xgetbv(0)));
		out[2] = xsave_bytes(xcr0_for_guest(has));
		return;
	case 1:
		out[0] &= ~BITS(3, 4);	/* XSAVES, XFD */
		return;
	case XFEATURE_XTILE_CFG:
	case XFEATURE_XTILE_DATA:
		memset(out, 0, 16);
	}
}

/*
 * CPUID(leaf, subleaf) for a guest: eax, ebx, ecx, edx.
 */
void cpuid_for_guest(u32 leaf, u32 subleaf, u32 out[4])
{
	cpuid_count(leaf, subleaf, &out[0], &out[1], &out[2], &out[3]);
	switch (leaf) {
	case 1:
		leaf_1(out);
		break;
	case 7:
		leaf_7(subleaf, out);
		break;
	case 0xd:
		leaf_xstate(subleaf, out);
		break;
	case 4: case 0xb: case 0x1f: case 0x8000001d: case 0x8000001e:
		if (leaf == 4 || leaf == 0x8000001d)
			break;		/* caches */
		memset(out, 0, 16);	/* topology: one */
		break;
	case 5: case 6: case 9: case 0xa: case 0xf: case 0x10: case 0x12:
	case 0x14: case 0x19: case 0x1b: case 0x1c: case 0x1d: case 0x1e:
	case 0x80000007 + 3:		/* SVM */
	case 0x8000001f:		/* memory encryption */
	case 0x80000021: case 0x80000022:	/* AutoIBRS, PerfMonV2 */
		memset(out, 0, 16);
		break;
	case 0x80000001:
		/* SVM, ExtApic, IBS, SKINIT, WDT, LWP, topology, perf counters,
		   MWAITX off; SYSCALL stays, FFXSR, RDTSCP off. */
		out[2] &= ~BITS(1, 2, 3, 10, 12, 13, 15, 22, 23, 24, 26, 27,
				28, 29);
		out[3] &= ~BITS(7, 9, 12, 14, 17, 25, 27);
		break;
	case 0x80000008:
		out[0] = (out[0] & ~0xff00) | 48 << 8;	/* no LA57 */
		/* Speculation controls, WBNOINVD, RDPRU; one thread. */
		out[1] &= ~(BITS(3, 4, 9, 12, 14, 15, 16, 17, 18, 23, 24, 25, 26,
				 28));
		out[2] = 0;
		break;
	}
	if (leaf >= 0x40000000 && leaf < 0x40000100) {
		memset(out, 0, 16);
		if (leaf == 0x40000000) {
			out[0] = 0x40000000;
			out[1] = 0x676e6972;	/* "ringlet-host" */
			out[2] = 0x2d74656c;
			out[3] = 0x74736f68;
		}
	}
}
