/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tiny kernel's entries and exits. Everything between zone_start and
 * zone_end is where no interrupt may be injected.
 *
 * Stack frame, as struct frame of tiny.h:
 *	  0  r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi
 *	120  vector	136  rip		160  rsp
 *	128  error	144  cs  152 rflags	168  ss
 */
#include "../../../abi/guest.h"

#define VECTOR	120
#define CS	144
#define RFLAGS	152
#define SS	168
#define DIRECT	0x1000
#define SYSCALL	0x100
#define WAITING	0x101		/* interrupts do, at the end of a trap */

	.text
/*
 * void tiny_start(void (*function)(void))
 * The runner's entry, at CPL 1: RDI is the case.
 */
	.globl	tiny_start
tiny_start:
	movq	$boot_stack + 32768, %rsp
	call	tiny_main
	ud2

/* s64 hypercall(u64 nr, u64 a, u64 b, u64 c) */
	.globl	hypercall
hypercall:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	syscall
	ret

	.macro	has_error_code vec
	.if !(\vec == 8 || (\vec >= 10 && \vec <= 14) || \vec == 17 || \
	      \vec == 21 || \vec == 29 || \vec == 30)
	pushq	$0
	.endif
	.endm

	.balign	16
	.globl	zone_start, zone_end, restart_start, restart_end
	.globl	trap_stubs, trap_direct_stubs
zone_start:
trap_stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	has_error_code vector
	pushq	$vector
	jmp	injected
	.set	vector, vector + 1
	.endr
	.balign	16
trap_direct_stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	has_error_code vector
	pushq	$(vector | DIRECT)
	jmp	direct_entry
	.set	vector, vector + 1
	.endr

/* A page fault of ring 3 that the switcher passed on. RSP: error code, frame. */
	.globl	fault_entry
fault_entry:
	movq	%rax, shared_page + RL_SHARED_SCRATCH
	movq	%rsp, %rax
	movq	shared_page + RL_SHARED_SP0, %rsp
	.irp	word, 5, 4, 3, 2, 1, 0
	pushq	8 * \word(%rax)
	.endr
	movq	shared_page + RL_SHARED_SCRATCH, %rax
	pushq	$(14 | DIRECT)
	jmp	direct_entry

/* SYSCALL of ring 3: RCX, R11 and RSP are the program's. */
	.globl	syscall_entry
syscall_entry:
	movq	%rsp, shared_page + RL_SHARED_SCRATCH
	movq	shared_page + RL_SHARED_SP0, %rsp
	pushq	$RL_USER_DS
	pushq	shared_page + RL_SHARED_SCRATCH
	pushq	%r11
	pushq	$RL_USER_CS
	pushq	%rcx
	pushq	$0
	pushq	$(SYSCALL | DIRECT)
direct_entry:
	call	save_all
	/* What the host does for an injection is ours here: the saved IF is
	   the virtual one, and a program's GS base is put away. */
	andl	$~0x200, RFLAGS(%rsp)
	testb	$1, shared_page + RL_SHARED_VIF
	jz	1f
	orl	$0x200, RFLAGS(%rsp)
1:	movb	$0, shared_page + RL_SHARED_VIF
	testb	$2, CS(%rsp)
	jz	handle
	rdgsbase %rax
	movq	%rax, shared_page + RL_SHARED_USER_GS
	movq	shared_page + RL_SHARED_KERNEL_GS, %rax
	wrgsbase %rax
	jmp	handle
injected:
	call	save_all
handle:
	movq	%rsp, %rdi
	movq	%rsp, %rbx
	andq	$-16, %rsp
	cld
	call	trap_handle
	movq	%rbx, %rsp
/* RSP: struct frame */
frame_exit:
	movb	$0, shared_page + RL_SHARED_VIF
	testb	$2, CS(%rsp)
	jz	1f
	movq	shared_page + RL_SHARED_USER_GS, %rax
	wrgsbase %rax
	jmp	2f
1:	/* A kernel's CS is shown as 0x10: back to the one it has. A real one is
	   that of a gate, or of a guest with RL_INIT_32BIT. */
	cmpq	$0x10, CS(%rsp)
	jne	2f
	movq	$RL_KERNEL_CS, CS(%rsp)
	movq	$RL_KERNEL_SS, SS(%rsp)
2:	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	addq	$16, %rsp
restart_start:
	testb	$2, 17(%rsp)		/* IF of the saved flags */
	jz	1f
	movb	$1, shared_page + RL_SHARED_VIF
	cmpb	$0, shared_page + RL_SHARED_PENDING
	jne	2f
1:	iretq
restart_end:
2:	pushq	$0
	pushq	$(WAITING | DIRECT)
	jmp	direct_entry
/* Called with the frame's upper part pushed; the return address lies where
   RDI belongs. */
save_all:
	xchgq	%rdi, (%rsp)
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	jmpq	*%rdi
zone_end:

/*
 * void user_enter(struct frame *regs)
 * Goes to ring 3; user_leave(), called by the trap handler, returns from it.
 */
	.globl	user_enter, user_leave
user_enter:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, user_return
	/* A copy on the stack, because the exit eats it. */
	subq	$176, %rsp
	movq	%rdi, %rsi
	movq	%rsp, %rdi
	movl	$22, %ecx
	rep movsq
	jmp	frame_exit
user_leave:
	movq	user_return, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

	.bss
	.balign	4096
	.globl	shared_page, entry_stack, trap_stack, boot_stack
shared_page:
	.skip	4096
	.skip	8192
entry_stack:				/* grows down from here */
	.skip	8192
trap_stack:
	.skip	4096
boot_stack:
	.skip	32768
user_return:
	.skip	8
	.section .note.GNU-stack, "", @progbits
