// SPDX-License-Identifier: GPL-2.0
/*
 * What anybody may do to a vCPU: raise a line, kick it, end its guest.
 *
 * Of the vCPU this touches the word of its lines, the wait queue, running_cpu and
 * dead, all without a lock.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/wait.h>
#include "compat.h"
#include "kick.h"
#include "trace.h"
#include "vcpu.h"

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

/* The vCPU that a pCPU ran last. Other pCPUs compare vm, which may be gone. */
struct visitor {
	struct rl_vm *vm;
	unsigned int id;
};

static DEFINE_PER_CPU(struct visitor, visitors);

/* This pCPU will run the vCPU, and ran another one last. Preemption off. */
void vcpu_comes(struct rl_vcpu *vcpu)
{
	struct visitor *visitor = this_cpu_ptr(&visitors);

	WRITE_ONCE(visitor->id, vcpu->id);
	WRITE_ONCE(visitor->vm, vcpu->vm);
	/* Before anything of the guest's is walked. Who asks behind a full barrier and
	   does not see this vCPU has made each change before that barrier where it sees
	   it. */
	smp_mb();
}

struct leaving {
	struct rl_vm *vm;
	u64 mask;
};

/* Is one of them in the guest on this pCPU? A constant effort: 64 of them and hundreds
   of pCPUs would be a product that a guest can ask for as often as it likes. */
static bool is_inside(int cpu, void *argument)
{
	const struct visitor *visitor = per_cpu_ptr(&visitors, cpu);
	const struct leaving *who = argument;
	const struct rl_vcpu *vcpu;

	if (READ_ONCE(visitor->vm) != who->vm)
		return false;
	/* NULL: it was a VM that is gone, at the same address. */
	vcpu = READ_ONCE(who->vm->vcpus[READ_ONCE(visitor->id)]);
	return vcpu && who->mask & BIT_ULL(vcpu->id) &&
	       READ_ONCE(vcpu->running_cpu) == cpu;
}

static void nothing(void *unused)
{
}

/*
 * After this each vCPU of the mask (bit n: id n) that was in the guest at the call has
 * left it at least once; with its next entry it flushes its TLB. One wait for all of
 * them, not in the guest. Interrupts on, and no lock that their threads spin for with
 * interrupts off.
 */
void vcpus_leave(struct rl_vm *vm, u64 mask)
{
	struct leaving who = { .vm = vm, .mask = mask };
	unsigned int i, inside = 0;
	struct rl_vcpu *vcpu;
	int at = -1;

	/* Pairs with the barrier after running_cpu is set in run_once(). */
	smp_mb();
	for_each_vcpu(vm, vcpu, i) {
		int cpu = READ_ONCE(vcpu->running_cpu);

		if (!(mask & BIT_ULL(i)) || cpu < 0)
			continue;
		at = cpu;
		inside++;
	}
	/* A pCPU that goes offline meanwhile has left, too. */
	if (inside == 1)
		smp_call_function_single(at, nothing, NULL, 1);
	else if (inside)
		on_each_cpu_cond_mask(is_inside, nothing, &who, true,
				      cpu_online_mask);
}

/* Raises an interrupt line (an edge). Any context, any thread. */
void vcpu_raise(struct rl_vcpu *vcpu, unsigned int line)
{
	unsigned long *irqs;
	bool waits;

	/* move_page() waits for who may write to the old one. */
	rcu_read_lock();
	do {	/* once more where do_init() moves the word */
		irqs = READ_ONCE(vcpu->irqs);
		waits = test_and_set_bit(line, irqs);
	} while (irqs != READ_ONCE(vcpu->irqs));
	rcu_read_unlock();
	trace_rl_raise(vcpu, line);
	if (!waits)
		vcpu_kick(vcpu);
}

/* --- devices' lines -------------------------------------------------------------- */

/* Raises it where it leads, and says where that is. */
static unsigned int raise_by_route(struct rl_vm *vm, unsigned int line)
{
	unsigned int id = READ_ONCE(vm->routes[line]);
	struct rl_vcpu *vcpu = READ_ONCE(vm->vcpus[id]);

	if (vcpu)
		vcpu_raise(vcpu, line);
	return id;
}

