/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ioctl interface of /dev/ringlet, shaped like KVM's: a system fd makes
 * VM fds, a VM fd makes vCPU fds, a vCPU fd is run and has a shared page that
 * says why it stopped.
 *
 * Every structure has the same layout for 32 and 64-bit callers; every
 * reserved field must be 0. An ioctl returns 0 or a positive result, or -1
 * with errno: EINVAL (a value is not allowed), EFAULT (a pointer), ENOTTY (no
 * such call), ENOMEM, EBUSY, EPERM, EINTR (a signal arrived), EIO (the guest
 * is dead; the run page says why).
 */
#ifndef RINGLET_ABI_RINGLET_H
#define RINGLET_ABI_RINGLET_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define RL_API_VERSION		1
#define RL_DEVICE_PATH		"/dev/ringlet"

/*
 * A part of guest-physical memory: [gpa, gpa + size) is the caller's memory
 * at hva. All three are page aligned (4096 bytes); slots do not overlap; size
 * 0 removes the slot, which is allowed only before the first vCPU exists.
 */
struct rl_memory_slot {
	__u32 slot;		/* below RL_MEMORY_SLOTS */
	__u32 flags;		/* 0 */
	__u64 gpa;
	__u64 size;		/* bytes */
	__u64 hva;
};
#define RL_MEMORY_SLOTS		16
#define RL_VCPUS_MAX		64	/* of one VM: ids below this; see max_vcpus */

/* A vCPU's registers. cs and ss are read-only: ring 1 or ring 3. */
struct rl_regs {
	__u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	__u64 rax, rcx, rdx, rsi, rdi;
	__u64 rip, cs, rflags, rsp, ss;
	__u64 fs_base, gs_base;
	__u64 cr2, cr3;		/* cr3: GPA of the top-level table */
};

/* Why RL_RUN returned. */
#define RL_EXIT_INTERRUPTED	0  /* a signal or immediate_exit */
#define RL_EXIT_SHUTDOWN	1  /* the guest ended itself: shutdown */
#define RL_EXIT_KILLED		2  /* the guest was ended: kill_reason */
#define RL_EXIT_CONSOLE_WRITE	3  /* console: bytes at gpa, set result */
#define RL_EXIT_CONSOLE_READ	4  /* console: fill bytes at gpa, set result */
#define RL_EXIT_MMIO		5  /* gpa, bytes 1, 2, 4, 8, is_write; a write's
				      value is in result, a read's goes there */

#define RL_EXIT_DEBUG		6  /* a #BP or #DB that RL_SET_DEBUG asked for: vector,
				      dr6; set result to 1, and the guest gets it */

#define RL_KILL_REASON_SIZE	192

/*
 * The page that mmap(2) of a vCPU fd at offset 0 shows. The launcher writes
 * immediate_exit and result, the module the rest.
 */
struct rl_run {
	__u32 immediate_exit;	/* 1: RL_RUN returns at once with EINTR */
	__u32 exit_reason;	/* RL_EXIT_* */
	__s64 result;		/* of a console call: what the guest gets */
	__u64 gpa;		/* console, MMIO */
	__u64 bytes;		/* console, MMIO */
	__u32 shutdown;		/* RL_SHUTDOWN_* of abi/guest.h */
	__u32 is_write;		/* MMIO */
	char kill_reason[RL_KILL_REASON_SIZE]; /* NUL terminated, one line */
	__u32 vector;		/* debug: 1 or 3 */
	__u32 reserved;
	__u64 dr6;		/* debug: of a #DB */
};

/*
 * RL_SET_DEBUG: a debugger in the launcher. While RL_DEBUG_ON is set, #BP of the guest
 * ends RL_RUN (RIP is behind the instruction), and so does a #DB of the breakpoints here,
 * which the processor gets in place of the guest's own if dr7 enables any; and
 * RL_SET_REGS changes neither cr3, cs, ss nor more of rflags than a program can.
 * RL_DEBUG_STEP: #DB behind the next instruction; no interrupt is injected meanwhile.
 */
