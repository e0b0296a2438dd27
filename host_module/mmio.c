// SPDX-License-Identifier: GPL-2.0
/*
 * Device registers: guest accesses to addresses without memory.
 *
 * Most go to the launcher (RL_EXIT_MMIO). Three kinds do not, because they are
 * on the data path: a write that an ioeventfd matches only signals that, and
 * virtio-mmio's InterruptStatus and InterruptACK are done here, on the words in
 * the shared page (a guest that can does them itself). In the other
 * direction an irqfd turns a signal of the launcher's device thread into an
 * interrupt. So neither a request nor its completion wakes the vCPU's thread.
 *
 * Locks: mmio->lock guards the lists. An irqfd's callback runs under its
 * eventfd's lock, with interrupts off, and touches only atomic words
 * and its own counter.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include "compat.h"
#include "emulate.h"
#include "kick.h"
#include "mmio.h"
#include "trace.h"
#include "vcpu.h"
#include "walk.h"

#define FDS_MAX 256		/* of each kind and VM */

struct ioeventfd {
	struct list_head list;
	struct rl_ioeventfd match;
	struct eventfd_ctx *eventfd;
	u64 signalled;			/* how often; mmio.lock */
};

struct irqfd {
	struct list_head list;
	struct rl_vm *vm;
	struct rl_irqfd set;
	struct eventfd_ctx *eventfd;
	wait_queue_entry_t wait;
	poll_table table;
	u64 raised;			/* how often; the eventfd's lock */
};

/* --- ioeventfd ----------------------------------------------------------------- */

static bool same_write(const struct rl_ioeventfd *a,
		       const struct rl_ioeventfd *b)
{
	return a->gpa == b->gpa && a->bytes == b->bytes &&
	       a->datamatch == b->datamatch;
}

static int ioeventfd_add(struct rl_vm *vm, const struct rl_ioeventfd *arg)
{
	struct ioeventfd *new, *e;
	unsigned int count = 0;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->match = *arg;
	new->eventfd = eventfd_ctx_fdget(arg->fd);
	if (IS_ERR(new->eventfd)) {
		int r = PTR_ERR(new->eventfd);

		kfree(new);
		return r;
	}
	list_for_each_entry(e, &vm->mmio.ioeventfds, list)
		if (same_write(&e->match, arg) || ++count == FDS_MAX) {
			eventfd_ctx_put(new->eventfd);
			kfree(new);
			return count == FDS_MAX ? -ENOSPC : -EEXIST;
		}
	list_add(&new->list, &vm->mmio.ioeventfds);
	return 0;
}

static void ioeventfd_free(struct ioeventfd *e)
{
	list_del(&e->list);
	eventfd_ctx_put(e->eventfd);
	kfree(e);
}

static int ioeventfd_remove(struct rl_vm *vm, const struct rl_ioeventfd *arg)
{
	struct ioeventfd *e;

	list_for_each_entry(e, &vm->mmio.ioeventfds, list)
		if (same_write(&e->match, arg)) {
			ioeventfd_free(e);
			return 0;
		}
	return -ENOENT;
}

/*
 * RL_IOEVENTFD. -EINVAL (not a device register, a bad size or flag), -EBADF,
 * -EEXIST, -ENOENT, -ENOSPC, -ENOMEM; -EINTR: the thread is being killed.
 */
int mmio_ioeventfd(struct rl_vm *vm, const struct rl_ioeventfd *arg)
{
	int r;

	if (arg->reserved || arg->flags & ~RL_FD_REMOVE ||
	    (arg->bytes != 1 && arg->bytes != 2 && arg->bytes != 4 &&
	     arg->bytes != 8) || !mmio_is_device(arg->gpa) ||
	    !mmio_is_device(arg->gpa + arg->bytes - 1))
		return -EINVAL;
	if (mutex_lock_killable(&vm->mmio.lock))
		return -EINTR;
	r = arg->flags & RL_FD_REMOVE ? ioeventfd_remove(vm, arg) :
					ioeventfd_add(vm, arg);
	mutex_unlock(&vm->mmio.lock);
	return r;
}

/* --- InterruptStatus --------------------------------------------------------- */

/* Of a line's device; NULL before RL_HC_INIT, when no driver can look. */
static atomic_t *status_of(struct rl_vcpu *vcpu, unsigned int line)
{
	/* Pairs with share_page() and move_page(). A page stays pinned. */
	struct rl_shared *page = vcpu ? smp_load_acquire(&vcpu->page) : NULL;

	return page ? (atomic_t *)&page->status[line] : NULL;
}

/* Sets or clears the bits, once more where do_init() moves the page meanwhile. */
static void set_status(struct rl_vcpu *vcpu, const struct rl_irqfd *set, bool on)
{
	atomic_t *status, *next;

	rcu_read_lock();
	next = status_of(vcpu, set->line);
	while ((status = next)) {
		if (on)
			atomic_or(set->status, status);
		else
			atomic_andnot(set->status, status);
		smp_mb__after_atomic();
		next = status_of(vcpu, set->line);
		if (next == status)
			break;
	}
	rcu_read_unlock();
}

