// SPDX-License-Identifier: GPL-2.0
/*
 * Reading modules.dep. See modules.h. A line of it is
 *
 *	FILE: FILE...
 *
 * relative to its folder: a module, then all that it needs, directly or not, what is
 * to be loaded first at the end. A name's `-` and `_` are the same to Linux.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "modules.h"
#include "unpack.h"

#define FILE_MAX	(64u << 20)	/* bytes, as it is and unpacked */

/* A whole file with a NUL behind it, for free(3); NULL and errno. */
static char *read_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = EFBIG;
	char *text = NULL;
	struct stat status;
	ssize_t got;

	*size = 0;
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &status) && S_ISREG(status.st_mode) &&
	    status.st_size <= FILE_MAX) {
		text = malloc(status.st_size + 1);
		error = ENOMEM;
	}
	while (text && *size < (size_t)status.st_size) {
		got = read(fd, text + *size, status.st_size - *size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			error = got ? errno : EIO;
			free(text);
			text = NULL;
			break;
		}
		*size += got;
	}
	close(fd);
	if (text)
		text[*size] = '\0';
	errno = error;
	return text;
}

int modules_open(struct modules *modules, const char *release)
{
	char path[PATH_MAX];
	size_t size;
	int error = -ENOMEM;

	memset(modules, 0, sizeof(*modules));
	if (asprintf(&modules->folder, "/lib/modules/%s", release) < 0) {
		modules->folder = NULL;
		return error;
	}
	snprintf(path, sizeof(path), "%s/modules.dep", modules->folder);
	modules->dep = read_file(path, &size);
	if (!modules->dep) {
		error = -errno;
		log_warn("cannot read %s: install the package linux-image-%s "
			 "whole, or make the file by `sudo depmod %s`", path,
			 release, release);
		modules_close(modules);
		return error;
	}
	/* Where it is missing, nothing is built in. */
	snprintf(path, sizeof(path), "%s/modules.builtin", modules->folder);
	modules->builtin = read_file(path, &size);
	return 0;
}

void modules_close(struct modules *modules)
{
	for (size_t i = 0; i < modules->count; i++)
		free(modules->files[i]);
	free(modules->folder);
	free(modules->dep);
	free(modules->builtin);
	memset(modules, 0, sizeof(*modules));
}

/* Is the file, of so many bytes, that of the module with this name? */
static bool is_module(const char *file, size_t bytes, const char *name)
{
	const char *slash = memrchr(file, '/', bytes);
	const char *end = file + bytes, *at = slash ? slash + 1 : file;

	for (; *name; name++, at++)
		if (at == end || (*at == '-' ? '_' : *at) !=
					 (*name == '-' ? '_' : *name))
			return false;
	return end - at >= 3 && !memcmp(at, ".ko", 3) &&
	       (end - at == 3 || at[3] == '.');
}

/* The line of the module in a text of such lines; NULL: there is none. */
static const char *find_line(const char *text, const char *name)
{
	for (; text && *text; text += !!*text) {
		if (is_module(text, strcspn(text, ":\n"), name))
			return text;
		text += strcspn(text, "\n");
	}
	return NULL;
}

/* Is it a file below the folder? */
static bool is_inside(const char *file, size_t bytes)
{
	if (!bytes || *file == '/' || bytes >= PATH_MAX / 2)
		return false;
	for (size_t i = 0; i + 1 < bytes; i++)
		if (file[i] == '.' && file[i + 1] == '.' &&
		    (!i || file[i - 1] == '/') &&
		    (i + 2 == bytes || file[i + 2] == '/'))
			return false;
	return true;
}

static int add_file(struct modules *modules, const char *file, size_t bytes)
{
	char *copy;

	if (!is_inside(file, bytes))
		return -EINVAL;
	for (size_t i = 0; i < modules->count; i++)
		if (strlen(modules->files[i]) == bytes &&
		    !memcmp(modules->files[i], file, bytes))
			return 0;
	if (modules->count == MODULES_MAX)
		return -E2BIG;
	copy = strndup(file, bytes);
	if (!copy)
		return -ENOMEM;
	modules->files[modules->count++] = copy;
	return 0;
}

int modules_add(struct modules *modules, const char *name)
{
	const char *line = find_line(modules->dep, name), *end, *word;
	size_t bytes;
	int error = 0;

	if (!line)
		return find_line(modules->builtin, name) ? 0 : -ENOENT;
	bytes = strcspn(line, ":\n");
	if (line[bytes] != ':')
		return -EINVAL;
	/* From the line's end to its beginning. */
	end = line + strcspn(line, "\n");
	while (!error && end > line + bytes + 1) {
		for (word = end; word > line + bytes + 1 && word[-1] != ' ';)
			word--;
		if (word < end)
			error = add_file(modules, word, end - word);
		end = word > line + bytes + 1 ? word - 1 : word;
	}
	return error ? error : add_file(modules, line, bytes);
}

uint8_t *modules_read(const char *path, size_t *size)
{
	char *data = read_file(path, size);
	const char *why = NULL;
	void *whole = data;

	if (!data)
		log_warn("cannot read the module %s", path);
	if (!data || !unpack_format(data, *size))
		return whole;
	whole = unpack_all(data, *size, FILE_MAX, size, &why);
	free(data);
	if (!whole) {
		log_warnx("the module %s cannot be used, %s", path, why);
		errno = EINVAL;
	}
	return whole;
}
