/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between a guest kernel (ring 1) and the host module.
 *
 * Purpose: everything that a guest and the host must agree on, and nothing
 * else: selectors, the hypercall numbers, the page that both sides see, and
 * where the launcher puts the paravirt layer in guest memory.
 *
 * Rules: no side trusts a value that the other side may still write. The host
 * reads a field of the shared page once and checks the copy. This header
 * includes nothing but fixed-width types, so that host module, paravirt layer,
 * launcher, assembly and tests can all use it.
 */
#ifndef RINGLET_ABI_GUEST_H
#define RINGLET_ABI_GUEST_H

/*J: guest.contract
 * A ring 1 kernel is an ordinary kernel that has lost three things: it may
 * not touch control registers, it may not switch interrupts off, and it does
 * not own every address. The contract in this file gives them back. Control
 * registers become *hypercalls*; the interrupt flag becomes a byte in a page
 * that guest and host share; and two slots of the top-level page table (256
 * and 508) are the host's.
 :*/

#define RL_GUEST_ABI_VERSION	3

/*
 * Selectors of the guest's GDT. 0x10 and 0x18 have DPL 0 and belong to the
 * switcher; the guest kernel runs with RL_KERNEL_CS. The user selectors have
 * the values that SYSRET and Linux use. 0x60-0x70 are the guest's own (TLS).
 */
#define RL_SWITCHER_CS		0x10
#define RL_SWITCHER_SS		0x18
#define RL_USER32_CS		0x23
#define RL_USER_DS		0x2b
#define RL_USER_CS		0x33
#define RL_KERNEL_CS		0x09
#define RL_KERNEL_SS		0x01	/* NULL with RPL 1 */
#define RL_LDT_SELECTOR		0x50	/* of the LDT itself, where there is one */
#define RL_LDT_ENTRIES		8192	/* at most */
#define RL_TLS_FIRST		12	/* GDT indices 12..14 */
#define RL_TLS_COUNT		3

/*
 * A guest may describe segments of its own: data, or 32 and 16-bit code, for ring 3 or
 * for ring 1 (DPL 3 or 1; others are refused). So a 32-bit kernel runs in ring 1 beside
 * 64-bit code that serves it. The places are where i386 Linux has its own: TLS 6 to 8,
 * kernel and user 12 to 15; 9 is free there. RL_USER_CS is 6, which such a guest does
 * without, and the RL_HC_SET_TLS of the others are 12 to 14.
 */
#define RL_SEGMENTS		0xf3c0	/* bit n: GDT index n */

/*
 * RL_HC_SET_LDT makes a copy: what the guest does with its own table later has no effect.
 * System descriptors, conforming and 64-bit code are refused, and the whole table with them;
 * or are 0 where they are not present. All others get a DPL of 3 and the accessed bit, and
 * data that can be written the B of 32-bit stacks. After an error there is no LDT. Whatever
 * selector of an LDT is in DS, ES, FS or GS at the call must name a segment afterwards, or
 * the guest ends.
 */

/* Guest virtual addresses that the guest does not own (PGD slots). */
#define RL_WINDOW_SLOT		256	/* 0xffff800000000000: the switcher */
#define RL_ALIAS_SLOT		508	/* 0xfffffe0000000000: GDT, IDT, TSS */

/*
 * The paravirt layer's home. Linked at RL_LAYER_GVA, loaded at RL_LAYER_GPA
 * (GPA = GVA - RL_LAYER_GVA + RL_LAYER_GPA), mapped with 4 KB pages through
 * one page table page at RL_LAYER_PT_GPA, which the launcher hangs into entry
 * 0 of the guest's level2_fixmap_pgt. All of it lies below 1 MB, which the
 * e820 table marks as reserved and Linux always keeps in its direct map.
 */
#define RL_LAYER_GVA		0xffffffffc0000000
#define RL_LAYER_GPA		0x20000
#define RL_LAYER_SIZE		0x40000	/* bytes, the most a layer may take */
#define RL_LAYER_PT_GPA		0x60000
#define RL_BOOT_PARAMS_GPA	0x10000	/* one page: struct boot_params */
#define RL_CMDLINE_GPA		0x11000	/* one page, NUL terminated */

/*
 * Hypercalls: `syscall` from ring 1. Number in RAX, arguments in RDI, RSI,
 * RDX; result in RAX (0 or positive: success; -errno). RCX and R11 are lost,
 * as SYSCALL always does; every other register is kept.
 */
