/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways into and out of the guest kernel that involve no world switch, and
 * the leaves of pv_ops that are called with odd register contracts.
 *
 * The stack at a gate, and at rl_iret:
 *
 *	32	SS
 *	24	RSP
 *	16	RFLAGS
 *	 8	CS
 *	 0	RIP
 *
 * Real RFLAGS.IF is 1 all the time: ring 1 cannot change it (IOPL is 0) and
 * iretq leaves it alone. What the kernel knows as IF is the byte vif of the
 * shared page. Between the gate and the kernel's handler, and between rl_iret
 * and the iretq, that byte, the GS base and the stack do not fit together, so
 * everything from rl_zone_start to rl_zone_end, section .zone of this file and of
 * entry_cpu.S, is the no-inject zone: the host delivers no interrupt while RIP is
 * there. NMIs and host interrupts may come at any instruction; they change worlds and
 * nothing here.
 *
 * scratch[0]: RAX, or RSP of a system call. scratch[1]: where a gate leads.
 * scratch[2]: RAX of a device's register access. For the others see cpu.h.
 * Only code in the zone uses them, so nobody else can be using them.
 */
#include <asm/processor-flags.h>

#include "abi/guest.h"
#include "scratch.h"

/* The kernel's own selectors: what its frames must show. */
#define __KERNEL_CS	0x10
#define __KERNEL_DS	0x18

/*
 * The shared page by the kernel's GS base (cpu.h). What has the user's GS base finds it
 * by RSP, where that is in the page, or is in entry_cpu.S.
 */
#define SHARED(field)	%gs:entry_stack_storage + RL_SHARED_##field
#define VIF		SHARED(VIF)
#define PENDING		SHARED(PENDING)
#define SAVED_RAX	SHARED(SCRATCH)
#define TARGET		SHARED(SCRATCH) + 8
#define TAIL		SHARED(SCRATCH) + RL_SCRATCH_TAIL
#define TAIL_USER	SHARED(SCRATCH) + RL_SCRATCH_TAIL_USER

/* Where RSP is in the page: in front of a frame, and of one with an error code. */
#define AT_FRAME	(RL_SHARED_ENTRY_STACK - 40)
#define AT_ERROR	(RL_SHARED_ENTRY_STACK - 48)

/* Offsets in the frame above. */
#define FRAME_CS	8
#define FRAME_FLAGS	16
#define FRAME_SS	32

	.section .zone, "ax", @progbits

/* Pushes words of the frame that RAX points to, by their offsets. */
	.macro	COPY_FRAME offsets:vararg
	.irp	offset, \offsets
	pushq	\offset(%rax)
	.endr
	.endm

/*
 * From ring 3 with a frame at RSP, which is `at` bytes behind the start of the shared
 * page: the kernel's GS base, and the frame at the top of the task's stack. Destroys RAX.
 */
	.macro	KERNEL_STACK at, offsets:vararg
	rdgsbase %rax
	movq	%rax, RL_SHARED_USER_GS - \at(%rsp)
	movq	RL_SHARED_KERNEL_GS - \at(%rsp), %rax
	wrgsbase %rax
	movq	%rsp, %rax
	movq	SHARED(SP0), %rsp
	COPY_FRAME \offsets
	.endm

/*
 * Direct gates: hardware comes straight here from ring 1 or ring 3, without
 * the host, for vectors that have no error code. The vector's number goes on
 * the stack that the processor chose: the current one in ring 1, the entry
 * stack of the shared page when it came from ring 3.
 */
	.macro GATE vector
	.balign	16
	.globl	rl_gate_\vector
rl_gate_\vector:
	pushq	$\vector
	jmp	gate_common
	.endm

	GATE	0
	GATE	3
	GATE	4
	GATE	5
	GATE	6
	GATE	7
	GATE	16
	GATE	19
	GATE	128

	.balign	16
gate_common:
	/* Bit 1 of the saved RPL tells ring 3 from ring 1. */
	testb	$2, 8 + FRAME_CS(%rsp)
	jz	gate_from_kernel

	movq	%rax, RL_SHARED_SCRATCH - AT_ERROR(%rsp)
	popq	%rax
	movq	rl_trap_target(, %rax, 8), %rax
	movq	%rax, RL_SHARED_SCRATCH + 8 - AT_FRAME(%rsp)
	KERNEL_STACK AT_FRAME, 32, 24, 16, 8, 0
	jmp	gate_flags