#define RL_DEBUG_ON		1
#define RL_DEBUG_STEP		2
struct rl_debug {
	__u32 flags;
	__u32 reserved;		/* 0 */
	__u64 dr7;
	__u64 dr[4];		/* GVAs */
};

/* RL_GET_TRAP: what RL_HC_SET_TRAP set for `vector`. handler 0: nothing. */
struct rl_trap {
	__u32 vector;
	__u32 flags;		/* RL_TRAP_* */
	__u64 handler;
};

/*
 * RL_GET_SHADOW: how the shadow of the vCPU's current address space leads to gva: what the
 * processor would walk. entry[3] is that of the top level, entry[0] the last; 0: there is
 * none, nor below it. The bits are the processor's (P, W, U, A, D, NX), the address is
 * guest-physical: that of the guest's table of which the next level is a copy, or of the
 * guest's page, or with RL_SHADOW_DIRECT, where the guest has a large page, of the part of
 * it that the next level maps. RL_SHADOW_MARK alone: entry[0] maps nothing, and
 * a fault there is the guest's own. -EINVAL: gva is none of the guest's.
 */
#define RL_SHADOW_DIRECT	(1u << 9)
#define RL_SHADOW_MARK		(1u << 10)
struct rl_shadow {
	__u64 gva;
	__u64 entry[4];
	__u64 reserved;		/* 0 */
};

/*
 * A device's register access that the module serves itself, so that the data
 * path wakes no vCPU thread.
 *
 * RL_IOEVENTFD: a guest write of `bytes` (1, 2, 4, 8) to gpa whose value is
 * datamatch signals the eventfd; nothing else happens. gpa lies in the MMIO
 * range of abi/guest.h.
 *
 * RL_IRQFD: when the eventfd is signalled, the bits of `status` are set in the
 * status word of the line (none before RL_HC_INIT) and the line is raised. A
 * 4-byte guest read at status_gpa gives that word, a 4-byte write at status_gpa
 * + 4 clears the written bits (virtio-mmio's InterruptStatus and InterruptACK). status_gpa 0:
 * no such registers.
 *
 * RL_FD_REMOVE in flags removes what the same values assigned. RL_FD_CLEAR, for
 * RL_IRQFD with fd -1 and status_gpa 0, assigns nothing: it clears the bits of
 * `status` in the line's word, as the reset of a device must.
 */
struct rl_ioeventfd {
	__u64 gpa;
	__u64 datamatch;
	__u32 bytes;
	__s32 fd;
	__u32 flags;		/* 0 or RL_FD_REMOVE */
	__u32 reserved;		/* 0 */
};

struct rl_irqfd {
	__s32 fd;
	__u32 line;		/* RL_IRQ_DEVICE up to RL_IRQ_IPI - 1 */
	__u32 status;		/* bits */
	__u32 flags;		/* 0, RL_FD_REMOVE or RL_FD_CLEAR */
	__u64 status_gpa;
};
#define RL_FD_REMOVE		1
#define RL_FD_CLEAR		2

/*
 * Counters of one VM, since it was created. Exits count by the vector that
 * caused them (0-255) or RL_EXITS_HYPERCALL, hypercalls by number (abi/
 * guest.h) as far as they left the window.
 */
#define RL_EXITS_HYPERCALL	256
#define RL_STAT_VECTORS		257
#define RL_STAT_HYPERCALLS	32

