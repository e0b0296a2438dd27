/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's counters of one VM as debugfs shows them: text, a name and a number
 * on each line (host_module/stats.c). Names that this version does not know, and
 * lines that are none, are passed over: the module may be newer.
 */
#ifndef RINGLET_LAUNCHER_COUNTERS_H
#define RINGLET_LAUNCHER_COUNTERS_H

#include <stdint.h>

#include "../abi/guest.h"
#include "../abi/ringlet.h"

#define COUNTERS_QUEUES	8	/* of a device that are told apart */

struct counters {
	struct rl_stats vm;
	struct {
		unsigned int queues;	/* 0: there is no such device */
		uint64_t notified[COUNTERS_QUEUES];
		uint64_t interrupts;
	} devices[RL_MMIO_DEVICES];
};

/* How many lines were understood. text is changed. */
unsigned int counters_parse(char *text, struct counters *counters);

#endif
