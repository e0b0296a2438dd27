// SPDX-License-Identifier: GPL-2.0
/*
 * The MMU notifier: the host takes pages of the launcher's away.
 *
 * The order that makes it safe, between the announcement and the return from it:
 * first nothing new can become known (invalidating), then what is known of the range
 * goes with every entry that maps it, then the vCPUs leave the guest if they are there.
 * Their next entry flushes the TLB. See memory.c for the rules.
 */
#include <linux/mm.h>
#include "kick.h"
#include "mmu_lock.h"
#include "notifier.h"
#include "shadow.h"
#include "vm.h"

static int invalidate_start(struct mmu_notifier *notifier,
			    const struct mmu_notifier_range *range)
{
	struct rl_vm *vm = container_of(notifier, struct rl_vm, notifier);

	mmu_lock(vm);
	vm->invalidations++;
	vm->invalidating++;
	mmu_unlock(vm);
	shadow_forget(vm, range->start, range->end,
		      mmu_notifier_range_blockable(range));
	vcpus_leave(vm, ~0ULL);
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
	shadow_forget(vm, 0, ULONG_MAX, true);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = invalidate_start,
	.invalidate_range_end = invalidate_end,
	.release = release,
};

/* Starts to follow the caller's address space, which is vm->mm. */
int notifier_create(struct rl_vm *vm)
{
	vm->notifier.ops = &notifier_ops;
	return mmu_notifier_register(&vm->notifier, vm->mm);
}

/* Stops to; nothing is known afterwards, and no vCPU may run. */
void notifier_destroy(struct rl_vm *vm)
{
	mmu_notifier_unregister(&vm->notifier, vm->mm);
	shadow_forget(vm, 0, ULONG_MAX, true);
}
