// SPDX-License-Identifier: GPL-2.0
/*
 * A VM: how it comes and goes.
 *
 * It lives as long as one of its files (its own, its vCPUs'; vm_file.c, vcpu_file.c).
 */
#include <linux/kref.h>
#include <linux/slab.h>
#include "memory.h"
#include "mmio.h"
#include "notifier.h"
#include "shadow.h"
#include "stats.h"
#include "timer.h"
#include "vcpu.h"
#include "vm.h"
#include "window.h"

static void destroy(struct kref *kref)
{
	struct rl_vm *vm = container_of(kref, struct rl_vm, kref);
	struct rl_vcpu *vcpu;
	unsigned int i;

	stats_remove_vm(vm);
	mmio_destroy(vm);
	for_each_vcpu(vm, vcpu, i)
		timer_stop(vcpu);
	notifier_destroy(vm);
	for_each_vcpu(vm, vcpu, i)
		shadow_view_destroy(vcpu);
	shadow_destroy(vm);
	for_each_vcpu(vm, vcpu, i)
		vcpu_destroy(vcpu);
	memory_destroy(vm);
	window_detach(vm);
	kfree(vm);
}

void vm_get(struct rl_vm *vm)
{
	kref_get(&vm->kref);
}

void vm_put(struct rl_vm *vm)
{
	kref_put(&vm->kref, destroy);
}

/* A VM of the caller's address space, with one reference; or ERR_PTR(). */
struct rl_vm *vm_create(void)
{
	static atomic_t last_id;
	struct rl_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int r;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	kref_init(&vm->kref);
	mutex_init(&vm->lock);
	mmio_create(vm);
	shadow_init(vm);
	vm->id = atomic_inc_return(&last_id);
	spin_lock_init(&vm->mmu_lock);
	raw_spin_lock_init(&vm->end.lock);
	r = window_attach(vm);
	if (r)
		goto free;
	r = notifier_create(vm);
	if (r)
		goto detach;
	stats_add_vm(vm);
	return vm;
detach:
	window_detach(vm);
free:
	kfree(vm);
	return ERR_PTR(r);
}
