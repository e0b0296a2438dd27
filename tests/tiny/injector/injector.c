// SPDX-License-Identifier: GPL-2.0
/*
 * Makes ringlet inject an exception that its guest asks for: where the host is
 * about to inject #UD or #GP and the guest's RAX is INJECTOR_ASKS + n, it injects
 * vector n, without an error code.
 *
 * Of the vectors that may have a direct gate, the host itself injects only #UD (a
 * 32-bit SYSCALL). This lets a test see each of them come from the host.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include "host_module/vcpu.h"
#include "tests/tiny/injector/injector.h"

static int choose(struct kprobe *probe, struct pt_regs *regs)
{
	const struct rl_vcpu *vcpu = (void *)regs->di;
	u64 asked = vcpu->regs->rax;

	if ((regs->si == 6 || regs->si == 13) &&
	    (asked & ~0xffULL) == INJECTOR_ASKS) {
		regs->si = asked & 0xff;
		regs->dx = 0;
	}
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "ringlet:inject_fault",
	.pre_handler = choose,
};

static int __init injector_init(void)
{
	return register_kprobe(&probe);
}

static void __exit injector_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(injector_init);
module_exit(injector_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("makes ringlet inject what its guest asks for");
