// SPDX-License-Identifier: GPL-2.0
/*
 * Two vCPUs in one memory: what one changes, the other must see no later than a
 * flush says, and neither may see what was taken away.
 */
#include "tiny.h"

#define WORD	0xffffc90000000000UL	/* of the kernel's half */
#define LOW	0x700000000000UL	/* of a program's */
#define OTHER	2UL			/* a mask */
#define FULL	(P_P | P_W | P_A | P_D)

static volatile u64 seen;

static void wait_for(const volatile u64 *word, u64 at_least)
{
	u64 until = rdtsc() + 5000 * mailbox->tsc_khz;

	while (*word < at_least)
		if (rdtsc() > until)
			FAIL("the second vCPU does not get on: %lu", *word);
}

/* Somebody else changes it. */
static void wait_for_change(const volatile u64 *word)
{
	wait_for(word, *word + 1);
}

static s64 flush(u64 mask, u64 cr3, u64 start, u64 end)
{
	struct rl_flush f = {
		.vcpus = mask, .cr3 = cr3, .start = start, .end = end,
	};

	return hypercall(RL_HC_FLUSH_VCPUS, (u64)&f, 0, 0);
}

static void spin(void)
{
	for (;;) {
		seen++;
		asm volatile("pause");
	}
}

/* --- flushes for another one -------------------------------------------------------- */

static void count_high(void)
{
	for (;;)
		++*(volatile u64 *)WORD;
}

static void count_low(void)
{
	for (;;)
		++*(volatile u64 *)LOW;
}

/*
 * Two pages take turns at an address where the second vCPU counts. From the end of the
 * flush on it counts in the new one.
 */
static void take_turns(u64 top, u64 at, u64 start, u64 end,
		       void (*change)(u64 top, u64 at, u64 page))
{
	u64 pages[2] = { page_alloc(), page_alloc() };

	change(top, at, pages[0]);
	EQUAL(second_start_in(at == WORD ? count_high : count_low, top), 0);
	for (int i = 0; i < 40; i++) {
		volatile u64 *old = direct(pages[i & 1]);
		u64 value;

		wait_for_change(old);
		change(top, at, pages[!(i & 1)]);
		EQUAL(flush(OTHER, top, start, end), 0);
		value = *old;
		spin_us(300);
		EQUAL(*old, value);
	}
}

static void change_page(u64 top, u64 at, u64 page)
{
	map_page_in(top, at, page | FULL | (at == LOW ? P_U : 0));
}

/* All of a new way down, from the top. */
static void change_top(u64 top, u64 at, u64 page)
{
	static u64 ways[2];
	static unsigned int turn;
	u64 user = at == LOW ? P_U : 0, below = page;

	if (!ways[turn & 1]) {
		for (int level = 1; level <= 3; level++) {
			u64 table = page_alloc();
			u64 *entries = direct(table);

			entries[at >> (9 * level + 3) & 511] =
				below | FULL | user;
			below = table;
		}
		ways[turn & 1] = below;
	}
	((volatile u64 *)direct(top))[at >> 39 & 511] =
		ways[turn++ & 1] | FULL | user;
}

CASE(two_flush_kernel_page)
{
	take_turns(TINY_TABLES, WORD, WORD, WORD + 1, change_page);
}

CASE(two_flush_kernel_half)
{
	take_turns(TINY_TABLES, WORD, 0xffff800000000000, ~0UL, change_page);
}

CASE(two_flush_kernel_top)
{
	take_turns(TINY_TABLES, WORD, WORD, WORD + 4096, change_top);
}

CASE(two_flush_user_page)
{
	take_turns(top_copy(), LOW, LOW, LOW + 4096, change_page);
}

CASE(two_flush_user_half)
{
	take_turns(top_copy(), LOW, 0, 1UL << 47, change_page);
}

CASE(two_flush_user_top)
{
	take_turns(top_copy(), LOW, LOW - 4096, LOW + 4096, change_top);
}

CASE(two_flush_of_nonsense)
{
	EQUAL(flush(~0UL, 0, 0, 0), -22);
	EQUAL(flush(~0UL, 0, 8192, 4096), -22);
	EQUAL(flush(~0UL, 0, 0, ~0UL), -22);
	EQUAL(flush(~0UL, 0, 0, 1UL << 63), -22);
	EQUAL(flush(~0UL, 0, 1UL << 47, (1UL << 47) + 4096), -22);
	EQUAL(flush(~0UL, ~0UL, ~0UL, ~0UL), -22);
	/* The last page of all, and the host's own slots. */
	EQUAL(flush(~0UL, ~0UL, -4096UL, ~0UL), 0);
	EQUAL(flush(~0UL, ~0UL, ~1UL, ~0UL), 0);
	EQUAL(flush(~0UL, 0, 0xffff800000000000, 0xffff800000004000), 0);
	EQUAL(flush(~0UL, 0, 0xfffffe0000000000, 0xfffffe0000004000), 0);
	EQUAL(flush(~0UL, 0, 0, 4096), 0);
	EQUAL(flush(0, 0, 0, 1UL << 47), 0);
	EQUAL(hypercall(RL_HC_FLUSH_VCPUS, WORD, 0, 0), -14);
	EQUAL(hypercall(RL_HC_FLUSH_VCPUS, -8UL, 0, 0), -14);
}

