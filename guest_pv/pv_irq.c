// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.irq: the interrupt flag as a byte in the shared page.
 */
#include <asm/paravirt.h>

#include "layer.h"

/* sti; hlt: the host sets vif, so that no interrupt falls in between. */
static void rl_safe_halt(void)
{
	rl_console_flush();
	rl_hypercall(RL_HC_HALT, 0, 0, 0);
}

/*
 * hlt with whatever flag there is. With interrupts off and one CPU nothing can
 * ever wake this guest: it has stopped for good, for instance in an exception
 * before the console was up.
 */
static void rl_halt(void)
{
	if (!READ_ONCE(rl_shared.vif))
		rl_shutdown(RL_SHUTDOWN_PANIC);
	rl_console_flush();
	rl_hypercall(RL_HC_HALT, 0, 0, 0);
}

void rl_irq_ops_init(void)
{
	pv_ops.irq.save_fl = __PV_IS_CALLEE_SAVE(rl_save_fl);
	pv_ops.irq.irq_disable = __PV_IS_CALLEE_SAVE(rl_irq_disable);
	pv_ops.irq.irq_enable = __PV_IS_CALLEE_SAVE(rl_irq_enable);
	pv_ops.irq.safe_halt = rl_safe_halt;
	pv_ops.irq.halt = rl_halt;
}