gate_from_kernel:
	movq	%rax, SAVED_RAX
	popq	%rax
	movq	rl_trap_target(, %rax, 8), %rax
	movq	%rax, TARGET
	/* user_mode() looks at the RPL: a kernel frame must not show 1. */
	movq	$__KERNEL_CS, FRAME_CS(%rsp)
	movq	$__KERNEL_DS, FRAME_SS(%rsp)

gate_flags:
	/* The saved IF is the virtual one, and like after an interrupt gate
	 * it is off from now on. */
	movzbl	VIF, %eax
	shll	$X86_EFLAGS_IF_BIT, %eax
	andl	$~X86_EFLAGS_IF, FRAME_FLAGS(%rsp)
	orl	%eax, FRAME_FLAGS(%rsp)
	movb	$0, VIF
	movq	SAVED_RAX, %rax
	jmp	*TARGET

/*
 * A page fault passed on by the switcher (abi/guest.h). RSP: error code and
 * frame, in the shared page. From ring 3 it is the program's: its vif is always
 * 1, and so is the IF in its frame. From ring 1 it is a device's register.
 */
	.balign	16
	.globl	rl_fault_entry
rl_fault_entry:
	testb	$2, 8 + FRAME_CS(%rsp)
	jz	device_access
	movb	$0, RL_SHARED_VIF - AT_ERROR(%rsp)
	movq	%rax, RL_SHARED_SCRATCH - AT_ERROR(%rsp)
	KERNEL_STACK AT_ERROR, 40, 32, 24, 16, 8, 0
	movq	SAVED_RAX, %rax
	jmp	*rl_trap_target + 8 * 14

/* The rest of the shared page is a stack for it; nobody else needs one now. */
device_access:
	.irp	register, rdi, rsi, rdx, rcx, rax, r8, r9, r10, r11, rbx, rbp, \
			r12, r13, r14, r15
	pushq	%\register
	.endr
	movq	%rsp, %rdi
	movzbl	VIF, %ebx
	movb	$0, VIF
	call	rl_device_access
	movb	%bl, VIF
	.irp	register, r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, \
			rcx, rdx, rsi, rdi
	popq	%\register
	.endr
	addq	$8, %rsp
	movq	$RL_KERNEL_CS, FRAME_CS(%rsp)
	movq	$RL_KERNEL_SS, FRAME_SS(%rsp)
	cmpb	$0, VIF
	jne	1f
	jmp	*TAIL
	/* An interrupt may be taken at the end, and its handler may be gone for
	   long: not on this page. The other scratch words may be in use. */
1:	movq	%rax, SHARED(SCRATCH) + 16
	movq	%rsp, %rax
	movq	24(%rax), %rsp
	andq	$-16, %rsp
	COPY_FRAME 32, 24, 16, 8, 0
	movq	SHARED(SCRATCH) + 16, %rax
	jmp	*TAIL

/*J: guest.iret
 * Every return from an exception, an interrupt or a system call ends here: two
 * places in the stock kernel are patched to jump to this label. Ring 1 may
 * execute IRETQ, but two things must go with it that one instruction cannot
 * do: the virtual interrupt flag becomes what the frame says, and an interrupt
 * that was waiting for it must not be forgotten. So the flag is set first,
 * then `pending` is looked at, then comes IRETQ, and when an interrupt slips
 * in between, the host moves RIP back to the look. If something really
 * waits, the frame that was to be returned by becomes that of an interrupt, and
 * its handler is next: no world is switched for it. The look and the IRETQ come
 * behind the user's GS base, so each vCPU has its own (entry_cpu.S).
 :*/
	.balign	64
	.globl	rl_iret
/* RSP -> frame, all other registers as they shall be after the return */
rl_iret:
	testb	$3, FRAME_CS(%rsp)
	jnz	iret_to_user

	movq	$RL_KERNEL_CS, FRAME_CS(%rsp)
	movq	$RL_KERNEL_SS, FRAME_SS(%rsp)
	btl	$X86_EFLAGS_IF_BIT, FRAME_FLAGS(%rsp)
	setc	VIF
	jmp	*TAIL

iret_to_user:
	movq	%rax, SAVED_RAX
	movq	SHARED(USER_GS), %rax
	/* User programs run with interrupts on, always. */
	movb	$1, VIF
	jmp	*TAIL_USER

	/*
	 * From here on the frame and vif are final, so the host may start over at
	 * rl_early_start. vif and pending in one comparison: an interrupt that waits
	 * for a flag that stays off is no business of ours. This one is for the time
	 * before there is anything per CPU, when nobody returns to ring 3.
	 */
	.globl	rl_early_start, rl_early_end
