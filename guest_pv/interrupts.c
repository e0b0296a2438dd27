// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual interrupt lines as Linux interrupts.
 *
 * Line n arrives as vector RL_IRQ_BASE + n and is Linux's interrupt
 * RL_LINUX_IRQ(n). Each injection is one edge; there is nothing to acknowledge
 * and nothing to mask, since the host waits for the virtual interrupt flag. Lines from
 * RL_IRQ_IPI on are between vCPUs and no interrupts of Linux's: see pv_trap.c, smp.c.
 */
#include "layer.h"

static void chip_nothing(void *data)
{
}

/* Linux wants to know which CPU of its mask it is. */
static void note_affinity(void *data, u64 cpus)
{
	void *common = field(pointer, data, irq_data, common);
	u64 *mask = part(common, irq_common_data, effective_affinity);

	if (is_pointer(irq_common_data, effective_affinity))
		mask = *(u64 **)mask;
	*mask = cpus;
}

/* The line arrives at a CPU of the mask; forced: at one that is not online yet. */
static int chip_affinity(void *data, const u64 *mask, bool force)
{
	u64 cpus = force ? *mask : *mask & READ_ONCE(__cpu_online_mask[0]);
	unsigned int line = field(u32, data, irq_data, irq) - RL_LINUX_IRQ(0);
	int cpu = __builtin_ffsll(cpus) - 1;

	if (cpu < 0 || rl_hypercall(RL_HC_ROUTE_LINE, line, cpu, 0))
		return -EINVAL;
	note_affinity(data, 1ull << cpu);
	return 0;
}

static void *new_chip(void *chip)
{
	field(pointer, chip, irq_chip, name) = "ringlet";
	field(pointer, chip, irq_chip, irq_ack) = chip_nothing;
	field(pointer, chip, irq_chip, irq_mask) = chip_nothing;
	field(pointer, chip, irq_chip, irq_unmask) = chip_nothing;
	/* Each line can end a sleep: the host raises them as ever. */
	field(u64, chip, irq_chip, flags) = enumerator(IRQCHIP_SKIP_SET_WAKE);
	return chip;
}

/*J: guest.interrupts
 * An interrupt of a guest is an agreement: the host makes the vCPU look as if
 * vector 0x30 + n had just arrived, with a frame on the stack and RIP at the
 * kernel's own entry for that vector. From there on it is Linux's usual way,
 * from a per-CPU table of vectors to a descriptor and its handlers. All that
 * the layer has to do is to put its lines into that table. No controller is
 * emulated, so there is none to acknowledge.
 :*/
static void init_line(unsigned int line, const void *chip, const void *handler)
{
	unsigned int irq = RL_LINUX_IRQ(line);

	if (__irq_alloc_descs(irq, irq, 1, 0, NULL, NULL) < 0)
		return;
	irq_set_chip_and_handler_name(irq, chip, handler, "edge");
	/* It may be led elsewhere at any time, not between two of its interrupts only. */
	irq_modify_status(irq, 0, maybe_flag(IRQ_MOVE_PCNTXT));
}

static void init_lines(void)
{
	void *timer = new_chip(object(irq_chip, timer));
	void *chip = new_chip(object(irq_chip, lines));
	unsigned int line;

	field(pointer, chip, irq_chip, irq_set_affinity) = chip_affinity;
	native_init_IRQ();
	/* Each CPU has its timer, and they may all fire at once. */
	init_line(RL_IRQ_TIMER, timer, handle_percpu_irq);
	for (line = RL_IRQ_TIMER + 1; line < RL_IRQ_IPI; line++)
		init_line(line, chip, handle_edge_irq);
	rl_interrupt_vectors();
}

/* For this CPU: which descriptor is whose. */
void rl_interrupt_vectors(void)
{
	void **vectors = of_this_cpu(vector_irq), *descriptor;
	unsigned int line;

	for (line = 0; line < RL_IRQ_IPI; line++) {
		descriptor = irq_to_desc(RL_LINUX_IRQ(line));
		if (descriptor)
			vectors[RL_IRQ_BASE + line] = descriptor;
	}
}

void rl_interrupt_hooks(void)
{
	legacy_pic = null_legacy_pic;
	INIT(irqs.intr_init) = init_lines;
	INIT(irqs.intr_mode_select) = x86_init_noop;
	INIT(irqs.intr_mode_init) = x86_init_noop;
}
