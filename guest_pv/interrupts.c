// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual interrupt lines as Linux interrupts.
 *
 * Line n arrives as vector RL_IRQ_BASE + n and is Linux's interrupt
 * RL_LINUX_IRQ(n). Each injection is one edge; there is nothing to acknowledge
 * and nothing to mask, since the host waits for the virtual interrupt flag.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <asm/hw_irq.h>
#include <asm/i8259.h>
#include <asm/x86_init.h>

#include "layer.h"

void native_init_IRQ(void);

static void chip_nothing(struct irq_data *data)
{
}

static struct irq_chip line_chip = {
	.name = "ringlet",
	.irq_ack = chip_nothing,
	.irq_mask = chip_nothing,
	.irq_unmask = chip_nothing,
	/* Each line can end a sleep: the host raises them as ever. */
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

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
	unsigned int line, irq;

	native_init_IRQ();
	for (line = 0; line < RL_IRQ_COUNT; line++) {
		irq = RL_LINUX_IRQ(line);
		if (__irq_alloc_descs(irq, irq, 1, 0, NULL, NULL) < 0)
			continue;
		irq_set_chip_and_handler_name(irq, &line_chip, handle_edge_irq,
					      "edge");
		per_cpu(vector_irq, 0)[RL_IRQ_BASE + line] = irq_to_desc(irq);
	}
}

void rl_interrupt_hooks(void)
{
	legacy_pic = &null_legacy_pic;
	x86_init.irqs.intr_init = init_lines;
	x86_init.irqs.intr_mode_select = x86_init_noop;
	x86_init.irqs.intr_mode_init = x86_init_noop;
}
