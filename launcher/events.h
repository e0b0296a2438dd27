/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The main thread while a guest runs: it waits for typed bytes, for signals,
 * and for the vCPU to be done.
 */
#ifndef RINGLET_LAUNCHER_EVENTS_H
#define RINGLET_LAUNCHER_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "console.h"
#include "machine.h"
#include "terminal.h"

/* Who ended the guest, if it did not end by itself. */
enum stop_cause {
	STOP_NONE,
	STOP_SIGNAL,	/* a signal: the second one where it was SIGTERM */
	STOP_KEY,	/* the escape key */
	STOP_LATE,	/* asked to power off, it did not in time */
};

struct events {
	int signal_fd;
	bool input_open;	/* standard input may still bring bytes */
	struct escape escape;
	struct console *console;	/* borrowed */
	enum stop_cause cause;
	int signal;		/* STOP_SIGNAL: which, and the sender's pid, */
	int sender;		/* 0 where it is not to be seen from here */
	unsigned int patience;	/* s for a guest that was asked; 0: none */
	bool asked, terminated;	/* to power off; by SIGTERM */
	int64_t ask_at, late_at;	/* monotonic ms: ask again, end it */
};

/*
 * Blocks the signals that events_wait() takes; so call it before any thread
 * starts. escape_key: as terminal_parse_key() gives it; it works only where
 * standard input is a terminal, which is made raw. patience: seconds from SIGTERM
 * to the guest's end, 0 for one that is not asked. 0 or -errno.
 */
int events_init(struct events *events, struct console *console,
		int escape_key, unsigned int patience);
void events_destroy(struct events *events);

/*
 * Serve until one of the machine's vCPUs has ended, by itself or because the
 * user wants it: events->cause then says how.
 */
void events_wait(struct events *events, struct machine *machine);

#endif
