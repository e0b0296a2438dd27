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
#include <asm/ibt.h>

	.text

/*
 * const char reraise_table[256 * RERAISE_SIZE]
 * Entry N: void f(void), called with interrupts off, preemption disabled.
 *
 * The handler must see interrupts on in what it interrupted, as it would if
 * the interrupt had come to a program: a kernel may put work off to the return to such
 * code (since Linux 7.1, with CONFIG_HRTIMER_REARM_DEFERRED, the next timer), and a
 * guest that never sleeps would keep it waiting forever. STI takes effect behind the
 * instruction that follows it (SDM volume 2), so nothing comes before the INT.
 */
	.balign	16
	.globl	reraise_table
reraise_table:
	.set	vector, 0
	.rept	256
	.balign	16
	ENDBR
	sti
	.byte	0xcd, vector		/* int $vector */
	cli
	RET
	.set	vector, vector + 1
	.endr

/*
 * void reraise_nmi(void)
 *
 * NMIs must be blocked, by the one that came in the guest or in the switcher: no
 * IRET was executed since (invariant 20). An INT does not block them, and with NMIs
 * let in, a second one would take the first one's place at the top of the same IST
 * stack before the host's handler has noted that it runs. As it is, this INT differs
 * from an NMI in nothing: the handler finds its frame on its own stack, NMIs wait
 * until its IRET, and that lets them in.
 */
	.globl	reraise_nmi
	.type	reraise_nmi, @function
reraise_nmi:
	int	$2
	RET
	.size	reraise_nmi, . - reraise_nmi
	.section .note.GNU-stack, "", @progbits