/* --- an address flushed by one ----------------------------------------------------------- */

/*
 * FLUSH_ONE of an address where the second vCPU counts: the one that flushes has the new
 * page at once, the other one when it has left the guest once.
 */
static void flush_for_both(u64 top, bool touches_it)
{
	volatile u64 *number = (volatile u64 *)WORD + 1;
	u64 pages[2];

	for (u64 i = 0; i < 2; i++) {
		pages[i] = page_alloc();
		((u64 *)direct(pages[i]))[1] = i;
	}
	change_page(top, WORD, pages[0]);
	EQUAL(second_start_in(count_high, top), 0);
	for (u64 i = 0; i < 40; i++) {
		volatile u64 *old = direct(pages[i & 1]);
		volatile u64 *new = direct(pages[!(i & 1)]);
		u64 value;

		wait_for_change(old);
		if (touches_it)
			EQUAL(*number, i & 1);
		change_page(TINY_TABLES, WORD, pages[!(i & 1)]);
		flush_one(WORD);
		if (touches_it)
			EQUAL(*number, !(i & 1));
		/* An interrupt makes it leave. */
		EQUAL(hypercall(RL_HC_SEND_IPI, OTHER, RL_IRQ_IPI, 0), 0);
		wait_for_change(new);
		value = *old;
		spin_us(300);
		EQUAL(*old, value);
	}
}

CASE(two_flush_one)
{
	flush_for_both(TINY_TABLES, true);
}

/* By another top table, which leads to the same pages below. */
CASE(two_flush_one_of_other_top)
{
	map_page(WORD, page_alloc() | FULL);
	flush_for_both(top_copy(), true);
}

/* The one that flushes has no way there yet. */
CASE(two_flush_one_unseen)
{
	map_page(WORD, page_alloc() | FULL);
	flush_for_both(top_copy(), false);
}

/* --- the host takes a page ---------------------------------------------------------- */

static void count_in_free(void)
{
	for (;;)
		++*(volatile u64 *)direct(TINY_FREE + (32 << 20));
}

CASE(two_page_replaced)
{
	u64 gpa = TINY_FREE + (32 << 20);

	EQUAL(request(TINY_REPLACE, gpa, 0), 0);
	EQUAL(second_start(count_in_free), 0);
	for (u64 i = 1; i < 50; i++) {
		wait_for_change(direct(gpa));
		EQUAL(request(TINY_REPLACE, gpa, i & 1), 0);
	}
}

/* Both are in the guest then: each has to leave it. */
CASE(two_page_replaced_under_both)
{
	u64 gpa = TINY_FREE + (32 << 20);
	volatile u64 *word = (u64 *)direct(gpa) + 8;
	u64 until;

	if (mailbox->cpus < 3)
		SKIP("the host has less than three processors");
	EQUAL(request(TINY_REPLACE, gpa, 0), 0);
	EQUAL(second_start(count_in_free), 0);
	wait_for_change(direct(gpa));
	EQUAL(request(TINY_REPLACE_BESIDE, gpa, 0), 0);
	until = rdtsc() + 50000 * mailbox->tsc_khz;
	while (mailbox->replaced < 30 && rdtsc() < until)
		for (int i = 0; i < 1000; i++)
			++*word;
	EQUAL(mailbox->written_later, 0);
	CHECK(mailbox->replaced >= 30);
}

/* --- pages of entries that another one may still walk ---------------------------------- */

/* A space with many tables, all of which are in the shadow. */
static u64 make_space(void)
{
	u64 top = top_copy();

	for (u64 i = 0; i < 8; i++)
		map_page_in(top, LOW + (i << 30), page_alloc() | FULL | P_U);
	EQUAL(load_cr3(top, top, 1), 0);
	for (u64 i = 0; i < 8; i++)
		++*(volatile u64 *)(LOW + (i << 30));
	EQUAL(load_cr3(TINY_TABLES, 1, 1), 0);
	return top;
}

/*
 * While the second one stays in the guest, what the first one drops is not used for
 * anything else; when it has left, it is.
 */
CASE(two_retired)
{
	u64 waited = 0;

	EQUAL(second_start(spin), 0);
	wait_for(&seen, 1);
	for (int i = 0; i < 40 && !waited; i++) {
		u64 top = make_space();

		hypercall(RL_HC_DROP_SPACE, top, 0, 0);
		waited = host_stats()->shadow_retired;
	}
	CHECK(waited > 0);
	/* A timer of the host's makes it leave. */
	for (int i = 0; i < 200 && host_stats()->shadow_retired; i++) {
		spin_us(1000);
		hypercall(RL_HC_DROP_SPACE, make_space(), 0, 0);
		spin_us(5000);
		hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
	}
	hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
	CHECK(host_stats()->shadow_retired < 200);
}

#define LIMIT	((TINY_MEMORY + TINY_HIGH_SIZE) / 4096 / 8)

/*
 * More tables than the shadow may have pages. When all are dropped, the second one may
 * still walk them: they count until it has left.
 */
