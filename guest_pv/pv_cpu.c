// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.cpu, first part: control and debug registers, MSRs, odd instructions.
 * Segments are in pv_segment.c, gates in pv_trap.c, CPUID in features.c.
 *
 * Rule: rl_write_msr() must not touch per-CPU data before it has set the GS base. The
 * kernel calls it for that just after it has loaded a NULL %gs, which zeroes the base.
 */
#include <asm/processor-flags.h>

#include "layer.h"

/* Registers of the processor, by SDM volume 4. */
#define MSR_IA32_APICBASE	0x1b
#define MSR_IA32_APICBASE_BSP	(1 << 8)
#define MSR_IA32_SYSENTER_CS	0x174
#define MSR_IA32_SYSENTER_ESP	0x175
#define MSR_IA32_SYSENTER_EIP	0x176
#define MSR_IA32_DEBUGCTLMSR	0x1d9
#define MSR_IA32_CR_PAT		0x277
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SYSCALL_MASK	0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102

#define EFER_SCE		(1 << 0)
#define EFER_LME		(1 << 8)
#define EFER_LMA		(1 << 10)
#define EFER_NX			(1 << 11)

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
static int debug_number(int number)
{
	return number == 4 || number == 5 ? number + 2 : number & 7;
}

static unsigned long rl_get_debugreg(int number)
{
	u64 value;

	number = debug_number(number);
	if (number != 6)
		return rl_this_cpu()->debug_registers[number];
	rl_hypercall_value(RL_HC_GET_DR, number, &value);
	return value;
}

static void rl_set_debugreg(int number, unsigned long value)
{
	u64 *copy;

	number = debug_number(number);
	copy = &rl_this_cpu()->debug_registers[number];
	if (number != 6 && *copy == value)
		return;
	*copy = value;
	rl_hypercall(RL_HC_SET_DR, number, value, 0);
}

/*J: guest.msr
 * Most model-specific registers of a guest are nobody's business: system call
 * entry points and page attributes belong to the host, and the layer answers
 * as Linux expects without asking anyone. The bases of FS and GS are used at
 * every context switch, and need no hypercall either, since ring 1 may read and
 * write them itself. The "kernel GS base" of the architecture, the one that
 * SWAPGS would bring in, is just a word in the shared page here.
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
		*value = shared_read(user_gs);
		return true;
	case MSR_EFER:
		*value = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
		return true;
	case MSR_IA32_CR_PAT:
		*value = LINUX_PAT;
		return true;
	case MSR_IA32_APICBASE:
		/* No APIC, but who boots asks whether this is the first CPU. */
		*value = MSR_IA32_APICBASE_BSP;
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
		rl_cpu_moved(value);
		shared_write(kernel_gs, value);
		return 1;
	case MSR_KERNEL_GS_BASE:
		if (!canonical(value))
			return -EIO;
		shared_write(user_gs, value);
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

/* Both: 0 or -EIO. A register that the host does not have reads as 0. */
static int rl_read_msr(u32 msr, u64 *value)
{
	if (read_known_msr(msr, value) ||
	    rl_hypercall_value(RL_HC_RDMSR, msr, value) >= 0)
		return 0;
	*value = 0;
	return -EIO;
}

static int rl_write_msr(u32 msr, u64 value)
{
	int known = write_known_msr(msr, value);

	if (known)
		return known < 0 ? known : 0;
	return rl_hypercall(RL_HC_WRMSR, msr, value, 0) < 0 ? -EIO : 0;
}

/* The forms that a kernel may want; it has one of each pair. */
static u64 read_msr(u32 msr)
{
	u64 value;

	rl_read_msr(msr, &value);
	return value;
}

static u64 read_msr_with_error(u32 msr, int *error)
{
	u64 value;

	*error = rl_read_msr(msr, &value);
	return value;
}

static int write_msr_halves(u32 msr, u32 low, u32 high)
{
	return rl_write_msr(msr, (u64)high << 32 | low);
}

static void msr_ops_init(void)
{
	void *read_safe = read_msr_with_error;
	void *write = write_msr_halves, *write_safe = write_msr_halves;

	if (has_signature(pv_cpu_ops, read_msr_safe, "44p"))
		read_safe = rl_read_msr;
	if (has_signature(pv_cpu_ops, write_msr, "v48"))
		write = rl_write_msr;
	if (has_signature(pv_cpu_ops, write_msr_safe, "448"))
		write_safe = rl_write_msr;
	PV(cpu.read_msr) = read_msr;
	PV(cpu.read_msr_safe) = read_safe;
	/* Who wants no result ignores one. */
	PV(cpu.write_msr) = write;
	PV(cpu.write_msr_safe) = write_safe;
}

static void nothing(void)
{
}

/* No port to wait with, no cache that anybody else looks into. */
static void no_delays(void)
{
	set_maybe(pointer, pv_ops, paravirt_patch_template, cpu.io_delay, nothing);
	set_maybe(u8, pv_info, pv_info, io_delay, false);
	set_maybe(pointer, pv_ops, paravirt_patch_template, cpu.wbinvd, nothing);
}

static u64 rl_read_pmc(int counter)
{
	return 0;
}

void rl_cpu_ops_init(void)
{
	no_delays();
	msr_ops_init();
	PV(cpu.cpuid) = rl_cpuid;
	PV(cpu.get_debugreg) = rl_get_debugreg;
	PV(cpu.set_debugreg) = rl_set_debugreg;
	PV(cpu.read_cr0) = rl_read_cr0;
	PV(cpu.write_cr0) = rl_write_cr0;
	PV(cpu.write_cr4) = rl_write_cr4;
	PV(cpu.read_pmc) = rl_read_pmc;
}
