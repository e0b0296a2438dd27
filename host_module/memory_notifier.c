// SPDX-License-Identifier: GPL-2.0
/*
 * The MMU notifier: the host takes pages of the launcher's away.
 *
 * The order that makes it safe, between the announcement and the return from it:
 * first nothing new can become known (invalidating), then what is known of the range
 * goes with every entry that maps it, then the vCPU leaves the guest if it is there.
 * Its next entry flushes the TLB. See memory.c for the rules.
 */
#include <linux/mm.h>
#include <linux/smp.h>
#include "ringlet.h"

static void nothing(void *unused)
{
}

/*
 * After this the vCPU has left the guest at least once since the call; with
 * its next entry it flushes its TLB.
 */
static void wait_for_exit(struct rl_vm *vm)
{
	struct rl_vcpu *vcpu = READ_ONCE(vm->vcpu);
	int cpu;

	if (!vcpu)
		return;
	/* Pairs with the barrier after running_cpu is set in run_once(). */
	smp_mb();
	cpu = READ_ONCE(vcpu->running_cpu);
	if (cpu >= 0)
		smp_call_function_single(cpu, nothing, NULL, 1);
}

static int invalidate_start(struct mmu_notifier *notifier,
			    const struct mmu_notifier_range *range)
{
	struct rl_vm *vm = container_of(notifier, struct rl_vm, notifier);

	mmu_lock(vm);
	vm->invalidations++;
	vm->invalidating++;
	mmu_unlock(vm);
	memory_forget(vm, range->start, range->end,
		      mmu_notifier_range_blockable(range));
	wait_for_exit(vm);
	return 0;
}

static void invalidate_end(struct mmu_notifier *notifier,
			   const struct mmu_notifier_range *range)
{
	struct rl_vm *vm = container_of(notifier, struct rl_vm, notifier);

	mmu_lock(vm);
	vm->invalidations++;
	vm->invalidating--;
	mmu_unlock(vm);
}

/* The launcher's address space ends: no thread can be in the guest. */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct rl_vm *vm = container_of(notifier, struct rl_vm, notifier);

	mmu_lock(vm);
	vm->invalidations++;
	mmu_unlock(vm);
	memory_forget(vm, 0, ULONG_MAX, true);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = invalidate_start,
	.invalidate_range_end = invalidate_end,
	.release = release,
};

/* Starts to follow the caller's address space, which is vm->mm. */
int memory_create(struct rl_vm *vm)
{
	vm->notifier.ops = &notifier_ops;
	return mmu_notifier_register(&vm->notifier, vm->mm);
}

/* Stops to; nothing is known afterwards, and no vCPU may run. */
void memory_detach(struct rl_vm *vm)
{
	mmu_notifier_unregister(&vm->notifier, vm->mm);
	memory_forget(vm, 0, ULONG_MAX, true);
}
