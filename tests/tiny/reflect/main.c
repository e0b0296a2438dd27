// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults of ring 3 that the switcher passes to ring 1 by itself: which
 * ones, what arrives, and that a shadow that is behind never keeps a program
 * from going on.
 */
#include "tiny.h"

#define USER_GVA 0x700000000000UL
#define AC_DF_TF 0x40500UL

/* The shadow has seen the tables around gva, and nothing at it. */
static void look_beside(u64 gva)
{
	u64 beside = gva ^ 0x1000;

	map_page(beside, page_with(1) | P_P | P_W | P_U);
	EQUAL(user_access(user_read, beside), TRAP_SYSCALL);
}

static u64 exits(void)
{
	host_stats();		/* to look at the first is a fault, too */
	return host_stats()->exits[14];
}

static void need_reserved_bit(void)
{
	EQUAL(hypercall(RL_HC_CPUID, 0x80000008, 0, 0), 0);
	if ((shared_page.cpuid[0] & 0xff) >= 52)
		SKIP("this processor has 52 bits of physical address: no bit is reserved");
}

static void is_passed_on(u64 vector, u64 gva, u64 error)
{
	EQUAL(vector, 14);
	CHECK(trap.direct);
	EQUAL(trap.frame.error, error);
	EQUAL(trap.cr2, gva);
	EQUAL(trap.frame.cs, RL_USER_CS);
	EQUAL(trap.frame.ss, RL_USER_DS);
	EQUAL(trap.frame.rsp, &user_stack[510]);
	EQUAL(trap.vif, 0);
}

/* --- which ones ------------------------------------------------------------------ */

CASE(absent)
{
	u64 before;

	need_reserved_bit();
	look_beside(USER_GVA + 0x4000);
	before = exits();
	is_passed_on(user_access(user_read, USER_GVA + 0x4008),
		     USER_GVA + 0x4008, 4);
	is_passed_on(user_access(user_write, USER_GVA + 0x6010),
		     USER_GVA + 0x6010, 6);
	is_passed_on(user_access(user_jump, USER_GVA + 0x7fff),
		     USER_GVA + 0x7fff, 0x14);
	EQUAL(trap.frame.rip, USER_GVA + 0x7fff);
	EQUAL(exits(), before);
}

CASE(forbidden)
{
	u64 page = page_with(7), before;

	map_page(USER_GVA, page | P_P | P_U | P_NX);
	map_page(USER_GVA + 0x1000, page | P_P | P_U | P_A);
	EQUAL(user_access(user_read, USER_GVA), TRAP_SYSCALL);
	before = exits();
	is_passed_on(user_access(user_write, USER_GVA + 8), USER_GVA + 8, 7);
	EQUAL(exits(), before);
	/* Another page between, or it would go to the host. */
	EQUAL(user_access(user_write, USER_GVA + 0x1000), 14);
	before = exits();
	is_passed_on(user_access(user_jump, USER_GVA), USER_GVA, 0x15);
	EQUAL(exits(), before);
	EQUAL(*(u64 *)direct(page), 7);
}

/* What the host finds first comes the same way. */
CASE(found_by_the_host)
{
	u64 before;

	/* What a program needs beside it is there, in another table. */
	look_beside(USER_GVA + (4UL << 20));
	before = exits();
	is_passed_on(user_access(user_write, USER_GVA + 0x2018), USER_GVA + 0x2018, 6);
	EQUAL(exits(), before + 1);
	map_page(USER_GVA + 0x3000, page_with(1) | P_P | P_U);
	is_passed_on(user_access(user_write, USER_GVA + 0x3000), USER_GVA + 0x3000, 7);
	EQUAL(user_access(user_read, USER_GVA + 0x3000), TRAP_SYSCALL);
}

