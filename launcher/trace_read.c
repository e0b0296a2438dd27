// SPDX-License-Identifier: GPL-2.0
/*
 * See trace_read.h.
 *
 * Each processor has a buffer of its own, and they are read one after the other: what
 * a thread did on two of them may come in the wrong order. So events wait until a
 * reading that began behind them is over: then nothing older can come.
 */
#include <errno.h>
#include <event-parse.h>
#include <kbuffer.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tracefs.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "trace_read.h"

#define INSTANCE	"ringlet-"	/* and the PID of who made it */
#define CLOCK		"mono"

enum field { RIP, CS, VECTOR, ERROR, RAX, ADDRESS, LINE, GPA, QUEUE, VM, VCPU,
	     FIELDS };

static const char *const field_names[FIELDS] = {
	"rip", "cs", "vector", "error", "rax", "address", "line", "gpa",
	"queue", "vm", "vcpu",
};

/* What must be there; see host_module/trace.h. All have the first two. */
#define WHOSE (1 << VM | 1 << VCPU)
static const struct {
	const char *name;
	unsigned int fields;	/* bits */
} formats[TRACE_KINDS] = {
	[TRACE_ENTRY] = { "rl_entry", WHOSE | 1 << RIP | 1 << CS },
	[TRACE_EXIT] = { "rl_exit", WHOSE | 1 << RIP | 1 << VECTOR |
				    1 << ERROR | 1 << RAX | 1 << ADDRESS },
	[TRACE_INJECT] = { "rl_inject", WHOSE | 1 << RIP | 1 << VECTOR |
					1 << ERROR },
	[TRACE_RAISE] = { "rl_raise", WHOSE | 1 << LINE },
	[TRACE_NOTIFY] = { "rl_notify", WHOSE | 1 << GPA | 1 << QUEUE },
};

struct pending {
	struct trace_event event;
	bool gap;		/* events are missing before it */
	uint64_t order;		/* of arrival */
};

struct trace_reader {
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	struct tracefs_cpu **cpus;	/* each one's buffer, open to the end */
	long cpu_count;
	struct kbuffer *page;		/* what `bytes` are */
	void *bytes;
	int ids[TRACE_KINDS];
	struct tep_format_field *fields[TRACE_KINDS][FIELDS];
	bool stopped;
	struct pending *pending;
	size_t count, room;
	uint64_t arrived;
};

/* --- the events' formats ------------------------------------------------------------ */

static int load_format(struct trace_reader *r, enum trace_kind kind)
{
	char path[64], *text;
	struct tep_event *event;
	int size, error;

	snprintf(path, sizeof(path), "events/ringlet/%s/format",
		 formats[kind].name);
	text = tracefs_instance_file_read(NULL, path, &size);
	if (!text)
		return -ENOENT;
	error = tep_parse_event(r->tep, text, size, "ringlet");
	free(text);
	event = tep_find_event_by_name(r->tep, "ringlet", formats[kind].name);
	if (error || !event)
		return -EINVAL;
	r->ids[kind] = event->id;
	for (unsigned int f = 0; f < FIELDS; f++) {
		r->fields[kind][f] = tep_find_field(event, field_names[f]);
		if (formats[kind].fields & 1u << f && !r->fields[kind][f])
			return -EINVAL;
	}
	return 0;
}

static int load_formats(struct trace_reader *r)
{
	char *text;
	int size, error;

	text = tracefs_instance_file_read(NULL, "events/header_page", &size);
	error = text ? tep_parse_header_page(r->tep, text, size, sizeof(long)) :
		       -ENOENT;
	free(text);
	for (int kind = 0; !error && kind < TRACE_KINDS; kind++)
		error = load_format(r, kind);
	if (error == -ENOENT)
		log_warnx("there are no tracepoints of the module: sudo modprobe "
			  "ringlet, or one that is as new as this program");
	else if (error)
		log_warnx("the module's tracepoints are of another shape: "
			  "module and program must be of one version");
	return error;
}

/* --- the instance ---------------------------------------------------------------------- */

/* What a process that was killed left behind. */
static void remove_left_over(void)
{
	char **names = tracefs_instances("^" INSTANCE "[0-9][0-9]*$");
	struct tracefs_instance *old;

	for (char **name = names; name && *name; name++) {
		pid_t pid = atoi(*name + strlen(INSTANCE));

		if (pid <= 0 || !kill(pid, 0) || errno != ESRCH)
			continue;
		old = tracefs_instance_alloc(NULL, *name);
		if (!old)
			continue;
		if (!tracefs_instance_destroy(old))
			log_info("removed what a killed process left: %s",
				 *name);
		tracefs_instance_free(old);
	}
	tracefs_list_free(names);
}

