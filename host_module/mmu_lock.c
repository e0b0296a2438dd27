// SPDX-License-Identifier: GPL-2.0
/*
 * The lock of a VM's shadow: how long it is held, and that it is not held long.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <asm/tsc.h>
#include "mmu_lock.h"

DEFINE_STATIC_KEY_FALSE(rl_lock_times);
static bool lock_times;
module_param(lock_times, bool, 0444);
MODULE_PARM_DESC(lock_times, "measure how long the shadow of a VM is locked (\"lock ns\" of its statistics)");

/*
 * Called with mmu_lock held, after a piece of work whose like a guest can make as
 * many of as it wants: drops the lock for a moment when it was held for 50 us or
 * somebody waits. What may be different afterwards: see shadow.c. May sleep.
 *
 * Time and not work is what is counted because work differs: an entry that is not
 * in any cache is a hundred times as dear as one that is. The clock starts with the
 * first call under a lock, one piece of work late: most who take the lock have no
 * second piece, and shall not pay for a clock.
 */
void mmu_breathe(struct rl_vm *vm)
{
	u64 now = rdtsc();

	if (!vm->mmu_lock_since)
		vm->mmu_lock_since = now;
	if (now - vm->mmu_lock_since < tsc_khz / 20 &&
	    !spin_is_contended(&vm->mmu_lock))
		return;
	mmu_unlock(vm);
	vm->breaths++;
	cond_resched();
	mmu_lock(vm);
}

/* The module is loaded. */
void mmu_lock_init(void)
{
	if (lock_times)
		static_branch_enable(&rl_lock_times);
}
