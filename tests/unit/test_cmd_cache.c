// SPDX-License-Identifier: GPL-2.0
/* `ringlet cache`, which shows and removes prepared kernels. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "cache_folder.h"
#include "launcher/cmd.h"
#include "run_command.h"

/* --- where nothing can be removed (the Makefile wraps these) --- */

static bool stuck;

#define WRAP_STUCK(name)					\
int __real_##name(const char *path);				\
int __wrap_##name(const char *path);				\
int __wrap_##name(const char *path)				\
{								\
	errno = EBUSY;						\
	return stuck ? -1 : __real_##name(path);		\
}

WRAP_STUCK(remove)
WRAP_STUCK(rmdir)
WRAP_STUCK(unlink)

/* Whatever came of the test. */
static int unstick(void **state)
{
	stuck = false;
	return tear_down(state);
}

/* --- the command --- */

#define COMMAND(...) RUN_COMMAND(cmd_cache, __VA_ARGS__)

static void test_list(void **state)
{
	const char *line;

	(void)state;
	/* Nothing was prepared so far. */
	assert_int_equal(COMMAND(NULL), 0);
	assert_printed(cache);
	assert_int_equal(strlen(output), strlen(cache) + 2);
	set_age(add("1.0-new", KEY, layer), 5);
	set_age(add("0.9-old", KEY, OTHER), 24 * 3 + 1);
	set_age(add("1.1-clock", OTHER, layer), -100);
	put_file(cache, "notes", "mine", 4);
	put_file(cache, "a.b.c", "mine", 4);
	assert_int_equal(COMMAND("list"), 0);
	line = strstr(output, "1.0-new ");
	assert_non_null(line);
	assert_non_null(strstr(line, "    1 MB        5 h  112233445566."));
	assert_printed("0.9-old");
	line = strstr(output, "     3 days  112233445566.99aabbccddee  (of "
			      "another version)\n");
	assert_non_null(line);
	assert_printed("       0 h  99aabbccddee.");
	assert_not_printed("notes");
	assert_not_printed("a.b.c");
	/* Who has no source cannot tell which is of another version. */
	setenv("RINGLET_LAYER", "/nonexistent", 1);
	assert_int_equal(COMMAND("list", "--cache", cache), 0);
	assert_printed("0.9-old");
	assert_not_printed("another version");
	assert_int_equal(log_lines, 0);
}

static void test_list_of_all(void **state)
{
	char both[128];

	(void)state;
	snprintf(both, sizeof(both), "%s/system", folder);
	cache_system = both;
	add_to(both, "7.7-system", KEY, layer);
	add("1.0-own", KEY, layer);
	assert_int_equal(COMMAND("list"), 0);
	assert_printed("1.0-own");
	if (geteuid() == 0)
		assert_printed("7.7-system");
	else
		assert_not_printed("7.7-system");
	/* Who names a cache sees that one. */
	assert_int_equal(COMMAND("list", "--cache", cache), 0);
	assert_not_printed("7.7-system");
	assert_int_equal(COMMAND("clean", "--all", "--system"), 0);
	assert_printed("removed 7.7-system\n");
	assert_not_printed("1.0-own");
}

static void test_clean(void **state)
{
	char broken[500];

	(void)state;
	strcpy(broken, add("0.5-broken", KEY, layer));
	put_file(broken, "vmlinux", "", 0);
	add("1.0-new", OTHER, layer);
	add("0.9-old", OTHER, OTHER);
	put_file(cache, "notes", "mine", 4);
	put_file(cache, ".known.1.2", "known", 5);
	put_file(cache, "failed-1.0.log", "log", 3);
	assert_int_equal(COMMAND("clean"), 0);
	assert_printed("removed 0.9-old\n");
	assert_printed("removed 00ff." KEY);
	assert_not_printed("1.0-new");
	assert_int_equal(access(broken, F_OK), -1);
	add("0.9-old", OTHER, OTHER);
	/* Those that are named, and only they. */
	assert_int_equal(COMMAND("clean", "2.0", "1.0-new"), 0);
	assert_string_equal(output, "removed 1.0-new\n");
	strcpy(broken, add("1.0-new", KEY, layer));
	put_file(broken, "vmlinux", "", 0);
	assert_int_equal(COMMAND("clean", "1.0-new"), 0);
	assert_string_equal(output, "");
	assert_true(is_there(cache, ".known.1.2"));
	assert_int_equal(COMMAND("clean", "--all"), 0);
	assert_printed("removed 0.9-old\n");
	assert_false(is_there(cache, ".known.1.2"));
	assert_false(is_there(cache, "failed-1.0.log"));
	/* What no cache makes is nobody's to remove. */
	assert_true(is_there(cache, "notes"));
	assert_int_equal(log_lines, 0);
}

static void test_cannot_clean(void **state)
{
	(void)state;
	add("1.0", KEY, layer);
	stuck = true;
	assert_int_equal(COMMAND("clean", "--all"), 1);
	assert_int_equal(logged_errno, EBUSY);
	assert_logged("cannot remove");
	stuck = false;
	assert_int_equal(COMMAND("clean", "--all"), 0);
	put_file(cache, ".known.1.2", "known", 5);
	stuck = true;
	assert_int_equal(COMMAND("clean", "--all"), 1);
	assert_logged("/.known.1.2");
	stuck = false;
	put_file(folder, "file", "", 0);
	snprintf(cache, sizeof(cache), "%s/file", folder);
	assert_int_equal(COMMAND("list", "--cache", cache), 1);
	assert_int_equal(logged_errno, ENOTDIR);
	assert_logged("cannot read the cache folder");
}

static void test_command(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("path"), 0);
	assert_int_equal(strncmp(output, cache, strlen(cache)), 0);
	assert_int_equal(COMMAND("--help"), 0);
	assert_printed("Usage: ringlet cache");
	assert_int_equal(COMMAND("list", "-h"), 0);
	assert_printed("Usage: ringlet cache");
	assert_int_equal(COMMAND("polish"), 2);
	assert_logged("there is no ringlet cache polish");
	assert_int_equal(COMMAND("list", "1.0"), 2);
	assert_logged("ringlet cache list takes neither --all nor RELEASE");
	assert_int_equal(COMMAND("path", "--all"), 2);
	assert_logged("ringlet cache path takes neither");
	assert_int_equal(COMMAND("clean", "--all", "1.0"), 2);
	assert_logged("--all or 1.0? Not both");
	assert_int_equal(COMMAND("clean", "--some"), 2);
	assert_logged("unknown option --some; see ringlet cache --help");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, unstick)
		T(test_list),
		T(test_list_of_all),
		T(test_clean),
		T(test_cannot_clean),
		T(test_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
