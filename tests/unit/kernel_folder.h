/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A folder with all that prepare_kernel() wants: a kernel and a layer (fake_image.h's).
 * Behind unit.h; one file of a test program includes it.
 */
#ifndef RINGLET_TESTS_KERNEL_FOLDER_H
#define RINGLET_TESTS_KERNEL_FOLDER_H

#include <elf.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "abi/guest.h"
#include "fake_image.h"
#include "files.h"
#include "launcher/cache.h"

static char folder[64], cache[128], layer[128], kernel[128];

static inline const char *in(const char *dir, const char *name)
{
	static char paths[4][1024];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static inline void put_text(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static inline const char *read_text(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* How many files of the cache match. */
static inline size_t count_of(const char *pattern)
{
	glob_t found;
	size_t count;

	glob(in(cache, pattern), 0, NULL, &found);
	count = found.gl_pathc;
	globfree(&found);
	return count;
}

static inline void put_layer(const struct rl_patch *patch, const char *need)
{
	size_t size;
	uint8_t *data = fake_layer(patch, !!patch, need, need ? strlen(need) + 1 : 0,
				   &size);

	put_bytes(layer, data, size);
	free(data);
}

/* One that leaves two symbols open. */
static inline void put_open_layer(const char *second)
{
	const struct fake_open opens[] = {
		{ "pv_ops", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ second, R_X86_64_32S, FAKE_LAYER_TEXT + 8, 0, false },
	};
	size_t size;
	uint8_t *data = fake_open_layer(opens, 2, NULL, 0, &size);

	put_bytes(layer, data, size);
	free(data);
}

static inline void put_kernel(const struct fake_kernel *how)
{
	size_t size;
	uint8_t *data = fake_kernel(how, &size);

	put_bytes(kernel, data, size);
	free(data);
}

/* 0 where all is there. */
static inline int make_folder(void)
{
	const struct fake_kernel how = { 0 };

	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(cache, sizeof(cache), "%s/cache", folder);
	snprintf(layer, sizeof(layer), "%s/layer.elf", folder);
	snprintf(kernel, sizeof(kernel), "%s/vmlinux", folder);
	put_open_layer("fake_function");
	put_kernel(&how);
	return 0;
}

static inline int remove_folder(void)
{
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

/*
 * Where the Makefile wraps time(2): files are a minute older, so that hashes are
 * remembered.
 */
time_t __wrap_time(time_t *to);
time_t __wrap_time(time_t *to)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (to)
		*to = now.tv_sec + 60;
	return now.tv_sec + 60;
}

#endif
