/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A debugger's connection to a guest: the socket of `ringlet run --gdb`, a thread that
 * serves it, and how vCPU threads stand still for it.
 *
 * Start reading in gdb.c; what is said on the connection is in gdb_session.h.
 */
#ifndef RINGLET_LAUNCHER_GDB_H
#define RINGLET_LAUNCHER_GDB_H

#include <stdbool.h>
#include <stdint.h>

#include "../abi/ringlet.h"
#include "memory.h"

struct gdb;

/* What gdb.c must know of each vCPU. */
struct gdb_vcpu {
	int fd;
	struct rl_run *run;
	void (*kick)(void *of);		/* RL_RUN returns soon; from any thread */
	bool (*ending)(void *of);	/* its thread shall end, and not stand still */
	void *of;
};

/* Is it unix:PATH or tcp:PORT? Else what is wrong with it. */
const char *gdb_check_place(const char *place);

/* Listens there; a message and NULL if that fails. Before the sandbox. */
struct gdb *gdb_open(const char *place, bool wait);
void gdb_close(struct gdb *);

/*
 * A guest begins, before any of its threads; and ends, behind them. With `wait` the first
 * one stands still until gdb has come and says go on. 0 or -errno.
 */
int gdb_begin(struct gdb *, int vm_fd, const struct guest_memory *,
	      const struct gdb_vcpu *vcpus, unsigned int count);
void gdb_end(struct gdb *);

/*
 * For the thread of vCPU `id`: before each RL_RUN, where it stands still as long as gdb
 * wants; and after one that returned with RL_EXIT_DEBUG.
 */
void gdb_pause(struct gdb *, unsigned int id);
void gdb_trap(struct gdb *, unsigned int id);

#endif
