/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The switcher: the only code of ringlet that runs at CPL 0 with a guest's
 * page tables. It is two pages of position-independent text, mapped into each
 * pCPU's window, in the host's tables and in the guest's alike.
 *
 * It is data for the module (section .rodata) and runs only where the window
 * maps it. Everything is reached relative to RIP, so one copy serves all
 * windows: "the page 0x2000 behind my first byte" is another page on each pCPU.
 *
 * Stack frame, from the address in RSP when `leave` is reached (layout.h):
 *
 *	  0  r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi
 *	120  vector		by the stub
 *	128  error code		by the processor, or 0 by the stub
 *	136  rip cs rflags rsp ss	by the processor
 *	176  = STACK_END, which is RSP0 of the guest's TSS
 *
 * Register contract: `switcher_enter` is a C function without arguments that
 * keeps the callee-saved registers. The stubs have no free register at all
 * until they saved one. Interrupts are off in every instruction of this file;
 * an NMI, a #MC, or a #DB that MOV SS delayed can come at each of them, and
 * `ist_*` below tell what happens then.
 *
 * Start reading at switcher_enter.
 */
#include "../abi/guest.h"
#include "layout.h"

#define MSR_PRED_CMD	0x49
#define RETURN_STACK	32	/* entries of the largest return stack */

/* Error code of a page fault. */
#define FAULT_P		1
#define FAULT_U		4
#define FAULT_RSVD	8

	.section .rodata.switcher, "a", @progbits
	.balign 4096
	.globl	switcher_text, switcher_text_end, switcher_enter
	.globl	switcher_syscall, switcher_syscall32, switcher_verw

/* A field of one of the window's pages, relative to RIP. */
#define SHARED(off)	(switcher_text + WINDOW_SHARED + (off))(%rip)
#define HOST(off)	(switcher_text + WINDOW_HOST + (off))(%rip)
#define STACK(off)	(switcher_text + WINDOW_STACK + (off))(%rip)
#define FRAME(off)	STACK(STACK_FRAME + (off))
/* A byte of the page that guest and host share (abi/guest.h). */
#define GUEST(off)	(switcher_text + WINDOW_GUEST + (off))(%rip)

/*J: switcher.stubs
 * An interrupt gate names an address and nothing else: the handler is not told
 * which vector it serves. So each vector has a stub of its own that pushes the
 * number. Sixteen bytes each, 256 of them: exactly the first page of text, and
 * the address of a gate is arithmetic.
 *
 * For ten exceptions the processor pushes an error code. Where it does not, the
 * stub pushes a zero, so that the frame always has the same shape.
 :*/
switcher_text:
	.set	vector, 0
	.rept	256
	.balign	WINDOW_STUB_SIZE
	.if	vector == 1
	jmp	ist_debug
	.elseif	vector == 2
	jmp	ist_nmi
	.elseif	vector == 8
	jmp	ist_double_fault
	.elseif	vector == 18
	jmp	ist_machine_check
	.elseif	vector == 14
stub_page_fault:
	pushq	%rax
stub_page_fault_jump:
	jmp	page_fault
	.else
	.if	!(vector == 10 || vector == 11 || vector == 12 || \
		  vector == 13 || vector == 17 || \
		  vector == 21 || vector == 29 || vector == 30)
	pushq	$0
	.endif
	pushq	$vector
	jmp	exit_guest
	.endif
	.set	vector, vector + 1
	.endr
	.balign	4096

/*J: switcher.enter
 * Entering a guest is a matter of order. While the host's page tables are
 * loaded, everything that must not be seen by the guest is put away in a page
 * that only the host maps. Then one instruction, the load of CR3, changes the
 * world: the very same addresses in GDTR, IDTR and TR now show the guest's
 * tables. From there to the iretq there is nothing of the host left in memory,
 * and only the guest's registers have to be loaded.
 :*/

/*
 * void switcher_enter(void)
 *
 * Runs the guest whose pages this pCPU's window maps, until it exits. On
 * entry: host's CR3, interrupts off, window_host.{cr4,guest_cr4,guest_cr3},
 * window_shared.host_cr3 and the frame filled in. On return: frame.vector
 * tells why, the flags are those of a fresh C function, host's CR3 and CR4, and
 * no register holds what the guest put there.
 * DS, ES, FS, GS selectors are 0 before and after.
 */
