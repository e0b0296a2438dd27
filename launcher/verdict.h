/* SPDX-License-Identifier: GPL-2.0 */
/* How a guest ended: said to the user, the statistics and who waits for the status. */
#ifndef RINGLET_LAUNCHER_VERDICT_H
#define RINGLET_LAUNCHER_VERDICT_H

#include "events.h"
#include "machine.h"
#include "stats.h"

/* A message; the words of `report`; and the exit status (exit.h). */
int verdict_say(const struct ending *, const struct events *,
		struct stats_report *report);

#endif