/* Ring 1's own faults go through the host, which pushes on a checked stack. */
CASE(not_of_ring_1)
{
	need_reserved_bit();
	EQUAL((try_read(USER_GVA + 0x2000), trap.vector), 14);
	CHECK(!trap.direct);
	EQUAL(trap.frame.error, 0);
	map_page(USER_GVA + 0x3000, page_with(1) | P_P | P_U);
	EQUAL(try_read(USER_GVA + 0x3000), 1);
	EQUAL((try_write(USER_GVA + 0x3000, 0), trap.vector), 14);
	CHECK(!trap.direct);
	EQUAL(trap.frame.error, 3);
}

CASE(without_entry)
{
	init_block.fault_entry = 0;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	look_beside(USER_GVA);
	EQUAL(user_access(user_write, USER_GVA), 14);
	CHECK(!trap.direct);
	EQUAL(trap.frame.error, 6);
	EQUAL(trap.cr2, USER_GVA);
}

/* --- what arrives ------------------------------------------------------------------ */

CASE(registers)
{
	struct frame regs;

	need_reserved_bit();
	look_beside(USER_GVA + 0x4000);
	user_start(&regs, user_write);
	for (int i = 0; i < 15; i++)
		((u64 *)&regs)[i] = 0x1111111111111111UL * i;
	regs.rdi = USER_GVA + 0x4000;
	regs.rflags = 0x202 | AC_DF_TF | 0x8d5;	/* and all of the arithmetic */
	regs.rsp = 0xdead00000000;
	user_run(&regs);
	EQUAL(trap.vector, 14);
	CHECK(trap.direct);
	for (int i = 0; i < 15; i++)
		EQUAL(((volatile u64 *)&trap.frame)[i], ((u64 *)&regs)[i]);
	EQUAL(trap.frame.rip, user_write);
	EQUAL(trap.frame.rsp, 0xdead00000000);
	/* The processor saves RF with a fault's flags; not every emulator. */
	EQUAL(trap.frame.rflags & ~0x10000UL, regs.rflags);
}

CASE(entry_not_canonical)
{
	init_block.fault_entry = 0x0000800000000000;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), -22);
	init_block.fault_entry = 0xffff800000000000;
	init_block.shared_gva = 0x1234000000000000;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), -22);
}

/* Where nothing is mapped: ring 1 faults there, and that is its own business. */
CASE_KILLED(entry_nowhere, "without a handler")
{
	init_block.fault_entry = 0xffffa00000000000;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	hypercall(RL_HC_SET_TRAP, 14, 0, 0);
	map_page(USER_GVA, page_with(7) | P_P | P_U);
	user_access(user_read, USER_GVA);
	user_access(user_write, USER_GVA);
}

/* --- the two registers that ring 1 serves -------------------------------------------- */

#define KERNEL_GVA	0xffffa00000000000UL
#define STATUS		(KERNEL_GVA + 0x60)

/* A device that has no register of its own: each is TINY_REGISTER. */
static void map_device(u64 flags)
{
	init_block.flags = flags;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
	map_page(KERNEL_GVA, RL_MMIO_BASE | P_P | P_W);
	/* What the shadow knows of it, it learns now, from the host. */
	EQUAL(try_read(STATUS), TINY_REGISTER);
	EQUAL(trap.vector, TRAP_NONE);
}

static bool came_to_ring_1(u64 gva)
{
	try_read(gva);
	if (trap.vector == TRAP_NONE)
		return false;
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2, gva);
	EQUAL(trap.frame.error, 0);
	EQUAL(trap.frame.cs & 3, 1);
	CHECK(trap.direct);
	return true;
}

CASE(device_status)
{
	u64 page = page_with(0);

	need_reserved_bit();
	map_device(RL_INIT_DEVICE_STATUS);
	CHECK(came_to_ring_1(STATUS));
	try_write(STATUS + 4, 1);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 2);
	/* All others are the host's. */
	CHECK(!came_to_ring_1(KERNEL_GVA));
	CHECK(!came_to_ring_1(KERNEL_GVA + 0x50));
	CHECK(!came_to_ring_1(KERNEL_GVA + 0x58));
	CHECK(!came_to_ring_1(KERNEL_GVA + 0x68));
	CHECK(!came_to_ring_1(KERNEL_GVA + 0x160));
	/* Who cannot serve it says so, and the host does, once. */
	flush_one(STATUS);
	CHECK(!came_to_ring_1(STATUS));
	CHECK(came_to_ring_1(STATUS));
	/* The address becomes memory: with its flush, nothing is left. */
	map_page(KERNEL_GVA, page | P_P | P_W);
	*(u64 *)direct(page + 0x60) = 60;
	flush_one(KERNEL_GVA);
	EQUAL(try_read(STATUS), 60);
	EQUAL(trap.vector, TRAP_NONE);
}

