// SPDX-License-Identifier: GPL-2.0
/*
 * Plays the KVM below a host. Each second time that a guest of ringlet leaves by
 * a #PF with error code 0, it becomes KVM's: the flag is set in the host's memory
 * that says so, and a while later a timer does what the interrupt "page ready"
 * would. With nmi=1 an exit by an NMI is treated so, too, as if it had come upon
 * such a #PF in the switcher.
 *
 * Parameters: apf_reason, apf_enabled (addresses from /proc/kallsyms), nmi;
 * faults and wakes count.
 */
#include <linux/hrtimer.h>
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/kvm_para.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <asm/special_insns.h>
#include "host_module/vcpu.h"

static ulong apf_reason, apf_enabled;
module_param(apf_reason, ulong, 0444);
module_param(apf_enabled, ulong, 0444);
static bool nmi;
module_param(nmi, bool, 0444);
static ulong faults, wakes;
module_param(faults, ulong, 0444);
module_param(wakes, ulong, 0444);

static struct rl_vcpu *vcpu;
static struct hrtimer timer;
static u32 token;
static unsigned int turn;

static struct kvm_vcpu_pv_apf_data *reason(int cpu)
{
	return per_cpu_ptr((struct kvm_vcpu_pv_apf_data __percpu *)apf_reason,
			   cpu);
}

static enum hrtimer_restart page_is_ready(struct hrtimer *t)
{
	kvm_async_pf_task_wake(token);
	wakes++;
	return HRTIMER_NORESTART;
}

static int guest_is_entered(struct kprobe *p, struct pt_regs *regs)
{
	vcpu = (struct rl_vcpu *)regs->di;
	return 0;
}

static int guest_has_left(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	u64 vector = vcpu->regs->vector;

	if (vector == 14 && !vcpu->regs->error) {
		if (++turn & 1)
			return 0;
		token = native_read_cr2();
	} else if (vector == 2 && nmi) {
		token = 0x1000 + (turn++ << 12);
		native_write_cr2(token);
	} else {
		return 0;
	}
	faults++;
	reason(smp_processor_id())->flags = KVM_PV_REASON_PAGE_NOT_PRESENT;
	/* At once, so that it comes first, or when the thread sleeps. */
	hrtimer_start(&timer, ns_to_ktime(faults & 1 ? 1 : 300000),
		      HRTIMER_MODE_REL_PINNED_HARD);
	return 0;
}

static struct kprobe entry = {
	.symbol_name = "enter_guest",
	.pre_handler = guest_is_entered,
};

static struct kretprobe leaving = {
	.kp.symbol_name = "window_call",
	.handler = guest_has_left,
};

/* A word of Linux's own, behind what KVM knows of the structure. */
static void set_enabled(u32 on)
{
	int cpu;

	for_each_possible_cpu(cpu)
		*(u32 *)&reason(cpu)->pad[sizeof(reason(cpu)->pad)] = on;
}

static int __init fault_below_init(void)
{
	int err;

	if (!apf_reason || !apf_enabled)
		return -EINVAL;
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer.function = page_is_ready;
	set_enabled(1);
	/* From here on a #PF of the host's kernel looks at the flag. */
	static_key_enable((struct static_key *)apf_enabled);
	err = register_kprobe(&entry);
	if (!err)
		err = register_kretprobe(&leaving);
	return err;
}

static void __exit fault_below_exit(void)
{
	unregister_kretprobe(&leaving);
	unregister_kprobe(&entry);
	hrtimer_cancel(&timer);
	static_key_disable((struct static_key *)apf_enabled);
	set_enabled(0);
}

module_init(fault_below_init);
module_exit(fault_below_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Reports pages that are not there, as KVM below would");
