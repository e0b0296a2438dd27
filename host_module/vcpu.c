// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU: its file, its registers, and the loop that runs it.
 *
 * A vCPU is driven by whichever thread of the launcher calls RL_RUN; vcpu->lock
 * makes it one at a time. Other threads only raise interrupt lines.
 */
#include <linux/anon_inodes.h>
#include <linux/entry-kvm.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/desc.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include "compat.h"
#include "ringlet.h"

/*
 * Ends a guest for good, with a reason for the launcher. The first reason is
 * kept: what follows from it is noise.
 */
void rl_kill_guest(struct rl_vcpu *vcpu, const char *format, ...)
{
	va_list args;

	if (vcpu->dead)
		return;
	vcpu->dead = true;
	va_start(args, format);
	vsnprintf(vcpu->run->kill_reason, sizeof(vcpu->run->kill_reason),
		  format, args);
	va_end(args);
}

/* Makes a running or halted vCPU look at what changed. Any context. */
void vcpu_kick(struct rl_vcpu *vcpu)
{
	int cpu, me;

	wake_up(&vcpu->wait);
	/* Pairs with the barrier after running_cpu is set in run_once(). */
	smp_mb();
	/* A pCPU that runs a guest is online, and stays so while we are not
	   preempted: it goes when all others have stopped. */
	me = get_cpu();
	cpu = READ_ONCE(vcpu->running_cpu);
	if (cpu >= 0 && cpu != me)
		smp_send_reschedule(cpu);
	put_cpu();
}

/* Raises an interrupt line (an edge). Any context, any thread. */
void vcpu_raise(struct rl_vcpu *vcpu, unsigned int line)
{
	unsigned long *irqs;
	bool waits;

	do {	/* once more where do_init() moves the word */
		irqs = READ_ONCE(vcpu->irqs);
		waits = test_and_set_bit(line, irqs);
	} while (irqs != READ_ONCE(vcpu->irqs));
	if (!waits)
		vcpu_kick(vcpu);
}

/* --- the loop ---------------------------------------------------------------- */

/*
 * Is there anything that the return to the launcher's program does: signals,
 * and work that other parts of the kernel left for this thread? The launcher
 * calls RL_RUN again.
 */
static bool interrupted(const struct rl_vcpu *vcpu)
{
	return READ_ONCE(vcpu->run->immediate_exit) ||
	       read_thread_flags() & (XFER_TO_GUEST_MODE_WORK &
				      ~_TIF_NEED_RESCHED);
}

static void wait_for_interrupt(struct rl_vcpu *vcpu)
{
	vcpu->vm->stats.halts++;
	wait_event_interruptible(vcpu->wait,
				 READ_ONCE(*vcpu->irqs) ||
				 READ_ONCE(vcpu->run->immediate_exit));
	if (READ_ONCE(*vcpu->irqs))
		vcpu->halted = false;
	vcpu->mark_ns = rdtsc();
}

/*
 * Enters the guest unless something must be done first. -EAGAIN: prepare() does
 * it; other -errno: this pCPU cannot run guests. With interrupts off nothing
 * can move the thread to another pCPU.
 */
static int run_once(struct rl_vcpu *vcpu)
{
	int r;

	local_irq_disable();
	WRITE_ONCE(vcpu->running_cpu, smp_processor_id());
	smp_mb();
	if (unlikely(read_thread_flags() & XFER_TO_GUEST_MODE_WORK ||
		     vcpu->dead || vcpu->halted ||
		     READ_ONCE(vcpu->run->immediate_exit) ||
		     inject_wanted(vcpu)))
		r = -EAGAIN;
	else
		r = enter_guest(vcpu);
	WRITE_ONCE(vcpu->running_cpu, -1);
	local_irq_enable();
	return r;
}

