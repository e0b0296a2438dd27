// SPDX-License-Identifier: GPL-2.0
/*
 * Exits: why the guest stopped, and who serves it.
 *
 * Runs in the vCPU's thread with interrupts on, holder of vcpu->lock. What had
 * to happen with interrupts off is done (enter.c).
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include "compat.h"
#include "debug.h"
#include "emulate.h"
#include "exit.h"
#include "inject.h"
#include "kick.h"
#include "mmio.h"
#include "shadow.h"
#include "vcpu.h"

/*
 * A page of the host's is on a disk of the KVM below: this thread sleeps until
 * it is there, as any program's would, and the guest tries again. True: that was
 * all there is to this exit. See take_fault_from_below().
 */
static bool fault_from_below(struct rl_vcpu *vcpu)
{
	u32 flags = vcpu->below.flags;

	if (likely(!flags))
		return false;
	vcpu->below.flags = 0;
	if (flags & KVM_PV_REASON_PAGE_NOT_PRESENT)
		compat_async_fault_wait(vcpu->below.token);
	return true;
}

static enum exit_action page_fault(struct rl_vcpu *vcpu)
{
	u32 error = vcpu->regs->error, guest_error;
	gva_t gva = vcpu->fault_gva;
	int r;

	if (fault_from_below(vcpu))
		return EXIT_RESUME;
	/* With five levels the processor takes more addresses than a guest
	   with four may use. */
	if (!gva_canonical(gva)) {
		inject_fault(vcpu, 13, true, 0);
		return EXIT_RESUME;
	}
	r = shadow_fault(vcpu, gva, error, &guest_error);
	/* The page is there now: the next fault on it is news again. */
	if (!r && (error & FAULT_U))
		vcpu->stack->last_fault = ~0ULL;
	if (r > 0)
		inject_page_fault(vcpu, gva, guest_error);
	else if (r == -ENXIO && mmio_is_device(vcpu->fault_gpa))
		return mmio_access(vcpu, vcpu->fault_gpa);
	else if (r == -ENXIO)
		rl_kill_guest(vcpu, "access to 0x%lx at 0x%llx: no memory there",
			      gva, vcpu->regs->rip);
	else if (r == -EFAULT)
		rl_kill_guest(vcpu, "page tables for 0x%lx lie outside memory",
			      gva);
	else if (r && r != -EINTR)	/* -EINTR: the run loop sees why */
		rl_kill_guest(vcpu, "the host has no memory for page tables");
	return EXIT_RESUME;
}

static enum exit_action protection_fault(struct rl_vcpu *vcpu, unsigned int v)
{
	u32 error = vcpu->regs->error;

	if (inject_from_iret(vcpu)) {
		inject_fault(vcpu, v, true, error);
		return EXIT_RESUME;
	}
	/* In another segment of ring 1's the bytes mean other instructions. */
	if (v == 13 && !error && vcpu->regs->cs == RL_KERNEL_CS &&
	    emulate_instruction(vcpu))
		return EXIT_RESUME;
	inject_fault(vcpu, v, true, error);
	return EXIT_RESUME;
}

/* How long a lock stops its guest. Linux makes a program wait as long. */
#define LOCK_PAUSE_MS 10

/*
 * A host that detects bus locks gets a #DB behind each one in ring 1 or 3, and
 * hosts that detect split locks an #AC before. Both stop every other processor for
 * a while, so a guest must not have as many as it likes. True: this #DB was about
 * nothing else.
 */
static bool bus_lock(struct rl_vcpu *vcpu)
{
	if (likely(vcpu->dr6 & DR_BUS_LOCK))	/* it is 0 where there was one */
		return false;
	vcpu->dr6 |= DR_BUS_LOCK;
	msleep_interruptible(LOCK_PAUSE_MS);
	return !(vcpu->dr6 & (DR_TRAP_BITS | DR_STEP));
}

/*
 * True: this #AC was for a split lock, and Linux did what split_lock_detect= says:
 * warn, wait and let it pass, or send SIGBUS to the launcher. Where Linux keeps that
 * to KVM, the guest waits, and one entry is without the detection. An alignment
 * check (EFLAGS.AC at CPL 3) is the guest's.
 */
static bool split_lock(struct rl_vcpu *vcpu)
{
	if (!boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT) ||
	    (vcpu_in_user(vcpu) && vcpu->regs->rflags & X86_EFLAGS_AC))
		return false;
	if (!compat_split_lock_handled(vcpu->regs->rip)) {
		msleep_interruptible(LOCK_PAUSE_MS);
		vcpu->split_lock = true;
	}
	return true;
}

/*
 * Serves the exit that vcpu->regs->vector names, and counts it.
 */
enum exit_action exit_handle(struct rl_vcpu *vcpu)
{
	u64 vector = vcpu->regs->vector;
	struct rl_stats *stats = &vcpu->stats;

	if (vector == (8 | VECTOR_IN_WINDOW)) {
		rl_kill_guest(vcpu, "double fault at 0x%llx",
			      vcpu->stack->fault_rip);
		return EXIT_RESUME;
	}
	if (vector & VECTOR_IN_WINDOW) {
		rl_kill_guest(vcpu,
			      "invalid segment state on entry (exception %llu, error 0x%llx at +0x%llx)",
			      vector & 0xff, vcpu->regs->error,
			      vcpu->stack->fault_rip & (WINDOW_SIZE - 1));
		return EXIT_RESUME;
	}
	vector &= ~(u64)VECTOR_ON_ENTRY;
	stats->exits[min_t(u64, vector, RL_EXITS_HYPERCALL)]++;
	switch (vector) {
	case VECTOR_HYPERCALL:
		return hypercall_handle(vcpu);
	case 14:
		return page_fault(vcpu);
	case 11: case 12: case 13:
		return protection_fault(vcpu, vector);
	case 1:
		/* DR6_RESERVED bits read as 1 and are kept as they are. */
		if (bus_lock(vcpu))
			return EXIT_RESUME;
		if (debug_exception(vcpu, 1))
			return EXIT_TO_LAUNCHER;
		inject_fault(vcpu, 1, false, 0);
		return EXIT_RESUME;
	case 3:
		if (debug_exception(vcpu, 3))
			return EXIT_TO_LAUNCHER;
		inject_fault(vcpu, 3, false, 0);
		return EXIT_RESUME;
	case VECTOR_SYSCALL32:
		/* A fault's saved RF is 1 (SDM volume 3, 17.3.1.1). */
		vcpu->regs->rip -= 2;
		vcpu->regs->rflags |= X86_EFLAGS_RF;
		inject_fault(vcpu, 6, false, 0);
		return EXIT_RESUME;
	case 2: case 18:
		fault_from_below(vcpu);
		return EXIT_RESUME;
	case 17:
		if (!split_lock(vcpu))
			inject_fault(vcpu, 17, true, vcpu->regs->error);
		return EXIT_RESUME;
	case 10: case 21: case 29: case 30:
		inject_fault(vcpu, vector, true, vcpu->regs->error);
		return EXIT_RESUME;
	}
	if (vector < 32)
		inject_fault(vcpu, vector, false, 0);
	return EXIT_RESUME;
}