#define RL_HC_SET_CR3		0  /* rdi: CR3 (bits 0-11 PCID, bit 63 NOFLUSH),
				      rsi: context id, rdx: its TLB generation */
#define RL_HC_FLUSH_ONE		1  /* rdi: GVA */
#define RL_HC_FLUSH_USER	2  /* the rest of the current table */
#define RL_HC_FLUSH_KERNEL	3  /* the kernel's part of all tables */
#define RL_HC_DELIVER		4  /* vif was set and pending was found set */
#define RL_HC_HALT		5  /* set vif, wait for an interrupt */
#define RL_HC_SET_TRAP		6  /* rdi: vector, rsi: handler GVA (0: none),
				      rdx: RL_TRAP_* */
#define RL_HC_SET_TLS		7  /* rdi: 0..2, rsi: 8-byte descriptor */
#define RL_HC_SET_LDT		8  /* rdi: GVA, rsi: entries (0: none): see
				      RL_LDT_ENTRIES */
#define RL_HC_SET_DR		9  /* rdi: register 0-3,6,7, rsi: value */
#define RL_HC_GET_DR		10 /* rdi: register; result in shared->value */
#define RL_HC_SET_TIMER		11 /* rdi: ns from now; ~0: stop */
#define RL_HC_WALLCLOCK		12 /* ns since 1970 in shared->value */
#define RL_HC_CONSOLE_WRITE	13 /* rdi: GPA, rsi: bytes; result: written */
#define RL_HC_CONSOLE_READ	14 /* rdi: GPA, rsi: room; result: see
				      RL_CONSOLE_BYTES */
#define RL_HC_SHUTDOWN		15 /* rdi: RL_SHUTDOWN_* */
#define RL_HC_RDMSR		16 /* rdi: MSR; value in shared->value */
#define RL_HC_WRMSR		17 /* rdi: MSR, rsi: value */
#define RL_HC_CPUID		18 /* rdi: leaf, rsi: subleaf; shared->cpuid */
#define RL_HC_INIT		19 /* rdi: GVA of struct rl_init */
#define RL_HC_DROP_SPACE	20 /* rdi: CR3 of a table that is being freed */
#define RL_HC_START_VCPU	21 /* rdi: id, rsi: GVA of struct rl_start */
#define RL_HC_STOP_VCPU		22 /* this one, until it is started again */
#define RL_HC_SEND_IPI		23 /* rdi: mask of vCPUs (bit n: id n), rsi: line,
				      RL_IRQ_IPI or above */
#define RL_HC_FLUSH_VCPUS	24 /* rdi: GVA of struct rl_flush */
#define RL_HC_SET_SEGMENT	25 /* rdi: GDT index, one of RL_SEGMENTS, rsi: 8-byte
				      descriptor: see there */
#define RL_HC_PARK		26 /* rdi: 1: set vif, 0: leave it. Until RL_HC_UNPARK, or
				      an interrupt that vif lets in */
#define RL_HC_UNPARK		27 /* rdi: id. That vCPU goes on, or its next RL_HC_PARK
				      returns at once: one permit, kept until then */
#define RL_HC_SEND_NMI		28 /* rdi: mask of vCPUs: vector 2, see rl_shared.nmis */
#define RL_HC_ROUTE_LINE	29 /* rdi: line, below RL_IRQ_IPI and no timer's, rsi: id of
				      the vCPU that it arrives at from now on */
#define RL_HC_COUNT		30

/* Flags of RL_HC_SET_TRAP. */
#define RL_TRAP_USER	1	/* ring 3 may raise it with `int` (DPL 3) */
#define RL_TRAP_DIRECT	2	/* a hardware trap gate straight to the handler,
				   without the host: soft vectors only. The
				   frame is the processor's (RSP: entry_stack
				   from ring 3), GS base and vif are as they
				   were, also where the host raises it */

#define RL_SHUTDOWN_POWEROFF	0
#define RL_SHUTDOWN_REBOOT	1
#define RL_SHUTDOWN_PANIC	2

/*
 * What CONSOLE_READ gives, where it is not negative: the bytes that were read,
 * and the size of the terminal (0: unknown). RL_IRQ_CONSOLE also says that the
 * size has changed.
 */