/* Does what stands before an entry. 0: try it; 1 or -errno: RL_RUN ends. */
static int prepare(struct rl_vcpu *vcpu)
{
	if (vcpu->dead) {
		vcpu->run->exit_reason = RL_EXIT_KILLED;
		return 1;
	}
	if (interrupted(vcpu)) {
		vcpu->run->exit_reason = RL_EXIT_INTERRUPTED;
		return -EINTR;
	}
	if (vcpu->halted)
		wait_for_interrupt(vcpu);
	else if (need_resched())
		schedule();
	else
		inject_interrupts(vcpu);
	return 0;
}

/*J: vcpu.loop
 * The life of a vCPU is one loop: enter the guest, find out why it came back,
 * serve that, enter again. Only when something stands before the entry is
 * anything else asked: is the guest dead, has a signal come, is it another
 * task's turn, is there an interrupt for the guest? A reason that the launcher
 * must serve ends the loop.
 :*/
static int run(struct rl_vcpu *vcpu)
{
	int r;

	for (;;) {
		r = run_once(vcpu);
		if (r == -EAGAIN)
			r = prepare(vcpu);
		else if (!r && exit_handle(vcpu) == EXIT_TO_LAUNCHER)
			r = 1;
		if (r)
			return min(r, 0);
	}
}

/* Selectors of the launcher's would be lost in the switch. */
static bool launcher_segments_plain(void)
{
	u16 ds, es, fs, gs;

	savesegment(ds, ds);
	savesegment(es, es);
	savesegment(fs, fs);
	savesegment(gs, gs);
	return !(ds | es | fs | gs);
}

static long vcpu_run(struct rl_vcpu *vcpu)
{
	int r;

	if (!launcher_segments_plain())
		return -EINVAL;
	if (vcpu->shut_down)
		return -EIO;
	if (!vcpu->vm->shadow.current_root) {
		/* SET_REGS gave the CR3 that the guest starts with. */
		r = shadow_load(vcpu, vcpu->cr3, 0, 0);
		if (r)
			return r == -ENOMEM ? r : -EINVAL;
	}
	if (vcpu->await_result) {
		vcpu->await_result = false;
		vcpu->regs->rax = READ_ONCE(vcpu->run->result);
	}
	mmio_complete(vcpu);
	vcpu->mark_ns = rdtsc();
	vcpu_kept_waiting(vcpu, vcpu->left, vcpu->mark_ns);
	fpu_swap_kvm_fpstate(&vcpu->fpu, true);
	r = run(vcpu);
	fpu_swap_kvm_fpstate(&vcpu->fpu, false);
	vcpu->left = rdtsc();
	count_ticks(&vcpu->vm->stats.host_ns, vcpu->mark_ns, vcpu->left);
	vcpu->vm->stats.user_exits++;
	return r;
}

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
	struct window_frame *f = vcpu->regs;
	struct rl_regs r;

	if (copy_from_user(&r, from, sizeof(r)))
		return -EFAULT;
	if (!gva_canonical(r.rip) || !gva_canonical(r.fs_base) ||
	    !gva_canonical(r.gs_base) || r.cr3 & ~(u64)PTE_ADDRESS)
		return -EINVAL;
	*f = (struct window_frame) {
		.r15 = r.r15, .r14 = r.r14, .r13 = r.r13, .r12 = r.r12,
		.rbp = r.rbp, .rbx = r.rbx, .r11 = r.r11, .r10 = r.r10,
		.r9 = r.r9, .r8 = r.r8, .rax = r.rax, .rcx = r.rcx,
		.rdx = r.rdx, .rsi = r.rsi, .rdi = r.rdi,
		.rip = r.rip, .cs = RL_KERNEL_CS,
		.rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED,
		.rsp = r.rsp, .ss = RL_KERNEL_SS,
	};
	vcpu->stack->fs_base = r.fs_base;
	vcpu->stack->gs_base = r.gs_base;
	vcpu->stack->selectors = 0;
	WRITE_ONCE(*vcpu_cr2(vcpu), r.cr2);
	if (vcpu->vm->shadow.current_root && r.cr3 != vcpu->cr3)
		return shadow_load(vcpu, r.cr3, 0, 0) ? -EINVAL : 0;
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

