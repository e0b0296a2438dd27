/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's events become a timeline (Chrome's and Perfetto's JSON) and a summary.
 * Where events come from is in trace_read.h; here nothing is believed of them: any
 * order, any number is possible, as a guest chooses most of the values and a full
 * buffer loses any of them.
 *
 * Tracks: for each vCPU one that is either in the guest or in the host, by cause of the
 * exit, and one with what was injected; the interrupt lines; and for each device its
 * ring: from the guest's first notification to the device's next interrupt.
 */
#ifndef RINGLET_LAUNCHER_TRACE_H
#define RINGLET_LAUNCHER_TRACE_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum trace_kind {
	TRACE_ENTRY,		/* rip, ring */
	TRACE_EXIT,		/* rip, vector, error, rax, address */
	TRACE_INJECT,		/* rip, vector, error */
	TRACE_RAISE,		/* line */
	TRACE_NOTIFY,		/* address: GPA of the register; queue */
	TRACE_KINDS
};

struct trace_event {
	enum trace_kind kind;
	uint64_t ns;
	pid_t tid;		/* of the thread that was running */
	int vm;
	unsigned int vcpu;	/* its id; of a raise: at which it is raised */
	uint64_t rip, vector, error, rax, address, queue;
	unsigned int ring, line;
};

struct trace;

/* A track's name: that of a thread ("vcpu0"), or of a device ("disk0"). */
struct trace_names {
	const char *(*thread)(void *context, pid_t tid, char *buffer,
			      size_t size);
	const char *(*device)(void *context, int vm, unsigned int n,
			      char *buffer, size_t size);
	void *context;
};

/*
 * out: where the JSON goes as it comes, or NULL. name: the guest's, or "". NULL: no
 * memory. names stays the caller's.
 */
struct trace *trace_begin(FILE *out, pid_t pid, const char *name,
			  const struct trace_names *names);
void trace_feed(struct trace *trace, const struct trace_event *event);
/* Events are missing here: what was begun is not to be ended by what comes. */
void trace_gap(struct trace *trace);
/* Ends the JSON (whether it could be written is out's ferror()) and frees all. */
void trace_end(struct trace *trace);

/* A table of what there was so far. lost: events that are missing. */
void trace_summary(const struct trace *trace, FILE *to, uint64_t lost);

#endif
