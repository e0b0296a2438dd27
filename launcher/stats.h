/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module counted, with names, as JSON for programs and as a few lines
 * for people. ringlet(1) documents the JSON's members.
 */
#ifndef RINGLET_LAUNCHER_STATS_H
#define RINGLET_LAUNCHER_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "../abi/ringlet.h"
#include "devices.h"

/* Everything that --stats writes. */
struct stats_report {
	struct rl_stats total;		/* of all boots; see stats_add() */
	unsigned int boots;
	uint64_t start_ns;		/* of the launcher, before the first entry */
	uint64_t wall_ns;		/* from the making of the guest to its end */
	uint64_t memory;		/* bytes */
	const struct devices *devices;	/* or NULL */
	const char *kernel;		/* file name */
	const char *release;		/* or NULL */
	const char *end;		/* "poweroff", "killed", ... */
	const char *reason;		/* or "" */
	int exit_status;
};

/* "#PF", "irq 0x30", "hypercall"; index below RL_STAT_VECTORS. */
const char *stats_exit_name(unsigned int index, char *buffer, size_t size);

/* "set_cr3", or "hypercall 27" for a number without a name. */
const char *stats_hypercall_name(unsigned int number, char *buffer,
				 size_t size);

/* Add a finished VM's counters; of "now" values the last one stays. */
void stats_add(struct stats_report *report, const struct rl_stats *vm);

/* A report as JSON text, to be freed; NULL: no memory. */
char *stats_to_json(const struct stats_report *report);

/*
 * Can path be written? Asked before the guest runs; a message and -errno if
 * not. stats_write() then replaces the file at once, or writes into what is
 * not a regular file. "-" is standard error.
 */
int stats_check_path(const char *path);
int stats_write(const char *path, const struct stats_report *report);
/*
 * For a launcher that soon cannot open files: open it now. stats_write() then
 * writes into it instead of replacing it. 0 or -errno, said.
 */
int stats_hold(const char *path);

/* A summary on standard error. */
void stats_show(const struct rl_stats *stats);

#endif
