// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls: unknown numbers, arguments of any value, and calls before
 * RL_HC_INIT.
 */
#include "tiny.h"

#define EINVAL 22
#define ENOSYS 38

static u64 seed = 0x9e3779b97f4a7c15;

static u64 any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Values that like to be wrong. */
static u64 nasty(void)
{
	static const u64 list[] = {
		0, 1, 7, 0xfff, 0x1000, ~0UL, ~0UL << 12, 1UL << 63, 1UL << 47,
		0xffff800000000000, 0xfffffe0000000000, 0xffffffff80100000,
		0x400000, TINY_MEMORY, TINY_MEMORY - 8, 0xffffffff, 1UL << 32,
		0x00007ffffffffff8, 0xffff7ffffffffff8, TINY_DIRECT - 4,
	};
	u64 r = any();

	return r & 1 ? list[(r >> 8) % (sizeof(list) / 8)] : any();
}

CASE(unknown_numbers)
{
	static const u64 list[] = {
		RL_HC_COUNT, RL_HC_COUNT + 1, 31, 32, 33, 255, 256, 4096,
		0x7fffffff, 0x80000000, 0xffffffff, 1UL << 32,
		0x100000001, 1UL << 63, ~0UL,
	};

	for (unsigned int i = 0; i < sizeof(list) / 8; i++)
		EQUAL(hypercall(list[i], 1, 2, 3), -ENOSYS);
}

/* Everything but what ends the guest or leaves it without its tables. */
static bool survivable(u64 nr)
{
	return nr != RL_HC_SET_CR3 && nr != RL_HC_SHUTDOWN &&
	       nr != RL_HC_HALT && nr != RL_HC_STOP_VCPU && nr != RL_HC_PARK &&
	       nr != RL_HC_INIT && nr != RL_HC_CONSOLE_WRITE;
}

static void many(unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		u64 nr = any() % (RL_HC_COUNT + 2);

		/* A handler at a random place is legal and fatal. */
		if (nr == RL_HC_SET_TRAP)
			hypercall(nr, nasty(), (u64)trap_stubs[6], nasty());
		else if (survivable(nr))
			hypercall(nr, nasty(), nasty(), nasty());
	}
}

static bool ignore_debug(struct frame *f)
{
	f->rflags |= 0x10000;		/* RF: go on */
	return (f->vector & 0xfff) == 1 || (f->vector & 0xfff) == 2 ||
	       (f->vector & 0xfff) == 6;
}

CASE_HOST_LIVES(any_arguments)
{
	trap_hook = ignore_debug;
	many(20000);
}

/* The same, without the shared page. */
CASE_HOST_LIVES(raw_any_arguments)
{
	many(5000);
	end(TINY_SUCCESS);
}

CASE(raw_before_init)
{
	for (u64 nr = 0; nr < RL_HC_COUNT; nr++)
		if (survivable(nr) && nr != RL_HC_SET_TRAP)
			hypercall(nr, 0, 0, 0);
	end(TINY_SUCCESS);
}

/* The permit is there first; nobody else could leave one. */
CASE(raw_park_before_init)
{
	hypercall(RL_HC_UNPARK, 0, 0, 0);
	hypercall(RL_HC_PARK, 0, 0, 0);
	end(TINY_SUCCESS);
}

CASE(raw_halt_before_init)
{
	hypercall(RL_HC_SET_TIMER, 1000000, 0, 0);
	hypercall(RL_HC_HALT, 0, 0, 0);
	end(TINY_SUCCESS);
}

static s64 init_with(u64 offset, u64 value)
{
	static struct rl_init bad;

	bad = init_block;
	*(u64 *)((char *)&bad + offset) = value;
	return hypercall(RL_HC_INIT, (u64)&bad, 0, 0);
}
#define INIT_WITH(field, value) \
	init_with(__builtin_offsetof(struct rl_init, field), value)

CASE(init_fields)
{
	CHECK(INIT_WITH(version, 0) < 0);
	CHECK(INIT_WITH(version, RL_GUEST_ABI_VERSION + 1) < 0);
	CHECK(INIT_WITH(shared_gpa, gpa_of(&shared_page) + 8) < 0);
	CHECK(INIT_WITH(shared_gpa, TINY_MEMORY) < 0);
	CHECK(INIT_WITH(shared_gpa, ~0xfffUL) < 0);
	CHECK(INIT_WITH(syscall_entry, 1UL << 47) < 0);
	CHECK(INIT_WITH(fault_entry, 1UL << 47) < 0);
	CHECK(INIT_WITH(shared_gva, 1UL << 47) < 0);
	CHECK(INIT_WITH(syscall_entry, 0xff00000000000000) < 0);
	CHECK(INIT_WITH(entry_stack, 1UL << 63) < 0);
	CHECK(INIT_WITH(zone_start, ~0UL) < 0);
	CHECK(INIT_WITH(restart_start, ~0UL) < 0);
	/* Refusals changed nothing; again with the good one is allowed. */
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	TRY("ud2");
	EQUAL(trap.vector, 6);
}

