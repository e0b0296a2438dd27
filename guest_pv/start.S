/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first instructions of a guest.
 *
 * In: CPL 1, RSI = GPA of struct boot_params, CR3 = the top table that is filled in, virtual
 * interrupts off, no valid stack, GS base unknown. CR0.PG, CR4.PAE and EFER.NX
 * are on, of course: ring 1 exists with paging only.
 * Out: never.
 */
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

	/* The area that the link made; setup_per_cpu_areas() moves on later.
	   Where symbols say it themselves, since Linux 6.15, the base is 0, and
	   this one is the same as the other, or gone. */
	.weak	__per_cpu_load
	movq	$__per_cpu_load, %rax
	testq	%rax, %rax
	jz	1f
	subq	$__per_cpu_start, %rax
1:	wrgsbase %rax

	/* Behind a frame that is left on top, the unwinder's end mark. Where that is, the
	   kernel says: by a symbol since Linux 6.9, by a variable until 6.4. */
	.weak	__top_init_kernel_stack, initial_stack, __end_init_task
	movq	$__top_init_kernel_stack, %rsp
	testq	%rsp, %rsp
	jnz	2f
	movq	$initial_stack, %rax
	testq	%rax, %rax
	jz	1f
	movq	(%rax), %rsp
	jmp	2f
1:	movq	$__end_init_task, %rsp
	subq	$image.size.pt_regs, %rsp
2:
	xorl	%ebp, %ebp
	movq	%rsi, %rdi
	call	rl_start_kernel
	ud2

	.balign	16
	.globl	rl_second_start
/* void __noreturn rl_second_start(unsigned int id): another processor, from smp.c */
rl_second_start:
	/* Its stack, GS base and page tables are there; RFLAGS and segments are clean. */
	xorl	%ebp, %ebp
	call	rl_second_cpu
	ud2

	.section .note.GNU-stack, "", @progbits