/* --- life ------------------------------------------------------------------------- */

static void *zeroed_page(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static bool alloc_pages_of(struct rl_vcpu *vcpu)
{
	vcpu->run = zeroed_page();
	vcpu->shared = zeroed_page();
	vcpu->host = zeroed_page();
	vcpu->stack = zeroed_page();
	vcpu->idt = zeroed_page();
	vcpu->gdt = zeroed_page();
	vcpu->tss = zeroed_page();
	for (int i = 0; i < ALIAS_PAGES; i++) {
		vcpu->alias[i] = zeroed_page();
		if (!vcpu->alias[i])
			return false;
	}
	return vcpu->run && vcpu->shared && vcpu->host && vcpu->stack &&
	       vcpu->idt && vcpu->gdt && vcpu->tss;
}

/* Frees a vCPU that no file refers to; NULL is allowed. */
void vcpu_destroy(struct rl_vcpu *vcpu)
{
	if (!vcpu)
		return;
	timer_stop(vcpu);
	window_unbind(vcpu);
	if (vcpu->page)
		memory_unpin(vcpu->vm, virt_to_page(vcpu->page));
	fpu_free_guest_fpstate(&vcpu->fpu);
	for (int i = 0; i < ALIAS_PAGES; i++)
		free_page((unsigned long)vcpu->alias[i]);
	free_page((unsigned long)vcpu->tss);
	free_page((unsigned long)vcpu->gdt);
	free_page((unsigned long)vcpu->idt);
	free_page((unsigned long)vcpu->stack);
	free_page((unsigned long)vcpu->host);
	free_page((unsigned long)vcpu->shared);
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
}

/*
 * RL_CREATE_VCPU: makes the VM's vCPU and returns a file descriptor for it.
 * Needs vm->lock. -EINVAL: an id other than 0; -EEXIST; -ENOMEM.
 */
int vcpu_create(struct rl_vm *vm, unsigned long id)
{
	struct rl_vcpu *vcpu;
	int fd;

	if (id)
		return -EINVAL;
	if (vm->vcpu)
		return -EEXIST;
	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return -ENOMEM;
	vcpu->vm = vm;
	mutex_init(&vcpu->lock);
	init_waitqueue_head(&vcpu->wait);
	timer_init(vcpu);
	vcpu->irqs = &vcpu->early_irqs;
	vcpu->bound_cpu = -1;
	vcpu->running_cpu = -1;
	vcpu->cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP | X86_CR0_NE |
		    X86_CR0_MP | X86_CR0_ET | X86_CR0_AM;
	vcpu->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT |
		    X86_CR4_FSGSBASE | X86_CR4_PGE;
	vcpu->dr6 = DR6_RESERVED;
	vcpu->dr7 = 0x400;
	if (!alloc_pages_of(vcpu) || !fpu_alloc_guest_fpstate(&vcpu->fpu) ||
	    shadow_create(vm)) {
		vcpu_destroy(vcpu);
		return -ENOMEM;
	}
	vcpu->regs = &vcpu->stack->frame;
	vcpu->regs->cs = RL_KERNEL_CS;
	vcpu->regs->ss = RL_KERNEL_SS;
	vcpu->regs->rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED;
	for (int i = 0; i < SHARED_ROOT_COUNT; i++)
		vcpu->shared->roots[i].key = SHARED_ROOT_NONE;
	segment_default_gdt(vcpu->gdt);
	/* Complete before the descriptor exists: it may be closed at once. */
	vm_get(vm);
	WRITE_ONCE(vm->vcpu, vcpu);
	fd = anon_inode_getfd("ringlet-vcpu", &vcpu_fops, vcpu,
			      O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);	/* the VM keeps the vCPU, which nobody can run */
	return fd;
}
