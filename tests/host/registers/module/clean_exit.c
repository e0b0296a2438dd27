// SPDX-License-Identifier: GPL-2.0
/*
 * Looks at the registers when the switcher returns to C. Parameters: exits counts,
 * dirty has a bit for each register that was not 0 at one of them.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static ulong exits, dirty;
module_param(exits, ulong, 0444);
module_param(dirty, ulong, 0444);

static int guest_has_left(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const unsigned long all[] = {
		regs->ax, regs->cx, regs->dx, regs->si, regs->di,
		regs->r8, regs->r9, regs->r10, regs->r11,
	};

	exits++;
	for (int i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i])
			dirty |= BIT(i);
	return 0;
}

static struct kretprobe leaving = {
	.kp.symbol_name = "window_call",
	.handler = guest_has_left,
};

static int __init clean_exit_init(void)
{
	return register_kretprobe(&leaving);
}

static void __exit clean_exit_exit(void)
{
	unregister_kretprobe(&leaving);
}

module_init(clean_exit_init);
module_exit(clean_exit_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Looks at the registers at a guest's exit");
