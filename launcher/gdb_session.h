/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What gdb says to a guest that stands still, and the answers: packets in, packets out,
 * without a socket or a thread (gdb.h has those), so that tests and fuzzers can have it.
 */
#ifndef RINGLET_LAUNCHER_GDB_SESSION_H
#define RINGLET_LAUNCHER_GDB_SESSION_H

#include <stdio.h>

#include "gdb_packet.h"
#include "gdb_target.h"

struct gdb_session {
	struct gdb_target *target;	/* borrowed */
	unsigned int selected;		/* vCPU of registers and memory */
	unsigned int listed;		/* how far qsThreadInfo is */
	bool no_ack;
	struct gdb_reply reply;
};

enum gdb_next {
	GDB_ANSWER,	/* send the reply */
	GDB_RESUME,	/* no reply until the guest stops: target->runs, ->steps */
	GDB_GOODBYE,	/* send the reply, take all breakpoints out, and part */
};

/* data: `size` bytes and a NUL behind them. */
enum gdb_next gdb_command(struct gdb_session *, const char *data, size_t size);

/* The reply becomes why the guest stands still. */
void gdb_say_stop(struct gdb_session *);

/* gdb_monitor.c: `monitor WORDS`; what it prints, for the user. */
void gdb_monitor(struct gdb_session *, const char *words, FILE *out);

#endif