/* Raises a device's line (below RL_IRQ_IPI) at the vCPU that its guest wants. Any context. */
void vm_raise(struct rl_vm *vm, unsigned int line)
{
	unsigned int id = raise_by_route(vm, line);

	/* Pairs with the barrier in vm_route(), which may have looked too early. Not until
	   it holds still: the guest can change it as fast as this looks. */
	smp_mb();
	if (unlikely(id != READ_ONCE(vm->routes[line])))
		raise_by_route(vm, line);
}

/* RL_HC_ROUTE_LINE. -EINVAL: no such line or vCPU. */
s64 vm_route(struct rl_vm *vm, u64 line, u64 id)
{
	struct rl_vcpu *to = vm_vcpu(vm, id), *from;
	bool waits;

	if (!to || line >= RL_IRQ_IPI || line == RL_IRQ_TIMER)
		return -EINVAL;
	line = array_index_nospec(line, RL_IRQ_IPI);
	/* A full barrier. Each id that is there was a vCPU's when it came there. */
	from = READ_ONCE(vm->vcpus[xchg(&vm->routes[line], to->id)]);
	if (!from || from == to)
		return 0;
	/* That one may be about to stop, and nobody would take it there. */
	rcu_read_lock();
	waits = test_and_clear_bit(line, READ_ONCE(from->irqs));
	rcu_read_unlock();
	if (waits)
		vcpu_raise(to, line);
	return 0;
}

/* --- the end ------------------------------------------------------------------- */

/*
 * No vCPU of the VM goes on: those that run or wait see `dead`. self is the caller's,
 * which needs no kick: where it is alone, this may be called with interrupts off.
 */
static void stop_all(struct rl_vm *vm, const struct rl_vcpu *self)
{
	struct rl_vcpu *vcpu;
	unsigned int i;

	/* Who makes a vCPU shows it and then looks for the end, see vcpu_create_fd(). */
	smp_mb();
	for_each_vcpu(vm, vcpu, i) {
		WRITE_ONCE(vcpu->dead, true);
		if (vcpu != self)
			vcpu_kick(vcpu);
	}
}

/*
 * Ends a guest for good, with a reason for the launcher. The first reason is
 * kept, whichever vCPU had it: what follows from it is noise. By the vCPU's thread.
 */
void rl_kill_guest(struct rl_vcpu *vcpu, const char *format, ...)
{
	struct rl_vm *vm = vcpu->vm;
	unsigned long flags;
	va_list args;

	raw_spin_lock_irqsave(&vm->end.lock, flags);
	if (!vm->end.why) {
		va_start(args, format);
		vsnprintf(vm->end.reason, sizeof(vm->end.reason), format, args);
		va_end(args);
		vm->end.why = RL_EXIT_KILLED;
	}
	raw_spin_unlock_irqrestore(&vm->end.lock, flags);
	stop_all(vm, vcpu);
}

/* The guest has ended itself, in its way RL_SHUTDOWN_*. */
void rl_end_guest(struct rl_vcpu *vcpu, u32 shutdown)
{
	struct rl_vm *vm = vcpu->vm;
	unsigned long flags;

	raw_spin_lock_irqsave(&vm->end.lock, flags);
	if (!vm->end.why) {
		vm->end.shutdown = shutdown;
		vm->end.why = RL_EXIT_SHUTDOWN;
	}
	raw_spin_unlock_irqrestore(&vm->end.lock, flags);
	stop_all(vm, vcpu);
}

/* Fills the run page of a vCPU that is dead. */
void vcpu_show_end(struct rl_vcpu *vcpu)
{
	struct rl_vm *vm = vcpu->vm;
	struct rl_run *run = vcpu->run;
	unsigned long flags;

	raw_spin_lock_irqsave(&vm->end.lock, flags);
	run->exit_reason = vm->end.why;
	run->shutdown = vm->end.shutdown;
	memcpy(run->kill_reason, vm->end.reason, sizeof(run->kill_reason));
	raw_spin_unlock_irqrestore(&vm->end.lock, flags);
	vcpu->shut_down = run->exit_reason == RL_EXIT_SHUTDOWN;
}
