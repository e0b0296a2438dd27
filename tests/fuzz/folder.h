/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A folder for a fuzzer whose inputs are files. What fuzzing costs is files: so those
 * are made once, in memory, and removed at the end. For one file of a program.
 */
#ifndef RINGLET_TESTS_FUZZ_FOLDER_H
#define RINGLET_TESTS_FUZZ_FOLDER_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "launcher/cache.h"

static char folder[] = "/dev/shm/ringlet-fuzz.XXXXXX";

static void remove_folder(void)
{
	cache_remove(folder);
}

static void make_folder(void)
{
	if (!mkdtemp(folder))
		abort();
	atexit(remove_folder);
}

/* False: there can be no file of that name. */
static bool put(const char *dir, const char *name, const void *data, size_t size)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (write(fd, data, size) != (ssize_t)size || close(fd))
		abort();
	return true;
}

#endif
