// SPDX-License-Identifier: GPL-2.0
/*
 * The guests of a host from outside: the module's counters, launchers' names and
 * threads, which of them a word means; and files that are none of the module's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "unit.h"

#include "capture_log.h"
#include "files.h"
#include "launcher/guests.h"

static char debugfs[64], proc[64];
static const struct guests_place place = { debugfs, proc };
static struct guests guests;

static void run(const char *format, const char *folder)
{
	char command[256];

	snprintf(command, sizeof(command), format, folder);
	assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(debugfs, "/tmp/debugfs.XXXXXX");
	strcpy(proc, "/tmp/proc.XXXXXX");
	assert_non_null(mkdtemp(debugfs));
	assert_non_null(mkdtemp(proc));
	run("mkdir %s/ringlet", debugfs);
	guests = (struct guests){ 0 };
	log_forget();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	guests_free(&guests);
	run("rm -r %s", debugfs);
	run("rm -r %s", proc);
	return 0;
}

#define PUT(file, text) put_file(debugfs, "ringlet/" file, text, strlen(text))
#define PUT_PROC(file, text) put_file(proc, file, text, sizeof(text) - 1)

static void test_counters(void **state)
{
	char text[] = "exits vector 0x0e        42\n"
		      "exits hypercall          7\n"
		      "hypercall 5              3\n"
		      "shadow pages             11\n"
		      "shadow pages peak        12\n"
		      "lock ns, longest         18446744073709551615\n"
		      "queue 1.0              5\n"
		      "queue 1.2              6\n"
		      "interrupts 1             2\n"
		      "interrupts 1             1\n";
	struct counters c;

	(void)state;
	assert_int_equal(counters_parse(text, &c), 10);
	assert_int_equal(c.vm.exits[14], 42);
	assert_int_equal(c.vm.exits[RL_EXITS_HYPERCALL], 7);
	assert_int_equal(c.vm.hypercalls[5], 3);
	assert_int_equal(c.vm.shadow_pages, 11);
	assert_int_equal(c.vm.shadow_pages_peak, 12);
	assert_true(c.vm.lock_ns == UINT64_MAX);
	assert_int_equal(c.devices[0].queues, 0);
	assert_int_equal(c.devices[1].queues, 3);
	assert_int_equal(c.devices[1].notified[0], 5);
	assert_int_equal(c.devices[1].notified[2], 6);
	assert_int_equal(c.devices[1].interrupts, 3);
}

/* Each alone is no counter, and none of them ends up anywhere. */
static void test_hostile_lines(void **state)
{
	static const char *const lines[] = {
		"", " ", "entries", "entries ", " 5", "entries -5", "entries 5x",
		"entries 0x5", "entries 18446744073709551616", "exits vector 0x100 1",
		"exits vector  1", "exits vector -1 1", "hypercall 32 1",
		"hypercall x 1", "hypercall 4294967296 1", "queue 32.0 1",
		"queue 0.8 1", "queue 0 1", "queue .1 1", "queue 0. 1",
		"queue -1.0 1", "queue 0.0.0 1", "interrupts 32 1",
		"interrupts -1 1", "interrupts  1", "shadow 1",
		"entries\t5", "ENTRIES 5", "entries 5 \n 6 ",
	};
	static const struct counters none;
	struct counters c;
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(text, sizeof(text), "%s", lines[i]);
		if (counters_parse(text, &c))
			fail_msg("understood `%s`", lines[i]);
		assert_memory_equal(&c, &none, sizeof(c));
	}
}

#define STAT_REST " S 1 1 1 0 -1 64 0 0 0 0 %s 0 0 20 0 5 0 100 0 0 0 0 0 0 " \
	"0 0 0 0 0 0 0 0 0 17 %s 0 0\n"

static void put_thread(const char *tid, const char *name, const char *ticks,
		       const char *cpu)
{
	char path[128], text[256];

	snprintf(path, sizeof(path), "mkdir -p %%s/7/task/%s", tid);
	run(path, proc);
	snprintf(text, sizeof(text), "%s (%s)" STAT_REST, tid, name, ticks, cpu);
	snprintf(path, sizeof(path), "7/task/%s/stat", tid);
	put_file(proc, path, text, strlen(text));
}

