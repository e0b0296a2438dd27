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
