// SPDX-License-Identifier: GPL-2.0
/*
 * Parking: a vCPU sleeps until another one of its guest says otherwise.
 *
 * That word is a permit: one, and it stays until the vCPU's next parking has ended. So
 * it does not matter which comes first, and who looked at the guest's memory before it
 * parked misses nothing: whoever changes that memory afterwards leaves a permit.
 *
 * The vCPU's own thread takes the permit; any other may leave one.
 */
#include <linux/sched.h>
#include <linux/wait.h>
#include "inject.h"
#include "park.h"
#include "vcpu.h"
#include "vm.h"

/*J: vcpu.park
 * A lock of Linux's is a queue: who comes too late spins, and whoever lets go says so to
 * the next one. On a machine that is a fine use of a processor. In a guest the one that
 * holds the lock may just not be running, because others spin on its processor, and the
 * next one in the queue may not be running either, so that the lock is free and nobody
 * has it. So who has spun for long enough parks, and costs nothing, and who lets go leaves
 * a permit for the next one. The guest's memory says who that is; the host need not know
 * of any lock.
 :*/

/*
 * RL_HC_PARK. open: 1 sets vif, as HALT does; then an interrupt ends it, too. The guest
 * goes on behind the call when park_ends().
 */
s64 park(struct rl_vcpu *vcpu, u64 open)
{
	if (open > 1)
		return -EINVAL;
	if (open && vcpu->page)
		WRITE_ONCE(vcpu->page->vif, 1);
	/* Who has a permit does not sleep at all. */
	vcpu->parked = true;
	vcpu->halted = !park_ends(vcpu);
	return 0;
}

/*
 * RL_HC_UNPARK: a permit for the vCPU with this id; a second one is the same. -EINVAL: no
 * such vCPU.
 */
s64 unpark(struct rl_vcpu *caller, u64 id)
{
	struct rl_vcpu *vcpu = vm_vcpu(caller->vm, id);

	if (!vcpu)
		return -EINVAL;
	WRITE_ONCE(vcpu->permit, true);
	/* Its lock orders the two: it looks for the permit when it has joined the queue. */
	wake_up(&vcpu->wait);
	return 0;
}

/*
 * Does the vCPU that parks go on? By its own thread. A line that waits for vif does not
 * end it: nothing could be done about that line. vif is the guest's to write at any time,
 * also by another vCPU; who changes it behind the host's back is not woken.
 */
bool park_ends(struct rl_vcpu *vcpu)
{
	/* A full barrier: what was changed before a permit that is taken here is seen. */
	if (!xchg(&vcpu->permit, false) &&
	    !(READ_ONCE(*vcpu->irqs) && inject_possible(vcpu)))
		return false;
	vcpu->parked = false;
	return true;
}
