// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that sets its timer all the time. set_timer() is what is to be mended.
 */
#include "tiny.h"

#define NEVER	(~0UL)

static u64 in_us(u64 us)
{
	return rdtsc() + us * shared_page.tsc_khz / 1000;
}

/* One interrupt of RL_IRQ_TIMER when the TSC is at `when`; instead of any before. */
static void set_timer(u64 when)
{
	u64 now = rdtsc(), ticks = when > now ? when - now : 0;

	hypercall(RL_HC_SET_TIMER,
		  when == NEVER ? NEVER : ticks * 1000000 / shared_page.tsc_khz,
		  0, 0);
}

/* --- what it must do; leave this as it is --------------------------------------------- */

static u64 calls(void)
{
	return host_stats()->hypercalls[RL_HC_SET_TIMER];
}

static u64 fired(void)
{
	return irq_count[RL_IRQ_TIMER];
}

static void wait_fired(u64 count, u64 us)
{
	u64 until = in_us(us);

	while (fired() < count)
		if (rdtsc() > until)
			FAIL("%lu timers, not %lu, after %lu us", fired(), count, us);
}

/* Put off a thousand times, as a deadline of the network is. */
CASE(costs_little)
{
	u64 before, due = 0;

	irq_enable();
	set_timer(in_us(100000));
	before = calls();
	for (int i = 0; i < 1000; i++) {
		due = in_us(200000);
		set_timer(due);
	}
	if (calls() - before > 20)
		FAIL("1000 times put off: %lu exits", calls() - before);
	/* The last one counts. */
	wait_fired(1, 5000000);
	CHECK(rdtsc() >= due);
	spin_us(20000);
	EQUAL(fired(), 1);
}

/* Where none is armed, and where the last one has fired. */
CASE(comes_in_time)
{
	irq_enable();
	for (u64 i = 1; i <= 5; i++) {
		u64 due = in_us(5000);

		set_timer(due);
		wait_fired(i, 2000000);
		CHECK(rdtsc() >= due);
	}
	set_timer(rdtsc());
	wait_fired(6, 2000000);
}

CASE(earlier_than_armed)
{
	u64 far = in_us(30000000);

	irq_enable();
	set_timer(far);
	set_timer(in_us(1000));
	wait_fired(1, 5000000);
	CHECK(rdtsc() < far);
}

/* Stopped, which costs nothing, and set again. */
CASE(never)
{
	u64 before;

	irq_enable();
	set_timer(in_us(50000));
	before = calls();
	set_timer(NEVER);
	EQUAL(calls() - before, 0);
	spin_us(100000);
	EQUAL(fired(), 0);
	set_timer(in_us(1000));
	wait_fired(1, 2000000);
}
