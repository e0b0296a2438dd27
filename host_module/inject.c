// SPDX-License-Identifier: GPL-2.0
/*
 * Injection: delivering faults and interrupts to the guest kernel.
 *
 * The host does what the processor would do at CPL 0: choose the stack, push
 * the frame, go to the handler. Where the handler is the guest kernel's own, it
 * also does the work of an entry (GS, the shape of the saved CS, the virtual
 * interrupt flag). A vector with a direct gate has a stub for a handler that does
 * that itself, and must find what a gate leaves, whoever brought it there.
 *
 * Runs in the vCPU's thread, outside the guest, holder of vcpu->lock. Guest
 * memory is written through walks, so everything here may sleep.
 */
#include <linux/kernel.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>
#include "inject.h"
#include "kick.h"
#include "vcpu.h"
#include "walk.h"
#include "trace.h"

#define RFLAGS_KEEP (X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | \
		     X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_TF | \
		     X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_NT | \
		     X86_EFLAGS_RF | X86_EFLAGS_AC | X86_EFLAGS_ID)

/* What the guest sees as CS and SS of code that ran in ring 1. */
#define SAVED_KERNEL_CS	__KERNEL_CS
#define SAVED_KERNEL_SS	__KERNEL_DS

static bool vif(const struct rl_vcpu *vcpu)
{
	return vcpu->page && READ_ONCE(vcpu->page->vif) == 1;
}

static bool rip_within(u64 rip, u64 start, u64 end)
{
	return rip >= start && rip < end;
}

/* May an interrupt be injected at this very place? */
bool inject_possible(struct rl_vcpu *vcpu)
{
	if (!vif(vcpu))
		return false;
	return vcpu_in_user(vcpu) ||
	       !rip_within(vcpu->regs->rip, vcpu->init.zone_start,
			 vcpu->init.zone_end);
}

/*
 * What the processor does at a direct gate, and no more: its handler begins with
 * the stub that a gate leads to, and that does the rest of the work itself. So
 * the frame holds CS, SS and RFLAGS as they are, from ring 3 it goes to the
 * entry stack (RSP1), and GS base and vif stay as they were.
 */
static void frame_of_gate(const struct rl_vcpu *vcpu, u64 frame[6], u64 *stack)
{
	const struct window_frame *r = vcpu->regs;

	*stack = vcpu_in_user(vcpu) ? vcpu->tss->sp1 : r->rsp;
	frame[2] = r->cs;
	frame[3] = r->rflags;
	frame[5] = r->ss;
}

/* The kernel is 32-bit code, and each handler a 64-bit one that serves it. */
static bool kernel_is_32bit(const struct rl_vcpu *vcpu)
{
	return vcpu->init.flags & RL_INIT_32BIT;
}

/* The other handlers are the guest kernel's own, behind its entry's work. */
static void frame_of_entry(const struct rl_vcpu *vcpu, u64 frame[6], u64 *stack)
{
	const struct window_frame *r = vcpu->regs;
	bool user = vcpu_in_user(vcpu), real = user || kernel_is_32bit(vcpu);

	*stack = user ? READ_ONCE(vcpu->page->sp0) : r->rsp;
	frame[2] = real ? r->cs : SAVED_KERNEL_CS;
	frame[3] = r->rflags & ~(u64)X86_EFLAGS_IF;
	if (vif(vcpu))
		frame[3] |= X86_EFLAGS_IF;
	frame[5] = real ? r->ss : SAVED_KERNEL_SS;
}

/*
 * Pushes a frame and goes to the handler of vector. 0, or -EFAULT where the
 * stack cannot take it: *fault and *error are those of the access.
 */
static int deliver(struct rl_vcpu *vcpu, unsigned int vector, bool has_error,
		   u32 error, gva_t *fault, u32 *fault_error)
{
	bool direct = vcpu->traps[vector].flags & RL_TRAP_DIRECT;
	bool swap_gs = vcpu_in_user(vcpu) && !direct && !kernel_is_32bit(vcpu);
	struct window_frame *r = vcpu->regs;
	u64 frame[6], rsp, gs = 0;

	trace_rl_inject(vcpu, vector, error);
	frame[0] = error;
	frame[1] = r->rip;
	frame[4] = r->rsp;
	if (direct)
		frame_of_gate(vcpu, frame, &rsp);
	else
		frame_of_entry(vcpu, frame, &rsp);
	rsp &= ~15ULL;
	if (swap_gs)
		gs = READ_ONCE(vcpu->page->kernel_gs);
	*fault = rsp;
	*fault_error = FAULT_W;
	if (!gva_canonical(rsp) || !gva_canonical(gs))
		return -EFAULT;
	rsp -= has_error ? 48 : 40;
	if (guest_write(vcpu, rsp, has_error ? frame : frame + 1,
			has_error ? 48 : 40, fault_error, fault))
		return -EFAULT;
	if (swap_gs) {
		WRITE_ONCE(vcpu->page->user_gs, vcpu->stack->gs_base);
		vcpu->stack->gs_base = gs;
	}
	if (!direct)
		WRITE_ONCE(vcpu->page->vif, 0);
	r->rip = vcpu->traps[vector].handler;
	r->cs = RL_KERNEL_CS;
	r->ss = RL_KERNEL_SS;
	r->rsp = rsp;
	r->rflags = (r->rflags & ~(u64)(X86_EFLAGS_TF | X86_EFLAGS_NT |
					X86_EFLAGS_RF)) |
		    X86_EFLAGS_IF | X86_EFLAGS_FIXED;
	return 0;
}

