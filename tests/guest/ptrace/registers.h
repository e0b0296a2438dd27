/* SPDX-License-Identifier: GPL-2.0 */
/* What a tracer has to know of the processor, for 64 bits and for 32. */
#ifndef TESTS_GUEST_REGISTERS_H
#define TESTS_GUEST_REGISTERS_H

#ifdef __i386__
#define IP		eip
#define AX		eax
#define ORIG_AX		orig_eax
#define CS_OF(r)	((r).xcs)
#define SS_OF(r)	((r).xss)
#define USER_CS		0x73
#define USER_SS		0x7b
#define GETPID		"movl $20, %%eax\n\tint $0x80"
#define CALL_CLOBBERS	"eax", "memory"
#define INT80_CLOBBERS	"memory"
#define KERNEL_TEXT	0xc1000000u
#define NOT_ITS_OWN	0xfffff000u	/* nobody's code, or the kernel's */
/* A register that nothing but the program uses, and what is put there. */
#define ODD		edi
#define ODD_VALUE	0x12345678
#define SET_BASES(r)	((void)(r))
#define CHECK_BASES(r, back) ((void)(r), (void)(back))
#else
#define IP		rip
#define AX		rax
#define ORIG_AX		orig_rax
#define CS_OF(r)	((r).cs)
#define SS_OF(r)	((r).ss)
#define USER_CS		0x33
#define USER_SS		0x2b
#define GETPID		"movl $39, %%eax\n\tsyscall"
#define CALL_CLOBBERS	"rax", "rcx", "r11", "memory"
#define INT80_CLOBBERS	"r8", "r9", "r10", "r11", "memory"
#define KERNEL_TEXT	0xffffffff81000000
#define NOT_ITS_OWN	0x8000000000000000
#define ODD		r15
#define ODD_VALUE	0x123456789abcdef0
#define SET_BASES(r)						\
	do {							\
		(r).fs_base = 0x7fff12345678;			\
		(r).gs_base = 0x100000000;			\
	} while (0)
#define CHECK_BASES(r, back)					\
	do {							\
		CHECK_IS((back).fs_base, (r).fs_base);		\
		CHECK_IS((back).gs_base, (r).gs_base);		\
	} while (0)
#endif

#endif
