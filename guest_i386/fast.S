/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a 32-bit kernel's programs do most: in by INT 0x80 or a page fault, out by IRET.
 * The same as trap.c does (forward(), iret() of insn.c), in a tenth of the instructions:
 * where anything is out of the ordinary, it is left to that, with nothing changed.
 *
 * R8 to R15 are nobody's (entry.S), so no register of the program's has to be saved. The
 * stack is that of the gate:
 *
 *	 0  [error]	 8  rip	 16  cs	 24  rflags	 32  rsp	 40  ss
 *
 * Who comes from ring 3 has vif 1 and the real IF, which is always 1.
 */
#include "abi/guest.h"

#define KERNEL_CS	0x61
#define KERNEL_SS	0x69
#define TSS_SP0		4
#define TLS		48		/* bytes into the kernel's GDT: three of 8 */

/* SDM volume 3, 6.11: of a gate's upper half; DPL is not looked at. */
#define GATE_BITS	0x9f00
#define GATE_INTERRUPT	0x8e00

#define FLAG_VM		0x20000
#define FLAGS_ENTERED	0x14100		/* RF, NT, TF: off in a handler */
#define FLAGS_OF_IRET	0x254dd5	/* as FLAGS_OF_IRET of insn.c */
#define FLAGS_FORCED	0x202		/* IF, and the one that is always 1 */

	.text

/*
 * The frame on the gate's stack, `skip` bytes above RSP, goes to the kernel's stack, with
 * its error code where there is one, and RIP to the kernel's handler. To `slow` with
 * nothing changed where that is no interrupt gate.
 */
.macro	FORWARD vector, skip, slow
	movl	idt_base(%rip), %r8d
	movl	\vector * 8 + 4(%r8), %r9d
	movzwl	\vector * 8(%r8), %r10d
	movl	%r9d, %r11d
	andl	$GATE_BITS, %r11d
	cmpl	$GATE_INTERRUPT, %r11d
	jne	\slow
	xorw	%r9w, %r9w
	orl	%r9d, %r10d			/* the handler */
	movl	tss_base(%rip), %r8d
	movl	TSS_SP0(%r8), %r8d
	movl	\skip + 32(%rsp), %r9d
	movl	%r9d, -4(%r8)			/* ss */
	movl	\skip + 24(%rsp), %r9d
	movl	%r9d, -8(%r8)			/* esp */
	movl	\skip + 16(%rsp), %r9d
	movl	%r9d, -12(%r8)			/* eflags */
	andl	$~FLAGS_ENTERED, %r9d
	movq	%r9, \skip + 16(%rsp)
	movl	\skip + 8(%rsp), %r9d
	movl	%r9d, -16(%r8)			/* cs */
	movl	\skip(%rsp), %r9d
	movl	%r9d, -20(%r8)			/* eip */
	.if	\skip
	movl	(%rsp), %r9d
	movl	%r9d, -24(%r8)			/* error code */
	addq	$8, %rsp
	leaq	-24(%r8), %r8
	.else
	leaq	-20(%r8), %r8
	.endif
	movb	$0, shared + RL_SHARED_VIF(%rip)
	movq	%r10, (%rsp)
	movq	$KERNEL_CS, 8(%rsp)
	movq	%r8, 24(%rsp)
	movq	$KERNEL_SS, 32(%rsp)
	iretq
.endm

/* void __noreturn fast_int80(void): INT 0x80 */
	.globl	fast_int80
fast_int80:
	testb	$2, 8(%rsp)			/* the kernel's own? */
	jz	1f
	FORWARD	0x80, 0, 1f
1:	jmp	shim_stubs + 16 * 0x80

/* void __noreturn fast_fault(void): a program's page fault, see shim_fault_entry */
	.globl	fast_fault
fast_fault:
	FORWARD	14, 8, 1f
1:	jmp	shim_fault_entry

/* void __noreturn fast_int3(void): INT3, of which one is the kernel's way to ring 3 */
	.globl	fast_int3
fast_int3:
	movl	exit_rip(%rip), %r8d
	cmpq	%r8, (%rsp)
	jne	1f
	testb	$2, 8(%rsp)			/* a program's own? */
	jnz	1f
	movl	24(%rsp), %r8d			/* the kernel's stack, and on it: */
	movl	(%r8), %r9d			/* eip */
	movzwl	4(%r8), %r10d			/* cs */
	movl	8(%r8), %r11d			/* eflags */
	testl	$FLAG_VM, %r11d
	jnz	1f
	movl	%r10d, %r12d
	andl	$3, %r12d
	cmpl	$3, %r12d
	jne	1f
	/* What segment_sync_tls() and segment_sync_ldt() would see. */
	movl	gdt_base(%rip), %r12d
	cmpw	$TLS + 23, gdt_limit(%rip)
	jb	1f
	.irp	offset, 0, 8, 16
	movq	TLS + \offset(%r12), %r13
	cmpq	%r13, tls + \offset(%rip)
	jne	1f
	.endr
	cmpb	$0, ldt_waits(%rip)
	jne	1f
	movl	%r8d, exit_rsp(%rip)
	movzwl	16(%r8), %r13d			/* ss */
	movl	12(%r8), %r14d			/* esp */
	andl	$FLAGS_OF_IRET, %r11d
	orl	$FLAGS_FORCED, %r11d
	leaq	frame_end - 40(%rip), %rsp
	movq	%r9, (%rsp)
	movq	%r10, 8(%rsp)
	movq	%r11, 16(%rsp)
	movq	%r14, 24(%rsp)
	movq	%r13, 32(%rsp)
	movb	$1, shared + RL_SHARED_VIF(%rip)
	jmp	restart_start
1:	jmp	shim_stubs + 16 * 3

	.section .note.GNU-stack, "", @progbits
