// SPDX-License-Identifier: GPL-2.0
/*
 * Spin locks whose waiters sleep: the kernel's own queues for hypervisors, of which a
 * hypervisor supplies two functions, to wait and to wake.
 *
 * Each CPU that waits looks at a byte in front of it in the queue. Who has spun for long
 * enough calls wait(); who changes such a byte afterwards calls kick().
 */
#include "layer.h"

/* They are a part of the layer that an image need not allow: see needs.c. */
extern char pv_ops_lock[] __weak;	/* pv_lock_ops, or it is in pv_ops */
extern bool nopvspin __weak;		/* the user's wish */
extern void __pv_init_lock_hash(void) __weak;
extern char __pv_queued_spin_lock_slowpath[] __weak;
extern char __raw_callee_save___pv_queued_spin_unlock[] __weak;
/* Since Linux 7.3 two of the four are static calls. */
extern void __static_call_update(void *key, void *trampoline, void *function) __weak;
extern char __SCK__queued_spin_lock_slowpath[] __weak;
extern char __SCT__queued_spin_lock_slowpath[] __weak;
extern char __SCK__queued_spin_unlock[] __weak, __SCT__queued_spin_unlock[] __weak;

#define LOCKS(member)	maybe_field(pointer, ops, pv_lock_ops, member)
#define BOOT_CPU_READY	maybe_field(pointer, smp_ops, smp_ops, smp_prepare_boot_cpu)

static void (*prepare_boot_cpu)(void);

static void *lock_ops(void)
{
	if (has_symbol(pv_ops_lock))
		return pv_ops_lock;
	return &maybe_field(whole, pv_ops, paravirt_patch_template, lock);
}

/*
 * While the byte is `value`. The kick may come at any moment behind the look, and is kept
 * by the host. No interrupt may come in between: its handler may wait for another lock,
 * and would use it up. So the host opens what was open.
 */
static void wait(const u8 *byte, u8 value)
{
	u8 was = rl_irq_save();

	if (READ_ONCE(*byte) != value || rl_hypercall(RL_HC_PARK, was, 0, 0))
		rl_irq_restore(was);
}

static void kick(int cpu)
{
	rl_hypercall(RL_HC_UNPARK, cpu, 0, 0);
}

static void replace_locks(void *ops)
{
	if (!has_symbol(__SCK__queued_spin_unlock)) {
		LOCKS(queued_spin_lock_slowpath) = __pv_queued_spin_lock_slowpath;
		LOCKS(queued_spin_unlock.func) =
			__raw_callee_save___pv_queued_spin_unlock;
		return;
	}
	__static_call_update(__SCK__queued_spin_lock_slowpath,
			     __SCT__queued_spin_lock_slowpath,
			     __pv_queued_spin_lock_slowpath);
	__static_call_update(__SCK__queued_spin_unlock, __SCT__queued_spin_unlock,
			     __raw_callee_save___pv_queued_spin_unlock);
}

/*J: guest.locks
 * A spin lock is a promise that it will not take long. It is true on a machine; in a guest
 * the holder's processor may be away for as long as the host likes. Linux knows that, and
 * has locks for guests: the queue is the same, but who waits in it sleeps after a while.
 * They are in each distribution's kernel, for Xen and KVM, and each hypervisor puts its
 * two functions into the table when the first processor is ready and no other one runs.
 * What is locked then may be unlocked the new way.
 :*/
static void boot_cpu_is_ready(void)
{
	void *ops = lock_ops();

	prepare_boot_cpu();
	/* Who waits for what a CPU holds, of whatever kind, need not spin. */
	LOCKS(vcpu_is_preempted.func) = rl_vcpu_is_preempted;
	if (nopvspin)
		return;
	/* Memory for the waiting, which is there so early only. */
	__pv_init_lock_hash();
	LOCKS(wait) = wait;
	LOCKS(kick) = kick;
	replace_locks(ops);
}

/* There is more than one vCPU. */
void rl_locks_hooks(void)
{
	if (!has_part(locks))
		return;
	prepare_boot_cpu = BOOT_CPU_READY;
	BOOT_CPU_READY = boot_cpu_is_ready;
}