static bool make_instance(struct trace_reader *r, uint64_t buffer)
{
	char name[32];

	if (!tracefs_tracing_dir()) {
		log_warnx("there is no tracefs: sudo mount -t tracefs tracefs "
			  "/sys/kernel/tracing");
		return false;
	}
	remove_left_over();
	snprintf(name, sizeof(name), INSTANCE "%d", getpid());
	r->instance = tracefs_instance_create(name);
	if (!r->instance) {
		log_warn("cannot trace%s: no instance %s in %s",
			 geteuid() ? ", which only root can" : "", name,
			 tracefs_tracing_dir());
		return false;
	}
	if (tracefs_instance_file_write(r->instance, "trace_clock", CLOCK) < 0 ||
	    tracefs_instance_set_buffer_size(r->instance, buffer >> 10, -1) < 0) {
		log_warn("the kernel refuses %llu kB of buffer for each "
			 "processor, or the clock " CLOCK,
			 (unsigned long long)buffer >> 10);
		return false;
	}
	return true;
}

/*
 * tracefs_iterate_raw_events() would open and close them at each reading. Since libtracefs
 * 1.8 it maps them, and then loses what is written while it finds that nothing more is
 * there: the kernel takes all for read that is in the page when it is asked for the next
 * one, and the library's own place in the page goes with the mapping.
 */
static bool open_buffers(struct trace_reader *r)
{
	r->cpu_count = sysconf(_SC_NPROCESSORS_CONF);
	r->cpus = calloc(r->cpu_count, sizeof(*r->cpus));
	for (long cpu = 0; r->cpus && cpu < r->cpu_count; cpu++) {
		r->cpus[cpu] = tracefs_cpu_open(r->instance, cpu, true);
		if (!r->cpus[cpu]) {
			log_warn("cannot read the trace of processor %ld", cpu);
			return false;
		}
	}
	r->page = kbuffer_alloc(KBUFFER_LSIZE_SAME_AS_HOST,
			       KBUFFER_ENDIAN_SAME_AS_HOST);
	r->bytes = r->cpus ? malloc(tracefs_cpu_read_size(r->cpus[0])) : NULL;
	if (!r->page || !r->bytes)
		log_warnx("no memory to trace with");
	return r->page && r->bytes;
}

static void close_buffers(struct trace_reader *r)
{
	for (long cpu = 0; r->cpus && cpu < r->cpu_count; cpu++)
		if (r->cpus[cpu])
			tracefs_cpu_close(r->cpus[cpu]);
	free(r->cpus);
	if (r->page)
		kbuffer_free(r->page);
	free(r->bytes);
}

struct trace_reader *trace_reader_open(uint64_t buffer)
{
	struct trace_reader *r = calloc(1, sizeof(*r));

	if (r)
		r->tep = tep_alloc();
	if (!r || !r->tep)
		log_warnx("no memory to trace with");
	else if (make_instance(r, buffer) && !load_formats(r) && open_buffers(r))
		return r;
	trace_reader_close(r);
	return NULL;
}

void trace_reader_close(struct trace_reader *r)
{
	if (!r)
		return;
	close_buffers(r);
	if (r->instance) {
		trace_reader_stop(r);
		if (tracefs_instance_destroy(r->instance))
			log_warn("cannot remove the tracing instance %s",
				 tracefs_instance_get_name(r->instance));
		tracefs_instance_free(r->instance);
	}
	tep_free(r->tep);
	free(r->pending);
	free(r);
}

int trace_reader_watch(struct trace_reader *r, const int *vms,
		       unsigned int count)
{
	char filter[1024];
	size_t at = 0;

	for (unsigned int i = 0; i < count && at < sizeof(filter) - 32; i++)
		at += snprintf(filter + at, sizeof(filter) - at, "%svm==%d",
			       i ? "||" : "", vms[i]);
	if (tracefs_instance_file_write(r->instance, "events/ringlet/filter",
					filter) < 0 ||
	    tracefs_event_enable(r->instance, "ringlet", NULL)) {
		log_warn("cannot switch the module's tracepoints on");
		return -EIO;
	}
	return 0;
}

void trace_reader_stop(struct trace_reader *r)
{
	if (!r->stopped)
		tracefs_trace_off(r->instance);
	r->stopped = true;
}

