/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The main thread while a guest runs: it waits for typed bytes, for signals,
 * and for the vCPU to be done.
 */
#ifndef RINGLET_LAUNCHER_EVENTS_H
#define RINGLET_LAUNCHER_EVENTS_H

#include <stdbool.h>

#include "console.h"
#include "machine.h"
#include "terminal.h"

struct events {
	int signal_fd;
	bool input_open;	/* standard input may still bring bytes */
	struct escape escape;
	struct console *console;	/* borrowed */
	int signal;		/* that ended the guest, or 0 */
};

/*
 * Blocks the signals that events_wait() takes; so call it before any thread
 * starts. escape_key: as terminal_parse_key() gives it; it works only where
 * standard input is a terminal, which is made raw. 0 or -errno.
 */
int events_init(struct events *events, struct console *console,
		int escape_key);
void events_destroy(struct events *events);

/*
 * Serve until the machine's running vCPU has ended, by itself or because the
 * user wants it: events->signal then says how (SIGINT for the escape key).
 */
void events_wait(struct events *events, struct machine *machine);

#endif
