// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID, MSRs and XCR0 as a 32-bit kernel sees them: those of a 64-bit guest, less what
 * 32-bit code in ring 1 cannot use.
 *
 * Programs execute CPUID themselves. Source: SDM volume 2, CPUID; volume 1, 13.
 */
#include "shim.h"

#define BIT(n)		(1u << (n))
#define MSR_EFER	0xc0000080u
#define MSR_INT_PENDING	0xc0010055u	/* of an AMD K8: 0 is "does not stop its timer" */

/* x87, SSE, AVX, AVX-512: what a kernel switches that is shown no other. */
#define XSTATE_KNOWN	0xe7u
#define XSAVE_LEGACY	(512u + 64u)

static u64 xcr0 = 1, efer;

static void host_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	hypercall(RL_HC_CPUID, leaf, subleaf, 0);
	for (unsigned int i = 0; i < 4; i++)
		out[i] = shared.cpuid[i];
}

/* Bytes that XSAVE needs for these features, in its standard form. */
static u32 xsave_bytes(u64 features)
{
	u32 bytes = XSAVE_LEGACY, out[4];

	for (unsigned int i = 2; i < 32; i++) {
		if (!(features >> i & 1))
			continue;
		host_cpuid(0xd, i, out);
		if (out[1] + out[0] > bytes)
			bytes = out[1] + out[0];
	}
	return bytes;
}

static void leaf_xstate(u32 subleaf, u32 out[4])
{
	switch (subleaf) {
	case 0:
		out[0] &= XSTATE_KNOWN;
		out[1] = xsave_bytes(xcr0);
		out[2] = xsave_bytes(out[0]);
		out[3] = 0;
		break;
	case 1:
		/* XSAVEC, XSAVES: the size of the compact form would be the host's. */
		out[0] &= ~(BIT(1) | BIT(3));
		out[1] = out[2] = out[3] = 0;
		break;
	}
}

void cpu_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	host_cpuid(leaf, subleaf, out);
	switch (leaf) {
	case 1:
		out[2] &= ~BIT(17);		/* PCID: of long mode */
		out[3] &= ~(BIT(1) | BIT(11));	/* VME; SYSENTER is #GP */
		break;
	case 0xd:
		leaf_xstate(subleaf, out);
		break;
	case 0x80000001:
		/* SYSCALL is #UD; no pages of 1 GB, no long mode. */
		out[3] &= ~(BIT(11) | BIT(26) | BIT(29));
		break;
	}
}

bool cpu_read_msr(u32 msr, u64 *value)
{
	if (msr == MSR_EFER) {
		*value = efer;
		return true;
	}
	if (msr == MSR_INT_PENDING) {
		*value = 0;
		return true;
	}
	if (hypercall(RL_HC_RDMSR, msr, 0, 0))
		return false;
	*value = shared.value;
	return true;
}

bool cpu_write_msr(u32 msr, u64 value)
{
	if (msr == MSR_EFER) {
		efer = value;
		return true;
	}
	return !hypercall(RL_HC_WRMSR, msr, value, 0);
}

/* The real one has more; XSAVE's mask is the kernel's own. */
bool cpu_set_xcr(u32 index, u64 value)
{
	if (index || !(value & 1) || value & ~(u64)XSTATE_KNOWN)
		return false;
	xcr0 = value;
	return true;
}
