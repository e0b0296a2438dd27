// SPDX-License-Identifier: GPL-2.0
/*
 * The file of a VM: memory slots, vCPUs, counters, lines and eventfds.
 *
 * A VM belongs to the address space that created it; other processes can hold the
 * files but not run it.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "kick.h"
#include "memory.h"
#include "mmio.h"
#include "stats.h"
#include "vcpu.h"
#include "vm.h"
#include "vm_file.h"

static long get_stats(struct rl_vm *vm, void __user *to)
{
	struct rl_stats *stats = kmalloc(sizeof(*stats), GFP_KERNEL);
	long r = 0;

	if (!stats)
		return -ENOMEM;
	stats_read(vm, stats);
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
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
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
	long r;

	switch (nr) {
	case RL_SET_MEMORY_SLOT:
		return set_slot(vm, (void __user *)arg);
	case RL_CREATE_VCPU:
		if (mutex_lock_killable(&vm->lock))
			return -EINTR;
		r = vcpu_create_fd(vm, arg);
		mutex_unlock(&vm->lock);
		return r;
	case RL_IRQ_LINE:
		if (!vm_first_vcpu(vm) || arg >= RL_IRQ_IPI)
			return -EINVAL;
		vm_raise(vm, array_index_nospec(arg, RL_IRQ_IPI));
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
	struct rl_vm *vm = vm_create();
	int fd;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	fd = anon_inode_getfd("ringlet-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);
	return fd;
}
