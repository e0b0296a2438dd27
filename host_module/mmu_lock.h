/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vm->mmu_lock: a spinlock that is never held for long. What it guards is said in
 * memory.c and shadow.c.
 */
#ifndef RINGLET_HOST_MODULE_MMU_LOCK_H
#define RINGLET_HOST_MODULE_MMU_LOCK_H

#include <linux/jump_label.h>
#include <linux/spinlock.h>
#include <asm/msr.h>

#include "vm.h"

/*
 * An exit takes the lock up to three times, and a processor needs 20 to 40 cycles to
 * read its clock: both ends of a hold are timed only where somebody asked for it.
 */
DECLARE_STATIC_KEY_FALSE(rl_lock_times);

static inline void mmu_lock(struct rl_vm *vm)
{
	spin_lock(&vm->mmu_lock);
	vm->mmu_lock_since = 0;
	if (static_branch_unlikely(&rl_lock_times))
		vm->mmu_lock_began = rdtsc();
}

static inline void mmu_unlock(struct rl_vm *vm)
{
	if (static_branch_unlikely(&rl_lock_times)) {
		u64 held = rdtsc() - vm->mmu_lock_began;

		if (held > vm->mmu_lock_longest)
			vm->mmu_lock_longest = held;
	}
	spin_unlock(&vm->mmu_lock);
}

void mmu_lock_init(void);
void mmu_breathe(struct rl_vm *vm);

#endif
