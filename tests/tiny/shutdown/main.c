// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest guests: they are entered, make one hypercall and are over.
 */
#include "tiny.h"

/* Without RL_HC_INIT: entry, SYSCALL stub, exit and nothing else. */
CASE(raw_shutdown)
{
	end(TINY_SUCCESS);
}

CASE(after_init)
{
	CHECK(shared_page.tsc_khz);
}

/* Every register but RAX, RCX and R11 comes back from an exit as it was. */
CASE(registers_survive)
{
	u64 bad = 1;

	asm volatile("pushq %%rbp\n\t"
		     "movq $0x1005, %%rbp\n\t"
		     "movq $0x1008, %%r8\n\tmovq $0x1009, %%r9\n\t"
		     "movq $0x100a, %%r10\n\tmovq $0x100c, %%r12\n\t"
		     "movq $0x100d, %%r13\n\tmovq $0x100e, %%r14\n\t"
		     "movq $0x100f, %%r15\n\t"
		     "syscall\n\t"
		     "cmpq $0x1003, %%rbx\n\tjne 1f\n\t"
		     "cmpq $0x1002, %%rdx\n\tjne 1f\n\t"
		     "cmpq $0x1006, %%rsi\n\tjne 1f\n\t"
		     "cmpq $0x1007, %%rdi\n\tjne 1f\n\t"
		     "cmpq $0x1005, %%rbp\n\tjne 1f\n\t"
		     "cmpq $0x1008, %%r8\n\tjne 1f\n\t"
		     "cmpq $0x1009, %%r9\n\tjne 1f\n\t"
		     "cmpq $0x100a, %%r10\n\tjne 1f\n\t"
		     "cmpq $0x100c, %%r12\n\tjne 1f\n\t"
		     "cmpq $0x100d, %%r13\n\tjne 1f\n\t"
		     "cmpq $0x100e, %%r14\n\tjne 1f\n\t"
		     "cmpq $0x100f, %%r15\n\tjne 1f\n\t"
		     "xorl %%eax, %%eax\n"
		     "1:\tpopq %%rbp"
		     : "=a"(bad)
		     : "a"(RL_HC_DELIVER), "b"(0x1003), "d"(0x1002),
		       "S"(0x1006), "D"(0x1007)
		     : "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		       "r15", "memory", "cc");
	EQUAL(bad, 0);
}

CASE(bases_survive)
{
	u64 fs, gs;

	asm volatile("wrfsbase %0\n\twrgsbase %1" :: "r"(0x5000ULL),
		     "r"(0xffff900000000000ULL));
	hypercall(RL_HC_DELIVER, 0, 0, 0);
	asm volatile("rdfsbase %0\n\trdgsbase %1" : "=r"(fs), "=r"(gs));
	EQUAL(fs, 0x5000);
	EQUAL(gs, 0xffff900000000000);
}

CASE(flags_survive)
{
	u64 flags;

	asm volatile("pushq $0x4cd7\n\tpopfq\n\t"	/* not TF, AC */
		     "syscall\n\tpushfq\n\tpopq %0\n\tpushq $2\n\tpopfq"
		     : "=r"(flags) : "a"(RL_HC_DELIVER)
		     : "rcx", "r11", "memory", "cc");
	EQUAL(flags & 0x4cd7, 0x4cd7);
}
