// SPDX-License-Identifier: GPL-2.0
/*
 * 32-bit code in a guest: compatibility mode at CPL 1 or 3.
 *
 * The code is in the user section. Ring 1 must not execute user pages (SMEP), so it
 * has the same memory at COMPAT_LOW, where i386 Linux has its kernel. All handlers
 * stay the library's own, 64-bit ones.
 */
#include "tiny.h"

#define SECTION_BEGIN	0x400000UL	/* lib/tiny.lds */
#define SECTION_PAGES	16

u64 compat_at(const volatile void *user, int ring)
{
	return ring == 1 ? COMPAT_LOW + (u64)user : (u64)user;
}

void compat_init(u64 flags)
{
	static const u64 code = 0x00cf9a000000ffff, data = 0x00cf92000000ffff;
	static const u64 ring1 = 1UL << 45, ring3 = 3UL << 45;

	EQUAL(hypercall(RL_HC_SET_SEGMENT, 12, code | ring1, 0), 0);
	EQUAL(hypercall(RL_HC_SET_SEGMENT, 13, data | ring1, 0), 0);
	EQUAL(hypercall(RL_HC_SET_SEGMENT, 14, code | ring3, 0), 0);
	EQUAL(hypercall(RL_HC_SET_SEGMENT, 15, data | ring3, 0), 0);
	for (u64 i = 0; i < SECTION_PAGES; i++)
		map_page(COMPAT_LOW + SECTION_BEGIN + i * 4096,
			 (SECTION_BEGIN + i * 4096) | P_P | P_W);
	init_block.flags = flags;
	EQUAL(hypercall(RL_HC_INIT, (u64)&init_block, 0, 0), 0);
}

void compat_start(struct frame *regs, const void *code, int ring)
{
	*regs = (struct frame) {
		.rip = compat_at(code, ring), .rflags = 0x202,
		.rsp = compat_at(&user_stack[448], ring),
		.cs = ring == 1 ? COMPAT_KERNEL_CS : COMPAT_USER_CS,
		.ss = ring == 1 ? COMPAT_KERNEL_SS : COMPAT_USER_SS,
	};
}

u64 compat_go(const void *code, int ring)
{
	struct frame regs;

	compat_start(&regs, code, ring);
	user_run(&regs);
	return trap.vector;
}
