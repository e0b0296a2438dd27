/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program's own shadow stack (Linux's arch/x86/include/uapi/asm/prctl.h; SDM volume 1,
 * 17.2): for launcher.c and tests/bochs/cet.
 */
#ifndef TESTS_TINY_SHADOW_STACK_H
#define TESTS_TINY_SHADOW_STACK_H

#include <stdint.h>

#define ARCH_SHSTK_ENABLE	0x5001
#define ARCH_SHSTK_SHSTK	1

/* 0: there is none, or it is off. */
static inline __attribute__((always_inline)) uint64_t shadow_stack_pointer(void)
{
	uint64_t ssp = 0;

	__asm__ volatile("rdsspq %0" : "+r"(ssp));
	return ssp;
}

#endif
