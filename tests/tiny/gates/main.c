// SPDX-License-Identifier: GPL-2.0
/*
 * Every vector that may have a direct gate, taken both ways: through the gate,
 * and injected by the host (which tests/tiny/injector makes it do). The handler
 * must not be able to tell: it does an entry's work itself, and where the host had
 * done it before, GS, the virtual interrupt flag and the stack would be swapped a
 * second time.
 */
#include "tiny.h"
#include "../injector/injector.h"

#define USER_GS		0x0000123456789000UL
#define KERNEL_GS	0xffff888000123000UL

static const u8 vectors[] = { 0, 3, 4, 5, 6, 7, 16, 19, 0x80 };

/* Its second byte is written. */
USER_CODE(user_int, "int $0\n\tud2");
USER_CODE(user_syscall32, "pushq $0x23\n\tpushq $1f\n\tlretq\n"
	  ".code32\n1:\tsyscall\n\tud2\n.code64");
extern char ring1_int[], ring1_ask[];

static u64 frame_end;		/* where the handler's frame ended */

static bool note(struct frame *f)
{
	frame_end = (u64)(f + 1);
	return false;
}

static void begin(unsigned int vector)
{
	if (!(mailbox->flags & TINY_ENV_INJECTOR))
		SKIP("the host's module injector.ko is not loaded");
	trap_hook = note;
	EQUAL(trap_set(vector, RL_TRAP_USER | RL_TRAP_DIRECT), 0);
	shared_page.user_gs = USER_GS;
	shared_page.kernel_gs = KERNEL_GS;
	asm volatile("wrgsbase %0" :: "r"(KERNEL_GS));
}

static u64 gs_base(void)
{
	u64 value;

	asm volatile("rdgsbase %0" : "=r"(value));
	return value;
}

static void check_user(unsigned int vector, u64 cs, u64 ss)
{
	if (trap.vector != vector || !trap.direct)
		FAIL("vector %u came as %lu, direct %u", vector, trap.vector,
		     trap.direct);
	EQUAL(shared_page.user_gs, USER_GS);
	EQUAL(gs_base(), KERNEL_GS);
	EQUAL(trap.frame.rflags & 0x200, 0x200);
	EQUAL(trap.frame.cs, cs);
	EQUAL(trap.frame.ss, ss);
	EQUAL(frame_end, (u64)entry_stack);
}

CASE(both_ways_from_ring_3)
{
	struct frame regs;
	char *code = user_int;

	asm("" : "+r"(code));	/* too far away for an address by RIP */
	for (unsigned int i = 0; i < sizeof(vectors); i++) {
		begin(vectors[i]);
		code[1] = vectors[i];
		user_go(user_int);
		check_user(vectors[i], RL_USER_CS, RL_USER_DS);
		EQUAL(trap.frame.rip, (u64)user_int + 2);
		EQUAL(trap.frame.rsp, (u64)&user_stack[510]);

		user_start(&regs, user_syscall32);
		regs.rax = INJECTOR_ASKS + vectors[i];
		user_run(&regs);
		check_user(vectors[i], RL_USER32_CS, RL_USER_DS);
		EQUAL(*(u16 *)trap.frame.rip, 0x050f);	/* at it */
		CHECK(trap.frame.rflags & 0x10000);	/* RF */
	}
}

/* Through the gate: int n. By the host: int 0x21 is #GP, which it injects. */
asm(".pushsection .data, \"aw\"\n\t"
    "ring1_int:\n\tint $0\n\tret\n"
    "ring1_ask:\n\tint $0x21\n\tret\n\t"
    ".popsection");

static void check_kernel(unsigned int vector, u8 vif, u64 rsp)
{
	if (trap.vector != vector || !trap.direct)
		FAIL("vector %u came as %lu, direct %u", vector, trap.vector,
		     trap.direct);
	EQUAL(trap.frame.cs, RL_KERNEL_CS);
	EQUAL(trap.frame.ss, RL_KERNEL_SS);
	EQUAL(trap.frame.rflags & 0x200, vif ? 0x200 : 0);
	EQUAL(trap.frame.rsp, rsp);
	EQUAL(frame_end, rsp & ~15UL);
	EQUAL(shared_page.user_gs, USER_GS);
	EQUAL(gs_base(), KERNEL_GS);
}

/* Calls code with RAX, on a stack that is not aligned; its RSP then. */
static u64 call_unaligned(char *code, u64 rax)
{
	u64 rsp;

	trap_clear();
	asm volatile(TRY_BEGIN
		     "subq $24, %%rsp\n\tandq $-16, %%rsp\n\t"
		     "leaq -8(%%rsp), %1\n\tcall *%2" TRY_END
		     : "+a"(rax), "=&b"(rsp) : "r"(code)
		     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
		       "memory", "cc");
	return rsp;
}

CASE(both_ways_from_ring_1)
{
	u64 rsp;

	for (unsigned int i = 0; i < 2 * sizeof(vectors); i++) {
		unsigned int vector = vectors[i / 2];
		u8 vif = i & 1;

		begin(vector);
		*(u8 *)(ring1_int + 1) = vector;
		shared_page.vif = vif;
		rsp = call_unaligned(ring1_int, 0);
		shared_page.vif = vif;
		check_kernel(vector, vif, rsp);

		rsp = call_unaligned(ring1_ask, INJECTOR_ASKS + vector);
		shared_page.vif = 0;
		check_kernel(vector, vif, rsp);
		EQUAL(trap.frame.rip, (u64)ring1_ask);
	}
}