switcher_enter:
	/* C comes by a pointer, and the host's CET may want a mark there. From the
	   CR4 write below to the one of leave_bases CET is off, and neither one
	   finds it in the middle of a jump. */
	endbr64
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, HOST(HOST_RSP)
	rdfsbase %rax
	movq	%rax, HOST(HOST_FS_BASE)
	rdgsbase %rax
	movq	%rax, HOST(HOST_GS_BASE)
	/* Without PGE no global entry of the host survives this write; ring 1
	   is supervisor and could read through one. */
	movq	HOST(HOST_GUEST_CR4), %rax
	movq	%rax, %cr4
	movq	HOST(HOST_GUEST_CR3), %rax
	leaq	STACK(STACK_FRAME), %rsp
	movq	%rax, %cr3
enter_begin:
	/* An NMI from here to the iretq gives the entry up (ist_nmi). */
	cmpq	$0, SHARED(SHARED_EXTRAS)
	jne	enter_extras
enter_segments:
	cmpq	$0, STACK(STACK_SELECTORS)
	jne	enter_selectors
enter_bases:
	/* After the selectors, because loading one overwrites its base. */
	movq	STACK(STACK_FS_BASE), %rax
	wrfsbase %rax
	movq	STACK(STACK_GS_BASE), %rax
	wrgsbase %rax
	popq	%r15
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
	addq	$16, %rsp		/* vector and error code */
	/* Where the processor keeps data in buffers, ring 1 must not sample what
	   the host left there. The last act, so that nothing of the host's comes
	   behind it: the iretq reads the guest's own frame. Seven bytes that are
	   one NOP on other processors (window_init). */
switcher_verw:
	verw	verw_selector(%rip)
	.org	switcher_verw + 7, 0x90
	iretq
verw_selector:
	.word	RL_SWITCHER_SS
enter_selectors:
	/* A selector that the guest made invalid faults here, at CPL 0: the
	   guest is killed (exit_from_window). */
	movw	STACK(STACK_SELECTORS + 0), %ds
	movw	STACK(STACK_SELECTORS + 2), %es
	movw	STACK(STACK_SELECTORS + 4), %fs
	movw	STACK(STACK_SELECTORS + 6), %gs
	jmp	enter_bases
enter_extras:
	/* One of the two may be 0, which loads nothing. LLDT finds its descriptor in
	   the guest's GDT: that is what GDTR shows by now. */
	movl	SHARED(SHARED_DR7), %eax
	movq	%rax, %dr7
	lldt	SHARED(SHARED_LDT)
	jmp	enter_segments
enter_end:

/*
 * The guest's breakpoints may lie anywhere but in its two forbidden slots: at
 * an address of the host kernel's, for one. So they are on only while the
 * guest's CR3 is loaded. Where its LDT is, the host has nothing, and no LDT: so LDTR
 * is 0 before the host's CR3 is loaded. Destroys RAX and the flags.
 */
	.macro	extras_off
	cmpq	$0, SHARED(SHARED_EXTRAS)
	je	1f
	xorl	%eax, %eax
	movq	%rax, %dr7
	lldt	%ax
1:
	.endm

/*J: switcher.exit
 * On the way out the processor has already done the hard part: it found RSP0
 * in the guest's TSS, pushed where the guest was, and jumped to a stub, all by
 * tables that ring 1 cannot write. What is left is to complete the frame, load
 * the host's CR3, which is the only thing of the host that the guest may see,
 * and put back what C expects.
 :*/
exit_guest:
	testb	$3, FRAME_CS - FRAME_VECTOR(%rsp)
	jz	exit_from_window
exit_framed:
	pushq	%rdi
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
	/* A gate keeps AC and DF as the guest had them. AC would switch the
	   host's SMAP off, DF break its string instructions. */
	pushq	$2
	popfq
	extras_off
	movq	%cr3, %rbx
	movq	SHARED(SHARED_HOST_CR3), %rax
	movq	%rax, %cr3
	/* The host's world: an NMI is the host's business again. It finds
	   the guest's GS base, and copes as it does for a user's. */
	movq	%rbx, HOST(HOST_EXIT_CR3)
	rdfsbase %rax
	movq	%rax, STACK(STACK_FS_BASE)
	rdgsbase %rax
	movq	%rax, STACK(STACK_GS_BASE)
	movw	%ds, STACK(STACK_SELECTORS + 0)
	movw	%es, STACK(STACK_SELECTORS + 2)
	movw	%fs, STACK(STACK_SELECTORS + 4)
	movw	%gs, STACK(STACK_SELECTORS + 6)