static void test_names_and_threads(void **state)
{
	static const char words[] = "ringlet\0run\0--config\0/etc/ringlet/web.conf\0"
				    "-v\0--\0--config=/x/no.conf";
	char buffer[32];

	(void)state;
	PUT("7-3", "entries 5\nqueue 0.0 1\nqueue 1.0 1\n");
	run("mkdir -p %s/7", proc);
	PUT_PROC("7/cmdline", words);
	put_thread("7", "ringlet", "1 1", "0");
	put_thread("12", "vcpu0", "30 12", "1");
	put_thread("9", "disk0", "0 0", "0");
	/* A name may hold what ends names; a thread of the disk's has its name. */
	put_thread("10", "net) R 9 9 (", "0 0", "0");
	put_thread("11", "disk0", "0 0", "0");
	assert_int_equal(guests_read(&place, &guests), 0);
	assert_int_equal(guests.count, 1);
	assert_int_equal(guests.list->pid, 7);
	assert_int_equal(guests.list->vm, 3);
	assert_string_equal(guests.list->name, "web");
	assert_int_equal(guests.list->thread_count, 5);
	assert_string_equal(guests.list->threads[4].name, "vcpu0");
	assert_int_equal(guests.list->threads[4].ticks, 42);
	assert_int_equal(guests.list->threads[4].cpu, 1);
	assert_int_equal(guests.list->threads[4].state, 'S');
	assert_string_equal(guest_device(guests.list, 0, buffer, 32), "disk0");
	assert_string_equal(guest_device(guests.list, 1, buffer, 32),
			    "net) R 9 9 (");
	assert_string_equal(guest_device(guests.list, 2, buffer, 32), "device 2");
	/* More threads than devices: none is given a wrong name. */
	put_thread("13", "other", "0 0", "0");
	guests_free(&guests);
	assert_int_equal(guests_read(&place, &guests), 0);
	assert_string_equal(guest_device(guests.list, 0, buffer, 32), "device 0");
}

static void test_choose(void **state)
{
	(void)state;
	PUT("7-3", "entries 5\n");
	PUT("8-4", "entries 5\n");
	PUT("9-5", "entries 5\n");
	PUT("9-6", "entries 5\n");
	/* None of the module's. */
	PUT("x-1", "entries 5\n");
	PUT("7-", "entries 5\n");
	PUT("7-3x", "entries 5\n");
	PUT("-7-3", "entries 5\n");
	run("mkdir %s/7 ", proc);
	run("mkdir %s/8 ", proc);
	run("mkdir %s/9 ", proc);
	PUT_PROC("7/cmdline", "ringlet\0run\0--config=a.conf");
	PUT_PROC("8/cmdline", "ringlet\0run\0--config=/x/a.conf");
	PUT_PROC("9/cmdline", "ringlet\0run\0--config=8");
	assert_int_equal(guests_read(&place, &guests), 0);
	assert_int_equal(guests.count, 4);
	assert_int_equal(guests_choose(&guests, "7"), 7);
	assert_int_equal(guests_choose(&guests, "8"), 8);
	assert_int_equal(log_lines, 0);
	assert_int_equal(guests_choose(&guests, "a"), -ENOENT);
	assert_logged("several guests are called a: say the PID, 7 or 8");
	assert_int_equal(guests_choose(&guests, ""), -ENOENT);
	assert_logged("no guest is called");
	assert_int_equal(guests_choose(&guests, "b"), -ENOENT);
	assert_logged("ringlet top --once lists those that run");
}

/* A command line that ends in the middle, and a name that a terminal would obey. */
static void test_hostile_command_line(void **state)
{
	static const char *const words[] = {
		"--config", "ringlet\0--config", "--config=", "--config=/",
		"--config=.conf",
	};

	(void)state;
	PUT("7-3", "entries 5\n");
	run("mkdir %s/7", proc);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		put_file(proc, "7/cmdline", words[i], strlen(words[i]));
		assert_int_equal(guests_read(&place, &guests), 0);
		assert_int_equal(guests.count, 1);
		assert_true(strlen(guests.list->name) < GUEST_NAME);
		guests_free(&guests);
	}
}

static void test_what_to_do(void **state)
{
	(void)state;
	guests_explain(&place, "top", -EACCES);
	assert_logged("only root can read the counters");
	run("rmdir %s/ringlet", debugfs);
	assert_int_equal(guests_read(&place, &guests), -ENOENT);
	guests_explain(&place, "top", -ENOENT);
	assert_logged("debugfs is not mounted: sudo mount -t debugfs debugfs ");
	guests_explain(&place, "top", -EIO);
	assert_logged("Input/output error");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_counters),
		TEST(test_hostile_lines),
		TEST(test_names_and_threads),
		TEST(test_choose),
		TEST(test_hostile_command_line),
		TEST(test_what_to_do),
	};

	return cmocka_run_group_tests_name("guests", tests, NULL, NULL);
}
