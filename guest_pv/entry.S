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
 * everything from rl_zone_start to rl_zone_end is the no-inject zone: the host
 * delivers no interrupt while RIP is there. NMIs and host interrupts may come
 * at any instruction; they change worlds and nothing here.
 *
 * scratch[0]: RAX, or RSP of a system call. scratch[1]: where a gate leads.
 * scratch[2]: RAX of a device's register access.
 * Only code in the zone uses them, so nobody else can be using them.
 */
#include <linux/linkage.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>

#include "abi/guest.h"

#define VIF		rl_shared + RL_SHARED_VIF(%rip)
#define PENDING		rl_shared + RL_SHARED_PENDING(%rip)
#define SHARED(field)	rl_shared + RL_SHARED_##field(%rip)
#define SAVED_RAX	rl_shared + RL_SHARED_SCRATCH(%rip)
#define SAVED_RSP	rl_shared + RL_SHARED_SCRATCH(%rip)
#define TARGET		rl_shared + RL_SHARED_SCRATCH + 8(%rip)

/* Offsets in the frame above. */
#define FRAME_CS	8
#define FRAME_FLAGS	16
#define FRAME_SS	32

	.text
	.balign	64
	.globl	rl_zone_start
rl_zone_start:

/* Pushes words of the frame that RAX points to, by their offsets. */
	.macro	COPY_FRAME offsets:vararg
	.irp	offset, \offsets
	pushq	\offset(%rax)
	.endr
	.endm

/*
 * From ring 3 with a frame at RSP, elsewhere: the kernel's GS base, and the
 * frame at the top of the task's stack. Destroys RAX.
 */
	.macro	KERNEL_STACK offsets:vararg
	rdgsbase %rax
	movq	%rax, SHARED(USER_GS)
	movq	SHARED(KERNEL_GS), %rax
	wrgsbase %rax
	movq	%rsp, %rax
	movq	SHARED(SP0), %rsp
	COPY_FRAME \offsets
	.endm

/*J: guest.system-call
 * A user program's SYSCALL lands in ring 0, in a stub of the switcher, which
 * sends it on to ring 1: here. Nothing of the host ran but those few
 * instructions. The processor saved RIP in RCX and RFLAGS in R11 and touched
 * no stack, so the stub below does what Linux's own first lines do: GS base,
 * stack, the five words of a frame. There is no SWAPGS in ring 1; reading and
 * writing the base with RDGSBASE and WRGSBASE is the same thing, with the
 * user's value parked in the shared page.
 :*/
	.balign	64
	.globl	rl_syscall_entry
/* RCX = user RIP, R11 = user RFLAGS, RSP and GS base the user's */
rl_syscall_entry:
	movb	$0, VIF
	/* RSP is saved first and then is the one register that is free. */
	movq	%rsp, SAVED_RSP
	rdgsbase %rsp
	movq	%rsp, SHARED(USER_GS)
	movq	SHARED(KERNEL_GS), %rsp
	wrgsbase %rsp
	/* Under XENPV sp0 is the top of the running task's stack. */
	movq	SHARED(SP0), %rsp
	pushq	$__USER_DS
	pushq	SAVED_RSP
	pushq	%r11
	pushq	$__USER_CS
	pushq	%rcx
	jmp	entry_SYSCALL_64_after_hwframe

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
	movq	%rax, SAVED_RAX
	popq	%rax
	movq	rl_trap_target(, %rax, 8), %rax
	movq	%rax, TARGET
	/* Bit 1 of the saved RPL tells ring 3 from ring 1. */
	testb	$2, FRAME_CS(%rsp)
	jz	gate_from_kernel

	KERNEL_STACK 32, 24, 16, 8, 0
	jmp	gate_flags

gate_from_kernel:
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
	movb	$0, VIF
	movq	%rax, SAVED_RAX
	KERNEL_STACK 40, 32, 24, 16, 8, 0
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
	je	rl_restart_start
	/* An interrupt may be taken at the end, and its handler may be gone for
	   long: not on this page. The other scratch words may be in use. */
	movq	%rax, rl_shared + RL_SHARED_SCRATCH + 16(%rip)
	movq	%rsp, %rax
	movq	24(%rax), %rsp
	andq	$-16, %rsp
	COPY_FRAME 32, 24, 16, 8, 0
	movq	rl_shared + RL_SHARED_SCRATCH + 16(%rip), %rax
	jmp	rl_restart_start

/*J: guest.iret
 * Every return from an exception, an interrupt or a system call ends here: two
 * places in the stock kernel are patched to jump to this label. Ring 1 may
 * execute IRETQ, but two things must go with it that one instruction cannot
 * do: the virtual interrupt flag becomes what the frame says, and an interrupt
 * that was waiting for it must not be forgotten. So the flag is set first,
 * then `pending` is looked at, then comes IRETQ, and when an interrupt slips
 * in between, the host moves RIP back to the look. If something really
 * waits, the frame that was to be returned by becomes that of an interrupt, and
 * its handler is next: no world is switched for it.
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
	jmp	rl_restart_start

iret_to_user:
	movq	%rax, SAVED_RAX
	movq	SHARED(USER_GS), %rax
	wrgsbase %rax
	movq	SAVED_RAX, %rax
	/* User programs run with interrupts on, always. */
	movb	$1, VIF

	/*
	 * From here on the frame, GS and vif are final, so the host may start
	 * over at rl_restart_start. vif and pending in one comparison: an
	 * interrupt that waits for a flag that stays off is no business of ours.
	 */
	.globl	rl_restart_start
rl_restart_start:
	cmpw	$0x0101, VIF
	je	iret_pending
	/* The last instruction before rl_restart_end: a fault here is, for the
	 * host, a fault of the frame that RSP points to. */
	iretq
	.globl	rl_restart_end
rl_restart_end:

iret_pending:
	/* As if the interrupt came right behind the iretq. */
	movb	$0, VIF
	movq	%rax, SAVED_RAX
	testb	$2, FRAME_CS(%rsp)
	jz	1f
	movq	SHARED(KERNEL_GS), %rax
	wrgsbase %rax
	jmp	take_interrupt
1:	movq	$__KERNEL_CS, FRAME_CS(%rsp)
	movq	$__KERNEL_DS, FRAME_SS(%rsp)

/* RSP -> frame as the kernel wants it, RAX saved, vif off, the kernel's GS. */
take_interrupt:
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
	jz	take_interrupt
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
	jmp	take_interrupt

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

	.globl	rl_zone_end
rl_zone_end:

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