#define RL_CONSOLE_RESULT(bytes, columns, rows)			\
	((__s64)((__u64)(bytes) | (__u64)((columns) & 0xffff) << 32 |	\
		 (__u64)((rows) & 0x7fff) << 48))
#define RL_CONSOLE_BYTES(result)	((result) & 0xffffffff)
#define RL_CONSOLE_COLUMNS(result)	((result) >> 32 & 0xffff)
#define RL_CONSOLE_ROWS(result)		((result) >> 48 & 0x7fff)

/*
 * Virtual interrupts: line n arrives as vector RL_IRQ_BASE + n.
 */
#define RL_IRQ_BASE		0x30
#define RL_IRQ_TIMER		0
#define RL_IRQ_CONSOLE		1
#define RL_IRQ_DEVICE		2	/* first of the launcher's devices */
#define RL_IRQ_COUNT		64

/*
 * Device registers: virtio-mmio devices, one page each, at GPAs where no memory
 * is. Device n uses line RL_IRQ_DEVICE + n. A slot without a device reads as 0,
 * so a guest finds its devices by reading the magic value of each. Memory that
 * would reach RL_MMIO_BASE goes on at RL_HIGH_MEMORY.
 */
#define RL_MMIO_BASE		0xd0000000
#define RL_MMIO_STRIDE		0x1000
#define RL_MMIO_DEVICES		32
#define RL_HIGH_MEMORY		0x100000000

/*
 * The line behind the devices' is the power button: the guest is asked to end in
 * order. It may be pressed again, and a guest may ignore it.
 */
#define RL_IRQ_POWER		(RL_IRQ_DEVICE + RL_MMIO_DEVICES)

/*
 * Lines from here on are the guest's own: no device has them, and nobody but
 * RL_HC_SEND_IPI raises them; a launcher's RL_IRQ_LINE and RL_IRQFD refuse them. So a
 * guest may take one for the word of another vCPU of its own. RL_IRQ_TIMER each vCPU has
 * for itself. All other lines arrive at the vCPU with id 0, or where RL_HC_ROUTE_LINE says;
 * a line that waits moves along, and may then arrive once too often.
 */
#define RL_IRQ_IPI		48

/* Offsets in struct rl_shared, for assembly. Asserted below. */
#define RL_SHARED_VIF		0
#define RL_SHARED_PENDING	1
#define RL_SHARED_CR2		8
#define RL_SHARED_SP0		16
#define RL_SHARED_KERNEL_GS	24
#define RL_SHARED_USER_GS	32
#define RL_SHARED_IRQS		40
#define RL_SHARED_SCRATCH	64
#define RL_SHARED_VALUE		128
#define RL_SHARED_CPUID		136
#define RL_SHARED_TSC_KHZ	152
#define RL_SHARED_STATUS	160
#define RL_SHARED_PREEMPTED	432
#define RL_SHARED_FAULT_FRAME	4048	/* see rl_init.fault_entry */
#define RL_SHARED_ENTRY_STACK	4096	/* grows down from the page's end */

#ifndef __ASSEMBLY__
#include <linux/types.h>

/*
 * The shared page, one for each vCPU, in guest memory. The guest writes
 * everything but pending, cr2, timer_armed, value, cpuid, tsc_khz, absences, stolen,
 * preempted and nmis, which the host writes, and the frame at RL_SHARED_FAULT_FRAME; both change irqs and
 * status by atomic operations. The host reads all but its own as hostile. The
 * first RL_HC_INIT says where the page is. A later one may name another, once: the
 * guest has copied what it knows, the host takes timer_armed along and what waits in
 * irqs and status; the first page stays pinned. One more gets -EBUSY.
 *
 * vif and pending stand for RFLAGS.IF: the host injects an interrupt only
 * while vif is 1 and RIP is outside the no-inject zone; otherwise it sets
 * pending. Who sets vif must look at pending afterwards and, where it is set,
 * clear it, take a line from irqs (setting pending again where more wait) and go
 * to its handler; or call RL_HC_DELIVER.
 */
