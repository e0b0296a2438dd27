// SPDX-License-Identifier: GPL-2.0
/*
 * Races that a hostile guest runs with two vCPUs: what the host reads changes while it
 * reads, and two calls that belong to one thing come at once. What a guest makes of
 * itself by that is its own business; the host lives.
 */
#include "tiny.h"

#define FAR	0xffffc90000000000UL
#define LOW	0x700000000000UL
#define FULL	(P_P | P_W | P_A | P_D)
#define HOSTILE	0x8000000000000000UL	/* neither canonical nor an address of memory */

static volatile bool over;
static u64 began, rounds;

/* A while that is long enough to meet, on a slow machine too. */
static bool goes_on(void)
{
	if (!began)
		began = rdtsc();
	return rdtsc() - began < 1000 * mailbox->tsc_khz;
}

static void idle(void)
{
	hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
	for (;;)
		asm volatile("pause");
}

/* --- arguments ------------------------------------------------------------------------ */

static struct rl_flush flush;
static struct rl_start start;
static struct rl_init init;

/* Words of the three take turns between what is right and what is not. */
static void change_arguments(void)
{
	volatile __u64 *words[] = {
		&flush.vcpus, &flush.cr3, &flush.start, &flush.end,
		&start.rip, &start.cr3, &start.gs_base,
		&init.version, &init.shared_gpa, &init.syscall_entry,
		&init.fault_entry, &init.zone_start, &init.restart_start,
		&init.flags,
	};
	unsigned int n = sizeof(words) / sizeof(*words);

	while (!over)
		for (unsigned int i = 0; i < n; i++) {
			__u64 right = *words[i];

			*words[i] = HOSTILE;
			*words[i] = ~0UL;
			*words[i] = right;
		}
	idle();
}

CASE_HOST_LIVES(two_arguments_change)
{
	init = init_block;
	flush = (struct rl_flush) {
		.vcpus = 3, .cr3 = TINY_TABLES, .start = FAR, .end = FAR + 65536,
	};
	start = (struct rl_start) { .rip = (u64)idle, .cr3 = TINY_TABLES };
	EQUAL(second_start(change_arguments), 0);
	while (goes_on()) {
		hypercall(RL_HC_FLUSH_VCPUS, (u64)&flush, 0, 0);
		hypercall(RL_HC_START_VCPU, 1, (u64)&start, 0);
		hypercall(RL_HC_INIT, (u64)&init, 0, 0);
		rounds++;
	}
	over = true;
	print("%lu rounds\n", rounds);
	/* What was refused left nothing behind. */
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	TRY("ud2");
	EQUAL(trap.vector, 6);
}

/* --- tables ----------------------------------------------------------------------------- */

static volatile u64 *entries[8];
static u64 targets[6];
static int ntargets;

/* Each entry on two ways down leads somewhere else all the time. */
static void change_tables(void)
{
	while (!over)
		for (int i = 0; i < 8; i++) {
			u64 right = *entries[i];

			for (int t = 0; t < ntargets; t++)
				*entries[i] = targets[t];
			*entries[i] = right;
		}
	idle();
}

static void flush_both(u64 at, u64 bytes)
{
	flush = (struct rl_flush) {
		.vcpus = 3, .cr3 = TINY_TABLES, .start = at, .end = at + bytes,
	};
	hypercall(RL_HC_FLUSH_VCPUS, (u64)&flush, 0, 0);
}

static void race_for_tables(int n)
{
	u64 page = page_alloc();

	ntargets = n;

	map_page(FAR, page | FULL);
	map_page(LOW, page | FULL | P_U);
	for (int level = 1; level <= 4; level++) {
		entries[level - 1] = entry_of(TINY_TABLES, FAR, level);
		entries[level + 3] = entry_of(TINY_TABLES, LOW, level);
	}
	targets[0] = 0;
	targets[1] = page | FULL;			/* data as a table */
	targets[2] = TINY_TABLES | FULL | P_U;		/* itself */
	targets[3] = page | FULL | P_PS;
	targets[4] = HOSTILE | P_ADDRESS | FULL;	/* beyond any processor's */
	targets[5] = TINY_MEMORY | FULL | P_U;		/* nothing: deadly */
	EQUAL(second_start(change_tables), 0);
	while (goes_on()) {
		try_read(FAR);
		try_write(LOW, 5);
		hypercall(RL_HC_INIT, FAR, 0, 0);	/* a walk of the host's */
		flush_one(FAR);
		flush_both(LOW, 4096);
		flush_both(FAR, 1UL << 40);
		hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
		load_cr3(TINY_TABLES, 0, 0);
		rounds++;
	}
	over = true;
	print("%lu rounds\n", rounds);
}