CASE(device_status_not_wanted)
{
	need_reserved_bit();
	map_device(0);
	CHECK(!came_to_ring_1(STATUS));
	init_block.flags = ~0UL;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), -22);
}

/* A program that has the registers mapped gets no further than any other. */
CASE(device_status_of_a_program)
{
	need_reserved_bit();
	map_device(RL_INIT_DEVICE_STATUS);
	map_page(USER_GVA, RL_MMIO_BASE | P_P | P_W | P_U);
	for (int i = 0; i < 3; i++) {
		EQUAL(user_access(user_read, USER_GVA + 0x60), TRAP_SYSCALL);
		EQUAL(try_read(USER_GVA + 0x60), TINY_REGISTER);
		EQUAL(trap.vector, TRAP_NONE);
	}
}

/* --- a shadow that is behind --------------------------------------------------------- */

static u64 passed_on;

/* The guest has what it needs: the program tries again. */
static bool nothing_to_do(struct frame *f)
{
	if (f->vector != (14 | TRAP_DIRECT))
		return false;
	if (++passed_on > 100)
		FAIL("the program never gets on");
	return true;
}

CASE(entry_came)
{
	need_reserved_bit();
	trap_hook = nothing_to_do;
	for (u64 i = 0; i < 8; i++) {
		u64 gva = USER_GVA + 0x100000 + i * 0x10000;

		look_beside(gva);
		map_page(gva, page_with(i) | P_P | P_W | P_U);
		passed_on = 0;
		EQUAL(user_access(user_read, gva), TRAP_SYSCALL);
		EQUAL(trap.frame.rax, i);
		CHECK(passed_on <= 1);
	}
}

CASE(right_came)
{
	u64 page = page_with(5);

	map_page(USER_GVA, page | P_P | P_U);
	EQUAL(user_access(user_read, USER_GVA), TRAP_SYSCALL);
	map_page(USER_GVA, page | P_P | P_W | P_U);
	trap_hook = nothing_to_do;
	EQUAL(user_access(user_write, USER_GVA), TRAP_SYSCALL);
	EQUAL(passed_on, 1);
}

/* An instruction that needs two pages, both behind. */
USER_CODE(user_copy, "movsq\n\tsyscall");

CASE(two_pages)
{
	struct frame regs;

	need_reserved_bit();
	look_beside(USER_GVA + 0x100000);
	look_beside(USER_GVA + 0x200000);
	map_page(USER_GVA + 0x100000, page_with(9) | P_P | P_W | P_U);
	map_page(USER_GVA + 0x200000, page_with(0) | P_P | P_W | P_U);
	trap_hook = nothing_to_do;
	user_start(&regs, user_copy);
	regs.rsi = USER_GVA + 0x100000;
	regs.rdi = USER_GVA + 0x200000;
	user_run(&regs);
	EQUAL(trap.vector, TRAP_SYSCALL);
	EQUAL(try_read(USER_GVA + 0x200000), 9);
}

/* What a flush took away is known to be absent. */
CASE(after_flush)
{
	u64 before;

	need_reserved_bit();
	map_page(USER_GVA + 0x5000, page_with(5) | P_P | P_W | P_U);
	EQUAL(user_access(user_read, USER_GVA + 0x5000), TRAP_SYSCALL);
	map_page(USER_GVA + 0x5000, 0);
	flush_one(USER_GVA + 0x5000);
	before = exits();
	is_passed_on(user_access(user_read, USER_GVA + 0x5000),
		     USER_GVA + 0x5000, 4);
	EQUAL(exits(), before);
}
