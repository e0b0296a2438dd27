// SPDX-License-Identifier: GPL-2.0
/* The paravirt layer's file. See layer.h. */
#include "layer.h"

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

/* The layer has 0.1 MB; what is larger is something else. */
#define MOST	(64 << 20)

char *layer_near_program(const char *below)
{
	char path[PATH_MAX], *slash, *found;
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (size <= 0)
		return NULL;
	path[size] = '\0';
	slash = strrchr(path, '/');
	if (!slash || asprintf(&found, "%.*s/%s", (int)(slash - path), path,
			       below) < 0)
		return NULL;
	return found;
}

const char *layer_named(const char *wanted)
{
	if (!wanted)
		wanted = getenv("RINGLET_LAYER");
	return wanted && *wanted ? wanted : NULL;
}

/* Installed, or as it was built beside the program. */
static char *find(const char *wanted, const char *name)
{
	static const char *const folders[] = { "../lib/ringlet/", "" };
	char below[64];

	wanted = layer_named(wanted);
	if (wanted)
		return realpath(wanted, NULL);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *near, *path;

		snprintf(below, sizeof(below), "%s%s", folders[i], name);
		near = layer_near_program(below);
		path = near ? realpath(near, NULL) : NULL;
		free(near);
		if (path)
			return path;
	}
	return NULL;
}

char *layer_find(const char *wanted)
{
	return find(wanted, "layer.elf");
}

char *layer_find_shim(const char *wanted)
{
	return find(wanted, "shim.elf");
}

/* Bytes read, fewer where the file ends early, or -1 and errno. */
static ssize_t read_all(int fd, uint8_t *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, to + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? n : (ssize_t)done;
		done += n;
	}
	return done;
}

void layer_key(const char *version, const uint8_t *data, size_t size,
	       char key[DIGEST_SIZE])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(version) + 1, (const uint8_t *)version);
	sha256_update(&ctx, size, data);
	digest_end(&ctx, key);
}

int layer_read(const char *file, uint8_t **data, size_t *size, char key[DIGEST_SIZE])
{
	/* Not to wait at a FIFO. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0;
	struct stat st;
	ssize_t n;

	*data = NULL;
	if (fd < 0 || fstat(fd, &st)) {
		error = errno;
	} else if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MOST) {
		close(fd);
		log_warnx("%s is not the paravirt layer", file);
		return -ENOEXEC;
	} else {
		*data = malloc(st.st_size);
		n = *data ? read_all(fd, *data, st.st_size) : -1;
		error = n == st.st_size ? 0 : n < 0 ? errno : EIO;
	}
	if (fd >= 0)
		close(fd);
	if (error) {
		free(*data);
		*data = NULL;
		errno = error;
		log_warn("cannot read the paravirt layer %s", file);
		return -error;
	}
	*size = st.st_size;
	layer_key(RINGLET_VERSION, *data, *size, key);
	return 0;
}
