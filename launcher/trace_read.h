/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's tracepoints from tracefs, by way of libtracefs: in an instance of our
 * own, so that nobody else's tracing is touched.
 */
#ifndef RINGLET_LAUNCHER_TRACE_READ_H
#define RINGLET_LAUNCHER_TRACE_READ_H

#include <stdint.h>

#include "trace.h"

struct trace_reader;

/*
 * Makes the instance, with so many bytes of buffer for each processor, and removes
 * those that a killed process left. NULL after a line that says what to do.
 */
struct trace_reader *trace_reader_open(uint64_t buffer);
/* From now on record what these VMs do; count is not 0. 0, or -errno after a line. */
int trace_reader_watch(struct trace_reader *reader, const int *vms,
		       unsigned int count);
/* Hands on what has come, in the order of time. 0, or -errno after a line. */
int trace_reader_take(struct trace_reader *reader, struct trace *trace);
/* Nothing is recorded any more; what was can still be taken. */
void trace_reader_stop(struct trace_reader *reader);
/* How many events had no room. */
uint64_t trace_reader_lost(struct trace_reader *reader);
/* Removes the instance. */
void trace_reader_close(struct trace_reader *reader);

#endif
