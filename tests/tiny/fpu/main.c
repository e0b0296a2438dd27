// SPDX-License-Identifier: GPL-2.0
/*
 * Floating point and vector registers: the guest's own, over every kind of
 * exit, and empty at the start.
 */
#include "tiny.h"

/* Copies XMM0-XMM15 to 32 words, and fills them from there. */
static void store(u64 *to)
{
	asm volatile("movdqu %%xmm0, (%0)\n\tmovdqu %%xmm1, 16(%0)\n\t"
		     "movdqu %%xmm2, 32(%0)\n\tmovdqu %%xmm3, 48(%0)\n\t"
		     "movdqu %%xmm4, 64(%0)\n\tmovdqu %%xmm5, 80(%0)\n\t"
		     "movdqu %%xmm6, 96(%0)\n\tmovdqu %%xmm7, 112(%0)\n\t"
		     "movdqu %%xmm8, 128(%0)\n\tmovdqu %%xmm9, 144(%0)\n\t"
		     "movdqu %%xmm10, 160(%0)\n\tmovdqu %%xmm11, 176(%0)\n\t"
		     "movdqu %%xmm12, 192(%0)\n\tmovdqu %%xmm13, 208(%0)\n\t"
		     "movdqu %%xmm14, 224(%0)\n\tmovdqu %%xmm15, 240(%0)"
		     :: "r"(to) : "memory");
}

static void load(const u64 *from)
{
	asm volatile("movdqu (%0), %%xmm0\n\tmovdqu 16(%0), %%xmm1\n\t"
		     "movdqu 32(%0), %%xmm2\n\tmovdqu 48(%0), %%xmm3\n\t"
		     "movdqu 64(%0), %%xmm4\n\tmovdqu 80(%0), %%xmm5\n\t"
		     "movdqu 96(%0), %%xmm6\n\tmovdqu 112(%0), %%xmm7\n\t"
		     "movdqu 128(%0), %%xmm8\n\tmovdqu 144(%0), %%xmm9\n\t"
		     "movdqu 160(%0), %%xmm10\n\tmovdqu 176(%0), %%xmm11\n\t"
		     "movdqu 192(%0), %%xmm12\n\tmovdqu 208(%0), %%xmm13\n\t"
		     "movdqu 224(%0), %%xmm14\n\tmovdqu 240(%0), %%xmm15"
		     :: "r"(from) : "memory");
}

static u64 want[32], is[32];

/* Nothing of the launcher's or of an earlier guest's is left in them. */
CASE(raw_empty_at_the_start)
{
	u32 mxcsr;
	u16 control;

	store(is);
	for (int i = 0; i < 32; i++)
		EQUAL(is[i], 0);
	asm volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(control));
	EQUAL(mxcsr, 0x1f80);
	EQUAL(control, 0x37f);
	/* For the next guest to find, if it could. */
	for (int i = 0; i < 32; i++)
		want[i] = 0xdeadbeef00000000 + i;
	load(want);
	end(TINY_SUCCESS);
}

CASE(raw_empty_once_more)
{
	store(is);
	for (int i = 0; i < 32; i++)
		EQUAL(is[i], 0);
	end(TINY_SUCCESS);
}

CASE(kept_over_exits)
{
	u32 mxcsr = 0x5f80, mxcsr_now;
	u16 control = 0x27f, control_now;

	asm volatile("fninit\n\tfldpi\n\tldmxcsr %0\n\tfldcw %1"
		     :: "m"(mxcsr), "m"(control));
	for (u64 round = 0; round < 300; round++) {
		for (u64 i = 0; i < 32; i++)
			want[i] = round * 1000003 + i * 0x100000001;
		load(want);
		if (round % 3 == 0)
			hypercall(RL_HC_DELIVER, 0, 0, 0);
		else if (round % 3 == 1)
			host_stats();		/* to the launcher and back */
		else
			spin_us(500);		/* its timer interrupts */
		store(is);
		for (int i = 0; i < 32; i++)
			EQUAL(is[i], want[i]);
	}
	asm volatile("stmxcsr %0\n\tfnstcw %1"
		     : "=m"(mxcsr_now), "=m"(control_now));
	EQUAL(mxcsr_now, mxcsr);
	EQUAL(control_now, control);
}
