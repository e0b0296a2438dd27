/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each vCPU has of its own of the ways in entry.S: where the user's GS base is
 * loaded and no register is free, nothing but the address of an instruction tells one
 * vCPU from another.
 *
 * Each finds its shared page at a fixed address behind the layer (cpu.c), so that the
 * distance to it is a number in the instruction. The stack is as in entry.S.
 */
#include "abi/guest.h"
#include "scratch.h"

/* Of the vCPU `n`, which is counted up below. */
#define SHARED(field)	rl_alias + n * 4096 + RL_SHARED_##field(%rip)
#define VIF		SHARED(VIF)
#define SAVED_RAX	SHARED(SCRATCH)
#define SAVED_RSP	SHARED(SCRATCH)

#define FRAME_CS	8

/* Notes the address of what follows in a table. */
	.macro	NOTE table
	.pushsection .rodata.\table, "a", @progbits
	.quad	771f
	.popsection
771:
	.endm

/* Begins such a table. */
	.macro	TABLE name
	.pushsection .rodata.\name, "a", @progbits
	.balign	8
	.globl	\name
\name:
	.popsection
	.endm

	TABLE	rl_syscall_entries
	TABLE	rl_tails_user
	TABLE	rl_tails
	TABLE	rl_tail_ends

	.section .zone, "ax", @progbits

/*J: guest.system-call
 * A user program's SYSCALL lands in ring 0, in a stub of the switcher, which
 * sends it on to ring 1: here. Nothing of the host ran but those few
 * instructions. The processor saved RIP in RCX and RFLAGS in R11 and touched
 * no stack, so the stub below does what Linux's own first lines do: GS base,
 * stack, the five words of a frame. There is no SWAPGS in ring 1; reading and
 * writing the base with RDGSBASE and WRGSBASE is the same thing, with the
 * user's value parked in the shared page. And as no register says which
 * processor this is, each has a stub of its own.
 :*/
	.macro	SYSTEM_CALL
	.balign	64
	NOTE	rl_syscall_entries
/* RCX = user RIP, R11 = user RFLAGS, RSP and GS base the user's */
	movb	$0, VIF
	/* RSP is saved first and then is the one register that is free. */
	movq	%rsp, SAVED_RSP
	rdgsbase %rsp
	movq	%rsp, SHARED(USER_GS)
	movq	SHARED(KERNEL_GS), %rsp
	wrgsbase %rsp
	/* Under XENPV sp0 is the top of the running task's stack. */
	movq	SHARED(SP0), %rsp
	pushq	$RL_USER_DS
	pushq	SAVED_RSP
	pushq	%r11
	pushq	$RL_USER_CS
	pushq	%rcx
	jmp	entry_SYSCALL_64_after_hwframe
	.endm

	.macro	RETURN
	.balign	32
	NOTE	rl_tails_user
/* RSP -> frame, RAX = the user's GS base, its own is saved, vif is on */
	wrgsbase %rax
	movq	SAVED_RAX, %rax
	/*
	 * From here on the frame, GS and vif are final, so the host may start over
	 * here. As rl_early_start, for both rings.
	 */
	NOTE	rl_tails
	cmpw	$0x0101, VIF
	je	1f
	iretq
	NOTE	rl_tail_ends
1:	movb	$0, VIF
	movq	%rax, SAVED_RAX
	testb	$2, FRAME_CS(%rsp)
	jz	rl_iret_pending
	movq	SHARED(KERNEL_GS), %rax
	wrgsbase %rax
	jmp	rl_take_interrupt
	.endm

	.set	n, 0
	.rept	RL_CPUS
	SYSTEM_CALL
	RETURN
	.set	n, n + 1
	.endr

	.section .note.GNU-stack, "", @progbits
