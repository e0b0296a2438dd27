// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.cpu, first part: control and debug registers, MSRs, odd instructions.
 * Segments are in pv_segment.c, gates in pv_trap.c, CPUID in features.c.
 *
 * Rule: rl_write_msr() must not touch per-CPU data. The kernel calls it to set
 * the GS base just after it has loaded a NULL %gs, which zeroes the base.
 */
#include <linux/errno.h>
#include <linux/sched.h>
#include <asm/fsgsbase.h>
#include <asm/msr-index.h>
#include <asm/paravirt.h>
#include <asm/processor-flags.h>

#include "layer.h"

/* The page attribute table that Linux would write: WB WC UC- UC WB WP UC- WT */
#define LINUX_PAT	0x0407050600070106ULL

static unsigned long cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE |
			   X86_CR0_WP | X86_CR0_AM | X86_CR0_PG;

static unsigned long rl_read_cr0(void)
{
	return cr0;
}

static void rl_write_cr0(unsigned long value)
{
	cr0 = value;
}

/* The processor's CR4 is the host's. The kernel keeps its own shadow copy. */
static void rl_write_cr4(unsigned long value)
{
}

/*
 * Debug registers. The host has the real ones; copies save the hypercall where
 * a register is read or set to what it holds. DR6 is what a #DB just wrote.
 */
static unsigned long debug_registers[8];

static int debug_number(int number)
{
	return number == 4 || number == 5 ? number + 2 : number & 7;
}

static unsigned long rl_get_debugreg(int number)
{
	u64 value;

	number = debug_number(number);
	if (number != 6)
		return debug_registers[number];
	rl_hypercall_value(RL_HC_GET_DR, number, &value);
	return value;
}

static void rl_set_debugreg(int number, unsigned long value)
{
	number = debug_number(number);
	if (number != 6 && debug_registers[number] == value)
		return;
	debug_registers[number] = value;
	rl_hypercall(RL_HC_SET_DR, number, value, 0);
}

/*J: guest.msr
 * Most model-specific registers of a guest are nobody's business: system call
 * entry points and page attributes belong to the host, and the layer answers
 * as Linux expects without asking anyone. Three are used at every context
 * switch, the bases of FS and GS, and those need no hypercall either, since
 * ring 1 may read and write the bases itself. The "kernel GS base" of the
 * architecture, the one that SWAPGS would bring in, is just a word in the
 * shared page here.
 :*/
static bool canonical(u64 address)
{
	return (s64)(address << 16) >> 16 == (s64)address;
}

/* True when the layer itself knows the answer. */
static bool read_known_msr(unsigned int msr, u64 *value)
{
	*value = 0;
	switch (msr) {
	case MSR_FS_BASE:
		*value = rdfsbase();
		return true;
	case MSR_GS_BASE:
		*value = rdgsbase();
		return true;
	case MSR_KERNEL_GS_BASE:
		*value = rl_shared.user_gs;
		return true;
	case MSR_EFER:
		*value = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
		return true;
	case MSR_IA32_CR_PAT:
		*value = LINUX_PAT;
		return true;
	case MSR_IA32_DEBUGCTLMSR:
		return true;
	}
	return false;
}

/* 1: done; 0: ask the host; -EIO: a value that the processor refuses. */
static int write_known_msr(unsigned int msr, u64 value)
{
	switch (msr) {
	case MSR_FS_BASE:
		if (!canonical(value))
			return -EIO;
		wrfsbase(value);
		return 1;
	case MSR_GS_BASE:
		if (!canonical(value))
			return -EIO;
		wrgsbase(value);
		WRITE_ONCE(rl_shared.kernel_gs, value);
		return 1;
	case MSR_KERNEL_GS_BASE:
		if (!canonical(value))
			return -EIO;
		WRITE_ONCE(rl_shared.user_gs, value);
		return 1;
	case MSR_STAR:
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_SYSCALL_MASK:
	case MSR_IA32_SYSENTER_CS:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
	case MSR_EFER:
	case MSR_IA32_CR_PAT:
	case MSR_IA32_DEBUGCTLMSR:
		return 1;
	}
	return 0;
}

static u64 rl_read_msr_safe(unsigned int msr, int *error)
{
	u64 value;

	*error = 0;
	if (read_known_msr(msr, &value))
		return value;
	if (rl_hypercall_value(RL_HC_RDMSR, msr, &value) < 0) {
		*error = -EIO;
		return 0;
	}
	return value;
}

static int rl_write_msr_safe(unsigned int msr, unsigned int low,
			     unsigned int high)
{
	u64 value = (u64)high << 32 | low;
	int known = write_known_msr(msr, value);

	if (known)
		return known < 0 ? known : 0;
	return rl_hypercall(RL_HC_WRMSR, msr, value, 0) < 0 ? -EIO : 0;
}

/* Where the kernel is sure of a register that the host does not have: 0. */
static u64 rl_read_msr(unsigned int msr)
{
	int error;

	return rl_read_msr_safe(msr, &error);
}

static void rl_write_msr(unsigned int msr, unsigned int low, unsigned int high)
{
	rl_write_msr_safe(msr, low, high);
}

static u64 rl_read_pmc(int counter)
{
	return 0;
}

static void rl_nothing(void)
{
}

void rl_cpu_ops_init(void)
{
	pv_ops.cpu.io_delay = rl_nothing;
	pv_ops.cpu.wbinvd = rl_nothing;
	pv_ops.cpu.cpuid = rl_cpuid;
	pv_ops.cpu.get_debugreg = rl_get_debugreg;
	pv_ops.cpu.set_debugreg = rl_set_debugreg;
	pv_ops.cpu.read_cr0 = rl_read_cr0;
	pv_ops.cpu.write_cr0 = rl_write_cr0;
	pv_ops.cpu.write_cr4 = rl_write_cr4;
	pv_ops.cpu.read_msr = rl_read_msr;
	pv_ops.cpu.write_msr = rl_write_msr;
	pv_ops.cpu.read_msr_safe = rl_read_msr_safe;
	pv_ops.cpu.write_msr_safe = rl_write_msr_safe;
	pv_ops.cpu.read_pmc = rl_read_pmc;
}
