/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shim's ways in and out.
 *
 * Whoever comes here (a direct gate, the host, the switcher's stub for page faults) left
 * five words and perhaps an error code on some stack: the kernel's own, which has 32-bit
 * words and where the next push of the kernel may have to go, or one of the two below.
 * So all of it moves into the one frame, which is a stack of its own:
 *
 *	 0  rbp rbx rax rcx rdx rsi rdi
 *	56  vector	 72  rip	 88  rflags	104  ss
 *	64  error	 80  cs		 96  rsp
 *
 * R8 to R15 are nobody's: 32-bit code has none, and there is no other. An NMI may
 * come at any instruction and changes nothing here; interrupts are not injected while RIP
 * is in the shim, as all of it is the no-inject zone.
 */
#include "abi/guest.h"

#define VECTOR_PENDING	256
/* Of what lies on the stack that somebody chose, behind vector and error code. */
#define GATE_CS		24
#define STACK_BYTES	8192

	.text
	.globl	shim_entry
/* void __noreturn shim_entry(void): the guest's first instruction */
shim_entry:
	leaq	shim_stack_end(%rip), %rsp
	leaq	frame_begin(%rip), %rdi
	call	shim_start
	jmp	leave

/* s64 hypercall(u64 number, u64 a, u64 b, u64 c) */
	.globl	hypercall
hypercall:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	syscall
	ret

/* Each is 16 bytes; trap.c counts on it. */
	.balign	16
	.globl	shim_stubs
shim_stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || \
	      vector == 21 || vector == 29 || vector == 30)
	pushq	$0
	.endif
	pushq	$vector
	jmp	trapped
	.set	vector, vector + 1
	.endr

/* A program's page fault: the frame with its error code is in the shared page. */
	.balign	16
	.globl	shim_fault_entry
shim_fault_entry:
	pushq	$14
	jmp	trapped

/* 64-bit programs have no code segment here, so nobody comes. */
	.globl	shim_syscall_entry
shim_syscall_entry:
	xorl	%esi, %esi
	leaq	no_syscall(%rip), %rdi
	leaq	shim_stack_end(%rip), %rsp
	call	fatal

trapped:
	/* The shim's own, which has the frame in use. */
	cmpw	$RL_KERNEL_CS, GATE_CS(%rsp)
	je	own
	movq	%rax, saved_rax(%rip)
	movq	%rsp, %rax
	leaq	frame_end(%rip), %rsp
	.irp	offset, 48, 40, 32, 24, 16, 8, 0
	pushq	\offset(%rax)
	.endr
	movq	saved_rax(%rip), %rax
save_registers:
	.irp	register, rdi, rsi, rdx, rcx, rax, rbx, rbp
	pushq	%\register
	.endr
	cld
	movq	%rsp, %rdi
	leaq	shim_stack_end(%rip), %rsp
	call	shim_trap

/* The frame says where to. */
leave:
	leaq	frame_begin(%rip), %rsp
	.irp	register, rbp, rbx, rax, rcx, rdx, rsi, rdi
	popq	%\register
	.endr
	addq	$16, %rsp
/*
 * vif and pending in one comparison. An interrupt that comes between it and the IRETQ
 * makes the host go back to restart_start, and a fault of the IRETQ to ring 3 is for the
 * host one of the program's (abi/guest.h).
 */
	.globl	restart_start, restart_end, frame_end
restart_start:
	cmpw	$0x0101, shared(%rip)
	je	1f
	iretq
restart_end:
	/* The frame is still there; only vector and error code are new. */
1:	pushq	$0
	pushq	$VECTOR_PENDING
	jmp	save_registers

/*
 * A #DB is no fault: a program's MOV SS holds it back until behind the INT that follows
 * (SDM volume 3, 6.8.3), and the shim goes on without. All others are the guest's end.
 */
own:
	cmpq	$1, (%rsp)
	je	1f
	movq	%rsp, %rdi
	leaq	own_stack_end(%rip), %rsp
	call	shim_fault
1:	addq	$16, %rsp
	iretq

	.section .rodata
no_syscall:
	.asciz	"a system call from 64-bit code"

	.bss
	.balign	4096
	.globl	shared
shared:
	.skip	4096
/* For what comes from ring 3: at most a frame and an error code, which move on. */
	.globl	shim_gate_stack_end
	.skip	256
shim_gate_stack_end:
frame_begin:
	.skip	112
frame_end:
saved_rax:
	.skip	8
	.balign	16
	.skip	STACK_BYTES
shim_stack_end:
	.skip	STACK_BYTES
own_stack_end:

	.section .note.GNU-stack, "", @progbits
