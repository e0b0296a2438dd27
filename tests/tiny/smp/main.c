// SPDX-License-Identifier: GPL-2.0
/*
 * A second vCPU: starting and stopping it, interrupts from one to the other, a timer
 * for each, and one end for both.
 */
#include "tiny.h"

#define NOWHERE	0xffffc90000000000UL
#define ME	1UL			/* masks */
#define OTHER	2UL

static volatile u64 seen, wanted;

static void wait_for(const volatile u64 *word, u64 at_least)
{
	u64 until = rdtsc() + 5000 * mailbox->tsc_khz;

	while (*word < at_least)
		if (rdtsc() > until)
			FAIL("the second vCPU does not get on: %lu", *word);
}

/* --- start, stop, interrupts ------------------------------------------------------- */

static void say_and_stop(void)
{
	for (;;) {
		seen++;
		hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
	}
}

static void spin(void)
{
	for (;;) {
		seen++;
		asm volatile("pause");
	}
}

static s64 start_again(void (*function)(void))
{
	u64 until = rdtsc() + 5000 * mailbox->tsc_khz;
	s64 r;

	do
		r = second_start(function);
	while (r == -16 && rdtsc() < until);
	return r;
}

CASE(two_start_and_stop)
{
	EQUAL(seen, 0);
	for (u64 i = 1; i <= 20; i++) {
		EQUAL(start_again(say_and_stop), 0);
		wait_for(&seen, i);
	}
	EQUAL(start_again(spin), 0);
	wait_for(&seen, 1000);
	for (int i = 0; i < 100; i++)
		EQUAL(second_start(spin), -16);
}

CASE(two_start_of_nonsense)
{
	struct rl_start s = { .rip = 1UL << 63, .cr3 = TINY_TABLES };

	EQUAL(hypercall(RL_HC_START_VCPU, 2, (u64)&s, 0), -22);
	EQUAL(hypercall(RL_HC_START_VCPU, 64, (u64)&s, 0), -22);
	EQUAL(hypercall(RL_HC_START_VCPU, ~0UL, (u64)&s, 0), -22);
	EQUAL(hypercall(RL_HC_START_VCPU, 0, (u64)&s, 0), -22);	/* the RIP */
	EQUAL(hypercall(RL_HC_START_VCPU, 1, (u64)&s, 0), -22);
	s.rip = (u64)spin;
	EQUAL(hypercall(RL_HC_START_VCPU, 0, (u64)&s, 0), -16);
	s.gs_base = 1UL << 63;
	EQUAL(hypercall(RL_HC_START_VCPU, 1, (u64)&s, 0), -22);
	s.gs_base = 0;
	s.cr3 = ~0UL;
	EQUAL(hypercall(RL_HC_START_VCPU, 1, (u64)&s, 0), -22);
	EQUAL(hypercall(RL_HC_START_VCPU, 1, NOWHERE, 0), -14);
	EQUAL(hypercall(RL_HC_START_VCPU, 1, 0xffff800000000000, 0), -14);
	EQUAL(seen, 0);
}

CASE_KILLED(two_start_nowhere, "no memory there")
{
	EQUAL(second_start_in(spin, TINY_MEMORY), 0);
	for (;;)
		asm volatile("pause");
}

/* What the second one does wrong ends the first one, too. */
static void crash(void)
{
	(void)*(volatile u64 *)0x123000;
	asm volatile("ud2");
}

CASE_KILLED(two_killed_at_once, "without a handler")
{
	EQUAL(second_start(crash), 0);
	for (;;)
		asm volatile("pause");
}

CASE_KILLED(two_killed_in_a_halt, "without a handler")
{
	EQUAL(second_start(crash), 0);
	for (;;)
		hypercall(RL_HC_HALT, 0, 0, 0);
}

/* The limit of the last descriptor, by which Linux programs know their CPU. */
static u64 cpu_number(void)
{
	u32 limit = ~0u;

	asm volatile("lsl %1, %0" : "+r" (limit) : "r" (0x7b) : "cc");
	return limit;
}