leave:
	cmpq	$0, STACK(STACK_SELECTORS)
	jne	leave_selectors
leave_bases:
	movq	HOST(HOST_FS_BASE), %rax
	wrfsbase %rax
	movq	HOST(HOST_GS_BASE), %rax
	wrgsbase %rax
	movq	HOST(HOST_CR4), %rax
	movq	%rax, %cr4
	/* A gate leaves SS NULL; the host's kernel is used to a selector. */
	movl	$RL_SWITCHER_SS, %eax
	movw	%ax, %ss
	cmpq	$0, HOST(HOST_IBPB)
	jne	leave_ibpb
leave_stack:
	movq	HOST(HOST_RSP), %rsp
	/* The guest's calls may have left predictions for the returns to come,
	   and the host's thunks help none of them: 32 harmless ones instead, as
	   many as any processor remembers. No return may stand before this. */
	.rept	RETURN_STACK
	call	1f
	int3
1:
	.endr
	addq	$(8 * RETURN_STACK), %rsp
	lfence
	/* No register of the guest's is left for a gadget of the host's. */
	.irp	r, eax, ecx, edx, esi, edi, r8d, r9d, r10d, r11d
	xorl	%\r, %\r
	.endr
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	int3
leave_ibpb:
	/* Nothing that the guest taught the predictors outlives this. Some
	   processors keep the return stack, so it comes before leave_stack. */
	movl	$MSR_PRED_CMD, %ecx
	movl	$1, %eax
	xorl	%edx, %edx
	wrmsr
	jmp	leave_stack
leave_selectors:
	/* NULL selectors need no descriptor table. */
	xorl	%eax, %eax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %fs
	movw	%ax, %gs
	jmp	leave_bases

/*
 * An exception at CPL 0 in the window: the iretq or a selector load of the
 * entry met a descriptor that is no longer what it was. The frame's registers
 * are partly overwritten, which does not matter: the host ends this guest.
 * Stack: vector, error code, rip, ...
 */
exit_from_window:
	popq	FRAME(FRAME_VECTOR)
	popq	FRAME(FRAME_ERROR)
	popq	STACK(STACK_FAULT_RIP)
	orq	$VECTOR_IN_WINDOW, FRAME(FRAME_VECTOR)
leave_entry:
	/* The guest's segment state was not reached, or does not matter: go
	   back without reading it. Free registers: all. */
	extras_off
	movq	%cr3, %rbx
	movq	SHARED(SHARED_HOST_CR3), %rax
	movq	%rax, %cr3
	movq	%rbx, HOST(HOST_EXIT_CR3)
	pushq	$2
	popfq
	jmp	leave_selectors

/*J: switcher.page-fault
 * Half of the page faults of programs are news for the guest kernel alone: the
 * first touch of memory that is not there yet, the first write after a fork.
 * Where the shadow has looked and the guest had no entry, it has one with a
 * reserved bit, and the error code says so. Such a fault, and one where an entry
 * forbids what the program does, goes to ring 1 from here, like a system call.
 *
 * Two registers of each virtio device are served in ring 1, too: every interrupt
 * of a device reads one and writes the other.
 *
 * The shadow may be wrong: a kernel need not flush when an entry appears or
 * gives more rights. Then the guest kernel finds nothing to do and the program
 * tries again. So the page is noted, and a second fault there goes to the host.
 * That note may lie where ring 1 can write: who forges it loops in his own time.
 *
 * The frame that the processor pushed stays as it is, and RAX is kept below
 * it: so an NMI can at any point forget what was done here.
 :*/
page_fault:
	/* Stack: RAX (where the vector belongs), error code, rip, cs, ... */
	testb	$3, 24(%rsp)
	jz	page_fault_exit
