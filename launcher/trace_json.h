/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing the "Trace Event Format" that Perfetto and Chrome open: an object whose
 * traceEvents stand one on each line, times in microseconds. A track there is a
 * "thread" of a process. Numbers of tracks are the caller's.
 */
#ifndef RINGLET_LAUNCHER_TRACE_JSON_H
#define RINGLET_LAUNCHER_TRACE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct trace_json {
	FILE *out;		/* or NULL: nothing is written */
	pid_t pid;
	uint64_t first;		/* ns: the timeline's zero */
	bool comma;
};

void json_begin(struct trace_json *json, const char *process);
void json_end(struct trace_json *json);
/* Names a track, once, before or behind what is on it. */
void json_track(struct trace_json *json, unsigned int track, const char *name);
/* What took from `since` to `until`, not before it. args: an object's text. */
void json_slice(struct trace_json *json, unsigned int track,
		const char *category, const char *name, uint64_t since,
		uint64_t until, const char *args);
void json_instant(struct trace_json *json, unsigned int track,
		  const char *category, const char *name, uint64_t when,
		  const char *args);

/* Names come from files and threads: what JSON would have to quote becomes `?`. */
const char *json_plain(const char *name, char *buffer, size_t size);

#endif
