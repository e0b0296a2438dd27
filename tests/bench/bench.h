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

/* io.c. Where the disk or the server is: from the environment, see there. */
int has_disk(void);
int has_server(void);
void do_disk_block(long count);
void do_disk_large(long count);
void do_tcp(long count);
int serve(void);	/* `bench serve`: does not return unless it fails */

#endif