page_fault_of_guest:
	cmpq	$0, SHARED(SHARED_FAULT_ENTRY)
	je	page_fault_exit
	movl	8(%rsp), %eax
	testb	$FAULT_U, %al
	jz	page_fault_kernel
	/* Processors set P with RSVD, emulators not always. */
	testb	$(FAULT_P | FAULT_RSVD), %al
	jz	page_fault_exit
	movq	%cr2, %rax
	shrq	$12, %rax
	cmpq	%rax, STACK(STACK_LAST_FAULT)
	je	page_fault_exit
	movq	%rax, STACK(STACK_LAST_FAULT)
page_fault_pass:
	movq	%cr2, %rax
	movq	%rax, GUEST(RL_SHARED_CR2)
	movl	8(%rsp), %eax
	testb	$FAULT_RSVD, %al
	jz	1f
	andl	$~(FAULT_P | FAULT_RSVD), %eax
1:	movq	%rax, GUEST(RL_SHARED_FAULT_FRAME)
	.irp	word, 1, 2, 3, 4, 5
	movq	8 + 8 * \word(%rsp), %rax
	movq	%rax, GUEST(RL_SHARED_FAULT_FRAME + 8 * \word)
	.endr
	movq	(%rsp), %rax
	leaq	STACK(STACK_BOUNCE), %rsp
	pushq	$RL_KERNEL_SS
	pushq	SHARED(SHARED_FAULT_RSP)
	pushq	$0x202
	pushq	$RL_KERNEL_CS
	pushq	SHARED(SHARED_FAULT_ENTRY)
	iretq
page_fault_kernel:
	/* A reserved bit in the kernel's half is a device's registers. */
	testb	$FAULT_RSVD, %al
	jz	page_fault_exit
	movq	%cr2, %rax
	testq	%rax, %rax
	jns	page_fault_exit
	andl	$RL_STATUS_MASK, %eax
	cmpl	$RL_STATUS_OFFSET, %eax
	je	page_fault_pass
page_fault_exit:
	popq	%rax
	pushq	$14
	jmp	exit_guest

/*J: switcher.syscall
 * SYSCALL goes to CPL 0 whatever the guest does, so it lands here; but it need
 * not stay. RCX holds the return address: the upper half of the address space
 * is the kernel's, so its sign says who called. A program's system call is
 * bounced to the guest kernel's entry point in ring 1 with an iretq, in eleven
 * instructions and without leaving the guest's page tables. All else that a
 * system call does is the guest's own.
 *
 * The constants are pushed each time. A frame prepared on this stack would be
 * cheaper, but ring 1 can write here, and a CS of 0x10 in it would be the keys
 * to the machine.
 :*/
switcher_syscall:
	movq	%rsp, STACK(STACK_SCRATCH_RSP)
	testq	%rcx, %rcx
	js	hypercall
	leaq	STACK(STACK_BOUNCE), %rsp
	pushq	$RL_KERNEL_SS
	pushq	STACK(STACK_SCRATCH_RSP)
	pushq	$0x202			/* IF and the bit that is always 1 */
	pushq	$RL_KERNEL_CS
	pushq	SHARED(SHARED_SYSCALL_ENTRY)
	iretq

hypercall:
	leaq	STACK(STACK_END), %rsp
	pushq	$RL_KERNEL_SS
	pushq	STACK(STACK_SCRATCH_RSP)
	pushq	%r11
	pushq	$RL_KERNEL_CS
	pushq	%rcx
syscall_framed:
	/* The frame holds the caller's state: RCX and R11 are free, and an NMI
	   from here to the end makes the caller repeat its SYSCALL. */
	pushq	$0
	pushq	$VECTOR_HYPERCALL
	testl	%eax, %eax
	jnz	exit_framed

/*J: switcher.cr3
 * Switching between processes is the one hypercall so frequent that it is
 * served here. With PCIDs on offer Linux itself remembers six address spaces
 * and says by bit 63 of CR3 when nothing changed in one since it was last
 * loaded. Then the shadow root is still right, and the switch is one look into
 * a table that only the host writes. Its number is 0 and its result is 0, so
 * RAX never changes: repeating it after an NMI is harmless at any point.
 :*/
	testq	%rdi, %rdi		/* RL_HC_SET_CR3, bit 63: NOFLUSH? */
	jns	exit_framed
	movl	%edi, %ecx
	andl	$(SHARED_ROOT_COUNT - 1), %ecx
	shll	$4, %ecx		/* sizeof(struct window_root) */
	leaq	SHARED(SHARED_ROOTS), %r11
	addq	%rcx, %r11
	movq	%rdi, %rcx
	btrq	$63, %rcx
	cmpq	(%r11), %rcx
	jne	exit_framed
	movq	8(%r11), %r11
	movq	%r11, %cr3
	addq	$16, %rsp
	iretq
