// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet trace`: what a running guest does, as a timeline for Perfetto or Chrome and
 * as a table.
 *
 * However it is ended, but by SIGKILL, the tracing instance is removed: signals are
 * waited for, not caught.
 */
#include "cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "duration.h"
#include "exit.h"
#include "guests.h"
#include "log.h"
#include "trace.h"
#include "trace_read.h"
#include "usage.h"

static const char usage[] =
"Usage: ringlet trace [options] NAME|PID\n"
"Records what a running guest does: each entry and exit, what is injected, lines\n"
"raised, queues notified; until ^C, or the guest's end. Then prints for each cause of\n"
"an exit how often it came, and how long the host took for it. Only root can.\n"
"NAME is that of the guest's --config file without .conf (as in ringlet@NAME); PID its\n"
"launcher's. `ringlet top --once` lists both.\n"
"\n"
"  -f, --for TIME     stop after this time: 2s, 500ms, 1m\n"
"  -o, --out FILE     write a timeline that https://ui.perfetto.dev and\n"
"                     chrome://tracing open; - is standard output, and the\n"
"                     table goes to standard error then\n"
"      --buffer SIZE  room for events, for each processor (8M)\n"
"  -h, --help         this text\n";

#define BUFFER_DEFAULT	(8ull << 20)
#define BUFFER_MIN	(64ull << 10)
#define BUFFER_MAX	(1ull << 30)
#define BOOTS		64	/* VMs of one launcher that are followed */

#define PAUSE_MS	50	/* from one reading to the next */
#define LOOK_EACH	4	/* readings: is the guest still there? */
#define GONE_AFTER	5	/* looks without a VM: not a reboot */

struct request {
	const char *guest, *out;
	uint64_t time, buffer;	/* ns, 0: no limit; bytes */
};

enum { OPTION_FOR = 256, OPTION_OUT, OPTION_BUFFER, OPTION_HELP };

/* The options; 0, or STATUS_USAGE after a message, or -1 for --help. */
static int parse(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{ "for", required_argument, NULL, OPTION_FOR },
		{ "out", required_argument, NULL, OPTION_OUT },
		{ "buffer", required_argument, NULL, OPTION_BUFFER },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int code;

	usage_begin();
	while ((code = usage_next(argc, argv, ":f:o:h", options)) != -1) {
		switch (code) {
		case 'f':
		case OPTION_FOR:
			if (duration_parse(optarg, &request->time))
				return usage_wrong(argv, "--for %s is not a "
						   "time; write for example 2s "
						   "or 500ms", optarg);
			break;
		case 'o':
		case OPTION_OUT:
			request->out = optarg;
			break;
		case OPTION_BUFFER:
			if (words_size(optarg, &request->buffer) ||
			    request->buffer < BUFFER_MIN ||
			    request->buffer > BUFFER_MAX)
				return usage_wrong(argv, "--buffer %s is not a "
						   "size from 64K to 1G",
						   optarg);
			break;
		case 'h':
		case OPTION_HELP:
			return -1;
		default:
			return STATUS_USAGE;
		}
	}
	if (argc - optind != 1)
		return usage_wrong(argv, argc == optind ? "no guest is named" :
				   "one guest at a time");
	request->guest = argv[optind];
	return 0;
}

/* --- the guest ---------------------------------------------------------------------- */

struct session {
	pid_t pid;
	char name[GUEST_NAME];
	unsigned int vm_count;
	int vms[BOOTS];		/* so far; a reboot adds one */
	unsigned int gone;	/* looks without one */
	struct guests guests;	/* the last look at it, for names */
	struct trace_reader *reader;
	struct trace *trace;
};

static bool knows(const struct session *s, int vm)
{
	for (unsigned int i = 0; i < s->vm_count; i++)
		if (s->vms[i] == vm)
			return true;
	return false;
}

/* Follows VMs that are new. 0, or -errno after a line. */
static int follow(struct session *s, const struct guests *guests)
{
	unsigned int before = s->vm_count;
	bool there = false;

	for (unsigned int i = 0; i < guests->count; i++) {
		if (guests->list[i].pid != s->pid)
			continue;
		there = true;
		if (!knows(s, guests->list[i].vm) && s->vm_count < BOOTS)
			s->vms[s->vm_count++] = guests->list[i].vm;
	}
	s->gone = there ? 0 : s->gone + 1;
	return s->vm_count > before ?
		       trace_reader_watch(s->reader, s->vms, s->vm_count) : 0;
}

/* The first of a launcher's VMs, or NULL. */
static const struct guest *guest_of(const struct guests *guests, pid_t pid)
{
	for (unsigned int i = 0; i < guests->count; i++)
		if (guests->list[i].pid == pid)
			return &guests->list[i];
	return NULL;
}

static unsigned int threads_of(const struct guests *guests, pid_t pid)
{
	const struct guest *guest = guest_of(guests, pid);

	return guest ? guest->thread_count : 0;
}