static void raise_status(struct rl_vm *vm, const struct rl_irqfd *set)
{
	set_status(vm_first_vcpu(vm), set, true);
	vm_raise(vm, set->line);
}

static void clear_status(struct rl_vm *vm, const struct rl_irqfd *set)
{
	set_status(vm_first_vcpu(vm), set, false);
}

/* --- irqfd ------------------------------------------------------------------------ */

/* The eventfd was signalled. Its lock is held, interrupts are off. */
static int irqfd_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
		      void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	struct rl_vm *vm = irqfd->vm;
	u64 count;

	if (!(key_to_poll(key) & EPOLLIN))
		return 0;
	eventfd_ctx_do_read(irqfd->eventfd, &count);
	vm->stats.irqfd_signals++;
	irqfd->raised++;
	raise_status(vm, &irqfd->set);
	return 1;
}

static void irqfd_queue(struct file *file, wait_queue_head_t *head,
			poll_table *table)
{
	add_wait_queue_priority(head, &container_of(table, struct irqfd,
						    table)->wait);
}

static int irqfd_add(struct rl_vm *vm, const struct rl_irqfd *arg)
{
	struct irqfd *new, *e;
	unsigned int count = 0;
	struct file *file;
	int r = -ENOMEM;

	list_for_each_entry(e, &vm->mmio.irqfds, list)
		if (++count == FDS_MAX)
			return -ENOSPC;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return r;
	new->vm = vm;
	new->set = *arg;
	file = fget(arg->fd);
	if (!file) {
		kfree(new);
		return -EBADF;
	}
	new->eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(new->eventfd)) {
		r = PTR_ERR(new->eventfd);
		fput(file);
		kfree(new);
		return r;
	}
	init_waitqueue_func_entry(&new->wait, irqfd_wake);
	init_poll_funcptr(&new->table, irqfd_queue);
	list_add(&new->list, &vm->mmio.irqfds);
	/* A signal from before we listened counts too. */
	if (vfs_poll(file, &new->table) & EPOLLIN)
		raise_status(vm, arg);
	fput(file);
	return 0;
}

static void irqfd_free(struct irqfd *irqfd)
{
	u64 count;

	list_del(&irqfd->list);
	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

static int irqfd_remove(struct rl_vm *vm, const struct rl_irqfd *arg)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(arg->fd);
	struct irqfd *e;
	int r = -ENOENT;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	list_for_each_entry(e, &vm->mmio.irqfds, list)
		if (e->eventfd == eventfd && e->set.line == arg->line) {
			irqfd_free(e);
			r = 0;
			break;
		}
	eventfd_ctx_put(eventfd);
	return r;
}

/* RL_IRQFD. Errors as mmio_ioeventfd(). */
int mmio_irqfd(struct rl_vm *vm, const struct rl_irqfd *arg)
{
	int r;

	if (arg->line < RL_IRQ_DEVICE || arg->line >= RL_IRQ_IPI)
		return -EINVAL;
	if (arg->flags == RL_FD_CLEAR && arg->fd == -1 && !arg->status_gpa) {
		clear_status(vm, arg);
		return 0;
	}
	if (arg->flags & ~RL_FD_REMOVE ||
	    (arg->status_gpa && (!mmio_is_device(arg->status_gpa) ||
				 arg->status_gpa & 3)))
		return -EINVAL;
	if (mutex_lock_killable(&vm->mmio.lock))
		return -EINTR;
	r = arg->flags & RL_FD_REMOVE ? irqfd_remove(vm, arg) :
					irqfd_add(vm, arg);
	mutex_unlock(&vm->mmio.lock);
	return r;
}

/* --- accesses --------------------------------------------------------------------- */

static bool signal_write(struct rl_vcpu *vcpu, gpa_t gpa, unsigned int bytes,
			 u64 value)
{
	struct rl_vm *vm = vcpu->vm;
	struct ioeventfd *e;

	list_for_each_entry(e, &vm->mmio.ioeventfds, list)
		if (e->match.gpa == gpa && e->match.bytes == bytes &&
		    e->match.datamatch == value) {
			trace_rl_notify(vcpu, gpa, value);
			compat_eventfd_signal(e->eventfd);
			vcpu->stats.mmio_signalled++;
			e->signalled++;
			return true;
		}
	return false;
}

/* InterruptStatus and InterruptACK of virtio-mmio (virtio 1.2, 4.2.2). */
static bool status_access(struct rl_vcpu *vcpu, gpa_t gpa, bool write,
			  u64 *value)
{
	struct rl_vm *vm = vcpu->vm;
	struct irqfd *e;

	list_for_each_entry(e, &vm->mmio.irqfds, list) {
		atomic_t *status = status_of(vm_first_vcpu(vm), e->set.line);

		if (!status || !e->set.status_gpa ||
		    gpa != e->set.status_gpa + (write ? 4 : 0))
			continue;
		if (write)
			atomic_andnot(*value, status);
		else
			*value = atomic_read(status);
		vcpu->stats.mmio_status++;
		return true;
	}
	return false;
}