syscall_end:

/*
 * SYSCALL in compatibility mode: not offered to guests (their CPUID says so),
 * but some processors execute it. The host raises #UD.
 */
switcher_syscall32:
	movq	%rsp, STACK(STACK_SCRATCH_RSP)
	leaq	STACK(STACK_END), %rsp
	pushq	$RL_USER_DS
	pushq	STACK(STACK_SCRATCH_RSP)
	pushq	%r11
	pushq	$RL_USER32_CS
	pushq	%rcx
	pushq	$0
	pushq	$VECTOR_SYSCALL32
	jmp	exit_framed
syscall32_end:

/*J: switcher.nmi
 * An NMI asks nobody. Where the host's CR3 is loaded it never comes here, because
 * the address in IDTR then shows the host's own table. Where it is the guest's, four
 * cases cover every instruction:
 *
 * In the guest, the NMI is one more exit. On the way in, the entry is given up:
 * the frame in memory is untouched, so the host can simply try again later. In
 * the stubs that go back to the guest by themselves, of SYSCALL and of page
 * faults, the caller is put back before its instruction, as if the NMI had come a
 * moment earlier. On the way out, a note is left for the host, which is being
 * returned to anyway.
 *
 * None of these paths executes an iret: that would let a second NMI in before
 * the host has handled the first.
 *
 * IST stack: rip cs rflags rsp ss. No register is free.
 :*/
	/* Jumps by where the interrupted RIP is, compared with a label. */
	.macro	rip_against label, jump, to
	leaq	\label(%rip), %rax
	cmpq	%rax, 8(%rsp)
	\jump	\to
	.endm

	.macro	ist_entry vec, bit, jump
14:
	testb	$3, 8(%rsp)
	jz	1f
	popq	FRAME(FRAME_RIP)
	popq	FRAME(FRAME_CS)
	popq	FRAME(FRAME_RFLAGS)
	popq	FRAME(FRAME_RSP)
	popq	FRAME(FRAME_SS)
	movq	$0, FRAME(FRAME_ERROR)
	movq	$\vec, FRAME(FRAME_VECTOR)
	leaq	STACK(STACK_FRAME + FRAME_VECTOR), %rsp
	jmp	exit_framed
1:
	pushq	%rax
	rip_against stub_page_fault, je, 10f
	rip_against stub_page_fault_jump, je, 11f
	rip_against enter_begin, jb, 5f
	rip_against enter_end, jb, 2f
	rip_against page_fault, jb, 5f
	rip_against page_fault_of_guest, jb, 11f
	rip_against page_fault_exit, jb, 12f
	rip_against switcher_syscall, jb, 5f
	je	3f
	rip_against syscall_framed, jb, 4f
	rip_against syscall_end, jb, 6f
	rip_against switcher_syscall32, je, 7f
	rip_against ist_debug, jb, 5f
	rip_against ist_debug_guest, jb, 13f
	jmp	5f

2:	/* On the way in: nothing of the guest's is in the registers. */
	movq	$(\vec | VECTOR_ON_ENTRY), FRAME(FRAME_VECTOR)
	jmp	leave_entry

3:	/* First instruction of the stub: the caller's RSP is still in RSP. */
	movq	32(%rsp), %rax
	movq	%rax, STACK(STACK_SCRATCH_RSP)
4:	/* In the stub, RCX and R11 still the caller's. */
	movq	$RL_USER_CS, FRAME(FRAME_CS)
	movq	$RL_USER_DS, FRAME(FRAME_SS)
	testq	%rcx, %rcx
	jns	8f
	movq	$RL_KERNEL_CS, FRAME(FRAME_CS)
	movq	$RL_KERNEL_SS, FRAME(FRAME_SS)
8:
	leaq	-2(%rcx), %rax
	movq	%rax, FRAME(FRAME_RIP)
	movq	%r11, FRAME(FRAME_RFLAGS)
	movq	STACK(STACK_SCRATCH_RSP), %rax
	movq	%rax, FRAME(FRAME_RSP)
	jmp	9f

