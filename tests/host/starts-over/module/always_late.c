// SPDX-License-Identifier: GPL-2.0
/*
 * Another vCPU that is always faster: each walk of a guest's tables finds that the
 * lock was dropped meanwhile, so no fault is ever served. Parameter: walks counts.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include "host_module/vcpu.h"

static ulong walks;
module_param(walks, ulong, 0444);

static int drop(struct kprobe *probe, struct pt_regs *regs)
{
	const struct rl_vcpu *vcpu = (void *)regs->di;

	vcpu->vm->breaths++;
	walks++;
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "ringlet:walk_gva",
	.pre_handler = drop,
};

static int __init always_late_init(void)
{
	return register_kprobe(&probe);
}

static void __exit always_late_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(always_late_init);
module_exit(always_late_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("lets each fault of a guest start over");
