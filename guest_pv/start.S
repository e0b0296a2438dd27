/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first instructions of a guest.
 *
 * In: CPL 1, RSI = GPA of struct boot_params, CR3 = init_top_pgt, virtual
 * interrupts off, no valid stack, GS base unknown. CR0.PG, CR4.PAE and EFER.NX
 * are on, of course: ring 1 exists with paging only.
 * Out: never.
 */
#include <linux/linkage.h>
#include <linux/threads.h>
#include <asm/asm-offsets.h>
#include <asm/page_types.h>
#include <asm/thread_info.h>

/*J: guest.first-instructions
 * A kernel that boots on a bare machine starts in a strange land: no paging,
 * half a processor mode, no stack. A ringlet guest wakes up late in the day.
 * Long mode is on and the kernel's image is mapped where it was linked, so the
 * first instructions only make C possible: segment registers that hold
 * nothing, the boot task's stack, and a GS base, because x86 Linux reaches its
 * per-CPU data through GS. Ring 1 may write that base itself: `wrgsbase` is
 * one of the few system instructions that ask for no privilege.
 :*/

	.text
	.balign	16
	.globl	rl_start
/* void __noreturn rl_start(unsigned long zero, unsigned long boot_params) */
rl_start:
	cld
	/* NULL is the only selector whose load cannot fault here. */
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs

	/* The area that the link made; setup_per_cpu_areas() moves on later. */
	movq	$__per_cpu_load, %rax
	wrgsbase %rax

	/* A frame's room is left on top: the unwinder's end mark. */
	movq	$init_thread_union + THREAD_SIZE - PTREGS_SIZE, %rsp
	xorl	%ebp, %ebp
	movq	%rsi, %rdi
	call	rl_start_kernel
	ud2

	.section .note.GNU-stack, "", @progbits