/* The page may be another one, once, and nothing that waits is lost. */
CASE(init_moves_the_page)
{
	static struct rl_shared next __attribute__((aligned(4096)));
	u64 cpus = 1, line = RL_IRQ_IPI + 2;

	EQUAL(hypercall(RL_HC_SEND_IPI, cpus, line, 0), 0);
	EQUAL(shared_page.irqs >> RL_IRQ_IPI, 1UL << 2);
	shared_page.status[RL_IRQ_DEVICE] = 5;
	shared_page.timer_wanted = ~0UL;
	hypercall(RL_HC_SET_TIMER, 1UL << 40, 0, 0);
	next = shared_page;
	next.irqs = next.status[RL_IRQ_DEVICE] = next.timer_armed = 0;
	EQUAL(INIT_WITH(shared_gpa, gpa_of(&next)), 0);
	EQUAL(next.irqs >> RL_IRQ_IPI, 1UL << 2);
	EQUAL(next.status[RL_IRQ_DEVICE], 5);
	EQUAL(next.timer_armed, shared_page.timer_armed);
	/* From now on it is the one. */
	shared_page.irqs = 0;
	EQUAL(hypercall(RL_HC_SEND_IPI, cpus, line + 1, 0), 0);
	EQUAL(next.irqs >> RL_IRQ_IPI, 3UL << 2);
	EQUAL(shared_page.irqs, 0);
	EQUAL(hypercall(RL_HC_RDMSR, 0x1b, 0, 0), 0);
	shared_page.value = next.value = 0x7777;
	EQUAL(hypercall(RL_HC_WALLCLOCK, 0, 0, 0), 0);
	EQUAL(shared_page.value, 0x7777);
	CHECK(next.value != 0x7777);
	/* And stays it. */
	EQUAL(INIT_WITH(shared_gpa, gpa_of(&shared_page)), -16);
	EQUAL(INIT_WITH(shared_gpa, gpa_of(&init_block) & ~0xfffUL), -16);
	EQUAL(INIT_WITH(shared_gpa, gpa_of(&next)), 0);
	EQUAL(next.irqs >> RL_IRQ_IPI, 3UL << 2);
}

CASE(init_pointers)
{
	static const u64 bad[] = {
		0, 0x1000, 1UL << 47, 1UL << 63, ~0UL, ~0UL - 40,
		0xffff800000000000, 0xffff800000002000, 0xffff800000005000,
		0xfffffe0000000000, TINY_DIRECT + TINY_MEMORY,
		TINY_DIRECT + TINY_MEMORY - 8, 0xffff7ffffffffff8,
		0x00007ffffffffff0,
	};

	for (unsigned int i = 0; i < sizeof(bad) / 8; i++)
		CHECK(hypercall(RL_HC_INIT, bad[i], 0, 0) < 0);
	/* Unaligned is allowed, and so is an end on another page. */
	for (int i = 0; i < 2; i++) {
		char *at = (char *)direct(TINY_FREE) + (i ? 4096 - 13 : 3);

		for (unsigned int n = 0; n < sizeof(init_block); n++)
			at[n] = ((char *)&init_block)[n];
		EQUAL(hypercall(RL_HC_INIT, (u64)at, 0, 0), 0);
	}
}

/* Where RIP would be put must be an address that iretq takes. */
CASE(init_bad_restart)
{
	EQUAL(INIT_WITH(restart_start, 1UL << 47), -EINVAL);
}

CASE(tls)
{
	u64 rights, ok;

	for (int i = 0; i < 20000; i++) {
		u64 descriptor = i < 512 ? (u64)i << 40 | 0x00af00000000ffff :
					   any();

		if (hypercall(RL_HC_SET_TLS, i % 3, descriptor, 0))
			continue;
		asm volatile("xorl %%edx, %%edx\n\tlar %2, %0\n\tsetz %%dl"
			     : "=&r"(rights), "=&d"(ok)
			     : "r"((12UL + i % 3) << 3 | 3));
		/* LAR with RPL 3 knows no other DPL: present is enough. */
		EQUAL(ok, descriptor >> 47 & 1);
		if (!ok)
			continue;
		CHECK((rights & 0x6000) == 0x6000);	/* DPL 3 */
		CHECK(rights & 0x1000);			/* no system segment */
		CHECK((rights & 0xc00) != 0xc00);	/* not conforming */
		CHECK(!((rights & 0x800) && (rights & 0x200000)));
	}
	CHECK(hypercall(RL_HC_SET_TLS, 3, 0, 0) < 0);
	CHECK(hypercall(RL_HC_SET_TLS, ~0UL, 0, 0) < 0);
}

CASE(wallclock_and_cpuid)
{
	EQUAL(hypercall(RL_HC_WALLCLOCK, 0, 0, 0), 0);
	CHECK(shared_page.value > 1600000000UL * 1000000000UL);
	EQUAL(hypercall(RL_HC_CPUID, 7, 0, 0), 0);
	CHECK(!(shared_page.cpuid[1] & 1 << 20));	/* SMAP */
	CHECK(!(shared_page.cpuid[2] & 1 << 16));	/* LA57 */
	EQUAL(hypercall(RL_HC_CPUID, 1, 0, 0), 0);
	CHECK(shared_page.cpuid[2] & 1U << 31);		/* hypervisor */
	for (u64 leaf = 0; leaf < 64; leaf++) {
		EQUAL(hypercall(RL_HC_CPUID, leaf, any(), 0), 0);
		EQUAL(hypercall(RL_HC_CPUID, leaf | 0x80000000, any(), 0), 0);
		EQUAL(hypercall(RL_HC_CPUID, leaf | 0x40000000, any(), 0), 0);
	}
}

CASE(console_fuzz)
{
	for (int i = 0; i < 500; i++) {
		u64 bytes = nasty() | 1;

		hypercall(RL_HC_CONSOLE_WRITE, nasty() | TINY_MEMORY, bytes, 0);
		hypercall(RL_HC_CONSOLE_READ, nasty(), nasty(), 0);
	}
}