rl_early_start:
	cmpw	$0x0101, VIF
	je	rl_early_pending
	/* The last instruction of the range: a fault here is, for the host, a fault
	 * of the frame that RSP points to. */
	iretq
rl_early_end:
rl_early_pending:
	movb	$0, VIF
	movq	%rax, SAVED_RAX

	.globl	rl_iret_pending
/* As if the interrupt came right behind an iretq to ring 1. RAX is saved. */
rl_iret_pending:
	movq	$__KERNEL_CS, FRAME_CS(%rsp)
	movq	$__KERNEL_DS, FRAME_SS(%rsp)

/* RSP -> frame as the kernel wants it, RAX saved, vif off, the kernel's GS. */
	.globl	rl_take_interrupt
rl_take_interrupt:
	/* First off, then perhaps on: the host may switch it on any time. */
	movb	$0, PENDING
	bsfq	SHARED(IRQS), %rax
	jz	nothing_waits
	lock btrq %rax, SHARED(IRQS)
	cmpq	$0, SHARED(IRQS)
	je	1f
	movb	$1, PENDING
1:	movq	rl_trap_target + 8 * RL_IRQ_BASE(, %rax, 8), %rax
	testq	%rax, %rax
	jz	rl_take_interrupt
	movq	%rax, TARGET
	movq	SAVED_RAX, %rax
	jmp	*TARGET
nothing_waits:
	movq	SAVED_RAX, %rax
	jmp	rl_iret

/* From rl_irq_enable: an interrupt at the place that it returns to. */
enable_pending:
	movb	$0, VIF
	movq	%rax, SAVED_RAX
	popq	%rax
	movq	%rsp, TARGET
	andq	$-16, %rsp
	pushq	$__KERNEL_DS
	pushq	TARGET
	pushfq				/* its IF is 1, the real one */
	pushq	$__KERNEL_CS
	pushq	%rax
	jmp	rl_take_interrupt

	.balign	16
	.globl	rl_load_gs_locked
/*
 * void rl_load_gs_locked(unsigned int selector): the user's %gs, and the base
 * that comes with it. vif is off and the selector is known to be loadable.
 * The kernel's base is away for three instructions, hence the zone.
 */
rl_load_gs_locked:
	rdgsbase %rax
	/* A NULL selector leaves the base alone on some processors. */
	movq	SHARED(USER_GS), %rcx
	wrgsbase %rcx
	movl	%edi, %gs
	rdgsbase %rcx
	wrgsbase %rax
	movq	%rcx, SHARED(USER_GS)
	ret
	int3

	.text

/*
 * Leaves of pv_ops. Their callers expect every register but RAX to be kept
 * (PV_CALLEE_SAVE), which C cannot promise.
 */
	.balign	16
	.globl	rl_save_fl
/* unsigned long rl_save_fl(void): X86_EFLAGS_IF or 0 */
rl_save_fl:
	movzbl	VIF, %eax
	shll	$X86_EFLAGS_IF_BIT, %eax
	ret
	int3

	.balign	16
	.globl	rl_irq_disable
/* void rl_irq_disable(void) */
rl_irq_disable:
	movb	$0, VIF
	ret
	int3

	.balign	16
	.globl	rl_irq_enable
/* void rl_irq_enable(void) */
rl_irq_enable:
	movb	$1, VIF
	/* After vif, never before: the host looks at vif to set pending. */
	cmpb	$0, PENDING
	jne	enable_pending
	ret
	int3

	.balign	16
	.globl	rl_read_cr2
/* unsigned long rl_read_cr2(void) */
rl_read_cr2:
	movq	SHARED(CR2), %rax
	ret
	int3

	.balign	16
	.globl	rl_vcpu_is_preempted
/* bool rl_vcpu_is_preempted(long cpu): of one that the kernel knows */
rl_vcpu_is_preempted:
	movq	__per_cpu_offset(, %rdi, 8), %rax
	movzbl	entry_stack_storage + RL_SHARED_PREEMPTED(%rax), %eax
	ret
	int3

	.balign	16
	.globl	rl_cmpxchg16b
/*
 * RSI = per-CPU offset, RDX:RAX = old, RCX:RBX = new; AL = 1 when it matched.
 * The kernel has this for processors without the instruction, with cli and
 * popf around, and uses it until alternatives are applied. cli in ring 1 is an
 * exit, and popf does not undo it.
 */
rl_cmpxchg16b:
	cmpxchg16b %gs:(%rsi)
	sete	%al
	ret
	int3

	.section .note.GNU-stack, "", @progbits
