// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.cpu, third part: the interrupt descriptor table.
 *
 * The kernel's own table stays ordinary memory; each gate written to it is
 * told to the host. Soft vectors become direct gates into entry.S, all others
 * name the kernel's handler, and the host builds the frame for it.
 */
#include <linux/string.h>
#include <asm/desc.h>
#include <asm/idtentry.h>
#include <asm/irq_vectors.h>
#include <asm/paravirt.h>
#include <asm/trapnr.h>

#include "layer.h"

u64 rl_trap_target[256];

/* The cloud flavour has no machine check handler: 0 then. */
asmlinkage void asm_exc_machine_check(void) __weak;
asmlinkage void asm_xenpv_exc_machine_check(void) __weak;

struct replacement {
	u64 from, to;
};

/* Ready-made for a kernel without IST stacks, from the kernel's Xen part. */
static const struct replacement no_ist[] = {
	{ (u64)asm_exc_debug, (u64)asm_xenpv_exc_debug },
	{ (u64)asm_exc_nmi, (u64)asm_xenpv_exc_nmi },
	{ (u64)asm_exc_double_fault, (u64)asm_xenpv_exc_double_fault },
	{ (u64)asm_exc_machine_check, (u64)asm_xenpv_exc_machine_check },
};

/*
 * Vectors without an error code that only an instruction of the guest raises:
 * no harm can come to the host when the processor delivers them to ring 1.
 */
static const struct {
	u8 vector;
	char *stub;
} direct[] = {
	{ X86_TRAP_DE, rl_gate_0 },
	{ X86_TRAP_BP, rl_gate_3 },
	{ X86_TRAP_OF, rl_gate_4 },
	{ X86_TRAP_BR, rl_gate_5 },
	{ X86_TRAP_UD, rl_gate_6 },
	{ X86_TRAP_NM, rl_gate_7 },
	{ X86_TRAP_MF, rl_gate_16 },
	{ X86_TRAP_XF, rl_gate_19 },
	{ IA32_SYSCALL_VECTOR, rl_gate_128 },
};

static char *direct_stub(int vector)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(direct); i++)
		if (direct[i].vector == vector)
			return direct[i].stub;
	return NULL;
}

static u64 without_ist(u64 handler)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(no_ist); i++)
		if (no_ist[i].from == handler)
			return no_ist[i].to;
	return handler;
}

/* Whether anything can arrive at a vector here: no APIC ever uses the rest. */
static bool vector_exists(int vector)
{
	return vector < NUM_EXCEPTION_VECTORS || direct_stub(vector) ||
	       (vector >= RL_IRQ_BASE && vector < RL_IRQ_BASE + RL_IRQ_COUNT);
}

/*J: guest.direct-gates
 * A breakpoint, a division by zero, an int 0x80: the processor can deliver
 * these from ring 3 to ring 1 by itself, if the gate says so, and then no
 * instruction of the hypervisor runs. Only soft vectors qualify. A page fault
 * must be seen by the switcher first, since many are about shadow entries
 * that the guest knows nothing of; and a gate that lets ring 1 answer a fault
 * on its own broken stack would turn a guest's bug into a double fault of the
 * machine. Direct gates are trap gates, because an interrupt gate would clear
 * the real interrupt flag, which ring 1 could never set again.
 :*/
static void set_trap(int vector, const gate_desc *gate)
{
	u64 handler = without_ist(gate_offset(gate));
	char *stub = direct_stub(vector);
	u64 flags = gate->bits.dpl == 3 ? RL_TRAP_USER : 0;

	if (!gate->bits.p)
		handler = 0;
	rl_trap_target[vector] = handler;
	if (stub && handler) {
		handler = (u64)stub;
		flags |= RL_TRAP_DIRECT;
	}
	rl_hypercall(RL_HC_SET_TRAP, vector, handler, flags);
}

static void rl_write_idt_entry(gate_desc *table, int vector,
			       const gate_desc *gate)
{
	memcpy(&table[vector], gate, sizeof(*gate));
	if (vector_exists(vector))
		set_trap(vector, gate);
}

/* There is one table, and its gates are known as they are written. For SIDT. */
static void rl_load_idt(const struct desc_ptr *pointer)
{
	native_load_idt(pointer);
}

void rl_trap_ops_init(void)
{
	pv_ops.cpu.write_idt_entry = rl_write_idt_entry;
	pv_ops.cpu.load_idt = rl_load_idt;
}
