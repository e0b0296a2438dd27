// SPDX-License-Identifier: GPL-2.0
/*
 * An LDT that goes away or changes: while a register has a selector of it, while it is
 * read, and with the vCPU that runs on a pCPU.
 */
#include "ldt.h"

/* --- taken away ----------------------------------------------------------------------------- */

static void load_all(void)
{
	table[0] = DATA32;
	EQUAL(set_ldt(1), 0);
	load_data_segments(SELECTOR(0));
	hypercall(RL_HC_DELIVER, 0, 0, 0);
}

#define INVALID "invalid segment state on entry"

CASE_KILLED(taken_away, INVALID)
{
	load_all();
	set_ldt(0);
}

CASE_KILLED(shrunk, INVALID)
{
	load_all();
	asm volatile("movl %0, %%ds\n\tmovl %0, %%es\n\tmovl %0, %%fs" :: "r"(0));
	table[0] = 0;
	set_ldt(1);
}

CASE_KILLED(changed, INVALID)
{
	load_all();
	table[0] = CODE32 & ~(2UL << 40);	/* not readable */
	set_ldt(1);
}

CASE_KILLED(refused, INVALID)
{
	load_all();
	table[0] = 0x00008c0000100000;
	set_ldt(1);
}

/* --- several vCPUs ----------------------------------------------------------------------------- */

static volatile u64 step;

static void wait_for(u64 at_least)
{
	u64 until = rdtsc() + 5000 * mailbox->tsc_khz;

	while (step < at_least)
		if (rdtsc() > until)
			FAIL("the other vCPU does not get on: %lu", step);
}

static void without_ldt(void)
{
	volatile u64 seen = 0;

	while (!seen) {
		seen = rights(SELECTOR(0));
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		if (step < 1000)
			step++;
	}
	step = 5000;
	for (;;)
		hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

static void with_ldt(void)
{
	table[0] = DATA32;
	set_ldt(1);
	for (;;) {
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		step++;
	}
}

/* What another vCPU has on this pCPU is not here, when this one is. */
CASE(two_not_mapped)
{
	EQUAL(second_start(with_ldt), 0);
	for (u64 i = 1; i < 1000; i += 10) {
		wait_for(i);
		request(TINY_MOVE, i / 10 % mailbox->cpus, 0);
		try_read(LDT);
		EQUAL(trap.vector, 14);
		EQUAL(trap.frame.error, 0);
	}
}

/* One has an LDT, the other has none, also where they take turns on one pCPU. */
CASE(two_own_ones)
{
	table[0] = DATA32;
	EQUAL(set_ldt(1), 0);
	request(TINY_MOVE, 0, 0);
	EQUAL(second_start(without_ldt), 0);
	for (u64 i = 1; i < 1000; i++) {
		wait_for(i);
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		CHECK(rights(SELECTOR(0)));
	}
	EQUAL(step, 1000);
}

static volatile bool over;

static void change_table(void)
{
	while (!over)
		for (u64 i = 0; i < 8; i++) {
			/* A call gate of ring 3's. */
			((volatile u64 *)table)[i] = 0x0000ec0000101000;
			asm volatile("pause");
			((volatile u64 *)table)[i] = DATA32;
		}
	for (;;)
		hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

/*
 * Each descriptor is read once: no gate is let in by a second look. Of each byte it is the
 * one or the other, as the host's memcpy() may copy bytes; the access rights are a byte.
 */
CASE(two_table_changes)
{
	u64 until, good = 0, bad = 0, found;

	for (u64 i = 0; i < 8; i++)
		table[i] = DATA32;
	EQUAL(second_start(change_table), 0);
	until = rdtsc() + 1000 * mailbox->tsc_khz;
	while (rdtsc() < until) {
		u64 entries = 1 + (good + bad) % 8;

		if (set_ldt(entries)) {
			bad++;
			continue;
		}
		good++;
		for (u64 n = 0; n < entries; n++) {
			found = try_read(LDT + n * 8);
			EQUAL(trap.vector, TRAP_NONE);
			EQUAL(found >> 40 & 0xff, (DATA32 >> 40 & 0xff) | 1);
		}
	}
	over = true;
	print("%lu taken, %lu refused\n", good, bad);
}
