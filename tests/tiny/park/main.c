// SPDX-License-Identifier: GPL-2.0
/*
 * PARK and UNPARK: one permit, which is never lost, whichever of the two comes first.
 */
#include "tiny.h"

#define EINVAL	22
#define ME	0UL			/* ids */
#define OTHER	1UL
#define MS	1000000UL		/* ns */
#define TURNS	3000

static volatile u64 turn, seen;

static s64 park(u64 open)
{
	return hypercall(RL_HC_PARK, open, 0, 0);
}

static s64 unpark(u64 id)
{
	return hypercall(RL_HC_UNPARK, id, 0, 0);
}

static u64 ms_since(u64 start)
{
	return (rdtsc() - start) / mailbox->tsc_khz;
}

CASE(park_nonsense)
{
	EQUAL(unpark(OTHER), -EINVAL);		/* there is none */
	EQUAL(unpark(64), -EINVAL);
	EQUAL(unpark(1UL << 32), -EINVAL);
	EQUAL(unpark(~0UL), -EINVAL);
	EQUAL(park(2), -EINVAL);
	EQUAL(park(~0UL), -EINVAL);
	EQUAL(shared_page.vif, 0);
}

/* Nobody else is there: a permit that does not end the call is the end of the case. */
CASE(park_with_a_permit)
{
	for (int i = 0; i < 100; i++) {
		EQUAL(unpark(ME), 0);
		EQUAL(park(0), 0);
		EQUAL(shared_page.vif, 0);
	}
	EQUAL(unpark(ME), 0);
	EQUAL(park(1), 0);
	EQUAL(shared_page.vif, 1);
}

/* Two permits are one: the second parking lasts until the timer's interrupt. */
CASE(park_until_an_interrupt)
{
	u64 start = rdtsc();

	EQUAL(unpark(ME), 0);
	EQUAL(unpark(ME), 0);
	EQUAL(park(0), 0);
	EQUAL(hypercall(RL_HC_SET_TIMER, 20 * MS, 0, 0), 0);
	EQUAL(park(1), 0);
	EQUAL(irq_count[RL_IRQ_TIMER], 1);
	CHECK(ms_since(start) >= 15);
}

CASE(raw_park_before_init)
{
	hypercall(RL_HC_UNPARK, ME, 0, 0);
	hypercall(RL_HC_PARK, 1, 0, 0);
	hypercall(RL_HC_UNPARK, ME, 0, 0);
	hypercall(RL_HC_PARK, 0, 0, 0);
	end(TINY_SUCCESS);
}

/* --- two ------------------------------------------------------------------------- */

static void unpark_late(void)
{
	u64 start = rdtsc();

	while (ms_since(start) < 50)
		asm volatile("pause");
	seen = 1;
	unpark(ME);
	hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

/* What vif keeps out does not end it. */
CASE(two_park_closed)
{
	EQUAL(hypercall(RL_HC_SET_TIMER, MS, 0, 0), 0);
	EQUAL(second_start(unpark_late), 0);
	EQUAL(park(0), 0);
	EQUAL(seen, 1);
	EQUAL(irq_count[RL_IRQ_TIMER], 0);
	CHECK(shared_page.irqs & 1UL << RL_IRQ_TIMER);
	irq_enable();
	EQUAL(irq_count[RL_IRQ_TIMER], 1);
}

static void take_turns(u64 me)
{
	while (turn < TURNS) {
		while (turn % 2 != me && turn < TURNS)
			park(0);
		turn++;
		unpark(!me);
	}
}

static void take_second_turns(void)
{
	take_turns(OTHER);
	hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

/* Each looks, and parks; the other one writes, and unparks, at any moment of that. */
CASE(two_park_in_turns)
{
	u64 halts = host_stats()->halts;

	EQUAL(second_start(take_second_turns), 0);
	take_turns(ME);
	CHECK(turn >= TURNS);
	halts = host_stats()->halts - halts;
	print("%d turns, slept %lu times\n", TURNS, halts);
	CHECK(halts > 0);
}

static void crash(void)
{
	u64 start = rdtsc();

	while (ms_since(start) < 20)
		asm volatile("pause");
	asm volatile("ud2");
}

CASE_KILLED(two_killed_in_a_park, "without a handler")
{
	EQUAL(second_start(crash), 0);
	for (;;)
		park(0);
}
