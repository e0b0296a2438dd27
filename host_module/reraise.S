/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handing an interrupt that arrived in a guest to the host kernel.
 *
 * The processor took the interrupt by the guest's IDT; the host's handler has
 * not seen it, and the interrupt controller still waits for its end. Raising
 * the vector again by a software interrupt, now with the host's IDT, runs the
 * handler as if the interrupt had come here.
 */
#include <linux/linkage.h>
#include <asm/segment.h>

	.text

/*
 * const char reraise_table[256 * 8]
 * Entry N, 8 bytes: void f(void), called with interrupts off.
 */
	.balign	8
	.globl	reraise_table
reraise_table:
	.set	vector, 0
	.rept	256
	.balign	8
	.byte	0xcd, vector		/* int $vector */
#ifdef CONFIG_RETHUNK
	jmp	__x86_return_thunk
#else
	ret
	int3
#endif
	.set	vector, vector + 1
	.endr

/*
 * void reraise_nmi(void)
 *
 * `int $2` would not block further NMIs, and a second one would then overwrite
 * the first one's stack. The host exports the inner part of its handler, which
 * wants an exception frame on the current stack: SS, RSP, RFLAGS, CS, and the
 * call pushes RIP. Its iret ends the blocking of NMIs that began in the guest.
 */
	.globl	reraise_nmi
	.type	reraise_nmi, @function
reraise_nmi:
	pushq	%rbp
	movq	%rsp, %rbp
	andq	$-16, %rsp
	pushq	$__KERNEL_DS
	pushq	%rbp
	pushfq
	pushq	$__KERNEL_CS
	call	asm_exc_nmi_noist
	popq	%rbp
#ifdef CONFIG_RETHUNK
	jmp	__x86_return_thunk
#else
	ret
	int3
#endif
	.size	reraise_nmi, . - reraise_nmi
	.section .note.GNU-stack, "", @progbits
