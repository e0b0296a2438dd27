/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `ringlet top` shows: two looks at all guests become rates. Text alone; the
 * terminal is in cmd_top.c.
 */
#ifndef RINGLET_LAUNCHER_TOP_H
#define RINGLET_LAUNCHER_TOP_H

#include <stdio.h>

#include "guests.h"

/*
 * A table for people. A guest that was not there before has no rates yet. seconds:
 * between both looks.
 */
void top_table(FILE *out, const struct guests *before,
	       const struct guests *after, double seconds);

/*
 * For scripts: a figure on each line, six words with tabs between: PID, VM, NAME ("-"
 * where it has none), and the figure's kind, name and value. Rates are per second;
 * those of 0 are left out, but for the totals.
 */
void top_batch(FILE *out, const struct guests *before,
	       const struct guests *after, double seconds);

#endif
