/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the switcher's assembly and the host module agree on: the pages of a
 * window, and what lies at which byte of them.
 *
 * Ownership: the text pages belong to the module. Pages SHARED, HOST and
 * STACK belong to a vCPU and are mapped into the window of the pCPU where it
 * is loaded. The assembly uses the numbers, C the structures; the asserts
 * below tie the two together.
 */
#ifndef RINGLET_SWITCHER_LAYOUT_H
#define RINGLET_SWITCHER_LAYOUT_H

/* Pages of one window, as byte offsets from its start. */
#define WINDOW_TEXT		0x0000	/* two pages: stubs, then code */
#define WINDOW_SHARED		0x2000	/* guest: read only */
#define WINDOW_HOST		0x3000	/* guest: not mapped */
#define WINDOW_GUARD		0x4000	/* not mapped */
#define WINDOW_STACK		0x5000	/* guest: read and write */
#define WINDOW_GUEST		0x7000	/* guest: read and write; host: not mapped */
#define WINDOW_SIZE		0x8000
#define WINDOW_TEXT_SIZE	0x2000
#define WINDOW_STUB_SIZE	16	/* bytes of text for each vector */

/*
 * Where a guest's LDT lies, as a byte offset from the first window: behind the last one,
 * and at the same place for all pCPUs, because no guest sees more than one window. Guest:
 * read only; host: not mapped.
 */
#define WINDOW_LDT		0x40000000

/* Offsets in struct window_shared. */
#define SHARED_HOST_CR3		0
#define SHARED_SYSCALL_ENTRY	8
#define SHARED_ROOTS		16
#define SHARED_ROOT_COUNT	8	/* a power of two: index = PCID & 7 */
/* window_root.key of an empty place: the stub compares with bit 63 clear, so
   no value of the guest's ever equals it. */
#define SHARED_ROOT_NONE	(1ULL << 63)

#define SHARED_EXTRAS		(SHARED_ROOTS + 16 * SHARED_ROOT_COUNT)
#define SHARED_DR7		SHARED_EXTRAS
#define SHARED_LDT		(SHARED_EXTRAS + 4)
#define SHARED_FAULT_ENTRY	(SHARED_EXTRAS + 8)
#define SHARED_FAULT_RSP	(SHARED_EXTRAS + 16)

/* Offsets in struct window_host. */
#define HOST_RSP		0
#define HOST_CR4		8
#define HOST_GUEST_CR4		16
#define HOST_GUEST_CR3		24
#define HOST_EXIT_CR3		32
#define HOST_FS_BASE		40
#define HOST_GS_BASE		48
#define HOST_PENDING		56
#define HOST_IBPB		64

/* Bits of window_host.pending. */
#define PENDING_NMI		1
#define PENDING_MC		2

/* Offsets in struct window_stack, and the tops of its stacks. */
#define STACK_SCRATCH_RSP	0
#define STACK_JUMP_NMI		8
#define STACK_JUMP_MC		16
#define STACK_FAULT_RIP		24
#define STACK_FS_BASE		32
#define STACK_GS_BASE		40
#define STACK_SELECTORS		48
#define STACK_LAST_FAULT	56
#define STACK_IST_MC		0x600
#define STACK_IST_DF		0x800
#define STACK_IST_DB		0xa00
#define STACK_IST_NMI		0xc00
#define STACK_BOUNCE		0xd00
#define STACK_END		0x1000

/* The register frame ends at STACK_END. Offsets from the frame's start. */
#define FRAME_RAX		80
#define FRAME_VECTOR		120
#define FRAME_ERROR		128
#define FRAME_RIP		136
#define FRAME_CS		144
#define FRAME_RFLAGS		152
#define FRAME_RSP		160
#define FRAME_SS		168
#define FRAME_BYTES		176
#define STACK_FRAME		(STACK_END - FRAME_BYTES)

/* frame.vector beyond the 256 of the processor. */
#define VECTOR_HYPERCALL	256
#define VECTOR_SYSCALL32	257	/* SYSCALL in compatibility mode */
#define VECTOR_IN_WINDOW	0x1000	/* flag: a fault at CPL 0 in the window */
#define VECTOR_ON_ENTRY		0x2000	/* flag: the guest was not reached */

/*
 * InterruptStatus and InterruptACK of virtio-mmio (virtio 1.2, 4.2.2): the two
 * registers that ring 1 serves itself. GVA & MASK == OFFSET.
 */
#define RL_STATUS_OFFSET	0x60
#define RL_STATUS_MASK		0xff8

/* IST numbers of the guest's TSS. */
#define IST_NMI			1
#define IST_DB			2
#define IST_DF			3
#define IST_MC			4

#ifndef __ASSEMBLY__
#include <linux/types.h>

/*
 * A root that the system call stub may switch to by itself: when ring 1 asks
 * for the CR3 value `key` (NOFLUSH bit removed), load `cr3`.
 */
struct window_root {
	__u64 key;
	__u64 cr3;		/* HPA of a shadow root */
};

