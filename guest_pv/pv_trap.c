// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.cpu, third part: the interrupt descriptor table.
 *
 * The kernel's own table stays ordinary memory; each gate written to it is
 * told to the host. Soft vectors become direct gates into entry.S, all others
 * name the kernel's handler, and the host builds the frame for it.
 */
#include "layer.h"

u64 rl_trap_target[256];
static u8 trap_flags[256];

/* The cloud flavour has no machine check handler: 0 then. */
extern char asm_exc_machine_check[] __weak, asm_xenpv_exc_machine_check[] __weak;
extern char asm_exc_debug[], asm_xenpv_exc_debug[];
extern char asm_exc_nmi[], asm_xenpv_exc_nmi[];
extern char asm_exc_double_fault[], asm_xenpv_exc_double_fault[];
extern char asm_sysvec_reschedule_ipi[], asm_sysvec_call_function[];
extern char asm_sysvec_call_function_single[], asm_sysvec_reboot[];

/* Vectors, by SDM volume 3, 6.3.1, and the one of Linux's 32-bit system calls. */
#define TRAP_DE		0
#define TRAP_BP		3
#define TRAP_OF		4
#define TRAP_BR		5
#define TRAP_UD		6
#define TRAP_NM		7
#define TRAP_MF		16
#define TRAP_XF		19
#define EXCEPTIONS	32
#define SYSTEM_CALL	0x80

/* A gate of the IDT (SDM volume 3, figure 6-8). */
struct gate {
	u16 low, selector;
	u8 ist, rights;		/* rights: type, DPL << 5, P << 7 */
	u16 middle;
	u32 high, reserved;
};

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
	{ TRAP_DE, rl_gate_0 },
	{ TRAP_BP, rl_gate_3 },
	{ TRAP_OF, rl_gate_4 },
	{ TRAP_BR, rl_gate_5 },
	{ TRAP_UD, rl_gate_6 },
	{ TRAP_NM, rl_gate_7 },
	{ TRAP_MF, rl_gate_16 },
	{ TRAP_XF, rl_gate_19 },
	{ SYSTEM_CALL, rl_gate_128 },
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
	return vector < EXCEPTIONS || direct_stub(vector) ||
	       (vector >= RL_IRQ_BASE && vector < RL_IRQ_BASE + RL_IRQ_IPI);
}

/* Tells the host of one, for this vCPU. */
static void announce(unsigned int vector)
{
	u64 handler = rl_trap_target[vector], flags = trap_flags[vector];
	char *stub = direct_stub(vector);

	if (stub && handler) {
		handler = (u64)stub;
		flags |= RL_TRAP_DIRECT;
	}
	rl_hypercall(RL_HC_SET_TRAP, vector, handler, flags);
}

/* Those of interrupts between vCPUs: the kernel's own for an APIC's vectors. */
static const struct {
	u8 line;
	char *handler;
} between[] = {
	{ RL_LINE_RESCHEDULE, asm_sysvec_reschedule_ipi },
	{ RL_LINE_CALL, asm_sysvec_call_function },
	{ RL_LINE_CALL_SINGLE, asm_sysvec_call_function_single },
	{ RL_LINE_STOP, asm_sysvec_reboot },
};

void rl_trap_between(void)
{
	unsigned int i, vector;

	for (i = 0; i < ARRAY_SIZE(between); i++) {
		vector = RL_IRQ_BASE + between[i].line;
		rl_trap_target[vector] = (u64)between[i].handler;
		announce(vector);
	}
}

/* What all others have, for a vCPU that has just begun. */
void rl_trap_all(void)
{
	unsigned int vector;

	for (vector = 0; vector < ARRAY_SIZE(rl_trap_target); vector++)
		if (rl_trap_target[vector])
			announce(vector);
}

/*J: guest.direct-gates
 * A breakpoint, a division by zero, an int 0x80: the processor can deliver
 * these from ring 3 to ring 1 by itself, if the gate says so, and then no
 * instruction of the hypervisor runs. Only soft vectors qualify. A page fault
 * must be seen by the switcher first, since many are about shadow entries
 * that the guest knows nothing of. What else the host asks of such a vector,
 * host_module/gate.c tells.
 :*/
static void set_trap(int vector, const struct gate *gate)
{
	u64 handler = without_ist(gate->low | (u64)gate->middle << 16 |
				  (u64)gate->high << 32);
	u64 flags = (gate->rights >> 5 & 3) == 3 ? RL_TRAP_USER : 0;

	if (!(gate->rights & 0x80))
		handler = 0;
	rl_trap_target[vector] = handler;
	trap_flags[vector] = flags;
	announce(vector);
}

static void rl_write_idt_entry(struct gate *table, int vector,
			       const struct gate *gate)
{
	memcpy(&table[vector], gate, sizeof(*gate));
	if (vector_exists(vector))
		set_trap(vector, gate);
}

/* There is one table, and its gates are known as they are written. For SIDT. */
static void rl_load_idt(const void *pointer)
{
	asm volatile("lidt (%0)" :: "r" (pointer) : "memory");
}

void rl_trap_ops_init(void)
{
	PV(cpu.write_idt_entry) = rl_write_idt_entry;
	PV(cpu.load_idt) = rl_load_idt;
}
