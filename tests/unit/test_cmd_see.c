// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet top` and `ringlet trace` from their options to their exit status, with files
 * in a folder for debugfs and /proc, and a recording that is none.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "unit.h"

#include "capture_log.h"
#include "files.h"
#include "launcher/cmd.h"
#include "launcher/guests.h"
#include "launcher/log.h"
#include "launcher/trace_read.h"
#include "run_command.h"

static char debugfs[64], proc[64], pid[16];
static const struct guests_place place = { debugfs, proc };
static unsigned int looks;
static void (*on_look)(void);

static struct {
	bool none;		/* trace_reader_open() fails */
	int watch_error, take_error;
	unsigned int watched, taken, stopped, closed;
	int vm;
	void (*on_take)(void);
} reader;

static void run(const char *format, const char *folder)
{
	char command[256];

	snprintf(command, sizeof(command), format, folder);
	assert_int_equal(system(command), 0);
}

/* --- what the commands call ------------------------------------------------------- */

int __real_guests_read(const struct guests_place *where, struct guests *guests);
int __wrap_guests_read(const struct guests_place *where, struct guests *guests);

int __wrap_guests_read(const struct guests_place *where, struct guests *guests)
{
	(void)where;
	looks++;
	if (on_look)
		on_look();
	return __real_guests_read(&place, guests);
}

struct trace_reader *__wrap_trace_reader_open(uint64_t buffer);
int __wrap_trace_reader_watch(struct trace_reader *r, const int *vms,
			      unsigned int count);
int __wrap_trace_reader_take(struct trace_reader *r, struct trace *trace);
void __wrap_trace_reader_stop(struct trace_reader *r);
uint64_t __wrap_trace_reader_lost(struct trace_reader *r);
void __wrap_trace_reader_close(struct trace_reader *r);

struct trace_reader *__wrap_trace_reader_open(uint64_t buffer)
{
	assert_true(buffer >= 64 << 10);
	return reader.none ? NULL : (struct trace_reader *)&reader;
}

int __wrap_trace_reader_watch(struct trace_reader *r, const int *vms,
			      unsigned int count)
{
	(void)r;
	reader.watched++;
	reader.vm = vms[count - 1];
	return reader.watch_error;
}

int __wrap_trace_reader_take(struct trace_reader *r, struct trace *trace)
{
	struct trace_event event = {
		.kind = TRACE_ENTRY, .ns = 1000 + reader.taken, .vm = 3, .tid = 12,
	};

	(void)r;
	trace_feed(trace, &event);
	reader.taken++;
	if (reader.on_take)
		reader.on_take();
	return reader.take_error;
}

void __wrap_trace_reader_stop(struct trace_reader *r)
{
	(void)r;
	reader.stopped++;
}

uint64_t __wrap_trace_reader_lost(struct trace_reader *r)
{
	(void)r;
	return 0;
}

void __wrap_trace_reader_close(struct trace_reader *r)
{
	reader.closed += !!r;
}

/* --- a host with one guest, of which we are the launcher --------------------------- */

#define STAT " S 1 1 1 0 -1 64 0 0 0 0 30 12 0 0 20 0 5 0 100 0 0 0 0 0 0 " \
	"0 0 0 0 0 0 0 0 0 17 1 0 0\n"

static void put_counters(const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "ringlet/%s-3", pid);
	put_file(debugfs, path, text, strlen(text));
}

static int set_up(void **state)
{
	static const char words[] = "ringlet\0run\0--config\0/etc/web.conf";
	char path[64];

	(void)state;
	strcpy(debugfs, "/tmp/debugfs.XXXXXX");
	strcpy(proc, "/tmp/proc.XXXXXX");
	snprintf(pid, sizeof(pid), "%d", getpid());
	assert_non_null(mkdtemp(debugfs));
	assert_non_null(mkdtemp(proc));
	run("mkdir %s/ringlet", debugfs);
	put_counters("entries 5\nqueue 0.0 1\n");
	snprintf(path, sizeof(path), "mkdir -p %%s/%s/task/12", pid);
	run(path, proc);
	snprintf(path, sizeof(path), "%s/cmdline", pid);
	put_file(proc, path, words, sizeof(words));
	snprintf(path, sizeof(path), "%s/task/12/stat", pid);
	put_file(proc, path, "12 (vcpu0)" STAT, sizeof("12 (vcpu0)" STAT) - 1);
	looks = 0;
	on_look = NULL;
	memset(&reader, 0, sizeof(reader));
	log_forget();
	return 0;
}

static int tear_down(void **state)
{
	sigset_t none;

	(void)state;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	run("rm -r %s", debugfs);
	run("rm -r %s", proc);
	return 0;
}

/* The last line; others came before. */
#define assert_last(part) do {						\
	assert_non_null(strstr(logged, part));				\
	log_forget();							\
} while (0)

/* --- top ---------------------------------------------------------------------------- */

static void count_on(void)
{
	if (looks > 1)
		put_counters("entries 105\nexits vector 0x0e 100\nqueue 0.0 1\n");
}

static void test_once(void **state)
{
	(void)state;
	on_look = count_on;
	assert_int_equal(RUN_COMMAND(cmd_top, "--once", "-i", "20ms"), 0);
	assert_int_equal(looks, 2);
	assert_printed(pid);
	assert_printed("\tweb\t");
	assert_printed("\ttotal\texits\t");
	assert_int_equal(log_lines, 0);
}

