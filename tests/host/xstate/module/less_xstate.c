// SPDX-License-Identifier: GPL-2.0
/*
 * The processor has no tiles, so AVX stands for them: it is taken out of what
 * xcr0_for_guest() answers. Then XCR0 must be without it when the switcher returns,
 * and with it when enter_guest() does. Parameters: exits, and how many of them found
 * something else there (wrong).
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include "host_module/cpuid.h"

#define AVX 4ULL
#define TILES (3ULL << 17)

static ulong exits, wrong;
module_param(exits, ulong, 0444);
module_param(wrong, ulong, 0444);

static u64 original;

static int answered(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (regs->ax & TILES)
		wrong++;
	regs->ax &= ~AVX;
	return 0;
}

static int guest_has_left(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	exits++;
	if (xgetbv(0) != (original & ~AVX))
		wrong++;
	return 0;
}

static int entry_is_over(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (xgetbv(0) != original)
		wrong++;
	return 0;
}

static struct kretprobe probes[] = {
	{ .kp.symbol_name = "xcr0_for_guest", .handler = answered },
	{ .kp.symbol_name = "window_call", .handler = guest_has_left },
	{ .kp.symbol_name = "enter_guest", .handler = entry_is_over },
};

static int __init less_xstate_init(void)
{
	int err = 0;

	original = xgetbv(0);
	if (!(original & AVX))
		return -ENODEV;
	for (int i = 0; !err && i < ARRAY_SIZE(probes); i++)
		err = register_kretprobe(&probes[i]);
	return err;
}

static void __exit less_xstate_exit(void)
{
	for (int i = 0; i < ARRAY_SIZE(probes); i++)
		unregister_kretprobe(&probes[i]);
}

module_init(less_xstate_init);
module_exit(less_xstate_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Lets AVX play the part of AMX");
