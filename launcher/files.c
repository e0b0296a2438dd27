// SPDX-License-Identifier: GPL-2.0
/* See files.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

char *files_join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

bool files_write(int fd, const void *data, size_t size)
{
	const char *at = data;
	ssize_t done;

	for (; size; at += done, size -= done) {
		done = write(fd, at, size);
		if (done < 0 && errno == EINTR)
			done = 0;
		else if (done < 0)
			return false;
	}
	return true;
}

bool files_copy(int from, int to)
{
	char buffer[65536];
	ssize_t got;

	while ((got = read(from, buffer, sizeof(buffer)))) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || !files_write(to, buffer, got))
			return false;
	}
	return true;
}

bool files_has_program(const char *name)
{
	const char *path = getenv("PATH");
	char *all, *next, *folder, *file;
	bool found = false;

	if (asprintf(&all, "%s:/usr/sbin", path ? path : "/usr/bin:/bin") < 0)
		return false;
	for (next = all; !found && (folder = strsep(&next, ":"));) {
		file = files_join(*folder ? folder : ".", name);
		found = file && !access(file, X_OK);
		free(file);
	}
	free(all);
	return found;
}