struct rl_shared {
	__u8 vif;		/* 1: interrupts may be injected */
	__u8 pending;		/* 1: one waits for vif */
	__u8 pad0[6];
	__u64 cr2;		/* GVA of the last injected page fault */
	__u64 sp0;		/* GVA: kernel stack for entries from ring 3 */
	__u64 kernel_gs;	/* GS base while the guest kernel runs */
	__u64 user_gs;		/* the user's GS base meanwhile */
	__u64 irqs;		/* bit n: line n waits */
	__u64 timer_wanted;	/* TSC when the timer is due; ~0: never */
	__u64 timer_armed;	/* and when the host will look at that; see below */
	__u64 scratch[8];	/* of the layer's entry stubs */
	__u64 value;		/* second result of a hypercall */
	__u32 cpuid[4];		/* eax, ebx, ecx, edx */
	__u64 tsc_khz;		/* set by RL_HC_INIT */
	__u32 status[RL_IRQ_COUNT]; /* InterruptStatus of the line's device */
	__u64 absences;		/* the host was away so many times; see below */
	__u64 stolen;		/* ns that it waited for a pCPU; see below */
	__u8 preempted;		/* 1: it does not run now; see below */
	__u8 pad1[7];
	__u64 nmis;		/* so many came; see below */
	__u8 pad2[4096 - 448];	/* the entry stack is its end */
};

/*
 * timer_wanted: most timers are put off before they fire. Who has one that is due
 * at timer_armed or later only writes timer_wanted; the host looks at it when the
 * time has come, and waits on if it must. Who wants an earlier one, seen by
 * reading timer_armed after writing timer_wanted (a full barrier between), calls
 * RL_HC_SET_TIMER as well. A guest that always calls leaves timer_wanted at 0.
 */

/*
 * absences: counted up each time that the host let the vCPU wait for 1 s or more
 * when it could have run: its launcher was stopped or starved, the host slept. It
 * is seen before the interrupts that came meanwhile. The TSC went on, so who looks
 * for long silences at the guest's end should forget about this one.
 */

/*
 * stolen: how long the vCPU could have run and did not, because its host had no pCPU for
 * it. It only grows, and is brought up to date each time that it runs again.
 *
 * preempted: set while the vCPU is kept from running, or parked; 0 while it runs, or is
 * halted. For the others, who may be waiting for what it holds.
 */

/*
 * nmis: counted up at each NMI, which is the exception with vector 2 by order of a vCPU.
 * It comes whatever vif is, ends a halt or a parking, and finds the vCPU outside of the
 * zone and with RSP outside of the shared page; elsewhere it waits until the host runs
 * next. A vCPU that is stopped misses it, and so does one without a handler. Several are
 * one until it comes, but nothing keeps a second one from the handler of the first.
 * Whoever wants a second result of a hypercall (value, cpuid) looks whether one came
 * meanwhile, whose handler may have made such calls, and asks again.
 */

/*
 * RL_HC_INIT: what the host must know before the first injection. All are
 * GVAs. The zone holds every instruction where the guest's half-done entry or
 * exit would be spoilt by an injection: the host never injects an interrupt
 * while RIP is in [zone_start, zone_end), and where it is in [restart_start,
 * restart_end) at an exit with one pending, it resumes at restart_start, from
 * where the guest sees `pending` again.
 */
struct rl_init {
	__u64 version;		/* RL_GUEST_ABI_VERSION */
	__u64 shared_gpa;	/* page aligned GPA of struct rl_shared */
	__u64 shared_gva;
	__u64 syscall_entry;	/* ring 3's SYSCALL lands here in ring 1, RCX,
				   R11, RSP as SYSCALL left them */
	__u64 fault_entry;	/* 0, or where ring 3's page faults land in ring
				   1 that need no host; see below */
	__u64 entry_stack;	/* RSP for direct gates taken in ring 3 */
	__u64 zone_start, zone_end;
	__u64 restart_start, restart_end;
	__u64 flags;		/* RL_INIT_* */
};

/*
 * The guest does InterruptStatus and InterruptACK (virtio 1.2, 4.2.2) of its
 * devices on rl_shared.status. Ring 1's accesses to these two registers may come
 * to fault_entry then, as the page faults of ring 3 do (the frame's CS tells);
 * who cannot serve one calls RL_HC_FLUSH_ONE for its address and returns to it.
 */
#define RL_INIT_DEVICE_STATUS	1