static void finish_read(struct rl_vcpu *vcpu, u64 value)
{
	u64 *to = vcpu_register(vcpu, vcpu->mmio.insn.reg);

	*to = mmio_loaded(&vcpu->mmio.insn, *to, value);
}

static bool fetch(struct rl_vcpu *vcpu, struct mmio_insn *insn)
{
	u64 rip = vcpu->regs->rip;
	u32 access = FAULT_I | (vcpu_in_user(vcpu) ? FAULT_U : 0);
	u32 error;
	gva_t fault;
	u8 code[15];
	size_t size = min_t(size_t, sizeof(code),
			    PAGE_SIZE - offset_in_page(rip));

	if (guest_read(vcpu, rip, code, size, access, &error, &fault))
		return false;
	if (size < sizeof(code) &&
	    !guest_read(vcpu, rip + size, code + size, sizeof(code) - size,
			access, &error, &fault))
		size = sizeof(code);
	return !mmio_decode(code, size, insn);
}

/*
 * Serves the guest's access to the device register at gpa, where its current
 * instruction faulted. May sleep.
 */
enum exit_action mmio_access(struct rl_vcpu *vcpu, gpa_t gpa)
{
	struct rl_vm *vm = vcpu->vm;
	struct mmio_insn *in = &vcpu->mmio.insn;
	bool done;
	u64 value = 0;

	if (!fetch(vcpu, in)) {
		rl_kill_guest(vcpu,
			      "an instruction at 0x%llx that cannot access a device register",
			      vcpu->regs->rip);
		return EXIT_RESUME;
	}
	vcpu->stats.mmio_exits++;
	if (in->write)
		value = mmio_stored(in, *vcpu_register(vcpu, in->reg));
	/* Killed: the instruction is still to be done. */
	if (mutex_lock_killable(&vm->mmio.lock))
		return EXIT_RESUME;
	done = in->bytes == 4 && status_access(vcpu, gpa, in->write, &value);
	if (!done && in->write)
		done = signal_write(vcpu, gpa, in->bytes, value);
	mutex_unlock(&vm->mmio.lock);
	vcpu->regs->rip += in->length;
	if (done) {
		if (!in->write)
			finish_read(vcpu, value);
		return EXIT_RESUME;
	}
	vcpu->run->exit_reason = RL_EXIT_MMIO;
	vcpu->run->gpa = gpa;
	vcpu->run->bytes = in->bytes;
	vcpu->run->is_write = in->write;
	vcpu->run->result = value;
	vcpu->mmio.await_read = !in->write;
	return EXIT_TO_LAUNCHER;
}

/* The launcher has served a read: its value goes into the register. */
void mmio_complete(struct rl_vcpu *vcpu)
{
	if (!vcpu->mmio.await_read)
		return;
	vcpu->mmio.await_read = false;
	finish_read(vcpu, READ_ONCE(vcpu->run->result));
}

/* --- counters -------------------------------------------------------------------- */

/*
 * What each queue and each device did, for debugfs: "queue DEVICE.QUEUE" counts the
 * guest's notifications, "interrupts DEVICE" (one line for each kind) the device's.
 */
void mmio_show(struct rl_vm *vm, struct seq_file *m)
{
	struct ioeventfd *e;
	struct irqfd *i;

	mutex_lock(&vm->mmio.lock);
	list_for_each_entry(e, &vm->mmio.ioeventfds, list)
		seq_printf(m, "queue %llu.%-14llu %llu\n",
			   (e->match.gpa - RL_MMIO_BASE) / RL_MMIO_STRIDE,
			   e->match.datamatch, e->signalled);
	list_for_each_entry(i, &vm->mmio.irqfds, list)
		seq_printf(m, "interrupts %-13u %llu\n",
			   i->set.line - RL_IRQ_DEVICE, READ_ONCE(i->raised));
	mutex_unlock(&vm->mmio.lock);
}

/* --- life --------------------------------------------------------------------------- */

void mmio_create(struct rl_vm *vm)
{
	mutex_init(&vm->mmio.lock);
	INIT_LIST_HEAD(&vm->mmio.ioeventfds);
	INIT_LIST_HEAD(&vm->mmio.irqfds);
}

/* No signal arrives afterwards. */
void mmio_destroy(struct rl_vm *vm)
{
	struct ioeventfd *e, *next_e;
	struct irqfd *i, *next_i;

	list_for_each_entry_safe(e, next_e, &vm->mmio.ioeventfds, list)
		ioeventfd_free(e);
	list_for_each_entry_safe(i, next_i, &vm->mmio.irqfds, list)
		irqfd_free(i);
}
