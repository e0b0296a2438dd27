// SPDX-License-Identifier: GPL-2.0
/*
 * Writing the statistics. A regular file is replaced as a whole, by a rename,
 * so that a reader never sees half of one; anything else (a pipe, a terminal)
 * is written into.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "stats.h"

/* Something is there, and it is no regular file to be replaced. */
static bool is_special(const char *path)
{
	struct stat status;

	return !stat(path, &status) && !S_ISREG(status.st_mode);
}

/* Where a symbolic link leads, so that the link itself survives. */
static void follow(const char *path, char *target)
{
	if (!realpath(path, target))
		snprintf(target, PATH_MAX, "%s", path);
}

int stats_check_path(const char *path)
{
	char target[PATH_MAX], copy[PATH_MAX];
	struct stat status;
	int mode = W_OK;

	if (!strcmp(path, "-"))
		return 0;
	if (strlen(path) + sizeof(".XXXXXX") > PATH_MAX) {
		errno = ENAMETOOLONG;
		log_warn("cannot write the statistics to %s", path);
		return -ENAMETOOLONG;
	}
	follow(path, target);
	snprintf(copy, sizeof(copy), "%s", target);
	if (!is_special(path)) {
		mode = W_OK | X_OK;
		snprintf(copy, sizeof(copy), "%s", dirname(target));
	} else if (!stat(path, &status) && S_ISDIR(status.st_mode)) {
		log_warnx("cannot write the statistics to %s: it is a folder",
			  path);
		return -EISDIR;
	}
	if (!access(copy, mode))
		return 0;
	log_warn("cannot write the statistics to %s", path);
	return -errno;
}

/* Takes the fd; 0 or -1 with errno. */
static int write_and_close(int fd, const char *text)
{
	FILE *file = fdopen(fd, "w");
	int bad;

	if (!file) {
		close(fd);
		return -1;
	}
	bad = fputs(text, file) < 0 || fputc('\n', file) == EOF;
	/* Errors of a full disk may come as late as here. */
	return fclose(file) || bad ? -1 : 0;
}

static int write_replacing(const char *path, const char *text)
{
	char target[PATH_MAX], temporary[PATH_MAX + sizeof(".XXXXXX")];
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	follow(path, target);
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", target);
	fd = mkstemp(temporary);
	if (fd < 0)
		return -1;
	/* mkstemp makes private files; a user expects an ordinary one. */
	if (fchmod(fd, 0666 & ~mask) || write_and_close(fd, text) ||
	    rename(temporary, target)) {
		unlink(temporary);
		return -1;
	}
	return 0;
}

static int held_fd = -1;	/* of stats_hold() */

int stats_hold(const char *path)
{
	int error;

	if (!strcmp(path, "-"))
		return 0;
	held_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (held_fd >= 0)
		return 0;
	error = -errno;
	log_warn("cannot write the statistics to %s", path);
	return error;
}

static int write_held(const char *text)
{
	int fd = held_fd;

	held_fd = -1;
	/* Fails for a pipe or a terminal, which need it as little. */
	if (ftruncate(fd, 0) && errno != EINVAL) {
		close(fd);
		return -1;
	}
	return write_and_close(fd, text);
}

static int write_text(const char *path, const char *text)
{
	int fd;

	if (held_fd >= 0)
		return write_held(text);

	if (!strcmp(path, "-"))
		return fprintf(stderr, "%s\n", text) < 0 ? -1 : 0;
	if (!is_special(path))
		return write_replacing(path, text);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -1 : write_and_close(fd, text);
}

int stats_write(const char *path, const struct stats_report *report)
{
	char *text = stats_to_json(report);
	int error = 0;

	if (!text || write_text(path, text)) {
		error = -errno;
		log_warn("cannot write the statistics to %s", path);
	}
	free(text);
	return error;
}
