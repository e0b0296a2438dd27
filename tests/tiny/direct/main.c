// SPDX-License-Identifier: GPL-2.0
/*
 * Direct gates and bounced system calls: the host has no part in them. Its own
 * counters are the witness.
 */
#include "tiny.h"

#define DIRECT_USER (RL_TRAP_USER | RL_TRAP_DIRECT)
#define LOOPS 10000

USER_CODE(user_int80_loop, "movl $10000, %ebx\n1:\tint $0x80\n\tdecl %ebx\n\t"
	  "jnz 1b\n\tud2");
USER_CODE(user_int3, "int3");
USER_CODE(user_ud2, "ud2");
USER_CODE(user_syscall_loop, "movl $10000, %ebx\n1:\tmovl $39, %eax\n\t"
	  "syscall\n\tdecl %ebx\n\tjnz 1b\n\tud2");

static u64 calls;

static bool count_calls(struct frame *f)
{
	u64 vector = f->vector & ~(u64)TRAP_DIRECT;

	if (vector != 0x80 && vector != TRAP_SYSCALL)
		return false;
	if (!(f->vector & TRAP_DIRECT))
		FAIL("it came through the host");
	calls++;
	return true;
}

/* Exits that are not interrupts of the host's. */
static u64 exits(void)
{
	const struct rl_stats *s = host_stats();
	u64 n = s->exits[RL_EXITS_HYPERCALL];

	for (int v = 0; v < 32; v++)
		n += s->exits[v];
	return n + s->exits[0x80];
}

static void count_loop(const char *code)
{
	u64 before;

	trap_hook = count_calls;
	user_go(code);		/* once to fill the shadow */
	calls = 0;
	before = exits();
	user_go(code);
	EQUAL(trap.vector, 6);
	EQUAL(calls, LOOPS);
	/* The question itself, and the ud2 at the end. */
	CHECK(exits() - before <= 4);
}

CASE(int80_has_no_exit)
{
	trap_set(0x80, DIRECT_USER);
	count_loop(user_int80_loop);
}

CASE(syscall_has_no_exit)
{
	count_loop(user_syscall_loop);
}

CASE(int3_of_ring_1)
{
	trap_set(3, DIRECT_USER);
	TRY("int3");
	EQUAL(trap.vector, 3);
	CHECK(trap.direct);
	EQUAL(trap.frame.cs, RL_KERNEL_CS);
	EQUAL(trap.frame.ss & 0xfffc, 0);
}

static u64 real_flags;
static bool look_at_flags(struct frame *f)
{
	(void)f;
	asm volatile("pushfq\n\tpopq %0" : "=r"(real_flags));
	return false;
}

/* An interrupt gate would clear the real flag, and ring 1 cannot set it again. */
CASE(interrupts_stay_on)
{
	static const u8 vectors[] = { 3, 6, 0x80 };
	static const char *const code[] = { user_int3, user_ud2, user_int80_loop };

	trap_hook = look_at_flags;
	for (unsigned int i = 0; i < sizeof(vectors); i++) {
		EQUAL(trap_set(vectors[i], DIRECT_USER), 0);
		real_flags = 0;
		user_go(code[i]);
		EQUAL(trap.vector, vectors[i]);
		CHECK(trap.direct);
		CHECK(real_flags & 0x200);
	}
}

USER_CODE(user_de, "xorl %ecx, %ecx\n\tmovl $1, %eax\n\tdiv %ecx\n\tud2");
USER_CODE(user_int0, "int $0\n\tud2");

CASE(exceptions)
{
	static const u8 vectors[] = { 0, 3, 4, 5, 6, 7, 16, 19 };

	for (unsigned int i = 0; i < sizeof(vectors); i++)
		EQUAL(trap_set(vectors[i], RL_TRAP_DIRECT), 0);
	user_go(user_de);
	EQUAL(trap.vector, 0);
	CHECK(trap.direct);
	EQUAL(trap.frame.cs, RL_USER_CS);
	user_go(user_de + 7 + 2);
	EQUAL(trap.vector, 6);
	CHECK(trap.direct);
	TRY("ud2");
	EQUAL(trap.vector, 6);
	CHECK(trap.direct);
	/* Without RL_TRAP_USER, ring 3 cannot raise it by INT. */
	user_go(user_int0);
	EQUAL(trap.vector, 13);
}

/* What must never be a gate to ring 1. */
CASE(refused)
{
	for (u64 v = 0; v < 300; v++) {
		bool soft = v == 0 || (v >= 3 && v <= 7) || v == 16 ||
			    v == 19 || v == 0x80;
		u64 handler = (u64)trap_direct_stubs;
		s64 r = hypercall(RL_HC_SET_TRAP, v, handler, RL_TRAP_DIRECT);

		if (soft)
			EQUAL(r, 0);
		else
			CHECK(r < 0);
		r = hypercall(RL_HC_SET_TRAP, v, handler, DIRECT_USER);
		CHECK(soft ? !r : r < 0);
	}
	CHECK(hypercall(RL_HC_SET_TRAP, ~0UL, (u64)trap_stubs, 0) < 0);
	CHECK(hypercall(RL_HC_SET_TRAP, 1UL << 32, (u64)trap_stubs, 0) < 0);
	CHECK(hypercall(RL_HC_SET_TRAP, 6, (u64)trap_stubs, 4) < 0);
	CHECK(hypercall(RL_HC_SET_TRAP, 6, (u64)trap_stubs, ~0UL) < 0);
	CHECK(hypercall(RL_HC_SET_TRAP, 6, 0x400000, 0) < 0);
	CHECK(hypercall(RL_HC_SET_TRAP, 6, 0x8000000000000000, 0) < 0);
	CHECK(hypercall(RL_HC_SET_TRAP, 0x80, 0x0000800000000000,
			DIRECT_USER) < 0);
	CHECK(hypercall(RL_HC_SET_TRAP, 0x80, 0xff00000000000000,
			DIRECT_USER) < 0);
}

/*
 * A direct gate to the switcher's text: it runs there at CPL 1, where its first
 * privileged step or its first write faults.
 */
CASE_HOST_LIVES(handler_in_the_window)
{
	for (u64 cpu = 0; cpu < mailbox->cpus; cpu++)
		for (u64 at = 0; at < 0x2000; at += 0x80) {
			hypercall(RL_HC_SET_TRAP, 3, 0xffff800000000000 +
				  cpu * 0x8000 + at, DIRECT_USER);
			TRY("int3");
		}
}

CASE(handler_not_mapped)
{
	hypercall(RL_HC_SET_TRAP, 3, 0xffffa00000000000, DIRECT_USER);
	TRY("int3");
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2, 0xffffa00000000000);
	EQUAL(trap.frame.error & 2, 0);
}

CASE(gate_to_nowhere_is_removed)
{
	trap_set(0x80, DIRECT_USER);
	user_go(user_int80_loop);
	EQUAL(trap.vector, 0x80);
	hypercall(RL_HC_SET_TRAP, 0x80, 0, 0);
	user_go(user_int80_loop);
	EQUAL(trap.vector, 13);
}
