// SPDX-License-Identifier: GPL-2.0
/* The counters' names, sums and JSON, and where the file goes. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "abi/guest.h"
#include "launcher/stats.h"

static struct stats_report report;
static char folder[32];

static int set_up(void **state)
{
	(void)state;
	memset(&report, 0, sizeof(report));
	report.kernel = "/boot/vmlinuz";
	report.release = "1.2.3-test";
	report.end = "poweroff";
	report.reason = "";
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	/* Fails, and so does the test, where something is left. */
	return rmdir(folder);
}

static void test_names(void **state)
{
	char buffer[32];

	(void)state;
	assert_string_equal(stats_exit_name(14, buffer, 32), "#PF");
	assert_string_equal(stats_exit_name(13, buffer, 32), "#GP");
	assert_string_equal(stats_exit_name(2, buffer, 32), "NMI");
	assert_string_equal(stats_exit_name(0x80, buffer, 32), "irq 0x80");
	assert_string_equal(stats_exit_name(9, buffer, 32), "vector 0x09");
	assert_string_equal(stats_exit_name(256, buffer, 32), "hypercall");
	assert_string_equal(stats_hypercall_name(RL_HC_SET_CR3, buffer, 32),
			    "set_cr3");
	assert_string_equal(stats_hypercall_name(31, buffer, 32),
			    "hypercall 31");
}

/* Whoever adds a hypercall gives it a name. */
static void test_every_hypercall_has_a_name(void **state)
{
	char buffer[32];
	unsigned int i;

	(void)state;
	for (i = 0; i < RL_HC_COUNT; i++)
		assert_ptr_not_equal(stats_hypercall_name(i, buffer, 32),
				     buffer);
}

static void test_add(void **state)
{
	struct rl_stats one = {
		.entries = 5, .shadow_pages = 7, .shadow_pages_peak = 9,
		.pages_known = 3,
	};
	struct rl_stats two = {
		.entries = 6, .shadow_pages = 2, .shadow_pages_peak = 4,
		.pages_known = 1,
	};

	(void)state;
	stats_add(&report, &one);
	stats_add(&report, &two);
	assert_int_equal(report.boots, 2);
	assert_int_equal(report.total.entries, 11);
	assert_int_equal(report.total.shadow_pages, 2);
	assert_int_equal(report.total.shadow_pages_peak, 9);
	assert_int_equal(report.total.pages_known, 1);
}

static uint64_t number_at(struct json_object *object, const char *path)
{
	struct json_object *found = NULL;

	if (json_pointer_get(object, path, &found))
		fail_msg("the report has no %s", path);
	return json_object_get_uint64(found);
}

static void test_json(void **state)
{
	struct json_object *object;
	char *text;

	(void)state;
	report.total.exits[14] = 1ull << 40;
	report.total.exits[0xec] = 3;
	report.total.exits[RL_EXITS_HYPERCALL] = 4;
	report.total.hypercalls[RL_HC_HALT] = 5;
	report.total.shadow_pages_peak = 6;
	report.total.injected_faults = 7;
	report.exit_status = 6;
	report.reason = "a \"quoted\" word";
	text = stats_to_json(&report);
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_int_equal(number_at(object, "/exits/#PF"), 1ull << 40);
	assert_int_equal(number_at(object, "/exits/irq 0xec"), 3);
	assert_int_equal(number_at(object, "/exits/hypercall"), 4);
	assert_int_equal(number_at(object, "/hypercalls/halt"), 5);
	assert_int_equal(number_at(object, "/hypercalls/deliver"), 0);
	assert_int_equal(number_at(object, "/shadow/pages_peak"), 6);
	assert_int_equal(number_at(object, "/injected/faults"), 7);
	assert_int_equal(number_at(object, "/exit_status"), 6);
	json_object_put(object);
	assert_non_null(strstr(text, "\"/boot/vmlinuz\""));
	assert_non_null(strstr(text, "a \\\"quoted\\\" word"));
	free(text);
}

static char *in_folder(const char *name)
{
	static char path[2][64];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static void test_file_is_replaced(void **state)
{
	char *path = in_folder("stats");
	struct json_object *object;
	struct stat status;
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_int_equal(write(fd, "old", 3), 3);
	close(fd);
	assert_int_equal(stats_check_path(path), 0);
	assert_int_equal(stats_write(path, &report), 0);
	object = json_object_from_file(path);
	assert_non_null(object);
	json_object_put(object);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0644);
	unlink(path);
}

static void test_link_survives(void **state)
{
	char *link = in_folder("link"), *target = in_folder("target");
	struct stat status;

	(void)state;
	close(open(target, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(symlink("target", link), 0);
	assert_int_equal(stats_write(link, &report), 0);
	assert_int_equal(lstat(link, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(stat(target, &status), 0);
	assert_true(status.st_size > 100);
	unlink(link);
	unlink(target);
}

/* A FIFO, like a terminal, must not be replaced by a file. */
static void test_special_file(void **state)
{
	char *path = in_folder("fifo");
	char start[2] = "";
	struct stat status;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(stats_check_path(path), 0);
	assert_int_equal(stats_write(path, &report), 0);
	assert_int_equal(read(fd, start, 1), 1);
	assert_string_equal(start, "{");
	assert_int_equal(stat(path, &status), 0);
	assert_true(S_ISFIFO(status.st_mode));
	close(fd);
	unlink(path);
}

static void test_bad_places(void **state)
{
	char *long_path = malloc(5000);

	(void)state;
	assert_int_equal(stats_check_path("-"), 0);
	assert_int_equal(stats_check_path(folder), -EISDIR);
	assert_int_equal(stats_check_path("/nonexistent/x"), -ENOENT);
	assert_int_equal(stats_write("/nonexistent/x", &report), -ENOENT);
	memset(long_path, 'x', 4999);
	long_path[4999] = '\0';
	assert_int_equal(stats_check_path(long_path), -ENAMETOOLONG);
	free(long_path);
}

/* A disk that is full: an error, and no half file. */
static void test_full_disk(void **state)
{
	(void)state;
	assert_int_equal(stats_write("/dev/full", &report), -ENOSPC);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_every_hypercall_has_a_name),
		TEST(test_add),
		TEST(test_json),
		TEST(test_file_is_replaced),
		TEST(test_link_survives),
		TEST(test_special_file),
		TEST(test_bad_places),
		TEST(test_full_disk),
	};

	/* The files' modes are compared. */
	umask(022);
	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