6:	/* In the hypercall: the frame is there, RIP behind the SYSCALL. */
	subq	$2, FRAME(FRAME_RIP)
9:
	popq	%rax
	movq	$0, FRAME(FRAME_ERROR)
	movq	$\vec, FRAME(FRAME_VECTOR)
	leaq	STACK(STACK_FRAME + FRAME_VECTOR), %rsp
	jmp	exit_framed

7:	/* First instruction of the compatibility stub. */
	movq	$RL_USER32_CS, FRAME(FRAME_CS)
	movq	$RL_USER_DS, FRAME(FRAME_SS)
	movq	32(%rsp), %rax
	movq	%rax, STACK(STACK_SCRATCH_RSP)
	jmp	8b

10:	/* First instruction of the page fault stub. RSP tells whether the
	   fault was the guest's: at CPL 0 it would be another. */
	leaq	FRAME(FRAME_ERROR), %rax
	cmpq	%rax, 32(%rsp)
	je	9b
	jmp	5f
11:	/* Behind it, before a look at where it came from. */
	leaq	FRAME(FRAME_VECTOR), %rax
	cmpq	%rax, 32(%rsp)
	jne	5f
12:	/* It was the guest's. */
	movq	FRAME(FRAME_VECTOR), %rax
	movq	%rax, (%rsp)
	jmp	9b

13:	/* In the #DB stub, before it dropped a #DB of CPL 0. Its iretq would end
	   the blocking of NMIs, and the stub below it may go back to the guest
	   and leave the note lying. The #DB is forgotten: what it interrupted
	   is what was interrupted. One of the guest's is on its way out. */
	testb	$3, STACK(STACK_IST_DB - 32)
	jnz	5f
	popq	%rax
	leaq	STACK(STACK_IST_DB - 40), %rsp
	jmp	14b

5:	/* On the way out. The note goes into the page that the guest does not
	   have, so that it cannot be forged; then on, without an iret. */
	pushq	%rbx
	movq	%cr3, %rbx
	movq	SHARED(SHARED_HOST_CR3), %rax
	movq	%rax, %cr3
	orq	$\bit, HOST(HOST_PENDING)
	movq	%rbx, %cr3
	popq	%rbx
	popq	%rax
	popq	STACK(\jump)
	leaq	8(%rsp), %rsp		/* CS: ours */
	popfq
	popq	%rsp
	jmpq	*STACK(\jump)
	int3
	.endm

ist_nmi:
	ist_entry 2, PENDING_NMI, STACK_JUMP_NMI

ist_machine_check:
	ist_entry 18, PENDING_MC, STACK_JUMP_MC

/*
 * #DB in ring 1 or 3 is an exit. At CPL 0 it can only be a breakpoint that MOV
 * SS held back until the stub's first instruction: drop it (no breakpoint can
 * lie in the window, and gates and SYSCALL clear TF).
 */
ist_debug:
	testb	$3, 8(%rsp)
	jnz	ist_debug_guest
	iretq
ist_debug_guest:
	popq	FRAME(FRAME_RIP)
	popq	FRAME(FRAME_CS)
	popq	FRAME(FRAME_RFLAGS)
	popq	FRAME(FRAME_RSP)
	popq	FRAME(FRAME_SS)
	movq	$0, FRAME(FRAME_ERROR)
	movq	$1, FRAME(FRAME_VECTOR)
	leaq	STACK(STACK_FRAME + FRAME_VECTOR), %rsp
	jmp	exit_framed

/*
 * #DF: either the window itself is broken, or the guest had a #DE whose direct
 * gate met a stack that is not canonical (two contributory exceptions, SDM
 * volume 3, table 6-5). Both end the guest. IST stack: error, rip, ...
 */
ist_double_fault:
	popq	FRAME(FRAME_ERROR)
	popq	STACK(STACK_FAULT_RIP)
	movq	$(8 | VECTOR_IN_WINDOW), FRAME(FRAME_VECTOR)
	jmp	leave_entry

	/* An error here means that the text has outgrown its pages. */
	.org	switcher_text + WINDOW_TEXT_SIZE
switcher_text_end:
	.section .note.GNU-stack, "", @progbits
