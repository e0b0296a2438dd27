/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM: what its vCPUs, its memory and its devices have in common.
 *
 * Locking: vm->lock guards the creation of slots and of the vCPU. vcpu->lock is held
 * by every ioctl of the vCPU, RL_RUN included, so the shadow has one user at a time.
 * vm->mmu_lock (mmu_lock.h), inside it, guards what the MMU notifier changes: known
 * pages, reverse maps, level 1 entries.
 */
#ifndef RINGLET_HOST_MODULE_VM_H
#define RINGLET_HOST_MODULE_VM_H

#include <linux/kref.h>
#include <linux/kvm_types.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "../abi/guest.h"
#include "../abi/ringlet.h"
#include "memory.h"
#include "shadow.h"

struct dentry;
struct rl_vcpu;

struct rl_vm {
	struct kref kref;
	struct mutex lock;
	struct mm_struct *mm;
	struct memory_slot slots[RL_MEMORY_SLOTS];
	/* Guards known pages, reverse maps and level 1 entries against the MMU
	   notifier; see memory.c. */
	spinlock_t mmu_lock;
	/* TSC ticks. The first is 0 until somebody asks how long it was held; the
	   other two are for lock_times=1. */
	u64 mmu_lock_since, mmu_lock_began, mmu_lock_longest;
	unsigned long breaths;	/* how often mmu_breathe() dropped the lock */
	struct mmu_notifier notifier;
	unsigned long invalidations;	/* begun, and ended, so far */
	unsigned int invalidating;	/* begun and not ended */
	struct rl_vcpu *vcpus[RL_VCPUS_MAX];	/* by id; NULL: not created */
	unsigned int vcpu_end;		/* above the highest id of one */
	u8 routes[RL_IRQ_IPI];		/* of devices' lines: the id of a vCPU; kick.c */
	u64 epoch;			/* see shadow_page.c; mmu_lock */
	struct shadow shadow;
	struct {
		struct mutex lock;
		struct list_head ioeventfds, irqfds;
	} mmio;
	/* Why no vCPU runs any more: RL_EXIT_KILLED or _SHUTDOWN, else 0. */
	struct {
		raw_spinlock_t lock;
		u32 why, shutdown;
		char reason[RL_KILL_REASON_SIZE];
	} end;
	struct rl_stats stats;
	struct dentry *debugfs;
	int id;
};

/* Each vCPU of a VM, in the order of their ids. One that is being made may be missed. */
#define for_each_vcpu(vm, vcpu, i)					\
	for ((i) = 0; (i) < smp_load_acquire(&(vm)->vcpu_end); (i)++)	\
		if (((vcpu) = READ_ONCE((vm)->vcpus[i])))

/*
 * The vCPU that starts first, or NULL. The words of InterruptStatus are in its shared
 * page.
 */
static inline struct rl_vcpu *vm_first_vcpu(struct rl_vm *vm)
{
	return READ_ONCE(vm->vcpus[0]);
}

/* The one with this id, which is a guest's number, or NULL. */
static inline struct rl_vcpu *vm_vcpu(struct rl_vm *vm, u64 id)
{
	if (id >= RL_VCPUS_MAX)
		return NULL;
	return smp_load_acquire(&vm->vcpus[array_index_nospec(id, RL_VCPUS_MAX)]);
}

struct rl_vm *vm_create(void);
void vm_get(struct rl_vm *vm);
void vm_put(struct rl_vm *vm);

#endif