static void end_after_two(void)
{
	if (looks == 3)
		run("rm -r %s/ringlet", debugfs);
}

/* Until the module is gone. */
static void test_batch(void **state)
{
	(void)state;
	on_look = end_after_two;
	assert_int_equal(RUN_COMMAND(cmd_top, "-b", "--interval", "1ms"), 1);
	assert_int_equal(looks, 3);
	assert_printed("\n\n");
	assert_logged("debugfs is not mounted");
	run("mkdir %s/ringlet", debugfs);
}

static void test_top_refused(void **state)
{
	(void)state;
	assert_int_equal(RUN_COMMAND(cmd_top, "--interval", "soon"), 2);
	assert_logged("--interval soon is not a time");
	assert_int_equal(RUN_COMMAND(cmd_top, "web"), 2);
	assert_logged("unexpected argument web");
	assert_int_equal(RUN_COMMAND(cmd_top, "--never"), 2);
	assert_logged("--never");
	assert_int_equal(looks, 0);
	/* Standard output is a file here. */
	assert_int_equal(RUN_COMMAND(cmd_top, NULL), 2);
	assert_logged("no terminal: ringlet top --batch");
	run("rm -r %s/ringlet", debugfs);
	assert_int_equal(RUN_COMMAND(cmd_top, "--once"), 1);
	assert_logged("debugfs is not mounted");
	run("mkdir %s/ringlet", debugfs);
}

/* --- trace -------------------------------------------------------------------------- */

static void test_trace(void **state)
{
	char path[96], text[4096] = { 0 };
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/out.json", proc);
	assert_int_equal(RUN_COMMAND(cmd_trace, "-f", "120ms", "-o", path, "web"),
			 0);
	assert_logged("tracing ");
	assert_true(looks >= 2 && reader.taken >= 2);
	assert_int_equal(reader.watched, 1);
	assert_int_equal(reader.vm, 3);
	assert_int_equal(reader.stopped, 1);
	assert_int_equal(reader.closed, 1);
	assert_printed(" events in");
	f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	assert_non_null(strstr(text, "vm 3 vcpu0"));
}

/* A signal ends the recording, not what follows. */
static void interrupt(void)
{
	if (reader.taken == 2)
		kill(getpid(), SIGTERM);
}

static void test_signal(void **state)
{
	(void)state;
	reader.on_take = interrupt;
	assert_int_equal(RUN_COMMAND(cmd_trace, pid), 0);
	assert_int_equal(reader.taken, 3);
	assert_int_equal(reader.closed, 1);
	assert_printed(" events in");
}

/* The launcher is there, its VM is not: more than a reboot takes. */
static void lose_the_vm(void)
{
	if (looks == 3)
		run("rm %s/ringlet/*", debugfs);
}

static void test_end(void **state)
{
	(void)state;
	on_look = lose_the_vm;
	assert_int_equal(RUN_COMMAND(cmd_trace, "--out", "-", "web"), 0);
	assert_printed("vm 3 vcpu0");
	assert_int_equal(reader.closed, 1);
}

static void test_trace_fails(void **state)
{
	(void)state;
	assert_int_equal(RUN_COMMAND(cmd_trace, "mail"), 1);
	assert_logged("no guest is called mail");
	assert_int_equal(RUN_COMMAND(cmd_trace, "--out", "/none/x", "web"), 1);
	assert_logged("cannot write the timeline to /none/x");
	reader.none = true;
	assert_int_equal(RUN_COMMAND(cmd_trace, "web"), 1);
	assert_int_equal(reader.closed, 0);
	reader.none = false;
	reader.watch_error = -EINVAL;
	assert_int_equal(RUN_COMMAND(cmd_trace, "web"), 1);
	assert_int_equal(reader.closed, 1);
	reader.watch_error = 0;
	reader.take_error = -EIO;
	assert_int_equal(RUN_COMMAND(cmd_trace, "web"), 1);
	assert_int_equal(reader.closed, 2);
	reader.take_error = 0;
	assert_int_equal(RUN_COMMAND(cmd_trace, "-f", "60ms", "-o", "/dev/full",
				     "web"), 1);
	assert_last("cannot write all of the timeline to /dev/full");
	assert_int_equal(reader.closed, 3);
	run("rm -r %s/ringlet", debugfs);
	assert_int_equal(RUN_COMMAND(cmd_trace, "web"), 1);
	assert_logged("debugfs is not mounted");
	run("mkdir %s/ringlet", debugfs);
}

static void test_trace_refused(void **state)
{
	(void)state;
	assert_int_equal(RUN_COMMAND(cmd_trace, NULL), 2);
	assert_logged("no guest is named");
	assert_int_equal(RUN_COMMAND(cmd_trace, "a", "b"), 2);
	assert_logged("one guest at a time");
	assert_int_equal(RUN_COMMAND(cmd_trace, "--for", "ever", "a"), 2);
	assert_logged("--for ever is not a time");
	assert_int_equal(RUN_COMMAND(cmd_trace, "--buffer", "1K", "a"), 2);
	assert_logged("--buffer 1K is not a size");
	assert_int_equal(looks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_once),
		T(test_batch),
		T(test_top_refused),
		T(test_trace),
		T(test_signal),
		T(test_end),
		T(test_trace_fails),
		T(test_trace_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
