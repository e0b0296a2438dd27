// SPDX-License-Identifier: GPL-2.0
/*
 * The cache folder itself: where it is, what is found and what is old. (What becomes of
 * a kernel: test_prepare.c; what shows and removes: test_cmd_cache.c.)
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "cache_folder.h"

static void assert_path(const char *wanted, const char *should)
{
	char *path = cache_path(wanted);

	assert_string_equal(path, should);
	free(path);
}

static void test_path(void **state)
{
	char here[PATH_MAX], should[PATH_MAX + 16];
	char *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;

	(void)state;
	assert_path("/a/b", "/a/b");
	assert_path(NULL, cache);
	setenv("RINGLET_CACHE", "", 1);
	setenv("XDG_CACHE_HOME", "/xdg", 1);
	assert_path(NULL, "/xdg/ringlet");
	setenv("XDG_CACHE_HOME", "", 1);
	setenv("HOME", "/home/x", 1);
	assert_path(NULL, "/home/x/.cache/ringlet");
	/* A name without a beginning is one of here, even when we go away. */
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(folder), 0);
	snprintf(should, sizeof(should), "%s/a/b", folder);
	assert_path("a/b", should);
	/* From a folder that is gone nothing can be named. */
	assert_int_equal(mkdir("gone", 0777), 0);
	assert_int_equal(chdir("gone"), 0);
	assert_int_equal(rmdir("../gone"), 0);
	assert_null(cache_path("a/b"));
	assert_logged("cannot tell the current folder");
	assert_int_equal(chdir(here), 0);
	if (home)
		setenv("HOME", home, 1);
	free(home);
}

static void test_cannot_be_made(void **state)
{
	char name[PATH_MAX + 16];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	assert_null(cache_begin(name));
	assert_int_equal(logged_errno, ENAMETOOLONG);
	assert_logged("cannot make the cache folder");
	put_file(folder, "cache", "a file", 6);
	assert_null(cache_begin(cache));
	assert_logged("cannot write to the cache folder");
	strcat(cache, "/below");
	assert_null(cache_begin(cache));
	assert_int_equal(logged_errno, ENOTDIR);
	assert_logged("cannot make the cache folder");
}

/* What a killed process left goes after an hour, and nothing else does. */
static void test_stale_work(void **state)
{
	char *old = cache_begin(cache), *new = cache_begin(cache);

	(void)state;
	put_file(cache, "notes", "mine", 4);
	put_file(old, "vmlinux", "half", 4);
	set_age(old, 2);
	free(cache_begin(cache));
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(new, F_OK), 0);
	assert_true(is_there(cache, "notes"));
	free(old);
	free(new);
}

/* Without the layer's source any entry will do: the youngest. */
static void test_youngest(void **state)
{
	char first[500], second[500];
	struct prepared found;

	(void)state;
	strcpy(first, add("1.0-first", KEY, layer));
	strcpy(second, add("1.0-second", KEY, OTHER));
	for (int i = 0; i < 2; i++) {
		set_age(i ? second : first, 5);
		set_age(i ? first : second, 1);
		assert_int_equal(cache_find(cache, KEY, NULL, &found), 0);
		assert_string_equal(found.dir, i ? first : second);
		assert_string_equal(found.release,
				    i ? "1.0-first" : "1.0-second");
		prepared_free(&found);
	}
}

/* An entry that says it was made by another version, or nothing, is none. */
static void test_manifest(void **state)
{
	static const struct {
		const char *from, *to;
		int error;
	} changes[] = {
		{ "ringlet-prepared 2", "ringlet-prepared 1", -ENOENT },
		{ "ringlet-prepared 2", "ringlet-prepared", -ENOENT },
		{ "image 1", "image 2", -ENOENT },
		{ "build-id 00ff", "build-id 00fe", -ENOENT },
		{ "vmlinux-size 6", "vmlinux-size 7", -ENOENT },
		{ "layer-size 5", "layer-size 4", -ENOENT },
		{ "layer-size 5", "layer-size 5\nunknown word\n\nx", 0 },
	};
	char text[4096], changed[4096], *at;
	struct prepared found;
	const char *dir = add("1.0", KEY, layer);
	char path[600];
	ssize_t size;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/manifest", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = read(fd, text, sizeof(text) - 1);
	assert_true(size > 0);
	text[size] = '\0';
	close(fd);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		at = strstr(text, changes[i].from);
		assert_non_null(at);
		snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text),
			 text, changes[i].to, at + strlen(changes[i].from));
		put_bytes(path, changed, strlen(changed));
		assert_int_equal(cache_read(cache, strrchr(dir, '/') + 1,
					    &found), changes[i].error);
		if (!changes[i].error)
			prepared_free(&found);
		assert_null(found.dir);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(cache_read(cache, strrchr(dir, '/') + 1, &found),
			 -ENOENT);
}

/* What is remembered of a file by somebody else, or by half, is not believed. */
static void test_known_by_strangers(void **state)
{
	static const char *const texts[] = {
		"", "x", "no blanks", "1 2 3 " KEY, "1 2 3 " KEY "\n",
		"1 2 3 " KEY KEY "\n",
	};
	char key[DIGEST_SIZE], path[300];
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(cache, 0700), 0);
	assert_int_equal(stat(layer_file, &st), 0);
	st.st_ctim.tv_sec -= 10;
	cache_remember(cache, &st, KEY);
	assert_true(cache_recall(cache, &st, key));
	snprintf(path, sizeof(path), "%s/.known.%jx.%jx", cache,
		 (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	assert_int_equal(chmod(path, 0666), 0);
	assert_false(cache_recall(cache, &st, key));
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(cache_recall(cache, &st, key));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		put_bytes(path, texts[i], strlen(texts[i]));
		assert_false(cache_recall(cache, &st, key));
	}
	/* Where it cannot be written, nothing happens. */
	cache_remember("/nonexistent", &st, KEY);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	put_file(path, "file", "", 0);
	cache_remember(cache, &st, KEY);
	assert_false(cache_recall(cache, &st, key));
	assert_int_equal(log_lines, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_path),
		T(test_cannot_be_made),
		T(test_stale_work),
		T(test_youngest),
		T(test_manifest),
		T(test_known_by_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
