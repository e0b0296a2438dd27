// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger in the launcher.
 *
 * RL_SET_DEBUG makes breakpoints of the guest the launcher's: RL_RUN returns with
 * RL_EXIT_DEBUG, and the launcher says whether it was one of its own or the guest shall
 * have it after all. The debugger's debug registers take the place of the guest's, which
 * reads its own as ever. They are checked as the guest's are: who may open /dev/ringlet
 * can do here what a guest can do without.
 *
 * Owner of vcpu->debug: the holder of vcpu->lock.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include "debug.h"
#include "gate.h"
#include "inject.h"
#include "msr.h"
#include "shadow.h"

/*
 * RL_SET_DEBUG. -EINVAL: a flag that is not known, or a breakpoint in a slot that is the
 * host's; all stays as it was.
 */
long debug_set(struct rl_vcpu *vcpu, const void __user *from)
{
	struct rl_debug d;

	if (copy_from_user(&d, from, sizeof(d)))
		return -EFAULT;
	if (d.reserved || d.flags & ~(RL_DEBUG_ON | RL_DEBUG_STEP) ||
	    (!(d.flags & RL_DEBUG_ON) && (d.flags || d.dr7)))
		return -EINVAL;
	for (int i = 0; i < 4; i++)
		if (!debugreg_address_ok(d.dr[i]))
			return -EINVAL;
	if (vcpu->debug.flags & RL_DEBUG_STEP)
		vcpu->regs->rflags &= ~(u64)X86_EFLAGS_TF;
	vcpu->debug = d;
	debugreg_reload(vcpu);
	/* The guest may have a gate of its own for #BP. */
	if (vcpu->bound_cpu >= 0)
		gate_build(vcpu, 3);
	return 0;
}

/* RL_GET_TRAP: what the guest registered for a vector. */
long debug_get_trap(struct rl_vcpu *vcpu, void __user *to)
{
	struct rl_trap t;

	if (copy_from_user(&t, to, sizeof(t)))
		return -EFAULT;
	if (t.vector > 255)
		return -EINVAL;
	t.flags = vcpu->traps[array_index_nospec(t.vector, 256)].flags;
	t.handler = vcpu->traps[array_index_nospec(t.vector, 256)].handler;
	return copy_to_user(to, &t, sizeof(t)) ? -EFAULT : 0;
}

/* RL_GET_SHADOW. -EINTR: the thread is being killed. */
long debug_get_shadow(struct rl_vcpu *vcpu, void __user *to)
{
	struct rl_shadow s;
	int r;

	if (copy_from_user(&s, to, sizeof(s)))
		return -EFAULT;
	if (s.reserved)
		return -EINVAL;
	r = shadow_look(vcpu, s.gva, s.entry);
	if (r)
		return r;
	return copy_to_user(to, &s, sizeof(s)) ? -EFAULT : 0;
}

/*
 * True: this #DB or #BP goes to the launcher. A step or a breakpoint that the debugger
 * did not ask for is the guest's own.
 */
bool debug_exception(struct rl_vcpu *vcpu, unsigned int vector)
{
	const struct rl_debug *d = &vcpu->debug;
	struct rl_run *run = vcpu->run;

	if (likely(!d->flags))
		return false;
	run->dr6 = 0;
	if (vector == 1) {
		if (!(d->dr7 && vcpu->dr6 & DR_TRAP_BITS) &&
		    !(d->flags & RL_DEBUG_STEP && vcpu->dr6 & DR_STEP))
			return false;
		run->dr6 = vcpu->dr6;
		vcpu->dr6 = DR6_RESERVED;
		vcpu->regs->rflags &= ~(u64)X86_EFLAGS_TF;
	}
	run->exit_reason = RL_EXIT_DEBUG;
	run->vector = vector;
	run->result = 0;
	vcpu->debug_vector = vector;
	return true;
}

/* RL_RUN begins: the launcher may have handed an exception on, or want a step. */
void debug_resume(struct rl_vcpu *vcpu)
{
	unsigned int vector = vcpu->debug_vector;

	vcpu->debug_vector = 0;
	if (vector && READ_ONCE(vcpu->run->result))
		inject_fault(vcpu, vector, false, 0);
	if (vcpu->debug.flags & RL_DEBUG_STEP)
		vcpu->regs->rflags |= X86_EFLAGS_TF;
}
