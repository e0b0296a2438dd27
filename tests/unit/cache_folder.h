/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cache folder of a test's own, and entries for it. Behind unit.h; one file of a
 * test program includes it.
 */
#ifndef RINGLET_TESTS_CACHE_FOLDER_H
#define RINGLET_TESTS_CACHE_FOLDER_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture_log.h"
#include "files.h"
#include "launcher/cache.h"
#include "launcher/layer.h"

#define KEY	"11223344556677881122334455667788" \
		"11223344556677881122334455667788"
#define OTHER	"99aabbccddeeff0099aabbccddeeff00" \
		"99aabbccddeeff0099aabbccddeeff00"

static char folder[64], cache[128], layer_file[128];
static char layer[DIGEST_SIZE];		/* what this version makes */

static inline int set_up(void **state)
{
	uint8_t *data;
	size_t size;
	int ret;

	(void)state;
	log_forget();
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(cache, sizeof(cache), "%s/cache", folder);
	snprintf(layer_file, sizeof(layer_file), "%s/layer.elf", folder);
	put_file(folder, "layer.elf", "x", 1);
	setenv("RINGLET_CACHE", cache, 1);
	setenv("RINGLET_LAYER", layer_file, 1);
	unsetenv("XDG_CACHE_HOME");
	/* The machine's own is none of a test's business. */
	cache_system = "/nonexistent";
	ret = layer_read(layer_file, &data, &size, layer);
	free(data);
	return ret;
}

static inline int tear_down(void **state)
{
	(void)state;
	unsetenv("RINGLET_CACHE");
	unsetenv("RINGLET_LAYER");
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

/* Its folder, until the next call. */
static inline const char *add_to(const char *where, const char *release,
			  const char *image_key, const char *layer_key)
{
	static char dir[500];
	struct prepared prepared = { .entry = 1, .cr3 = 2, .fixmap = 3 };
	char *work = cache_begin(where);

	assert_non_null(work);
	put_file(work, "vmlinux", "kernel", 6);
	put_file(work, "layer.elf", "layer", 5);
	strcpy(prepared.build_id, "00ff");
	strcpy(prepared.release, release);
	assert_int_equal(cache_publish(where, work, image_key, layer_key,
				       &prepared), 0);
	snprintf(dir, sizeof(dir), "%s", prepared.dir);
	prepared_free(&prepared);
	free(work);
	return dir;
}

static inline const char *add(const char *release, const char *image_key,
		       const char *layer_key)
{
	return add_to(cache, release, image_key, layer_key);
}

static inline void set_age(const char *path, int hours)
{
	struct timespec times[2];

	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= hours * 3600;
	times[1] = times[0];
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static inline bool is_there(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !access(path, F_OK);
}

#endif
