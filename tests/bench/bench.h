/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the bench share. See bench.c. */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

/*
 * Marks for profile/plugin.c, which do nothing: what is between a start and the next
 * stop is one round. The third tells an address of the kernel's.
 */
#define MARK_START	"nopl 0x5a17b01(%rax)"
#define MARK_STOP	"nopl 0x5a17b00(%rax)"
#define MARK_ADDRESS	"\x0f\x1f\x81"	/* nopl ADDRESS(%rcx), its lower half */

/* bench.c: what lies outside of them does not count. */
void start_clock(void);
void stop_clock(void);

/* macro.c. Where the compiler is: from the environment, see there. */
int has_compiler(void);
void do_find(long count);
void do_compile(long count);
void do_linear_walk(long count);
void do_random_walk(long count);

/* io.c. Where the disk or the server is: from the environment, see there. */
int has_disk(void);
int has_server(void);
void do_disk_block(long count);
void do_disk_large(long count);
void do_tcp(long count);
int serve(void);	/* `bench serve`: does not return unless it fails */

#endif
