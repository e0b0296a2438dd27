// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults that fill the shadow, page faults of the guest's own, and a
 * round trip to ring 3.
 */
#include "tiny.h"

CASE(fill)
{
	volatile u64 *memory = direct(TINY_FREE);

	for (int i = 0; i < 512 * 64; i += 512)
		memory[i] = i;
	for (int i = 0; i < 512 * 64; i += 512)
		EQUAL(memory[i], i);
}

CASE(not_present)
{
	EQUAL((try_read(0x123450008), trap.vector), 14);
	EQUAL(trap.cr2, 0x123450008);
	EQUAL(trap.frame.error, 0);
	EQUAL(trap.frame.cs, 0x10);
	try_write(0xffffa00000000ff8, 0);
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2, 0xffffa00000000ff8);
	EQUAL(trap.frame.error, 2);
}

USER_CODE(user_syscall, "movl $0x1234, %eax\n\tmovl $77, %edi\n\tsyscall\n\t"
	  "movl $0x5678, %eax\n\tsyscall\n\tud2");

CASE(user_round_trip)
{
	struct frame regs;

	user_start(&regs, user_syscall);
	user_run(&regs);
	EQUAL(trap.vector, TRAP_SYSCALL);
	EQUAL(trap.frame.rax, 0x1234);
	EQUAL(trap.frame.rdi, 77);
	EQUAL(trap.frame.rsp, &user_stack[510]);
	regs = trap.frame;
	user_run(&regs);
	EQUAL(trap.vector, TRAP_SYSCALL);
	EQUAL(trap.frame.rax, 0x5678);
	regs = trap.frame;
	user_run(&regs);
	EQUAL(trap.vector, 6);
	EQUAL(trap.frame.cs, RL_USER_CS);
	EQUAL(trap.frame.ss, RL_USER_DS);
}