/*
 * Raises an exception in the guest as if the instruction at RIP had caused it.
 * Where the frame cannot be pushed, a double fault is tried, and after that the
 * guest is dead, as a real machine would be after its triple fault.
 */
void inject_fault(struct rl_vcpu *vcpu, unsigned int vector, bool has_error,
		  u32 error)
{
	u32 fault_error;
	gva_t fault;

	vcpu->stats.injected_faults++;
	if (!vcpu->page || !vcpu->traps[vector].handler) {
		rl_kill_guest(vcpu,
			      "exception %u (error 0x%x) at 0x%llx, address 0x%llx, without a handler",
			      vector, error, vcpu->regs->rip,
			      vector == 14 ? vcpu->fault_gva : 0);
		return;
	}
	if (!deliver(vcpu, vector, has_error, error, &fault, &fault_error))
		return;
	if (vcpu->traps[8].handler &&
	    !deliver(vcpu, 8, true, 0, &fault, &fault_error))
		return;
	rl_kill_guest(vcpu,
		      "triple fault: exception %u at 0x%llx, no stack at 0x%lx",
		      vector, vcpu->regs->rip, fault);
}

/*
 * A program's page fault, as the switcher passes it on (abi/guest.h): no stack is looked
 * for. While a program runs nobody uses the frame in the shared page.
 */
static void pass_on(struct rl_vcpu *vcpu, u32 error)
{
	u64 *frame = (void *)vcpu->page + RL_SHARED_FAULT_FRAME;
	struct window_frame *r = vcpu->regs;

	trace_rl_inject(vcpu, 14, error);
	vcpu->stats.injected_faults++;
	frame[0] = error;
	frame[1] = r->rip;
	frame[2] = r->cs;
	frame[3] = r->rflags;
	frame[4] = r->rsp;
	frame[5] = r->ss;
	r->rip = vcpu->init.fault_entry;
	r->cs = RL_KERNEL_CS;
	r->rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED;
	r->rsp = vcpu->shared->fault_rsp;
	r->ss = RL_KERNEL_SS;
}

/* Raises #PF at gva; error as the guest's tables demand it. */
void inject_page_fault(struct rl_vcpu *vcpu, gva_t gva, u32 error)
{
	WRITE_ONCE(*vcpu_cr2(vcpu), gva);
	if (vcpu_in_user(vcpu) && vcpu->init.fault_entry)
		pass_on(vcpu, error);
	else
		inject_fault(vcpu, 14, true, error);
}

/*J: inject.interrupts
 * A virtual interrupt is delivered at the guest's convenience: its virtual
 * interrupt flag must be on, and it must not be in one of the short stretches
 * of the paravirt layer where a frame is half built. Otherwise the page gets a
 * note, `pending`, and the guest looks at it when it switches its flag on
 * again. The lines that wait are a word in the same page, so the guest then takes
 * its interrupt without us. One byte each way replaces what a real machine does
 * with a wire.
 *
 * The last stretch of the layer's exit path looks at the note and then leaves.
 * An interrupt between the look and the leaving would be noticed late; there
 * the guest is put back to before the look.
 :*/

