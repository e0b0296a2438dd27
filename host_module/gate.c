// SPDX-License-Identifier: GPL-2.0
/*
 * Gates: the IDT that the processor uses while a guest runs.
 *
 * The guest never writes it. It registers handlers (RL_HC_SET_TRAP); what
 * becomes a gate to ring 1 and what goes to a stub of the switcher is decided
 * here. Owner: the holder of vcpu->lock.
 *
 * Source: SDM volume 3, 6.12 (exception and interrupt handling), 6.14.1 (64-bit
 * gates).
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <asm/desc.h>
#include "gate.h"
#include "vcpu.h"
#include "window.h"

/*J: gates.direct
 * Some traps concern nobody but the guest: a breakpoint, a division by zero,
 * int 0x80. For those the IDT holds a gate straight to the guest kernel's
 * handler in ring 1; the processor delivers them without a single instruction
 * of the hypervisor. They are trap gates, because an interrupt gate would
 * clear the real interrupt flag, and ring 1 could never set it again.
 *
 * A page fault is not among them (the switcher passes some on). If its handler's
 * stack were bad, pushing the frame would fault inside the fault, and that is a
 * double fault for the host.
 * Soft vectors push to a bad stack too, but there the result is an ordinary
 * page fault, which comes to us.
 :*/
static bool may_be_direct(u64 vector)
{
	switch (vector) {
	case 0: case 3: case 4: case 5: case 6: case 7: case 16: case 19:
	case 0x80:
		return true;
	}
	return false;
}

static u8 ist_of(unsigned int vector)
{
	switch (vector) {
	case 1: return IST_DB;
	case 2: return IST_NMI;
	case 8: return IST_DF;
	case 18: return IST_MC;
	}
	return 0;
}

/* Builds one gate, where the stubs are known: after window_bind(). */
void gate_build(struct rl_vcpu *vcpu, unsigned int vector)
{
	const struct trap *trap = &vcpu->traps[vector];
	bool debugged = vector == 3 && vcpu->debug.flags;
	gate_desc *gate = &vcpu->idt[vector];
	gate_desc g = {};
	u64 target;

	g.bits.p = 1;
	if (trap->handler && (trap->flags & RL_TRAP_DIRECT) && !debugged) {
		target = trap->handler;
		g.segment = RL_KERNEL_CS;
		g.bits.type = GATE_TRAP;
		g.bits.dpl = trap->flags & RL_TRAP_USER ? 3 : 1;
	} else {
		target = window_address(vcpu->bound_cpu) + WINDOW_TEXT +
			 vector * WINDOW_STUB_SIZE;
		g.segment = RL_SWITCHER_CS;
		g.bits.type = GATE_INTERRUPT;
		/* Of the others, `int n` could pass for a hardware interrupt,
		   or for an exception with an error code. */
		if ((vector == 3 || vector == 4) &&
		    (trap->flags & RL_TRAP_USER))
			g.bits.dpl = 3;
		else if (debugged)
			g.bits.dpl = 1;
		g.bits.ist = ist_of(vector);
	}
	g.offset_low = target;
	g.offset_middle = target >> 16;
	g.offset_high = target >> 32;
	*gate = g;
}

/* The vCPU moved: the stubs are at other addresses. */
void gate_build_all(struct rl_vcpu *vcpu)
{
	for (unsigned int vector = 0; vector < 256; vector++)
		gate_build(vcpu, vector);
}

/*
 * RL_HC_SET_TRAP, all arguments as the guest gave them. -EINVAL: no such
 * vector or flag, a handler outside the guest kernel's half, or a direct gate
 * for a vector that cannot have one.
 */
int gate_set(struct rl_vcpu *vcpu, u64 vector, gva_t handler, u64 flags)
{
	if (vector > 255 || flags & ~(u64)(RL_TRAP_USER | RL_TRAP_DIRECT))
		return -EINVAL;
	if (handler && (!gva_canonical(handler) || (s64)handler >= 0))
		return -EINVAL;
	if ((flags & RL_TRAP_DIRECT) && !may_be_direct(vector))
		return -EINVAL;
	vector = array_index_nospec(vector, 256);
	vcpu->traps[vector].handler = handler;
	vcpu->traps[vector].flags = flags;
	if (vcpu->bound_cpu >= 0)
		gate_build(vcpu, vector);
	return 0;
}