static int look(struct session *s)
{
	struct guests guests;
	int error = guests_read(&guests_place, &guests);

	if (error) {
		guests_explain(&guests_place, "trace", error);
		return error;
	}
	error = follow(s, &guests);
	/* Names are asked for later, and of a launcher that ends, some threads are
	   gone before the VM: the last look that knows more will do. */
	if (threads_of(&guests, s->pid) < threads_of(&s->guests, s->pid)) {
		guests_free(&guests);
	} else {
		guests_free(&s->guests);
		s->guests = guests;
	}
	return error;
}

static const char *thread_name(void *context, pid_t tid, char *buffer,
			       size_t size)
{
	const struct session *s = context;

	for (unsigned int i = 0; i < s->guests.count; i++)
		for (unsigned int j = 0; j < s->guests.list[i].thread_count; j++)
			if (s->guests.list[i].threads[j].tid == tid)
				return s->guests.list[i].threads[j].name;
	snprintf(buffer, size, "thread %d", tid);
	return buffer;
}

static const char *device_name(void *context, int vm, unsigned int n,
			       char *buffer, size_t size)
{
	const struct session *s = context;
	const struct guest *guest = guest_of(&s->guests, s->pid);

	(void)vm;	/* a launcher's devices stay what they are */
	if (guest)
		return guest_device(guest, n, buffer, size);
	snprintf(buffer, size, "device %u", n);
	return buffer;
}

/* --- recording ------------------------------------------------------------------------- */

/* Until the time is over, a signal comes or the guest has gone. */
static int record(struct session *s, const struct request *request,
		  const sigset_t *signals)
{
	uint64_t end = request->time ? clock_now() + request->time : UINT64_MAX;
	struct timespec pause = { 0, PAUSE_MS * 1000000 };
	unsigned int rounds = 0;
	int error = 0;

	while (!error && s->gone < GONE_AFTER && clock_now() < end) {
		if (sigtimedwait(signals, NULL, &pause) > 0)
			break;
		error = trace_reader_take(s->reader, s->trace);
		if (!error && ++rounds % LOOK_EACH == 0)
			error = look(s);
		if (kill(s->pid, 0) && errno == ESRCH)
			break;
	}
	trace_reader_stop(s->reader);
	return error ? error : trace_reader_take(s->reader, s->trace);
}

/* The file of --out, NULL where none was asked for; false after a line. */
static bool open_out(const struct request *request, FILE **out)
{
	*out = NULL;
	if (!request->out)
		return true;
	*out = !strcmp(request->out, "-") ? stdout : fopen(request->out, "we");
	if (!*out)
		log_warn("cannot write the timeline to %s", request->out);
	return *out;
}

/* False after a line: not all could be written. */
static bool close_out(const struct request *request, FILE *out)
{
	bool good;

	if (!out)
		return true;
	good = !fflush(out) && !ferror(out);
	if (!good)
		log_warn("cannot write all of the timeline to %s", request->out);
	if (out != stdout)
		fclose(out);
	return good;
}

static int run(struct session *s, const struct request *request,
	       const sigset_t *signals, FILE *out)
{
	const struct trace_names names = { thread_name, device_name, s };
	int error;

	s->trace = trace_begin(out, s->pid, s->name, &names);
	if (!s->trace) {
		log_warnx("no memory to trace with");
		return -ENOMEM;
	}
	error = look(s);
	if (!error) {
		log_warnx("tracing %d%s%s; ^C ends it", s->pid,
			  *s->name ? ", " : "", s->name);
		error = record(s, request, signals);
		trace_summary(s->trace, out == stdout ? stderr : stdout,
			      trace_reader_lost(s->reader));
	}
	trace_end(s->trace);
	return error;
}

/* Which guest; 0 or a status after a line. */
static int find(struct session *s, const char *word)
{
	int error = guests_read(&guests_place, &s->guests);
	pid_t pid;

	if (error) {
		guests_explain(&guests_place, "trace", error);
		return STATUS_ERROR;
	}
	pid = guests_choose(&s->guests, word);
	if (pid < 0)
		return STATUS_ERROR;
	s->pid = pid;
	memcpy(s->name, guest_of(&s->guests, pid)->name, GUEST_NAME);
	return 0;
}

/* A signal that ends us only ends the recording: all that follows is done. */
static void hold_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGHUP);
	sigaddset(signals, SIGQUIT);
	sigprocmask(SIG_BLOCK, signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int cmd_trace(int argc, char **argv)
{
	struct request request = { .buffer = BUFFER_DEFAULT };
	struct session session = { 0 };
	int status = parse(argc, argv, &request);
	sigset_t signals;
	FILE *out;

	if (status < 0) {
		fputs(usage, stdout);
		return STATUS_OK;
	}
	if (!status)
		status = find(&session, request.guest);
	if (!status && !open_out(&request, &out))
		status = STATUS_ERROR;
	if (status) {
		guests_free(&session.guests);
		return status;
	}
	hold_signals(&signals);
	session.reader = trace_reader_open(request.buffer);
	if (!session.reader || run(&session, &request, &signals, out))
		status = STATUS_ERROR;
	trace_reader_close(session.reader);
	if (!close_out(&request, out))
		status = STATUS_ERROR;
	guests_free(&session.guests);
	return status;
}
