/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What gdb_session.c and gdb_query.c share. gdb's thread numbers are the vCPUs' ids and
 * one more.
 */
#ifndef RINGLET_LAUNCHER_GDB_COMMANDS_H
#define RINGLET_LAUNCHER_GDB_COMMANDS_H

#include <string.h>

#include "gdb_session.h"

#define THREAD(vcpu)	((vcpu) + 1)

static inline void say_ok(struct gdb_session *s)
{
	gdb_say(&s->reply, "OK");
}

/* gdb does not look at the number. */
static inline void say_error(struct gdb_session *s)
{
	gdb_say(&s->reply, "E01");
}

static inline bool begins(const char *data, const char *with)
{
	return !strncmp(data, with, strlen(with));
}

/*
 * A thread's number at *at, which goes behind it: a vCPU; -1: all; -2: none that there
 * is. 0 is any: the selected.
 */
int gdb_thread_of(const struct gdb_session *, const char **at);

/* q... and Q...; no reply: not supported. */
void gdb_query(struct gdb_session *, const char *data);

#endif
