// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks: the TSC tells the time, a one-shot hypercall timer wakes the kernel,
 * a hypercall gives the date at boot (and later: wallclock.c).
 */
#include "layer.h"

/* ns; the lower bound keeps a guest from asking for an exit storm. */
#define TIMER_MIN	1000
#define TIMER_MAX	(1ULL << 40)	/* times kHz it fits into 64 bits */
#define TIMER_STOP	(~0ULL)
/* So late may it fire: the same tick, asked for again, is never quite the same. */
#define TIMER_LATE	30000

/* See timer_wanted in abi/guest.h: mostly nothing has to be said. */
static int timer_next(unsigned long ns, void *device)
{
	u64 khz = shared_read(tsc_khz);
	u64 due = rdtsc() + ns * khz / USEC_PER_SEC;

	shared_write(timer_wanted, due);
	mb();
	if (due + TIMER_LATE * khz / USEC_PER_SEC <
	    shared_read(timer_armed))
		rl_hypercall(RL_HC_SET_TIMER, ns, 0, 0);
	return 0;
}

static int timer_stop(void *device)
{
	shared_write(timer_wanted, TIMER_STOP);
	return 0;
}

/* That of a CPU. */
static void *timer_of(unsigned int id)
{
	return (char *)objects(64, clock_event_device, timer) +
	       id * size_of(clock_event_device);
}

#define TIMER(kind, member)						\
	field(kind, timer, clock_event_device, member)

/* It can what Xen's can: fire once. */
static void set_timer(unsigned int id)
{
	void *timer = timer_of(id);

	TIMER(pointer, name) = "ringlet";
	TIMER(u32, features) = field(u32, xen_vcpuop_clockevent, clock_event_device,
				     features);
	TIMER(u32, rating) = 400;
	TIMER(u32, irq) = RL_LINUX_IRQ(RL_IRQ_TIMER);
	TIMER(pointer, set_next_event) = timer_next;
	TIMER(pointer, set_state_shutdown) = timer_stop;
	/* A mask of it alone: Linux's ready-made ones, of which the first is empty. */
	TIMER(pointer, cpumask) = cpu_bit_bitmap + (1 + id) * size_of(cpumask);
	/* The unit is the nanosecond: a frequency of 1 GHz. */
	clockevents_config_and_register(timer, NSEC_PER_SEC, TIMER_MIN, TIMER_MAX);
}

/* A CPU has come up that is not the first. */
static void second_timer(void)
{
	rl_interrupt_vectors();
	set_timer(rl_this_id());
}

/*
 * A guest that its host left lying looks to itself as if it had been busy all the
 * while. Each watchdog runs in a timer's interrupt, so ours calms them first.
 */
static void forgive_absence(void)
{
	struct rl_cpu *self = rl_this_cpu();
	u64 absences = shared_read(absences);

	if (absences == self->absences)
		return;
	self->absences = absences;
	pvclock_touch_watchdogs();
}

static int timer_interrupt(int irq, void *argument)
{
	void *timer = timer_of(rl_this_id());
	void (*handler)(void *device) = TIMER(pointer, event_handler);

	rl_console_flush();
	forgive_absence();
	if (handler)
		handler(timer);
	return enumerator(IRQ_HANDLED);
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
	unsigned int irq = RL_LINUX_IRQ(RL_IRQ_TIMER);

	if (request_threaded_irq(irq, timer_interrupt, NULL, IRQF_TIMER, "timer", NULL))
		return;
	/* The flag was taken for what it is meant to be, or nothing would be right. */
	if (has_field(u32, irq_desc, no_suspend_depth) &&
	    maybe_field(u32, irq_to_desc(irq), irq_desc, no_suspend_depth) != 1)
		rl_shutdown(RL_SHUTDOWN_PANIC);
	set_timer(0);
}

static unsigned long host_khz(void)
{
	return shared_read(tsc_khz);
}

u64 rl_wallclock(void)
{
	u64 ns;

	return rl_hypercall_value(RL_HC_WALLCLOCK, 0, &ns) < 0 ? 0 : ns;
}

void rl_get_wallclock(void *now)
{
	u64 ns = rl_wallclock();

	field(u64, now, timespec64, tv_sec) = ns / NSEC_PER_SEC;
	field(u64, now, timespec64, tv_nsec) = ns % NSEC_PER_SEC;
}

/* A guest does not set the host's clock. */
static int set_wallclock(const void *now)
{
	return -ENODEV;
}

void rl_time_hooks(void)
{
	PLATFORM(pointer, calibrate_cpu) = host_khz;
	PLATFORM(pointer, calibrate_tsc) = host_khz;
	PLATFORM(pointer, get_wallclock) = rl_get_wallclock;
	PLATFORM(pointer, set_wallclock) = set_wallclock;
	INIT(timers.timer_init) = timer_init;
	INIT(timers.wallclock_init) = x86_init_noop;
	INIT(timers.setup_percpu_clockev) = x86_init_noop;
	field(pointer, x86_cpuinit, x86_cpuinit_ops, setup_percpu_clockev) =
		second_timer;
}
