// SPDX-License-Identifier: GPL-2.0
/* The layer's file: where it is looked for, and what its hash is made of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "files.h"
#include "launcher/cache.h"
#include "launcher/layer.h"

static char folder[64], file[128];

static int set_up(void **state)
{
	(void)state;
	log_forget();
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/some.elf", folder);
	put_bytes(file, "abc", 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("RINGLET_LAYER");
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

static void test_named(void **state)
{
	char *found;

	(void)state;
	found = layer_find(file);
	assert_string_equal(found, file);
	free(found);
	assert_null(layer_find("/nonexistent"));
	setenv("RINGLET_LAYER", file, 1);
	found = layer_find(NULL);
	assert_string_equal(found, file);
	free(found);
	/* What the user names wins, even where there is nothing. */
	assert_null(layer_find("/nonexistent"));
	setenv("RINGLET_LAYER", "/nonexistent", 1);
	assert_null(layer_find(NULL));
	assert_int_equal(log_lines, 0);
}

static void copy_program(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY);
	int copy = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	struct stat st;

	assert_true(in >= 0 && copy >= 0);
	assert_int_equal(fstat(in, &st), 0);
	while (st.st_size) {
		ssize_t n = sendfile(copy, in, NULL, st.st_size);

		assert_true(n > 0);
		st.st_size -= n;
	}
	assert_int_equal(close(copy), 0);
	close(in);
}

/* What layer_find(NULL) of this program, copied there, prints. */
static void assert_found_by(const char *program, const char *found)
{
	char command[512], text[512] = "";
	FILE *f;

	snprintf(command, sizeof(command), "'%s' --find-layer", program);
	f = popen(command, "r");
	assert_non_null(f);
	if (!fgets(text, sizeof(text), f))
		*text = '\0';
	assert_int_equal(pclose(f), 0);
	assert_string_equal(text, found);
}

/* A tree has it beside the program, an installation in lib/ringlet, which wins. */
static void test_near_program(void **state)
{
	char program[512], place[512];
	static const char *const folders[] = { "bin", "lib", "lib/ringlet" };

	(void)state;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(place, sizeof(place), "%s/%s", folder, folders[i]);
		assert_int_equal(mkdir(place, 0777), 0);
	}
	snprintf(program, sizeof(program), "%s/bin/ringlet", folder);
	copy_program(program);
	assert_found_by(program, "");
	snprintf(place, sizeof(place), "%s/bin/layer.elf", folder);
	put_bytes(place, "x", 1);
	assert_found_by(program, place);
	snprintf(place, sizeof(place), "%s/lib/ringlet/layer.elf", folder);
	put_bytes(place, "x", 1);
	assert_found_by(program, place);
}

static void test_read(void **state)
{
	char key[DIGEST_SIZE], other[DIGEST_SIZE];
	uint8_t *data;
	size_t size;

	(void)state;
	assert_int_equal(layer_read(file, &data, &size, key), 0);
	assert_int_equal(size, 3);
	assert_memory_equal(data, "abc", 3);
	/* printf '0-test\0abc' | sha256sum */
	assert_string_equal(key, "b59cba810661e1d853b1c6bfe24197ee"
				 "0e0d168bbd3381a486ee618510fcd39d");
	/* The same layer, fitted by another version of the program. */
	layer_key(RINGLET_VERSION, data, size, other);
	assert_string_equal(other, key);
	layer_key("1-test", data, size, other);
	assert_string_not_equal(other, key);
	free(data);
	assert_int_equal(log_lines, 0);
}

static void test_unreadable(void **state)
{
	char key[DIGEST_SIZE], path[160];
	uint8_t *data = NULL;
	size_t size;

	(void)state;
	assert_int_equal(layer_read("/nonexistent", &data, &size, key), -ENOENT);
	assert_logged("cannot read the paravirt layer /nonexistent");
	assert_null(data);
	assert_int_equal(layer_read(folder, &data, &size, key), -ENOEXEC);
	assert_logged("is not the paravirt layer");
	snprintf(path, sizeof(path), "%s/empty", folder);
	put_bytes(path, "", 0);
	assert_int_equal(layer_read(path, &data, &size, key), -ENOEXEC);
	assert_int_equal(truncate(path, (64 << 20) + 1), 0);
	assert_int_equal(layer_read(path, &data, &size, key), -ENOEXEC);
	assert_int_equal(layer_read("/dev/zero", &data, &size, key), -ENOEXEC);
	snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(layer_read(path, &data, &size, key), -ENOEXEC);
	snprintf(path, sizeof(path), "%s/loop", folder);
	assert_int_equal(symlink("loop", path), 0);
	assert_int_equal(layer_read(path, &data, &size, key), -ELOOP);
	assert_null(data);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_named),
		T(test_near_program),
		T(test_read),
		T(test_unreadable),
	};

	if (argc == 2 && !strcmp(argv[1], "--find-layer")) {
		char *found = layer_find(NULL);

		printf("%s", found ? found : "");
		free(found);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
