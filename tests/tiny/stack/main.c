// SPDX-License-Identifier: GPL-2.0
/*
 * Bad stacks: a guest whose RSP is anywhere when something happens. It may die
 * of it; nobody else may notice.
 */
#include "tiny.h"

#define WINDOW	0xffff800000000000

static const u64 bad[] = {
	0, 8, 0x12345678, 1UL << 47, 1UL << 63, ~0UL, ~0UL - 7, 0xff00000000000000,
	0xffff800000000800, 0xffff800000001800, 0xffff800000002800,
	0xffff800000003800, 0xffff800000004800, 0xffff800000006000,
	0xffff800000008000, 0xfffffe0000000100, 0xfffffe0000001000,
	0xffffa00000001000, 0xffff7ffffffffff8, 0x00007ffffffffff8,
};
#define NBAD (sizeof(bad) / 8)

/* A hypercall uses no stack of the guest's. */
CASE(hypercall_does_not_care)
{
	for (unsigned int i = 0; i < NBAD; i++) {
		u64 rsp = bad[i], result = RL_HC_DELIVER;

		asm volatile("xchgq %%rsp, %0\n\tsyscall\n\txchgq %%rsp, %0"
			     : "+r"(rsp), "+a"(result)
			     :: "rcx", "r11", "memory");
		EQUAL(result, 0);
		EQUAL(rsp, bad[i]);
	}
}

/* And the fast one. */
CASE(cr3_hypercall_does_not_care)
{
	load_cr3(TINY_TABLES | 1, 1, 1);
	for (unsigned int i = 0; i < NBAD; i++) {
		u64 rsp = bad[i], result = RL_HC_SET_CR3;

		asm volatile("xchgq %%rsp, %0\n\tsyscall\n\txchgq %%rsp, %0"
			     : "+r"(rsp), "+a"(result)
			     : "D"(TINY_TABLES | 1 | 1UL << 63)
			     : "rcx", "r11", "memory");
		EQUAL(result, 0);
		EQUAL(rsp, bad[i]);
	}
}

USER_CODE(user_syscall, "movq %rdi, %rsp\n\tsyscall\n\tud2");
USER_CODE(user_trap, "movq %rdi, %rsp\n\tud2");
USER_CODE(user_int80, "movq %rdi, %rsp\n\tint $0x80");

/* The stack of a program concerns its kernel as a number only. */
CASE(of_ring_3)
{
	static const char *const code[] = { user_syscall, user_trap,
					    user_int80 };
	static const u64 vector[] = { TRAP_SYSCALL, 6, 0x80 };

	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	for (unsigned int i = 0; i < NBAD; i++)
		for (int n = 0; n < 3; n++) {
			struct frame regs;

			user_start(&regs, code[n]);
			regs.rdi = bad[i];
			user_run(&regs);
			EQUAL(trap.vector, vector[n]);
			EQUAL(trap.frame.rsp, bad[i]);
		}
}

/* An exception of ring 1 with a stack that cannot take the frame. */
#define KILL(name_, rsp_, instruction_) \
	CASE_KILLED(name_, "triple fault|no stack") \
	{ \
		asm volatile("movq %0, %%rsp\n\t" instruction_ \
			     :: "r"(rsp_) : "memory"); \
	}

KILL(ud2_unmapped, 0x12345678UL, "ud2")
KILL(ud2_zero, 0UL, "ud2")
KILL(ud2_not_canonical, 1UL << 47, "ud2")
KILL(ud2_window_text, WINDOW + 0x1000, "ud2")
KILL(ud2_window_stack, WINDOW + 0x6000, "ud2")
KILL(ud2_alias, 0xfffffe0000001000, "ud2")
KILL(ud2_top, ~0UL, "ud2")
KILL(int3_unmapped, 0x12345678UL, "int3")
KILL(push_unmapped, 0x12345678UL, "pushq $1")
KILL(push_not_canonical, 1UL << 47, "pushq $1")
KILL(gp_unmapped, 0x12345678UL, "ltr %%ax")
KILL(call_unmapped, 0x12345678UL, "call 1f\n1:")

/* Direct gates push by the processor: what faults is that push. */
#define KILL_DIRECT(name_, rsp_) \
	CASE_KILLED(name_, "triple fault|no stack") \
	{ \
		trap_set(3, RL_TRAP_DIRECT); \
		trap_set(6, RL_TRAP_DIRECT); \
		asm volatile("movq %0, %%rsp\n\tint3" :: "r"(rsp_) : "memory"); \
	}

KILL_DIRECT(direct_unmapped, 0x12345678UL)
KILL_DIRECT(direct_not_canonical, 1UL << 47)
KILL_DIRECT(direct_zero, 0UL)
KILL_DIRECT(direct_window_text, WINDOW + 0x1000)
KILL_DIRECT(direct_window_host, WINDOW + 0x4000)
KILL_DIRECT(direct_alias, 0xfffffe0000001000)

/* The one page of the window that ring 1 may write. */
CASE_HOST_LIVES(direct_window_stack)
{
	trap_set(3, RL_TRAP_DIRECT);
	asm volatile("movq %0, %%rsp\n\tint3" :: "r"(WINDOW + 0x6000)
		     : "memory");
}

CASE_HOST_LIVES(direct_window_stack_middle)
{
	trap_set(3, RL_TRAP_DIRECT);
	asm volatile("movq %0, %%rsp\n\tint3" :: "r"(WINDOW + 0x5800)
		     : "memory");
}

USER_CODE(user_ud2, "ud2");

CASE_KILLED(sp0_unmapped, "triple fault|no stack")
{
	struct frame regs;

	hypercall(RL_HC_SET_TRAP, 6, (u64)trap_stubs[6], 0);
	user_start(&regs, user_ud2);
	regs.rsp = 0;
	irq_hook = NULL;
	trap_clear();
	/* user_run() would set it right. */
	shared_page.sp0 = 0x123456780;
	user_enter(&regs);
}

CASE_KILLED(kernel_gs_not_canonical, "triple fault|no stack")
{
	shared_page.kernel_gs = 1UL << 47;
	user_go(user_ud2);
}

/* The entry stack of direct gates: the push faults while ring 3 still runs. */
static void entry_stack_at(u64 rsp)
{
	static struct rl_init init;

	init = init_block;
	init.entry_stack = rsp;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init, 0, 0), 0);
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	user_go(user_int80);
}

CASE(entry_stack_unmapped)
{
	entry_stack_at(0xffffa00000001000);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.cs, RL_USER_CS);
}

CASE(entry_stack_in_window_text)
{
	entry_stack_at(WINDOW + 0x1000);
	EQUAL(trap.vector, 14);
}

CASE(entry_stack_alias)
{
	entry_stack_at(0xfffffe0000001000);
	EQUAL(trap.vector, 14);
}

CASE_HOST_LIVES(entry_stack_in_window_stack)
{
	entry_stack_at(WINDOW + 0x6000);
}

CASE_HOST_LIVES(entry_stack_in_user_memory)
{
	entry_stack_at((u64)&user_stack[400]);
}