/* Page SHARED: what the stubs must read while the guest's CR3 is loaded. */
struct window_shared {
	__u64 host_cr3;
	__u64 syscall_entry;	/* GVA in ring 1 */
	struct window_root roots[SHARED_ROOT_COUNT];
	union {
		__u64 extras;	/* both at once, mostly 0 */
		struct {
			__u32 dr7;	/* the guest's; 0: no breakpoint is on */
			__u16 ldt;	/* RL_LDT_SELECTOR; 0: there is none */
		};
	};
	__u64 fault_entry, fault_rsp;	/* GVAs in ring 1; 0: none */
};

/* Page HOST: written and read under the host's CR3 only. */
struct window_host {
	__u64 rsp;
	__u64 cr4;
	__u64 guest_cr4;
	__u64 guest_cr3;	/* HPA of the shadow root to enter with */
	__u64 exit_cr3;		/* the one that was loaded at the exit */
	__u64 fs_base;
	__u64 gs_base;
	__u64 pending;		/* PENDING_*: arrived on the way out */
	__u64 ibpb;		/* not 0: flush the predictors at the exit */
};

/* The guest's registers as the processor and the stubs push them. */
struct window_frame {
	__u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	__u64 rax, rcx, rdx, rsi, rdi;
	__u64 vector, error;
	__u64 rip, cs, rflags, rsp, ss;
};

/* Page STACK. The guest kernel can write it, but not while it matters. */
struct window_stack {
	__u64 scratch_rsp;	/* SYSCALL: the caller's RSP */
	__u64 jump_nmi, jump_mc; /* where an interrupted way out goes on */
	__u64 fault_rip;	/* VECTOR_IN_WINDOW: where */
	__u64 fs_base, gs_base;	/* the guest's */
	union {
		__u64 selectors;	/* all four at once, mostly 0 */
		struct {
			__u16 ds, es, fs, gs;
		};
	};
	__u64 last_fault;	/* page that a fault was passed on for */
	__u8 stacks[STACK_FRAME - STACK_LAST_FAULT - 8];
	struct window_frame frame;
};

#define RL_ASSERT_OFFSET(type, member, value) \
	_Static_assert(__builtin_offsetof(struct type, member) == (value), \
		       #type "." #member)

RL_ASSERT_OFFSET(window_shared, host_cr3, SHARED_HOST_CR3);
RL_ASSERT_OFFSET(window_shared, syscall_entry, SHARED_SYSCALL_ENTRY);
RL_ASSERT_OFFSET(window_shared, roots, SHARED_ROOTS);
RL_ASSERT_OFFSET(window_shared, extras, SHARED_EXTRAS);
RL_ASSERT_OFFSET(window_shared, dr7, SHARED_DR7);
RL_ASSERT_OFFSET(window_shared, ldt, SHARED_LDT);
RL_ASSERT_OFFSET(window_shared, fault_entry, SHARED_FAULT_ENTRY);
RL_ASSERT_OFFSET(window_shared, fault_rsp, SHARED_FAULT_RSP);
RL_ASSERT_OFFSET(window_host, rsp, HOST_RSP);
RL_ASSERT_OFFSET(window_host, cr4, HOST_CR4);
RL_ASSERT_OFFSET(window_host, guest_cr4, HOST_GUEST_CR4);
RL_ASSERT_OFFSET(window_host, guest_cr3, HOST_GUEST_CR3);
RL_ASSERT_OFFSET(window_host, exit_cr3, HOST_EXIT_CR3);
RL_ASSERT_OFFSET(window_host, fs_base, HOST_FS_BASE);
RL_ASSERT_OFFSET(window_host, gs_base, HOST_GS_BASE);
RL_ASSERT_OFFSET(window_host, pending, HOST_PENDING);
RL_ASSERT_OFFSET(window_host, ibpb, HOST_IBPB);
RL_ASSERT_OFFSET(window_stack, scratch_rsp, STACK_SCRATCH_RSP);
RL_ASSERT_OFFSET(window_stack, jump_nmi, STACK_JUMP_NMI);
RL_ASSERT_OFFSET(window_stack, jump_mc, STACK_JUMP_MC);
RL_ASSERT_OFFSET(window_stack, fault_rip, STACK_FAULT_RIP);
RL_ASSERT_OFFSET(window_stack, fs_base, STACK_FS_BASE);
RL_ASSERT_OFFSET(window_stack, gs_base, STACK_GS_BASE);
RL_ASSERT_OFFSET(window_stack, selectors, STACK_SELECTORS);
RL_ASSERT_OFFSET(window_stack, last_fault, STACK_LAST_FAULT);
RL_ASSERT_OFFSET(window_stack, frame, STACK_FRAME);
RL_ASSERT_OFFSET(window_frame, rax, FRAME_RAX);
RL_ASSERT_OFFSET(window_frame, vector, FRAME_VECTOR);
RL_ASSERT_OFFSET(window_frame, rip, FRAME_RIP);
RL_ASSERT_OFFSET(window_frame, ss, FRAME_SS);
_Static_assert(sizeof(struct window_frame) == FRAME_BYTES, "frame");
_Static_assert(sizeof(struct window_stack) == STACK_END, "one page");
_Static_assert(sizeof(struct window_shared) <= 4096, "one page");
#endif /* __ASSEMBLY__ */
#endif
