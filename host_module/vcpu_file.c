// SPDX-License-Identifier: GPL-2.0
/*
 * The file of a vCPU: its registers, its run page, and RL_RUN.
 *
 * Each call holds vcpu->lock: two threads with one vCPU take turns.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>
#include <asm/tsc.h>
#include "debug.h"
#include "run.h"
#include "vcpu.h"
#include "vm_file.h"

/* --- registers ----------------------------------------------------------------- */

static long get_regs(struct rl_vcpu *vcpu, void __user *to)
{
	const struct window_frame *f = vcpu->regs;
	struct rl_regs r = {
		.r15 = f->r15, .r14 = f->r14, .r13 = f->r13, .r12 = f->r12,
		.rbp = f->rbp, .rbx = f->rbx, .r11 = f->r11, .r10 = f->r10,
		.r9 = f->r9, .r8 = f->r8, .rax = f->rax, .rcx = f->rcx,
		.rdx = f->rdx, .rsi = f->rsi, .rdi = f->rdi,
		.rip = f->rip, .cs = f->cs, .rflags = f->rflags,
		.rsp = f->rsp, .ss = f->ss,
		.fs_base = vcpu->stack->fs_base,
		.gs_base = vcpu->stack->gs_base,
		.cr2 = READ_ONCE(*vcpu_cr2(vcpu)), .cr3 = vcpu->cr3,
	};

	return copy_to_user(to, &r, sizeof(r)) ? -EFAULT : 0;
}

static long set_regs(struct rl_vcpu *vcpu, const void __user *from)
{
	const bool debugged = vcpu->debug.flags;
	const u64 flags = debugged ? DEBUG_RFLAGS : 0;
	struct window_frame *f = vcpu->regs;
	struct rl_regs r;

	if (copy_from_user(&r, from, sizeof(r)))
		return -EFAULT;
	if (!gva_canonical(r.rip) || !gva_canonical(r.fs_base) ||
	    !gva_canonical(r.gs_base) ||
	    (!debugged && r.cr3 & ~(u64)PTE_ADDRESS))
		return -EINVAL;
	*f = (struct window_frame) {
		.r15 = r.r15, .r14 = r.r14, .r13 = r.r13, .r12 = r.r12,
		.rbp = r.rbp, .rbx = r.rbx, .r11 = r.r11, .r10 = r.r10,
		.r9 = r.r9, .r8 = r.r8, .rax = r.rax, .rcx = r.rcx,
		.rdx = r.rdx, .rsi = r.rsi, .rdi = r.rdi,
		.rip = r.rip, .cs = debugged ? f->cs : RL_KERNEL_CS,
		.rflags = (r.rflags & flags) |
			  (debugged ? f->rflags & ~flags :
				      X86_EFLAGS_IF | X86_EFLAGS_FIXED),
		.rsp = r.rsp, .ss = debugged ? f->ss : RL_KERNEL_SS,
	};
	vcpu->stack->fs_base = r.fs_base;
	vcpu->stack->gs_base = r.gs_base;
	WRITE_ONCE(*vcpu_cr2(vcpu), r.cr2);
	if (debugged)
		return 0;
	vcpu->stack->selectors = 0;
	if (vcpu->view.current_root && r.cr3 != vcpu->cr3) {
		int error = shadow_load(vcpu, r.cr3, 0, 0);

		return error && error != -EINTR ? -EINVAL : error;
	}
	vcpu->cr3 = r.cr3;
	return 0;
}

/* --- file ------------------------------------------------------------------------ */

static long vcpu_ioctl(struct file *file, unsigned int nr, unsigned long arg)
{
	struct rl_vcpu *vcpu = file->private_data;
	long r = -ENOTTY;

	/* Guest memory is that of the process that made the VM. */
	if (current->mm != vcpu->vm->mm)
		return -EINVAL;
	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	switch (nr) {
	case RL_RUN:
		r = arg ? -EINVAL : vcpu_run(vcpu);
		break;
	case RL_GET_REGS:
		r = get_regs(vcpu, (void __user *)arg);
		break;
	case RL_SET_REGS:
		r = set_regs(vcpu, (void __user *)arg);
		break;
	case RL_SET_DEBUG:
		r = debug_set(vcpu, (void __user *)arg);
		break;
	case RL_GET_TRAP:
		r = debug_get_trap(vcpu, (void __user *)arg);
		break;
	case RL_GET_SHADOW:
		r = debug_get_shadow(vcpu, (void __user *)arg);
		break;
	}
	mutex_unlock(&vcpu->lock);
	return r;
}

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct rl_vcpu *vcpu = file->private_data;

	if (vma->vm_pgoff || vma_pages(vma) != 1 ||
	    !(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	return vm_insert_page(vma, vma->vm_start, virt_to_page(vcpu->run));
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct rl_vcpu *vcpu = file->private_data;

	vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

static unsigned int max_vcpus = RL_VCPUS_MAX;
module_param(max_vcpus, uint, 0444);
MODULE_PARM_DESC(max_vcpus, "how many vCPUs a guest may have (64, the most; 1 in any case where the TSCs are not synchronised)");

/* How many vCPUs a VM may have here. Guests keep time by the TSC, on all of them. */
unsigned int vcpus_max(void)
{
	if (check_tsc_unstable())
		return 1;
	return clamp(max_vcpus, 1U, (unsigned int)RL_VCPUS_MAX);
}

/*
 * RL_CREATE_VCPU: makes a vCPU of the VM and returns a file descriptor for it. All but
 * the one with id 0 wait until the guest starts them.
 * Needs vm->lock. -EINVAL: no such id here; -EEXIST; -ENOMEM.
 */
int vcpu_create_fd(struct rl_vm *vm, unsigned long id)
{
	struct rl_vcpu *vcpu;
	int fd;

	if (id && id < max_vcpus && check_tsc_unstable())
		pr_info_ratelimited("the host does not take its TSCs for synchronised: a guest has one vCPU\n");
	if (id >= vcpus_max())
		return -EINVAL;
	id = array_index_nospec(id, RL_VCPUS_MAX);
	if (vm->vcpus[id])
		return -EEXIST;
	vcpu = vcpu_create(vm, id);
	if (!vcpu)
		return -ENOMEM;
	if (!vm->shadow.hash && shadow_create(vm)) {
		vcpu_destroy(vcpu);
		return -ENOMEM;
	}
	/* Complete before the descriptor exists: it may be closed at once. */
	vm_get(vm);
	smp_store_release(&vm->vcpus[id], vcpu);
	smp_store_release(&vm->vcpu_end, max_t(unsigned int, vm->vcpu_end,
					       id + 1));
	/* The guest may have ended meanwhile, for all vCPUs that were seen (stop_all()). */
	smp_mb();
	if (READ_ONCE(vm->end.why))
		WRITE_ONCE(vcpu->dead, true);
	fd = anon_inode_getfd("ringlet-vcpu", &vcpu_fops, vcpu,
			      O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);	/* the VM keeps the vCPU, which nobody can run */
	return fd;
}