static uint64_t lost_on(struct trace_reader *r, long cpu)
{
	static const char *const names[] = { "\noverrun: ", "\ndropped events: " };
	uint64_t lost = 0;
	char path[64], *text, *at;
	int size;

	snprintf(path, sizeof(path), "per_cpu/cpu%ld/stats", cpu);
	text = tracefs_instance_file_read(r->instance, path, &size);
	for (size_t i = 0; text && i < sizeof(names) / sizeof(*names); i++) {
		at = strstr(text, names[i]);
		lost += at ? strtoull(at + strlen(names[i]), NULL, 10) : 0;
	}
	free(text);
	return lost;
}

uint64_t trace_reader_lost(struct trace_reader *r)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t lost = 0;

	for (long cpu = 0; cpu < cpus; cpu++)
		lost += lost_on(r, cpu);
	return lost;
}

/* --- events ---------------------------------------------------------------------------- */

static uint64_t value_of(struct trace_reader *r, const struct tep_record *record,
			 enum trace_kind kind, enum field f)
{
	struct tep_format_field *field = r->fields[kind][f];
	unsigned long long value = 0;

	if (!field || field->offset + field->size > record->size ||
	    tep_read_number_field(field, record->data, &value))
		return 0;
	return value;
}

static struct pending *new_pending(struct trace_reader *r)
{
	struct pending *more;

	if (r->count == r->room) {
		more = reallocarray(r->pending, r->room + 4096, sizeof(*more));
		if (!more)
			return NULL;
		r->pending = more;
		r->room += 4096;
	}
	return &r->pending[r->count++];
}

/* False: no memory. */
static bool take_record(struct trace_reader *r, struct tep_record *record)
{
	int id = tep_data_type(r->tep, record);
	struct pending *p;
	int kind;

	for (kind = 0; kind < TRACE_KINDS && r->ids[kind] != id; kind++)
		;
	if (kind == TRACE_KINDS)
		return true;
	p = new_pending(r);
	if (!p)
		return false;
	*p = (struct pending){
		.gap = record->missed_events,
		.order = r->arrived++,
		.event = {
			.kind = kind,
			.ns = record->ts,
			.tid = tep_data_pid(r->tep, record),
			.vm = value_of(r, record, kind, VM),
			.vcpu = value_of(r, record, kind, VCPU),
			.rip = value_of(r, record, kind, RIP),
			.ring = value_of(r, record, kind, CS) & 3,
			.vector = value_of(r, record, kind, VECTOR),
			.error = value_of(r, record, kind, ERROR),
			.rax = value_of(r, record, kind, RAX),
			.address = value_of(r, record, kind,
					    kind == TRACE_NOTIFY ? GPA : ADDRESS),
			.queue = value_of(r, record, kind, QUEUE),
			.line = value_of(r, record, kind, LINE),
		},
	};
	return true;
}

/* The page that was read last; *last is the time of its last event. False: no memory. */
static bool take_page(struct trace_reader *r, uint64_t *last)
{
	struct tep_record record = { 0 };
	unsigned long long ns;

	if (kbuffer_load_subbuffer(r->page, r->bytes))
		return true;
	while ((record.data = kbuffer_read_event(r->page, &ns))) {
		*last = record.ts = ns;
		record.size = kbuffer_event_size(r->page);
		record.missed_events = kbuffer_missed_events(r->page);
		if (!take_record(r, &record))
			return false;
		kbuffer_next_event(r->page, NULL);
	}
	return true;
}

/*
 * All that is there from before `until`; a guest may be quicker with new ones than they
 * can be read. False: no memory.
 */
static bool take_buffers(struct trace_reader *r, uint64_t until)
{
	for (long cpu = 0; cpu < r->cpu_count; cpu++) {
		uint64_t last = 0;

		while (last < until &&
		       tracefs_cpu_read(r->cpus[cpu], r->bytes, true) > 0)
			if (!take_page(r, &last))
				return false;
	}
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;

	if (x->event.ns != y->event.ns)
		return x->event.ns > y->event.ns ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

int trace_reader_take(struct trace_reader *r, struct trace *trace)
{
	uint64_t began = r->stopped ? UINT64_MAX : clock_now();
	bool had_room = take_buffers(r, began);
	size_t i;

	if (r->count)
		qsort(r->pending, r->count, sizeof(*r->pending), by_time);
	for (i = 0; i < r->count && r->pending[i].event.ns < began; i++) {
		if (r->pending[i].gap)
			trace_gap(trace);
		trace_feed(trace, &r->pending[i].event);
	}
	if (i)
		memmove(r->pending, r->pending + i,
			(r->count - i) * sizeof(*r->pending));
	r->count -= i;
	if (!had_room)
		log_warnx("no memory for more events");
	return had_room ? 0 : -ENOMEM;
}
