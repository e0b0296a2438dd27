// SPDX-License-Identifier: GPL-2.0
/* The small helpers for files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "files.h"
#include "launcher/cache.h"
#include "launcher/files.h"

static char folder[64], here[PATH_MAX];

static int set_up(void **state)
{
	(void)state;
	log_forget();
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	return mkdtemp(folder) && getcwd(here, sizeof(here)) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	if (chdir(here))
		return -1;
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

/* --- files --- */

static void test_copy(void **state)
{
	static char data[200000], back[sizeof(data) + 1];
	int from = memfd_create("from", MFD_CLOEXEC);
	int to = memfd_create("to", MFD_CLOEXEC);
	int readonly = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i * 11 >> 4;
	assert_true(files_write(from, data, sizeof(data)));
	assert_int_equal(lseek(from, 0, SEEK_SET), 0);
	assert_true(files_copy(from, to));
	assert_int_equal(pread(to, back, sizeof(back), 0), sizeof(data));
	assert_memory_equal(back, data, sizeof(data));
	assert_int_equal(lseek(from, 0, SEEK_SET), 0);
	assert_false(files_copy(from, readonly));
	assert_int_equal(errno, EBADF);
	assert_false(files_copy(-1, to));
	assert_int_equal(errno, EBADF);
	close(from);
	close(to);
	close(readonly);
}

static void test_programs(void **state)
{
	char *path = strdup(getenv("PATH")), name[128];

	(void)state;
	put_file(folder, "rl-program", "", 0);
	snprintf(name, sizeof(name), "/nonexistent:%s", folder);
	setenv("PATH", name, 1);
	/* It must be one that can be started. */
	assert_false(files_has_program("rl-program"));
	snprintf(name, sizeof(name), "%s/rl-program", folder);
	assert_int_equal(chmod(name, 0755), 0);
	assert_true(files_has_program("rl-program"));
	setenv("PATH", "/nonexistent", 1);
	assert_false(files_has_program("rl-program"));
	/* Nothing between two colons is the current folder. */
	assert_int_equal(chdir(folder), 0);
	setenv("PATH", "/nonexistent::/none", 1);
	assert_true(files_has_program("rl-program"));
	/* Without a PATH there are the usual places. */
	unsetenv("PATH");
	assert_true(files_has_program("sh"));
	assert_false(files_has_program("rl-program"));
	setenv("PATH", path, 1);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_copy),
		T(test_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
