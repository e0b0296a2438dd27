/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the runner and a tiny guest agree on: the guest's memory map, the list
 * of cases in the guest's file, and the mailbox, a page at GPA 0.
 *
 * A case is a function. The runner starts each one in a VM of its own. It ends
 * with an outcome in the mailbox and a shutdown, or, where the case names a
 * reason, by being killed for it.
 */
#ifndef TESTS_TINY_LIB_MAILBOX_H
#define TESTS_TINY_LIB_MAILBOX_H

#include <linux/types.h>

/* Guest memory: one slot from GPA 0, and one above a hole. */
#define TINY_REGISTER	0x5a5a5a5aUL	/* what each device register holds */
#define TINY_MEMORY		(64ULL << 20)
#define TINY_HIGH_GPA		(1ULL << 32)	/* a second slot */
#define TINY_HIGH_SIZE		(4ULL << 20)
#define TINY_TABLES		0x1000		/* GPA: the top-level table */
#define TINY_TABLES_END		0x80000
#define TINY_FREE		(16ULL << 20)	/* GPA: free for the test */
#define TINY_KERNEL		0xffffffff80000000ULL	/* GVA of GPA 0 */
#define TINY_DIRECT		0xffff888000000000ULL	/* GVA of GPA 0 */

enum tiny_outcome {
	TINY_RUNNING,
	TINY_SUCCESS,
	TINY_SKIP,	/* what the case needs is not there */
	TINY_ERROR,	/* the test itself is wrong */
	TINY_FAILURE,	/* ringlet is wrong */
	TINY_CRASH,	/* something nobody expected */
};

/* What the runner does for a guest that writes 0 bytes to the console. */
enum tiny_request {
	TINY_RAISE = 1,		/* a: line, b: microseconds from now, 0: now */
	TINY_STATS,		/* a: GPA where struct rl_stats goes */
	TINY_MOVE,		/* a: the pCPU to run on from now on */
	TINY_REGS,		/* a: GPA where struct rl_regs goes */
	TINY_DISCARD,		/* a: GPA, b: bytes: MADV_DONTNEED */
	TINY_FLIP,		/* a: GPA of a word that a thread writes all the
				   time, 0: no more; b: GPA of its two values */
	TINY_REPLACE,		/* a: GPA of a page that another one replaces, b: which of
				   two (0, 1) takes its place. Result: how often what
				   was there changed afterwards */
	TINY_TIMERS,		/* result: timer interrupts of the host so far */
	TINY_REPLACE_BESIDE,	/* a: GPA: TINY_REPLACE by a thread on the third pCPU,
				   all the time; see `replaced` */
};

#define TINY_ENV_TCG	1	/* no real processor: see lib/tiny.h */
#define TINY_ENV_PTI	2
#define TINY_ENV_BUFFERS 4	/* the processor leaks its buffers */
#define TINY_ENV_INJECTOR 8	/* tests/tiny/injector is loaded */

struct tiny_mailbox {
	__u64 outcome;
	/* by the runner, before the start */
	__u64 flags;		/* TINY_ENV_* */
	__u64 levels;		/* of the host's page tables */
	__u64 cpus;		/* of the host */
	__u64 tsc_khz;
	__u64 raw;		/* 1: start without RL_HC_INIT */
	__u64 window_call;	/* addresses in the host kernel that a */
	__u64 after_exit;	/* clever guest could guess; 0: unknown. */
	__u64 asm_exc_debug;	/* after_exit: what runs first in C */
	__u64 seconds;		/* how long a soak shall take; 0: a moment */
	/* a request */
	__u64 request, a, b;
	__s64 result;
	/* of TINY_REPLACE_BESIDE: how often, and the sum of its results */
	__u64 replaced;
	__s64 written_later;
};

/* An element of section tiny_cases. */
struct tiny_case {
	char name[48];
	char ends[88];		/* part of the kill reason; "": shutdown,
				   "any": either will do.
				   Alternatives are divided by `|`. */
	__u64 function;
};

#endif
