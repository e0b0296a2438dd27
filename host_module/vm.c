// SPDX-License-Identifier: GPL-2.0
/*
 * A VM: memory slots, a vCPU, counters, and the file that holds them.
 *
 * A VM lives as long as one of its files (its own, its vCPU's). It belongs to
 * the address space that created it; other processes can hold the files but
 * not run it.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>
#include "ringlet.h"

static void destroy(struct kref *kref)
{
	struct rl_vm *vm = container_of(kref, struct rl_vm, kref);

	stats_remove_vm(vm);
	mmio_destroy(vm);
	if (vm->vcpu)
		timer_stop(vm->vcpu);
	memory_detach(vm);
	shadow_destroy(vm);
	vcpu_destroy(vm->vcpu);
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

/* In two parts, so that nothing overflows. */
static u64 ticks_to_ns(u64 ticks)
{
	u64 ms = ticks / tsc_khz, rest = ticks % tsc_khz;

	return ms * NSEC_PER_MSEC + rest * NSEC_PER_MSEC / tsc_khz;
}

/* The counters in the units of the ABI (ns). */
void vm_stats(struct rl_vm *vm, struct rl_stats *out)
{
	*out = vm->stats;
	out->guest_ns = ticks_to_ns(out->guest_ns);
	out->host_ns = ticks_to_ns(out->host_ns);
	out->lock_ns = ticks_to_ns(READ_ONCE(vm->mmu_lock_longest));
}

static long get_stats(struct rl_vm *vm, void __user *to)
{
	struct rl_stats *stats = kmalloc(sizeof(*stats), GFP_KERNEL);
	long r = 0;

	if (!stats)
		return -ENOMEM;
	vm_stats(vm, stats);
	if (copy_to_user(to, stats, sizeof(*stats)))
		r = -EFAULT;
	kfree(stats);
	return r;
}

static long set_slot(struct rl_vm *vm, const void __user *from)
{
	struct rl_memory_slot slot;
	long r;

	if (copy_from_user(&slot, from, sizeof(slot)))
		return -EFAULT;
	if (current->mm != vm->mm)
		return -EINVAL;
	mutex_lock(&vm->lock);
	r = memory_set_slot(vm, &slot);
	mutex_unlock(&vm->lock);
	return r;
}

static long set_ioeventfd(struct rl_vm *vm, const void __user *from)
{
	struct rl_ioeventfd arg;

	if (copy_from_user(&arg, from, sizeof(arg)))
		return -EFAULT;
	return mmio_ioeventfd(vm, &arg);
}

static long set_irqfd(struct rl_vm *vm, const void __user *from)
{
	struct rl_irqfd arg;

	if (copy_from_user(&arg, from, sizeof(arg)))
		return -EFAULT;
	return mmio_irqfd(vm, &arg);
}

static long vm_ioctl(struct file *file, unsigned int nr, unsigned long arg)
{
	struct rl_vm *vm = file->private_data;
	struct rl_vcpu *vcpu;
	long r;

	switch (nr) {
	case RL_SET_MEMORY_SLOT:
		return set_slot(vm, (void __user *)arg);
	case RL_CREATE_VCPU:
		mutex_lock(&vm->lock);
		r = vcpu_create(vm, arg);
		mutex_unlock(&vm->lock);
		return r;
	case RL_IRQ_LINE:
		vcpu = READ_ONCE(vm->vcpu);
		if (!vcpu || arg >= RL_IRQ_COUNT)
			return -EINVAL;
		vcpu_raise(vcpu, array_index_nospec(arg, RL_IRQ_COUNT));
		return 0;
	case RL_GET_STATS:
		return get_stats(vm, (void __user *)arg);
	case RL_IOEVENTFD:
		return set_ioeventfd(vm, (void __user *)arg);
	case RL_IRQFD:
		return set_irqfd(vm, (void __user *)arg);
	}
	return -ENOTTY;
}

static int vm_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

/* RL_CREATE_VM: a file descriptor, or -errno. */
int vm_create_fd(void)
{
	static atomic_t last_id;
	struct rl_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int r;

	if (!vm)
		return -ENOMEM;
	kref_init(&vm->kref);
	mutex_init(&vm->lock);
	mmio_create(vm);
	vm->id = atomic_inc_return(&last_id);
	spin_lock_init(&vm->mmu_lock);
	r = window_attach(vm);
	if (r)
		goto free;
	r = memory_create(vm);
	if (r)
		goto detach;
	stats_add_vm(vm);
	r = anon_inode_getfd("ringlet-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (r < 0)
		vm_put(vm);
	return r;
detach:
	window_detach(vm);
free:
	kfree(vm);
	return r;
}
