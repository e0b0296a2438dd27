// SPDX-License-Identifier: GPL-2.0
/*
 * Debug registers and single steps: the guest's work, and none ever reaches
 * the switcher or the host.
 */
#include "tiny.h"
#include "../../../switcher/layout.h"

#define WINDOW	0xffff800000000000UL

#define TF	0x100UL
#define B0	1UL
#define BS	(1UL << 14)
#define EXECUTE_0	0x402UL			/* DR7: G0 */
#define WRITE_0		(0x402UL | 0xdUL << 16)	/* 4 bytes, writes */
#define ACCESS_0_2	(0x402UL | 0x7UL << 16)	/* 2 bytes, reads and writes */

static u64 get_dr(unsigned int n)
{
	EQUAL(hypercall(RL_HC_GET_DR, n, 0, 0), 0);
	return shared_page.value;
}

static void set_dr(unsigned int n, u64 value)
{
	EQUAL(hypercall(RL_HC_SET_DR, n, value, 0), 0);
}

static u32 watched;

CASE(watchpoint_in_ring_1)
{
	set_dr(0, (u64)&watched);
	set_dr(7, WRITE_0);
	trap_clear();
	asm volatile(TRY_BEGIN "movl $1, %0\n\tnop" TRY_END
		     : "=m"(watched) :: "memory");
	EQUAL(trap.vector, 1);
	CHECK(get_dr(6) & B0);
	EQUAL(get_dr(0), &watched);
	EQUAL(get_dr(7), WRITE_0);
	set_dr(7, 0);
	watched = 2;
}

USER_CODE(user_nops, "nop\n\tnop\n\tnop\n\tsyscall");

CASE(breakpoint_in_ring_3)
{
	set_dr(0, (u64)user_nops + 1);
	set_dr(7, EXECUTE_0);
	user_go(user_nops);
	EQUAL(trap.vector, 1);
	EQUAL(trap.frame.rip, user_nops + 1);
	CHECK(get_dr(6) & B0);
	set_dr(7, 0);
	user_go(user_nops);
	EQUAL(trap.vector, TRAP_SYSCALL);
}

CASE(single_step_in_ring_3)
{
	struct frame regs;

	user_start(&regs, user_nops);
	regs.rflags |= TF;
	for (int i = 1; i <= 3; i++) {
		user_run(&regs);
		EQUAL(trap.vector, 1);
		EQUAL(trap.frame.rip, user_nops + i);
		CHECK(get_dr(6) & BS);
		regs = trap.frame;
	}
	/* SYSCALL clears TF: no trap in the stub, none in our entry. */
	user_run(&regs);
	EQUAL(trap.vector, TRAP_SYSCALL);
	CHECK(trap.frame.rflags & TF);
}

CASE(single_step_in_ring_1)
{
	TRY("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop");
	EQUAL(trap.vector, 1);
	CHECK(get_dr(6) & BS);
}

/* TF over a hypercall: the trap comes behind it, never at CPL 0. */
CASE(single_step_over_hypercall)
{
	trap_clear();
	asm volatile(TRY_BEGIN
		     "pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
		     "syscall\n\tnop\n\tnop" TRY_END
		     :: "a"(RL_HC_DELIVER) : "rcx", "r11", "memory", "cc");
	EQUAL(trap.vector, 1);
	EQUAL(trap.frame.cs, 0x10);
}

USER_CODE(user_int80, "nop\n\tint $0x80\n\tnop\n\tud2");

CASE(single_step_over_int80)
{
	struct frame regs;

	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	user_start(&regs, user_int80 + 1);
	regs.rflags |= TF;
	user_run(&regs);
	EQUAL(trap.vector, 0x80);
	CHECK(trap.frame.rflags & TF);
}

USER_CODE(user_int1, ".byte 0xf1\n\tud2");

CASE(int1)
{
	user_go(user_int1);
	if (under_tcg() && trap.vector == 6)
		SKIP("TCG does not know the instruction INT1");
	EQUAL(trap.vector, 1);
	EQUAL(trap.frame.rip, user_int1 + 1);
	TRY(".byte 0xf1");
	EQUAL(trap.vector, 1);
}

CASE(forbidden_addresses)
{
	static const u64 bad[] = {
		0xffff800000000000, 0xffff800000001000, 0xffff800000005ff8,
		0xffff807ffffffff8, 0xfffffe0000000000, 0xfffffe7ffffffff8,
		0xfffffdfffffffffc, 0x800000000000, 0x123456789abcdef0,
	};

	for (unsigned int n = 0; n < 4; n++)
		for (unsigned int i = 0; i < sizeof(bad) / 8; i++)
			CHECK(hypercall(RL_HC_SET_DR, n, bad[i], 0) < 0);
	for (u64 n = 8; n < 20; n++)
		CHECK(hypercall(RL_HC_SET_DR, n, 0, 0) < 0);
	CHECK(hypercall(RL_HC_SET_DR, ~0UL, 0, 0) < 0);
	CHECK(hypercall(RL_HC_GET_DR, 8, 0, 0) < 0);
	/* General detect would make the host's own accesses trap. */
	set_dr(7, ~0UL);
	CHECK(!(get_dr(7) & 0x2000));
	set_dr(7, 0);
}

