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

static void *line_chip(void)
{
	void *chip = object(irq_chip, lines);

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
static void init_lines(void)
{
	void *chip = line_chip(), *handler;
	unsigned int line, irq;

	native_init_IRQ();
	for (line = 0; line < RL_IRQ_IPI; line++) {
		irq = RL_LINUX_IRQ(line);
		if (__irq_alloc_descs(irq, irq, 1, 0, NULL, NULL) < 0)
			continue;
		/* Each CPU has its timer, and they may all fire at once. */
		handler = line == RL_IRQ_TIMER ? (void *)handle_percpu_irq :
						 (void *)handle_edge_irq;
		irq_set_chip_and_handler_name(irq, chip, handler, "edge");
	}
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
