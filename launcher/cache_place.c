// SPDX-License-Identifier: GPL-2.0
/*
 * Where caches are: the user's own, and the system's, which root fills for all. See
 * cache.h.
 */
#include "cache.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "log.h"

const char *cache_system = "/var/cache/ringlet";

/* A service has no HOME, but mostly an account. */
static const char *home(void)
{
	const char *dir = getenv("HOME");
	const struct passwd *account;

	if (dir && *dir)
		return dir;
	account = getpwuid(geteuid());
	return account && *account->pw_dir ? account->pw_dir : NULL;
}

static char *default_path(void)
{
	const char *dir;

	dir = getenv("RINGLET_CACHE");
	if (dir && *dir)
		return strdup(dir);
	dir = getenv("XDG_CACHE_HOME");
	if (dir && *dir)
		return files_join(dir, "ringlet");
	dir = home();
	if (dir)
		return files_join(dir, ".cache/ringlet");
	log_warnx("no folder for the cache is known (HOME is not set, and user "
		  "%u has no account): use --cache DIR", geteuid());
	errno = ENOENT;
	return NULL;
}

char *cache_path(const char *wanted)
{
	char *path = wanted ? strdup(wanted) : default_path();
	char *here, *whole = NULL;

	if (!path && errno != ENOENT)
		log_warn("cannot tell the cache folder");
	if (!path || *path == '/')
		return path;
	here = getcwd(NULL, 0);
	if (here)
		whole = files_join(here, path);
	if (!whole)
		log_warn("cannot tell the current folder");
	free(here);
	free(path);
	return whole;
}

const char *cache_second(const char *wanted)
{
	struct stat st;

	if (wanted || stat(cache_system, &st) || !S_ISDIR(st.st_mode) ||
	    st.st_uid || st.st_mode & (S_IWGRP | S_IWOTH))
		return NULL;
	return cache_system;
}
