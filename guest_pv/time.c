// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks: the TSC tells the time, a one-shot hypercall timer wakes the kernel,
 * a hypercall gives the date at boot (and later: wallclock.c).
 */
#include <linux/clockchips.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/time64.h>
#include <asm/msr.h>
#include <asm/pvclock.h>
#include <asm/x86_init.h>

#include "layer.h"

/* ns; the lower bound keeps a guest from asking for an exit storm. */
#define TIMER_MIN	1000
#define TIMER_MAX	(1ULL << 40)	/* times kHz it fits into 64 bits */
#define TIMER_STOP	(~0ULL)
/* So late may it fire: the same tick, asked for again, is never quite the same. */
#define TIMER_LATE	30000

/* See timer_wanted in abi/guest.h: mostly nothing has to be said. */
static int timer_next(unsigned long ns, struct clock_event_device *device)
{
	u64 khz = READ_ONCE(rl_shared.tsc_khz);
	u64 due = rdtsc() + ns * khz / USEC_PER_SEC;

	WRITE_ONCE(rl_shared.timer_wanted, due);
	mb();
	if (due + TIMER_LATE * khz / USEC_PER_SEC <
	    READ_ONCE(rl_shared.timer_armed))
		rl_hypercall(RL_HC_SET_TIMER, ns, 0, 0);
	return 0;
}

static int timer_stop(struct clock_event_device *device)
{
	WRITE_ONCE(rl_shared.timer_wanted, TIMER_STOP);
	return 0;
}

static struct clock_event_device timer = {
	.name = "ringlet",
	.features = CLOCK_EVT_FEAT_ONESHOT,
	.rating = 400,
	.irq = RL_LINUX_IRQ(RL_IRQ_TIMER),
	.set_next_event = timer_next,
	.set_state_shutdown = timer_stop,
};

/*
 * A guest that its host left lying looks to itself as if it had been busy all the
 * while. Each watchdog runs in a timer's interrupt, so ours calms them first.
 */
static void forgive_absence(void)
{
	static u64 known;
	u64 absences = READ_ONCE(rl_shared.absences);

	if (absences == known)
		return;
	known = absences;
	pvclock_touch_watchdogs();
}

static irqreturn_t timer_interrupt(int irq, void *argument)
{
	rl_console_flush();
	forgive_absence();
	if (timer.event_handler)
		timer.event_handler(&timer);
	return IRQ_HANDLED;
}

/*J: guest.time
 * A kernel needs three kinds of time. For "how long", the time stamp counter
 * is there and reading it takes no privilege; the host only says how fast it
 * ticks. For "wake me", there is one timer that fires once: Linux has long
 * ceased to want a steady tick, and a guest that sleeps should cost nothing.
 * For "what day is it", there is a hypercall.
 :*/
static void timer_init(void)
{
	if (request_threaded_irq(RL_LINUX_IRQ(RL_IRQ_TIMER), timer_interrupt,
				 NULL, IRQF_TIMER | IRQF_NOBALANCING, "timer",
				 NULL))
		return;
	timer.cpumask = cpumask_of(0);
	/* The unit is the nanosecond: a frequency of 1 GHz. */
	clockevents_config_and_register(&timer, NSEC_PER_SEC, TIMER_MIN,
					TIMER_MAX);
}

static unsigned long host_khz(void)
{
	return READ_ONCE(rl_shared.tsc_khz);
}

u64 rl_wallclock(void)
{
	u64 ns;

	return rl_hypercall_value(RL_HC_WALLCLOCK, 0, &ns) < 0 ? 0 : ns;
}

void rl_get_wallclock(struct timespec64 *now)
{
	u64 ns = rl_wallclock();

	now->tv_sec = ns / NSEC_PER_SEC;
	now->tv_nsec = ns % NSEC_PER_SEC;
}

/* A guest does not set the host's clock. */
static int set_wallclock(const struct timespec64 *now)
{
	return -ENODEV;
}

void rl_time_hooks(void)
{
	x86_platform.calibrate_cpu = host_khz;
	x86_platform.calibrate_tsc = host_khz;
	x86_platform.get_wallclock = rl_get_wallclock;
	x86_platform.set_wallclock = set_wallclock;
	x86_init.timers.timer_init = timer_init;
	x86_init.timers.wallclock_init = x86_init_noop;
	x86_init.timers.setup_percpu_clockev = x86_init_noop;
	x86_cpuinit.setup_percpu_clockev = x86_init_noop;
}
