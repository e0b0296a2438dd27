// SPDX-License-Identifier: GPL-2.0
/* `ringlet prepare`: what it prints, and what it refuses with which status. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "kernel_folder.h"
#include "launcher/cmd.h"
#include "run_command.h"

static int set_up(void **state)
{
	(void)state;
	log_forget();
	return make_folder();
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("RINGLET_CACHE");
	unsetenv("RINGLET_LAYER");
	return remove_folder();
}

#define COMMAND(...) RUN_COMMAND(cmd_prepare, __VA_ARGS__)

static void test_command(void **state)
{
	char first[512];

	(void)state;
	assert_int_equal(COMMAND("--cache", cache, "--layer", layer, kernel), 0);
	strcpy(first, output);
	assert_int_equal(strncmp(first, cache, strlen(cache)), 0);
	first[strlen(first) - 1] = '\0';
	assert_int_equal(access(in(first, "manifest"), R_OK), 0);
	setenv("RINGLET_CACHE", cache, 1);
	setenv("RINGLET_LAYER", layer, 1);
	assert_int_equal(COMMAND("--verbose", kernel), 0);
	output[strlen(output) - 1] = '\0';
	assert_string_equal(output, first);
	assert_int_equal(log_lines, 0);
}

static void test_command_refused(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("--help"), 0);
	assert_non_null(strstr(output, "Usage: ringlet prepare"));
	assert_int_equal(COMMAND("--cache"), 2);
	assert_logged("option --cache needs a value; see ringlet prepare --help");
	assert_int_equal(COMMAND("--caches", "x", kernel), 2);
	assert_logged("unknown option --caches");
	assert_int_equal(COMMAND(NULL), 2);
	assert_logged("no kernel is named");
	assert_int_equal(COMMAND(kernel, kernel), 2);
	assert_logged("one kernel at a time");
	assert_int_equal(COMMAND("--cache", "/dev/null/x", kernel), 1);
	assert_logged("cannot be made in /dev/null");
	assert_int_equal(COMMAND("--cache", cache, "--layer", folder, kernel), 4);
	assert_logged("is not the paravirt layer");
	assert_int_equal(COMMAND("--headers", folder, kernel), 2);
	assert_logged("unknown option --headers");
	assert_int_equal(COMMAND("--cache", cache, "--layer", layer,
				 "/dev/null"), 4);
	assert_logged("is not a file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_command),
		T(test_command_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