/*
 * The guest's kernel is 32-bit code. All handlers are 64-bit code all the same, in the
 * upper half, and see what was interrupted as it was: the saved CS and SS are the real
 * ones, also of ring 1, and GS base and GS stay. But SYSCALL in 32-bit code, where the
 * processor executes it, is a #UD with RL_USER32_CS and RL_USER_DS, whoever it was.
 */
#define RL_INIT_32BIT		2

/*
 * The kernel's part of each address space is not the upper half alone but also the last
 * of the low 4 GB, and is the same in all of them: one table of level 2. For the flushes
 * these addresses are the kernel's then, RL_HC_FLUSH_USER and RL_HC_SET_CR3 leave them
 * alone, as a load of CR3 leaves global entries, and RL_HC_FLUSH_VCPUS is refused. It is
 * a fact about the VM: the last RL_HC_INIT of any vCPU says it for all.
 */
#define RL_INIT_LOW_KERNEL	4
#define RL_LOW_KERNEL_SHIFT	30
#define RL_LOW_KERNEL_SLOT	3

/*
 * More than one vCPU: the launcher makes them, with ids from 0 up; the one with id 0
 * starts. Each has its own shared page, traps, GDT, timer and lines, and begins as the
 * first did, without any of them: RL_HC_INIT is for each vCPU. The status words are
 * those of the shared page of id 0, which any vCPU may change by atomic operations.
 *
 * RL_HC_START_VCPU: the vCPU runs at rip in ring 1, virtual interrupts off. -EBUSY: it
 * is not stopped. What arrived for it meanwhile waits in irqs.
 */
struct rl_start {
	__u64 rip, rsp, rdi;
	__u64 cr3;		/* GPA of its top-level table */
	__u64 gs_base;
};

/*
 * RL_HC_FLUSH_VCPUS: what the guest's tables said of [start, end) before the call is
 * forgotten on all vCPUs of the mask when it returns; without an interrupt for them.
 * In the lower half it is about the address space whose top-level table is at cr3; in
 * the upper half about all. A range has one half; `end` may be ~0.
 */
struct rl_flush {
	__u64 vcpus;		/* bit n: the vCPU with id n */
	__u64 cr3;
	__u64 start, end;	/* GVAs */
};

/*
 * fault_entry: a page fault of ring 3 about what the shadow took from the guest's
 * tables (a write to what was read-only or not dirty, an entry that was absent)
 * goes there without the host. Then, in ring 1: RSP = shared_gva +
 * RL_SHARED_FAULT_FRAME, where error code, RIP, CS, RFLAGS, RSP and SS of ring 3
 * lie; shared->cr2 = the address; GS base and vif still ring 3's; RFLAGS = 0x202.
 * The guest may have changed the entry since the shadow looked: such a fault is
 * reported once, and when ring 3 tries the same page again, the host looks anew.
 * What the host finds to be ring 3's own page fault comes there as well. Page faults of
 * ring 1 come as ever, by the handler of vector 14.
 */

_Static_assert(sizeof(struct rl_shared) == 4096, "one page");
_Static_assert(__builtin_offsetof(struct rl_shared, cr2) == RL_SHARED_CR2, "");
_Static_assert(__builtin_offsetof(struct rl_shared, sp0) == RL_SHARED_SP0, "");
_Static_assert(__builtin_offsetof(struct rl_shared, kernel_gs) ==
	       RL_SHARED_KERNEL_GS, "");
_Static_assert(__builtin_offsetof(struct rl_shared, user_gs) ==
	       RL_SHARED_USER_GS, "");
_Static_assert(__builtin_offsetof(struct rl_shared, irqs) == RL_SHARED_IRQS, "");
_Static_assert(__builtin_offsetof(struct rl_shared, scratch) ==
	       RL_SHARED_SCRATCH, "");
_Static_assert(__builtin_offsetof(struct rl_shared, value) ==
	       RL_SHARED_VALUE, "");
_Static_assert(__builtin_offsetof(struct rl_shared, cpuid) ==
	       RL_SHARED_CPUID, "");
_Static_assert(__builtin_offsetof(struct rl_shared, tsc_khz) ==
	       RL_SHARED_TSC_KHZ, "");
_Static_assert(__builtin_offsetof(struct rl_shared, status) ==
	       RL_SHARED_STATUS, "");
_Static_assert(__builtin_offsetof(struct rl_shared, preempted) ==
	       RL_SHARED_PREEMPTED, "");
#endif /* __ASSEMBLY__ */
#endif