struct rl_stats {
	__u64 exits[RL_STAT_VECTORS];
	__u64 hypercalls[RL_STAT_HYPERCALLS];
	__u64 injected_faults;
	__u64 injected_interrupts;
	__u64 emulated;		/* instructions */
	__u64 user_exits;	/* RL_RUN returned to the launcher */
	__u64 entries;		/* world switches into the guest */
	__u64 halts;
	__u64 migrations;	/* vCPU found on another pCPU */
	__u64 shadow_pages;	/* now */
	__u64 shadow_pages_peak; /* with those in shadow_retired */
	__u64 shadow_fills;	/* entries filled by faults */
	__u64 shadow_syncs;	/* shadow pages compared with the guest's */
	__u64 shadow_zaps;	/* entries dropped because they differed */
	__u64 pages_known;	/* of the launcher, in use now */
	__u64 guest_ns;		/* time between entry and exit */
	__u64 host_ns;		/* the rest of RL_RUN, halted time not counted */
	__u64 nmis;		/* NMIs that arrived while the guest or the
				   switcher ran */
	__u64 mmio_exits;	/* device accesses, all */
	__u64 mmio_signalled;	/* of these: served by an ioeventfd */
	__u64 mmio_status;	/* of these: InterruptStatus and InterruptACK */
	__u64 irqfd_signals;
	__u64 lock_ns;		/* longest that the shadow was locked: the host waits
				   so long when it takes a page of the guest's; 0
				   unless the module measures it (lock_times=1) */
	__u64 shadow_retired;	/* shadow pages that wait, now, until no vCPU that
				   may know them is in the guest */
	__u64 reserved[2];
};

/* RL_GET_INFO: what this host offers. */
struct rl_info {
	__u32 api_version;
	__u32 guest_abi_version;
	__u32 paging_levels;	/* 4 or 5 */
	__u32 host_pti;		/* 1: page table isolation is on */
	__u64 tsc_khz;
	__u32 max_vcpus;	/* of one VM */
	__u32 reserved[7];
};

#define RL_IOC			0xb7
/* /dev/ringlet */
#define RL_GET_INFO		_IOR(RL_IOC, 0x00, struct rl_info)
#define RL_CREATE_VM		_IO(RL_IOC, 0x01)	/* returns a VM fd */
/* VM fd */
#define RL_SET_MEMORY_SLOT	_IOW(RL_IOC, 0x10, struct rl_memory_slot)
#define RL_CREATE_VCPU		_IO(RL_IOC, 0x11)	/* arg: id; a vCPU fd */
#define RL_IRQ_LINE		_IO(RL_IOC, 0x12)	/* arg: line below RL_IRQ_IPI, edge */
#define RL_GET_STATS		_IOR(RL_IOC, 0x13, struct rl_stats)
#define RL_IOEVENTFD		_IOW(RL_IOC, 0x14, struct rl_ioeventfd)
#define RL_IRQFD		_IOW(RL_IOC, 0x15, struct rl_irqfd)
/* vCPU fd */
#define RL_RUN			_IO(RL_IOC, 0x20)
#define RL_GET_REGS		_IOR(RL_IOC, 0x21, struct rl_regs)
#define RL_SET_REGS		_IOW(RL_IOC, 0x22, struct rl_regs)
#define RL_SET_DEBUG		_IOW(RL_IOC, 0x23, struct rl_debug)
#define RL_GET_TRAP		_IOWR(RL_IOC, 0x24, struct rl_trap)
#define RL_GET_SHADOW		_IOWR(RL_IOC, 0x25, struct rl_shadow)

_Static_assert(sizeof(struct rl_memory_slot) == 32, "ABI");
_Static_assert(sizeof(struct rl_regs) == 24 * 8, "ABI");
_Static_assert(sizeof(struct rl_run) == 56 + RL_KILL_REASON_SIZE, "ABI");
_Static_assert(sizeof(struct rl_debug) == 48, "ABI");
_Static_assert(sizeof(struct rl_trap) == 16, "ABI");
_Static_assert(sizeof(struct rl_shadow) == 48, "ABI");
_Static_assert(sizeof(struct rl_stats) == (257 + 32 + 24) * 8, "ABI");
_Static_assert(sizeof(struct rl_ioeventfd) == 32, "ABI");
_Static_assert(sizeof(struct rl_irqfd) == 24, "ABI");
_Static_assert(sizeof(struct rl_info) == 56, "ABI");
#endif