CASE_HOST_LIVES(two_tables_change)
{
	race_for_tables(5);
}

CASE_HOST_LIVES(two_tables_lead_nowhere)
{
	race_for_tables(6);
}

/* --- descriptors ------------------------------------------------------------------------- */

#define DATA	0x00c0f2000000ffffUL	/* present, DPL 3, to be written; base 0 */

static void change_descriptors(void)
{
	while (!over) {
		for (u64 i = 0; i < RL_TLS_COUNT; i++)
			hypercall(RL_HC_SET_TLS, i, DATA | 0x4567UL << 16, 0);
		for (u64 v = 0; v < 256; v++)
			hypercall(RL_HC_SET_TRAP, v, HOSTILE | FAR, 0);
	}
	idle();
}

/* Each has a GDT and gates of its own. */
CASE(two_descriptors_change)
{
	u64 base;

	EQUAL(hypercall(RL_HC_SET_TLS, 0, DATA | 0x1230UL << 16, 0), 0);
	EQUAL(second_start(change_descriptors), 0);
	while (goes_on()) {
		asm volatile("movl %1, %%fs\n\trdfsbase %0"
			     : "=r"(base) : "r"(RL_TLS_FIRST * 8 | 3));
		EQUAL(base, 0x1230);
		TRY("ud2");
		EQUAL(trap.vector, 6);
		hypercall(RL_HC_SET_TRAP, 200, (u64)trap_stubs[200], 0);
	}
	over = true;
}

/* --- calls that belong together -------------------------------------------------------------- */

static u64 space;

/* The first one's page as its own, lines and flags of both in one. */
static void share_page(void)
{
	struct rl_init mine = init_block;

	while (!over) {
		hypercall(RL_HC_INIT, (u64)&mine, 0, 0);
		hypercall(RL_HC_SEND_IPI, 3, RL_IRQ_IPI, 0);
		hypercall(RL_HC_SET_TIMER, 1000, 0, 0);
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		hypercall(RL_HC_SET_CR3, space | 3, 9, 1);
		hypercall(RL_HC_DROP_SPACE, space, 0, 0);
		hypercall(RL_HC_SET_CR3, TINY_TABLES | 4, 8, 1);
	}
	idle();
}

CASE_HOST_LIVES(two_init_and_drop)
{
	space = top_copy();
	map_page_in(space, LOW, page_alloc() | FULL | P_U);
	EQUAL(second_start(share_page), 0);
	while (goes_on()) {
		hypercall(RL_HC_SET_CR3, space | 3, 9, 1);
		++*(volatile u64 *)LOW;
		hypercall(RL_HC_SET_CR3, TINY_TABLES | 4, 8, 1);
		hypercall(RL_HC_DROP_SPACE, space, 0, 0);
		hypercall(RL_HC_SET_CR3, space | 3 | 1UL << 63, 9, 1);
		hypercall(RL_HC_SET_CR3, TINY_TABLES | 4 | 1UL << 63, 8, 1);
		hypercall(RL_HC_INIT, (u64)&init_block, 0, 0);
		hypercall(RL_HC_SEND_IPI, 3, RL_IRQ_IPI + 1, 0);
		rounds++;
	}
	over = true;
	print("%lu rounds\n", rounds);
}

static void stop_at_once(void)
{
	for (;;)
		hypercall(RL_HC_STOP_VCPU, 0, 0, 0);
}

/* Starting, kicking and flushing one that comes and goes. */
CASE_HOST_LIVES(two_start_stop)
{
	while (goes_on()) {
		second_start(stop_at_once);
		hypercall(RL_HC_SEND_IPI, 3, RL_IRQ_IPI, 0);
		flush_both(LOW, 4096);
		rounds++;
	}
	print("%lu rounds\n", rounds);
}

/* --- memory goes under both -------------------------------------------------------------------- */

static void touch_all(void)
{
	for (u64 i = 0;; i = (i + 1) & 1023)
		++*(volatile u64 *)direct(TINY_FREE + (16 << 20) + (i << 12));
}

CASE_HOST_LIVES(two_memory_goes)
{
	EQUAL(second_start(touch_all), 0);
	while (goes_on()) {
		request(TINY_DISCARD, TINY_FREE + (16 << 20), 4 << 20);
		for (u64 i = 0; i < 64; i++)
			++*(volatile u64 *)direct(TINY_FREE + (16 << 20) +
						  (i << 16));
		rounds++;
	}
	print("%lu rounds\n", rounds);
}