CASE(two_full)
{
	u64 entry = page_with(1) | FULL | P_U;

	EQUAL(second_start(spin), 0);
	wait_for(&seen, 1);
	for (u64 n = 0; n < LIMIT + 100; n++) {
		map_page(LOW + (n << 21), entry);
		EQUAL(*(volatile u64 *)(LOW + (n << 21)), 1);
	}
	print("%lu pages at most\n", (u64)host_stats()->shadow_pages_peak);
	CHECK(host_stats()->shadow_pages_peak > LIMIT - 100);
	CHECK(host_stats()->shadow_pages_peak <= LIMIT);
	CHECK(host_stats()->shadow_pages < LIMIT / 2);
}

/* One that is alone waits for nobody. */
CASE(retired_by_one)
{
	for (int i = 0; i < 10; i++) {
		hypercall(RL_HC_DROP_SPACE, make_space(), 0, 0);
		EQUAL(host_stats()->shadow_retired, 0);
	}
}

/* --- one compares what the other one drops ------------------------------------------- */

#define TABLES	40UL		/* more than the host keeps for the next program */

static u64 in_table(u64 i, u64 n)
{
	return LOW + (i << 30) + (n << 21);
}

/* All of it goes, from the top, and comes back. */
static void take_tables_away(void)
{
	volatile u64 *link = (u64 *)direct(TINY_TABLES) + (LOW >> 39 & 511);
	u64 saved = *link;

	for (;;) {
		for (u64 i = 0; i < TABLES; i++)
			for (u64 n = 0; n < 4; n++)
				(void)*(volatile u64 *)in_table(i, n);
		*link = 0;
		hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
		*link = saved;
		seen++;
	}
}

CASE(two_trees)
{
	u64 page = page_with(1), rounds = 0, until;

	for (u64 i = 0; i < TABLES; i++)
		for (u64 n = 0; n < 4; n++)
			map_page(in_table(i, n), page | FULL | P_U);
	EQUAL(second_start(take_tables_away), 0);
	until = rdtsc() + 2000 * mailbox->tsc_khz;
	while (rdtsc() < until || seen < 3) {
		hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
		load_cr3(TINY_TABLES, 0, 0);
		rounds++;
	}
	print("%lu and %lu rounds\n", rounds, seen);
}

static void flush_always(void)
{
	for (;;) {
		hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
		seen++;
	}
}

/* One has much to compare, all the time; the other one gets its turn. Also the guest of
   ioctl/vcpu_kill_of_waiter. */
CASE(two_long_flushes)
{
	u64 entry = page_with(1) | FULL | P_U, until;

	for (u64 n = 0; n < 1000; n++) {
		map_page(LOW + (n << 21), entry);
		EQUAL(*(volatile u64 *)(LOW + (n << 21)), 1);
	}
	EQUAL(second_start(flush_always), 0);
	until = rdtsc() + 1000 * mailbox->tsc_khz;
	while (rdtsc() < until || seen < 3)
		hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
}

/* --- spaces that go while they are loaded ------------------------------------------- */

static u64 spaces[4];

/* Each has its own number at LOW. */
static void map_spaces(void)
{
	for (u64 i = 0; i < 4; i++) {
		spaces[i] = top_copy();
		map_page_in(spaces[i], LOW, page_with(i) | FULL | P_U);
	}
}

static void switch_spaces(void)
{
	for (;;)
		for (u64 i = 0; i < 4; i++) {
			u64 noflush = seen & 4 ? 1UL << 63 : 0;

			hypercall(RL_HC_SET_CR3, spaces[i] | (i + 1) | noflush,
				  i + 10, 1);
			if (*(volatile u64 *)LOW != i)
				hypercall(RL_HC_SHUTDOWN, 0, 0, 0);
			seen++;
		}
}

CASE(two_drop_of_loaded)
{
	u64 before;

	map_spaces();
	EQUAL(second_start(switch_spaces), 0);
	wait_for(&seen, 10);
	for (int i = 0; i < 2000; i++) {
		hypercall(RL_HC_DROP_SPACE, spaces[i & 3], 0, 0);
		if (!(i & 15))
			hypercall(RL_HC_DROP_SPACE, make_space(), 0, 0);
	}
	before = seen;
	wait_for(&seen, before + 100);
}

/* More than there is room for, on both; the oldest go. */
static void many_spaces(void)
{
	for (;;)
		for (u64 i = 0; i < 4; i++) {
			hypercall(RL_HC_SET_CR3, spaces[i], 0, 0);
			if (*(volatile u64 *)LOW != i)
				hypercall(RL_HC_SHUTDOWN, 0, 0, 0);
			seen++;
		}
}

CASE(two_evict)
{
	u64 before;

	map_spaces();
	EQUAL(second_start(many_spaces), 0);
	wait_for(&seen, 10);
	for (int i = 0; i < 150; i++)
		make_space();
	before = seen;
	wait_for(&seen, before + 100);
	EQUAL(load_cr3(spaces[2], 0, 0), 0);
	EQUAL(*(volatile u64 *)LOW, 2);
}
