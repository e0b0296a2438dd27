/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the bench share. See bench.c. */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

/*
 * Marks for profile/plugin.c, which do nothing (NOP with an operand): what is between a
 * start and the next stop is one round. The third tells an address of the kernel's.
 */
#define MARK_START	".byte 0x0f, 0x1f, 0x80, 0x01, 0x7b, 0xa1, 0x05"
#define MARK_STOP	".byte 0x0f, 0x1f, 0x80, 0x00, 0x7b, 0xa1, 0x05"
#define MARK_ADDRESS	"\x0f\x1f\x81"	/* nopl ADDRESS(%rcx), its lower half */

/* INT 0x80 of a 64-bit program loses the registers that a 32-bit one has not. */
#ifdef __x86_64__
#define INT80_LOSES	"memory", "r8", "r9", "r10", "r11"
#else
#define INT80_LOSES	"memory"
#endif

/* bench.c: what lies outside of them does not count. */
void start_clock(void);
void stop_clock(void);

/* macro.c. Where the compiler is: from the environment, see there. */
int has_compiler(void);
void do_find(long count);
void do_compile(long count);
pid_t start_compiler(void);
void end_compiler(pid_t child);
void do_linear_walk(long count);
void do_random_walk(long count);

/* smp.c. How many processors: from the environment, see there. */
int has_cpus(void);
int has_cpus_and_compiler(void);
void do_ipi(long count);
void do_remote_flush(long count);
void do_faults(long count);
void do_compile_together(long count);

/* io.c. Where the disk or the server is: from the environment, see there. */
int has_disk(void);
int has_server(void);
void do_disk_block(long count);
void do_disk_large(long count);
void do_tcp(long count);
int serve(void);	/* `bench serve`: does not return unless it fails */

#endif
