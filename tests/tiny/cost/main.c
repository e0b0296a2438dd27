// SPDX-License-Identifier: GPL-2.0
/*
 * What the ways in and out cost, in ticks of the TSC. Under `-icount
 * shift=0,sleep=off` a tick is an instruction; see tests/bench/switch.
 */
#include "tiny.h"

#define ROUNDS 2000

static void report(const char *what, u64 ticks)
{
	print("%s: %d ticks each of %d\n", what, (int)(ticks / ROUNDS), ROUNDS);
}

CASE(world_switch)
{
	u64 start = rdtsc();

	for (int i = 0; i < ROUNDS; i++)
		hypercall(RL_HC_DELIVER, 0, 0, 0);
	report("hypercall that does nothing", rdtsc() - start);
}

CASE(emulated_instruction)
{
	u64 start = rdtsc();

	for (int i = 0; i < ROUNDS; i++) {
		u64 value;

		asm volatile("movq %%cr4, %0" : "=r"(value));
	}
	report("mov from cr4", rdtsc() - start);
}

/* --- two vCPUs in faults at once ------------------------------------------------------- */

#define FAULTS	2048UL
#define FULL	(P_P | P_W | P_A | P_D | P_U)
#define RANGE(n) (0x700000000000UL + (n) * (FAULTS << 16))
#define RANGES	8UL		/* 1 and up are the second one's */

static volatile u64 done;

/* One page of each 16, as the host fills their neighbours, too. */
static void touch(u64 range)
{
	for (u64 i = 0; i < FAULTS; i++)
		(void)*(volatile u64 *)(RANGE(range) + (i << 16));
}

static void touch_ranges(void)
{
	for (u64 n = 1; n < RANGES; n++) {
		touch(n);
		done = n;
	}
	hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

static u64 ticks_of_range(u64 range)
{
	u64 start = rdtsc();

	touch(range);
	return (rdtsc() - start) / FAULTS;
}

/* The shadow of all ranges goes, and comes back by faults. */
static void unmap_and_flush(void)
{
	volatile u64 *top = (u64 *)direct(TINY_TABLES) + (RANGE(0) >> 39 & 511);
	u64 saved = *top;

	*top = 0;
	hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
	*top = saved;
}

/*
 * How long a fault takes where nobody else has one, and beside a vCPU that has nothing
 * else. The host serves one at a time; it is a figure, not a limit.
 */
CASE(two_faults)
{
	u64 alone, beside, before, page = page_with(1);

	for (u64 n = 0; n < RANGES; n++)
		for (u64 i = 0; i < FAULTS; i++)
			map_page(RANGE(n) + (i << 16), page | FULL);
	hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
	touch(0);
	unmap_and_flush();
	alone = ticks_of_range(0);
	unmap_and_flush();
	EQUAL(second_start(touch_ranges), 0);
	while (!done)
		asm volatile("pause");
	before = done;
	beside = ticks_of_range(0);
	print("a fault: %lu ticks alone, %lu beside another vCPU's (%lu to %lu)\n",
	      alone, beside, before, done);
	CHECK(host_stats()->exits[14] >= FAULTS);
}
