// SPDX-License-Identifier: GPL-2.0
/*
 * Turns each exit by a breakpoint instruction into what a processor that detects
 * locks would have given: bus=1, a #DB behind a bus lock; bus=0, an #AC before a
 * split lock. Parameters: faked, paused (times that the guest was made to wait),
 * injected (such exceptions that reached the guest nevertheless).
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <asm/debugreg.h>
#include "host_module/vcpu.h"

static bool bus;
module_param(bus, bool, 0444);
static ulong faked, paused, injected;
module_param(faked, ulong, 0444);
module_param(paused, ulong, 0444);
module_param(injected, ulong, 0444);

static int exit_is_served(struct kprobe *p, struct pt_regs *regs)
{
	struct rl_vcpu *vcpu = (struct rl_vcpu *)regs->di;

	if (vcpu->regs->vector != 3)
		return 0;
	faked++;
	vcpu->regs->vector = bus ? 1 : 17;
	vcpu->regs->error = 0;
	vcpu->dr6 = DR6_RESERVED & ~(u64)DR_BUS_LOCK;
	return 0;
}

static int guest_waits(struct kprobe *p, struct pt_regs *regs)
{
	paused++;
	return 0;
}

static int fault_is_injected(struct kprobe *p, struct pt_regs *regs)
{
	if (regs->si == 1 || regs->si == 17)
		injected++;
	return 0;
}

static struct kprobe probes[] = {
	{ .symbol_name = "exit_handle", .pre_handler = exit_is_served },
	{ .symbol_name = "msleep_interruptible", .pre_handler = guest_waits },
	{ .symbol_name = "inject_fault", .pre_handler = fault_is_injected },
};

static int __init fake_locks_init(void)
{
	int err = 0;

	for (int i = 0; !err && i < ARRAY_SIZE(probes); i++)
		err = register_kprobe(&probes[i]);
	return err;
}

static void __exit fake_locks_exit(void)
{
	for (int i = 0; i < ARRAY_SIZE(probes); i++)
		unregister_kprobe(&probes[i]);
}

module_init(fake_locks_init);
module_exit(fake_locks_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Turns breakpoints into bus and split locks");
