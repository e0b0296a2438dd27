// SPDX-License-Identifier: GPL-2.0
/*
 * The MSRs and debug registers that a guest sees. Nothing here touches the
 * host's: reads are answered from what the guest wrote or from constants,
 * writes are kept or ignored. An MSR that is not named does not exist.
 */
#include <linux/kernel.h>
#include <asm/msr-index.h>
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include "msr.h"
#include "vcpu.h"

/* WB, WC, UC-, UC, WB, WP, UC-, WT: what Linux programs. */
#define LINUX_PAT 0x0407050600070106ULL

/* "The TSC counts at a steady pace": without it Linux complains of the firmware. */
#define HWCR_TSC_AT_P0 BIT_ULL(24)

/* Reads msr for the guest. 0 or -EIO: the guest gets #GP. */
int msr_read(struct rl_vcpu *vcpu, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_EFER:
		*value = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
		return 0;
	case MSR_FS_BASE:
		*value = vcpu->stack->fs_base;
		return 0;
	case MSR_GS_BASE:
		*value = vcpu->stack->gs_base;
		return 0;
	case MSR_KERNEL_GS_BASE:
		*value = vcpu->page ? READ_ONCE(vcpu->page->user_gs) : 0;
		return 0;
	case MSR_IA32_CR_PAT:
		*value = LINUX_PAT;
		return 0;
	case MSR_IA32_UCODE_REV:
		*value = (u64)boot_cpu_data.microcode << 32;
		return 0;
	case MSR_IA32_MISC_ENABLE:
		/* With fast strings off, Linux takes ERMS out of what CPUID says and
		   leaves FSRM there. 6.1's memmove() then has neither the one's way
		   nor a check for what is shorter than its loop. */
		*value = MSR_IA32_MISC_ENABLE_FAST_STRING |
			 MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
			 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
		return 0;
	case MSR_K7_HWCR:
		*value = HWCR_TSC_AT_P0;
		return 0;
	case MSR_IA32_APICBASE:
	case MSR_IA32_PLATFORM_ID:
	case MSR_AMD64_DE_CFG:
	case MSR_IA32_SYSENTER_CS:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
	case MSR_STAR:
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_SYSCALL_MASK:
	case MSR_TSC_AUX:
	case MSR_IA32_DEBUGCTLMSR:
		*value = 0;
		return 0;
	}
	return -EIO;
}

/* Writes msr for the guest. 0 or -EIO. */
int msr_write(struct rl_vcpu *vcpu, u32 msr, u64 value)
{
	switch (msr) {
	case MSR_FS_BASE:
		if (!gva_canonical(value))
			return -EIO;
		vcpu->stack->fs_base = value;
		return 0;
	case MSR_GS_BASE:
		if (!gva_canonical(value))
			return -EIO;
		vcpu->stack->gs_base = value;
		return 0;
	case MSR_KERNEL_GS_BASE:
		if (!vcpu->page || !gva_canonical(value))
			return -EIO;
		WRITE_ONCE(vcpu->page->user_gs, value);
		return 0;
	case MSR_EFER:
	case MSR_IA32_CR_PAT:
	case MSR_IA32_UCODE_REV:
	case MSR_IA32_MISC_ENABLE:
	case MSR_K7_HWCR:
	case MSR_AMD64_DE_CFG:
	case MSR_IA32_SYSENTER_CS:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
	case MSR_STAR:
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_SYSCALL_MASK:
	case MSR_TSC_AUX:
		return 0;
	}
	return -EIO;
}

#define DR7_ENABLES	0xffULL
#define DR7_FIXED	0x400ULL

/*
 * What the processor gets of the guest's DR7. A breakpoint on ports (R/W = 2, SDM
 * volume 3, 18.2.4) never fires in a guest, which has none, but is undefined
 * without CR4.DE, which is off in the host: it is left out.
 */
static u64 loaded_dr7(u64 dr7)
{
	dr7 = (dr7 & 0xffff00ffULL) | DR7_FIXED;
	for (int i = 0; i < 4; i++)
		if ((dr7 >> (16 + 4 * i) & 3) == 2)
			dr7 &= ~(3ULL << (2 * i));
	return dr7 & DR7_ENABLES ? dr7 : 0;
}

/*
 * A breakpoint may lie anywhere but in the two slots of the host: there it would fire in
 * the switcher (compare XSA-444).
 */
bool debugreg_address_ok(u64 value)
{
	return gva_canonical(value) &&
	       pgd_slot(value) != RL_WINDOW_SLOT &&
	       pgd_slot(value) != RL_ALIAS_SLOT &&
	       /* Eight bytes from just below reach into the slot. */
	       pgd_slot(value + 7) != RL_WINDOW_SLOT &&
	       pgd_slot(value + 7) != RL_ALIAS_SLOT;
}

/* The processor gets the debugger's breakpoints or, where it has none, the guest's. */
void debugreg_reload(struct rl_vcpu *vcpu)
{
	u64 debugger = loaded_dr7(vcpu->debug.dr7);

	vcpu->shared->dr7 = debugger ? debugger : loaded_dr7(vcpu->dr7);
	memcpy(vcpu->loaded_dr, debugger ? vcpu->debug.dr : vcpu->dr,
	       sizeof(vcpu->loaded_dr));
}

/* Sets a debug register of the guest's. */
int debugreg_write(struct rl_vcpu *vcpu, unsigned int n, u64 value)
{
	switch (n) {
	case 0: case 1: case 2: case 3:
		if (!debugreg_address_ok(value))
			return -EINVAL;
		vcpu->dr[n & 3] = value;
		debugreg_reload(vcpu);
		return 0;
	case 4: case 6:
		vcpu->dr6 = (value & 0xe00f) | DR6_RESERVED;
		return 0;
	case 5: case 7:
		/* No GD: reading a debug register is a hypercall anyway. */
		vcpu->dr7 = (value & 0xffff00ffULL) | DR7_FIXED;
		debugreg_reload(vcpu);
		return 0;
	}
	return -EINVAL;
}

/* What the guest last wrote, DR6 with the bits of its last #DB. */
int debugreg_read(struct rl_vcpu *vcpu, unsigned int n, u64 *value)
{
	switch (n) {
	case 0: case 1: case 2: case 3:
		*value = vcpu->dr[n & 3];
		return 0;
	case 4: case 6:
		*value = vcpu->dr6;
		return 0;
	case 5: case 7:
		*value = vcpu->dr7;
		return 0;
	}
	return -EINVAL;
}
