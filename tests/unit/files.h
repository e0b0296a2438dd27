/* SPDX-License-Identifier: GPL-2.0 */
/* Files that a test makes, in a folder of its own. Behind unit.h. */
#ifndef RINGLET_TESTS_FILES_H
#define RINGLET_TESTS_FILES_H

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The file has these bytes afterwards, and no others. */
static inline void put_bytes(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static inline void put_file(const char *dir, const char *name,
			    const void *data, size_t size)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	put_bytes(path, data, size);
}

#endif
