// SPDX-License-Identifier: GPL-2.0
/*
 * A storm of NMIs for the soak test: a timer on one processor sends NMIs to
 * another. The interval walks through [usecs, 2 * usecs), so that no phase of
 * what runs there is spared. Two that wait are one to a processor, so each is
 * sent when the last one was seen; then none is missing but those that were lost.
 *
 * With behind=1 another one is sent from where ringlet is about to raise one that came
 * in a guest. NMIs are blocked there, so it must wait until the first is handled.
 *
 * Parameters: from, to (processors), usecs; sent, seen, lost and early (one that did
 * not wait) count.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/nmi.h>
#include "host_module/compat.h"

static int from = 1;
module_param(from, int, 0444);
static int to;
module_param(to, int, 0444);
static unsigned int usecs = 300;
module_param(usecs, uint, 0444);
static ulong sent;
module_param(sent, ulong, 0444);
static ulong seen;
module_param(seen, ulong, 0444);

/* After this long, one that was not seen is lost. */
#define PATIENCE_NS	(10 * NSEC_PER_SEC)

static ulong lost;
module_param(lost, ulong, 0444);
static bool behind;
module_param(behind, bool, 0444);
static ulong early;
module_param(early, ulong, 0444);

static struct hrtimer timer;
static unsigned int phase;
static u64 waited_ns;

/* Both processors send, so the count is an atomic one. */
static void send(void)
{
	atomic_long_inc((atomic_long_t *)&sent);
	apic->send_IPI(to, NMI_VECTOR);
}

static enum hrtimer_restart storm_fire(struct hrtimer *t)
{
	ulong before = READ_ONCE(seen), all;
	u64 ns;

	/* What is sent between these two counts as under way. */
	smp_rmb();
	all = READ_ONCE(sent);
	if (before + lost < all && waited_ns >= PATIENCE_NS)
		lost++;
	/* It came after all. */
	if (before + lost > all)
		lost = all - before;
	if (before + lost >= all) {
		waited_ns = 0;
		send();
	}
	/* A step that has no common divisor with the range visits it all. */
	phase = (phase + 7919) % (usecs * NSEC_PER_USEC);
	ns = usecs * NSEC_PER_USEC + phase;
	waited_ns += ns;
	hrtimer_forward_now(t, ns_to_ktime(ns));
	return HRTIMER_RESTART;
}

static int storm_seen(unsigned int type, struct pt_regs *regs)
{
	if (smp_processor_id() != to)
		return NMI_DONE;
	seen++;
	return NMI_HANDLED;
}

/* The first one is not seen yet, so the timer sends none meanwhile. */
static int raised(struct kprobe *probe, struct pt_regs *regs)
{
	ulong before = READ_ONCE(seen);

	if (smp_processor_id() != to || before + lost >= READ_ONCE(sent))
		return 0;
	send();
	udelay(1);
	if (READ_ONCE(seen) != before)
		early++;
	return 0;
}

static struct kprobe raising = {
	.symbol_name = "ringlet:raise_nmi",
	.pre_handler = raised,
};

/* A probe that is a breakpoint would let NMIs in by its own IRET. */
static int probe_raising(void)
{
	int err = register_kprobe(&raising);

	if (!err && !kprobe_ftrace(&raising)) {
		unregister_kprobe(&raising);
		err = -EOPNOTSUPP;
	}
	return err;
}

static void storm_start(void *unused)
{
	hrtimer_start(&timer, ns_to_ktime(usecs * NSEC_PER_USEC), HRTIMER_MODE_REL_PINNED);
}

static void storm_nothing(void *unused)
{
}

static int __init storm_init(void)
{
	int err;

	if (!cpu_online(from) || !cpu_online(to) || from == to)
		return -EINVAL;
	err = register_nmi_handler(NMI_LOCAL, storm_seen, 0, "nmi_storm");
	if (err)
		return err;
	if (behind)
		err = probe_raising();
	if (err) {
		unregister_nmi_handler(NMI_LOCAL, "nmi_storm");
		return err;
	}
	compat_hrtimer_setup(&timer, storm_fire, CLOCK_MONOTONIC,
			     HRTIMER_MODE_REL_PINNED);
	return smp_call_function_single(from, storm_start, NULL, 1);
}

static void __exit storm_exit(void)
{
	hrtimer_cancel(&timer);
	if (behind)
		unregister_kprobe(&raising);
	/* The last one may still be under way: nobody else would claim it. */
	msleep(200);
	smp_call_function_single(to, storm_nothing, NULL, 1);
	unregister_nmi_handler(NMI_LOCAL, "nmi_storm");
}

module_init(storm_init);
module_exit(storm_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sends NMIs from one processor to another");
