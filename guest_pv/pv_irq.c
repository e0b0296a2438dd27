// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.irq: the interrupt flag as a byte in the shared page.
 */
#include "layer.h"

/* sti; hlt: the host sets vif, so that no interrupt falls in between. */
static void rl_safe_halt(void)
{
	rl_console_flush();
	rl_hypercall(RL_HC_HALT, 0, 0, 0);
}

/*
 * hlt with whatever flag there is. With interrupts off and no other CPU nothing can
 * ever wake this guest: it has stopped for good, for instance in an exception
 * before the console was up.
 */
static void rl_halt(void)
{
	if (!shared_read(vif)) {
		if (rl_cpu_count == 1)
			rl_shutdown(RL_SHUTDOWN_PANIC);
		rl_stop_this_cpu();
	}
	rl_console_flush();
	rl_hypercall(RL_HC_HALT, 0, 0, 0);
}

void rl_irq_ops_init(void)
{
	PV(irq.save_fl.func) = rl_save_fl;
	PV(irq.irq_disable.func) = rl_irq_disable;
	PV(irq.irq_enable.func) = rl_irq_enable;
	PV(irq.safe_halt) = rl_safe_halt;
	PV(irq.halt) = rl_halt;
}