static void say_number(void)
{
	seen = 1000 + cpu_number();
	hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

CASE(two_know_their_numbers)
{
	EQUAL(cpu_number(), 0);
	EQUAL(second_start(say_number), 0);
	wait_for(&seen, 1);
	EQUAL(seen, 1001);
}

static void wait_for_line(void)
{
	if (second_init())
		hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
	for (;;) {
		u64 lines = __atomic_exchange_n(&second_page.irqs, 0,
						__ATOMIC_SEQ_CST);

		if (lines & wanted)
			seen++;
		asm volatile("pause");
	}
}

CASE(two_ipi)
{
	for (u64 line = 0; line < RL_IRQ_IPI; line++)
		EQUAL(hypercall(RL_HC_SEND_IPI, OTHER, line, 0), -22);
	EQUAL(hypercall(RL_HC_SEND_IPI, OTHER, RL_IRQ_COUNT, 0), -22);
	EQUAL(hypercall(RL_HC_SEND_IPI, OTHER, ~0UL, 0), -22);
	wanted = 1UL << (RL_IRQ_IPI + 3);
	/* One that comes before it is there waits for it. */
	EQUAL(hypercall(RL_HC_SEND_IPI, OTHER, RL_IRQ_IPI + 3, 0), 0);
	EQUAL(second_start(wait_for_line), 0);
	wait_for(&seen, 1);
	for (u64 i = 2; i < 100; i++) {
		EQUAL(hypercall(RL_HC_SEND_IPI, ~ME, RL_IRQ_IPI + 3, 0), 0);
		wait_for(&seen, i);
	}
	EQUAL(shared_page.irqs >> RL_IRQ_IPI, 0);
	irq_enable();
	EQUAL(hypercall(RL_HC_SEND_IPI, ME, RL_IRQ_IPI, 0), 0);
	EQUAL(irq_count[RL_IRQ_IPI], 1);
}

static void halt_always(void)
{
	if (second_init())
		hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
	for (;;) {
		hypercall(RL_HC_HALT, 0, 0, 0);
		seen++;
	}
}

CASE(two_ipi_ends_a_halt)
{
	EQUAL(second_start(halt_always), 0);
	for (u64 i = 1; i < 50; i++) {
		u64 before = seen;

		spin_us(500);
		EQUAL(hypercall(RL_HC_SEND_IPI, OTHER, RL_IRQ_IPI, 0), 0);
		wait_for(&seen, before + 1);
	}
}

/* --- devices' lines ---------------------------------------------------------------- */

#define LINE	(RL_IRQ_DEVICE + 3)

static s64 route(u64 line, u64 id)
{
	return hypercall(RL_HC_ROUTE_LINE, line, id, 0);
}

CASE(two_route_of_nonsense)
{
	EQUAL(route(RL_IRQ_TIMER, 1), -22);
	EQUAL(route(RL_IRQ_IPI, 1), -22);
	EQUAL(route(RL_IRQ_COUNT, 1), -22);
	EQUAL(route(1UL << 32 | LINE, 1), -22);
	EQUAL(route(~0UL, 1), -22);
	EQUAL(route(LINE, 2), -22);
	EQUAL(route(LINE, 64), -22);
	EQUAL(route(LINE, 256), -22);
	EQUAL(route(LINE, ~0UL), -22);
	request(TINY_RAISE, LINE, 0);
	EQUAL(shared_page.irqs, 1UL << LINE);
}

CASE(two_route_there_and_back)
{
	wanted = 1UL << LINE;
	EQUAL(second_start(wait_for_line), 0);
	EQUAL(route(LINE, 1), 0);
	for (u64 i = 1; i < 20; i++) {
		request(TINY_RAISE, LINE, 0);
		wait_for(&seen, i);
		EQUAL(shared_page.irqs, 0);
	}
	/* Others stay where they are. */
	request(TINY_RAISE, LINE + 1, 0);
	EQUAL(shared_page.irqs, 1UL << (LINE + 1));
	EQUAL(route(LINE, 0), 0);
	request(TINY_RAISE, LINE, 0);
	EQUAL(shared_page.irqs, 3UL << LINE);
}

/* A line that waits at a vCPU that goes would be lost. */
CASE(two_route_of_what_waits)
{
	wanted = 1UL << LINE;
	request(TINY_RAISE, LINE, 0);
	EQUAL(shared_page.irqs, 1UL << LINE);
	EQUAL(second_start(wait_for_line), 0);
	EQUAL(route(LINE, 1), 0);
	wait_for(&seen, 1);
	EQUAL(shared_page.irqs, 0);
	irq_enable();
	EQUAL(irq_count[LINE], 0);
}

/* --- timers ------------------------------------------------------------------------- */

static void use_timer(void)
{
	if (second_init())
		hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
	for (;;) {
		hypercall(RL_HC_SET_TIMER, 1000000, 0, 0);
		while (!(second_page.irqs & 1UL << RL_IRQ_TIMER))
			asm volatile("pause");
		__atomic_and_fetch(&second_page.irqs, ~(1UL << RL_IRQ_TIMER),
				   __ATOMIC_SEQ_CST);
		seen++;
	}
}

static void set_timer_and_stop(void)
{
	if (second_init())
		hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
	second_page.timer_wanted = rdtsc() + 100 * mailbox->tsc_khz;
	hypercall(RL_HC_SET_TIMER, 100000000, 0, 0);
	seen = 1;
	for (;;)
		hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

/* The timer of one that does not run is not put off for ever by another one. */
CASE(two_timer_put_off_by_another)
{
	u64 until, armed = 0, times = 0;

	EQUAL(second_start(set_timer_and_stop), 0);
	wait_for(&seen, 1);
	until = rdtsc() + 1000 * mailbox->tsc_khz;
	while (rdtsc() < until) {
		second_page.timer_wanted = rdtsc() + 20 * mailbox->tsc_khz;
		times += second_page.timer_armed != armed;
		armed = second_page.timer_armed;
	}
	print("armed %lu times\n", times);
	CHECK(times > 0 && times < 20);
	CHECK(second_page.irqs & 1UL << RL_IRQ_TIMER);
}

/* Each has a timer of its own. */
CASE(two_timers)
{
	irq_enable();
	EQUAL(second_start(use_timer), 0);
	wait_for(&seen, 10);
	EQUAL(irq_count[RL_IRQ_TIMER], 0);
	EQUAL(hypercall(RL_HC_SET_TIMER, 1000000, 0, 0), 0);
	wait_for(&irq_count[RL_IRQ_TIMER], 1);
	EQUAL(irq_count[RL_IRQ_TIMER], 1);
}
