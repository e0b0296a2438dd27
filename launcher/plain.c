// SPDX-License-Identifier: GPL-2.0
/* A folder with a plain name. See plain.h. */
#include "plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

bool plain_path(const char *path)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"/._+-";

	return *path == '/' && !path[strspn(path, plain)];
}

/*
 * Guests run what is made there: so nobody but us and root may be able to put
 * another folder in the place of ours.
 */
static bool is_safe(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) || !S_ISDIR(st.st_mode))
		return false;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return false;
	return !(st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_mode & S_ISVTX;
}

static char *folder_in(const char *dir)
{
	char *whole = realpath(dir, NULL), *path = NULL;

	if (!whole)
		return NULL;
	if (!plain_path(whole) || !is_safe(whole) ||
	    asprintf(&path, "%s/ringlet.XXXXXX", whole) < 0)
		path = NULL;
	free(whole);
	if (path && mkdtemp(path))
		return path;
	free(path);
	return NULL;
}

char *plain_folder(void)
{
	const char *places[] = { getenv("TMPDIR"), "/tmp", "/var/tmp" };
	char *path;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		path = places[i] && *places[i] ? folder_in(places[i]) : NULL;
		if (path)
			return path;
	}
	log_warnx("the compiler has no folder to work in: /tmp and /var/tmp "
		  "cannot be used; let TMPDIR name one of yours, with only "
		  "letters, digits and ._+- in its path");
	return NULL;
}