/*
 * Breakpoints on ports: the processor does not get them (what it would do with them
 * is undefined), the guest reads them back, and the others work. The switcher's shared
 * page, which can be read here, shows what is loaded.
 */
CASE(port_breakpoints)
{
	const u64 *loaded = NULL;

	for (u64 cpu = 0; cpu < mailbox->cpus && !loaded; cpu++) {
		u64 at = WINDOW + cpu * WINDOW_SIZE + WINDOW_SHARED + SHARED_DR7;

		try_read(at);
		if (trap.vector == TRAP_NONE)
			loaded = (const u64 *)at;
	}
	CHECK(loaded);
	set_dr(0, (u64)&watched);
	set_dr(1, (u64)&watched);
	set_dr(7, 0x40aUL | 0xdUL << 16 | 0x2UL << 20);
	EQUAL(get_dr(7), 0x40aUL | 0xdUL << 16 | 0x2UL << 20);
	EQUAL(*loaded, 0x402UL | 0xdUL << 16 | 0x2UL << 20);
	trap_clear();
	asm volatile(TRY_BEGIN "movl $1, %0\n\tnop" TRY_END
		     : "=m"(watched) :: "memory");
	EQUAL(trap.vector, 1);
	/* Nothing else is on: the register need not be loaded at all. */
	set_dr(7, 0x4aaUL | 0xeUL << 28 | 0x2UL << 24 | 0xaUL << 20 |
	       0x6UL << 16);
	EQUAL(*loaded, 0);
	set_dr(7, 0);
}

/* By instruction: what the host emulates keeps the same rules. */
CASE(by_instruction)
{
	u64 value = 0;

	trap_clear();
	asm volatile(TRY_BEGIN "movq %0, %%dr0" TRY_END :: "r"(0x1234UL));
	EQUAL(trap.vector, TRAP_NONE);
	asm volatile(TRY_BEGIN "movq %%dr0, %0" TRY_END : "=r"(value));
	EQUAL(value, 0x1234);
	asm volatile(TRY_BEGIN "movq %0, %%dr1" TRY_END
		     :: "r"(0xffff800000001000UL));
	EQUAL(trap.vector, 13);
}

USER_CODE(user_mov_ss,
	  "movw (%rdi), %ss\n\tsyscall\n\tud2\n\t"
	  ".balign 16\n\tmovw (%rdi), %ss\n\tint $0x80\n\tud2\n\t"
	  ".balign 16\n\tmovw (%rdi), %ss\n\tint3\n\tud2");
static USER u16 user_ss = RL_USER_DS;

/*
 * MOV SS holds a #DB back until the next instruction is done: that is SYSCALL,
 * and the #DB comes at CPL 0 in the stub (XSA-260). Nobody may notice.
 */
CASE(mov_ss)
{
	struct frame regs;

	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	set_dr(0, (u64)&user_ss);
	set_dr(7, ACCESS_0_2);
	for (int i = 0; i < 3; i++) {
		static const u64 want[] = { TRAP_SYSCALL, 0x80, 3 };

		user_start(&regs, user_mov_ss + 16 * i);
		regs.rdi = (u64)&user_ss;
		user_run(&regs);
		for (int n = 0; trap.vector == 1 && n < 3; n++) {
			regs = trap.frame;
			user_run(&regs);
		}
		if (trap.vector != want[i])
			FAIL("%d: vector %lu, error 0x%lx, at +%lu", i,
			     trap.vector, trap.frame.error,
			     trap.frame.rip - (u64)user_mov_ss);
		EQUAL(trap.frame.cs, RL_USER_CS);
	}
	set_dr(7, 0);
}

/*
 * A guest that guesses where host code lies must not get a breakpoint there: a
 * #DB inside the host's #DB handler is the end of the host.
 */
CASE(breakpoints_in_the_host)
{
	/* What the host runs between its first instruction behind an exit and
	   the moment when it has its own breakpoints again. */
	u64 at = mailbox->after_exit;

	if (!at || !mailbox->asm_exc_debug)
		SKIP("the host's /proc/kallsyms does not tell its addresses");
	set_dr(3, mailbox->asm_exc_debug);
	set_dr(7, 0x4aa);
	for (u64 i = 0; i < 80; i += 3) {
		set_dr(0, at + i);
		set_dr(1, at + i + 1);
		set_dr(2, at + i + 2);
	}
	set_dr(7, 0);
}