/* Delivers what is pending as far as the guest can take it. May sleep. */
void inject_interrupts(struct rl_vcpu *vcpu)
{
	struct window_frame *r = vcpu->regs;
	unsigned long irqs = READ_ONCE(*vcpu->irqs);
	unsigned int line;
	u32 fault_error;
	gva_t fault;

	if (!vcpu->page || !irqs || vcpu->debug.flags & RL_DEBUG_STEP)
		return;
	if (inject_possible(vcpu)) {
		line = __ffs(irqs);
		clear_bit(line, vcpu->irqs);
		if (vcpu->traps[RL_IRQ_BASE + line].handler) {
			vcpu->stats.injected_interrupts++;
			if (deliver(vcpu, RL_IRQ_BASE + line, false, 0, &fault,
				    &fault_error))
				rl_kill_guest(vcpu,
					      "no stack for an interrupt at 0x%lx",
					      fault);
		}
	} else if (!vcpu_in_user(vcpu) &&
		   rip_within(r->rip, vcpu->init.restart_start,
			    vcpu->init.restart_end)) {
		r->rip = vcpu->init.restart_start;
	}
	WRITE_ONCE(vcpu->page->pending, !!READ_ONCE(*vcpu->irqs));
}

/* --- NMIs that vCPUs send each other --------------------------------------------- */

/*
 * As inject_possible(), but vif keeps out none; and where RSP is in the shared page no
 * handler has room for what it does.
 */
static bool nmi_possible(const struct rl_vcpu *vcpu)
{
	const struct window_frame *r = vcpu->regs;

	if (vcpu_in_user(vcpu))
		return true;
	return r->rsp - vcpu->init.shared_gva > sizeof(struct rl_shared) &&
	       !rip_within(r->rip, vcpu->init.zone_start, vcpu->init.zone_end);
}

/* inject_nmi_wanted() where one waits. */
bool inject_nmi_now(const struct rl_vcpu *vcpu)
{
	return vcpu->page && !(vcpu->debug.flags & RL_DEBUG_STEP) &&
	       nmi_possible(vcpu);
}

/* Delivers the one that waits, if it can be taken here. Else the next exit is as good. */
void inject_nmi(struct rl_vcpu *vcpu)
{
	u32 fault_error;
	gva_t fault;

	if (!inject_nmi_wanted(vcpu))
		return;
	WRITE_ONCE(vcpu->nmi, false);
	if (!vcpu->traps[2].handler)
		return;
	if (deliver(vcpu, 2, false, 0, &fault, &fault_error)) {
		rl_kill_guest(vcpu, "no stack for an NMI at 0x%lx", fault);
		return;
	}
	WRITE_ONCE(vcpu->page->nmis, ++vcpu->nmis);
	/* It may have come between a look and a PARK, and its handler may have parked. */
	WRITE_ONCE(vcpu->permit, true);
}

/* inject_wanted() where a line is pending. Any context. */
bool inject_wanted_now(struct rl_vcpu *vcpu)
{
	return vcpu->page && !(vcpu->debug.flags & RL_DEBUG_STEP) &&
	       (inject_possible(vcpu) || !READ_ONCE(vcpu->page->pending));
}

/* The guest saw `pending`: it goes when there is nothing behind it. */
void inject_settle(struct rl_vcpu *vcpu)
{
	if (vcpu->page && !READ_ONCE(*vcpu->irqs))
		WRITE_ONCE(vcpu->page->pending, 0);
}

/* --- the guest's own iret ---------------------------------------------------- */

/* Loads the frame at guest RSP into the registers; false: not readable. */
static bool read_iret_frame(struct rl_vcpu *vcpu, u64 frame[5])
{
	u32 error;
	gva_t fault;

	if (!guest_read(vcpu, vcpu->regs->rsp, frame, 40, 0, &error, &fault))
		return true;
	rl_kill_guest(vcpu, "iret frame at 0x%lx is not readable", fault);
	return false;
}

static void load_iret_frame(struct rl_vcpu *vcpu, const u64 frame[5])
{
	struct window_frame *r = vcpu->regs;

	r->rip = frame[0];
	r->cs = frame[1];
	r->rflags = (frame[2] & RFLAGS_KEEP) | X86_EFLAGS_IF |
		    X86_EFLAGS_FIXED;
	r->rsp = frame[3];
	r->ss = frame[4];
	if (vcpu->page)
		WRITE_ONCE(vcpu->page->vif, !!(frame[2] & X86_EFLAGS_IF));
}

/*
 * A fault on the layer's last iretq: the guest kernel expects it as a fault of
 * the program it was returning to. True when that was it; the registers are
 * then the program's and the caller injects the fault.
 */
bool inject_from_iret(struct rl_vcpu *vcpu)
{
	struct window_frame *r = vcpu->regs;
	u64 frame[5];

	if (vcpu_in_user(vcpu) || !vcpu->init.restart_end ||
	    r->rip != vcpu->init.restart_end - 2)
		return false;
	if (!read_iret_frame(vcpu, frame) || (frame[1] & 3) != 3)
		return false;
	load_iret_frame(vcpu, frame);
	return true;
}
