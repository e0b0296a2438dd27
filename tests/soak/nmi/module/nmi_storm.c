// SPDX-License-Identifier: GPL-2.0
/*
 * A storm of NMIs for the soak test: a timer on one processor sends NMIs to
 * another. The interval walks through [usecs, 2 * usecs), so that no phase of
 * what runs there is spared. Two that wait are one to a processor, so each is
 * sent when the last one was seen; then none is missing but those that were lost.
 *
 * Parameters: from, to (processors), usecs; sent, seen and lost count.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/nmi.h>

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

static struct hrtimer timer;
static unsigned int phase;
static u64 waited_ns;

static enum hrtimer_restart storm_fire(struct hrtimer *t)
{
	u64 ns;

	if (READ_ONCE(seen) + lost < sent && waited_ns >= PATIENCE_NS)
		lost++;
	/* It came after all. */
	if (READ_ONCE(seen) + lost > sent)
		lost = sent - seen;
	if (READ_ONCE(seen) + lost >= sent) {
		waited_ns = 0;
		sent++;
		apic->send_IPI(to, NMI_VECTOR);
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
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED);
	timer.function = storm_fire;
	return smp_call_function_single(from, storm_start, NULL, 1);
}

static void __exit storm_exit(void)
{
	hrtimer_cancel(&timer);
	/* The last one may still be under way: nobody else would claim it. */
	msleep(200);
	smp_call_function_single(to, storm_nothing, NULL, 1);
	unregister_nmi_handler(NMI_LOCAL, "nmi_storm");
}

module_init(storm_init);
module_exit(storm_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sends NMIs from one processor to another");
