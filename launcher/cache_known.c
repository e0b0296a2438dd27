// SPDX-License-Identifier: GPL-2.0
/*
 * Files that were hashed before: a small file for each in the cache folder, with
 * what a file is known to be the same by, and its hash. See cache.h.
 */
#include "cache.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A file that changed so shortly before may change again in the same tick. */
#define SETTLED		2	/* s */
#define KNOWN_TEXT	(DIGEST_SIZE + 128)

/* Where a file's hash is remembered, and by what the file is known to be the same. */
static char *known_path(const char *cache, const struct stat *st)
{
	char *path;

	return asprintf(&path, "%s/.known.%jx.%jx", cache, (uintmax_t)st->st_dev,
			(uintmax_t)st->st_ino) < 0 ? NULL : path;
}

static void known_text(char *text, size_t size, const struct stat *st,
		       const char *key)
{
	snprintf(text, size, "%jd %jd.%09ld %jd.%09ld %s\n",
		 (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec,
		 st->st_mtim.tv_nsec, (intmax_t)st->st_ctim.tv_sec,
		 st->st_ctim.tv_nsec, key);
}

bool cache_recall(const char *cache, const struct stat *st,
		  char key[DIGEST_SIZE])
{
	char text[KNOWN_TEXT], should[KNOWN_TEXT], *path, *last;
	struct stat ours;
	bool known = false;
	FILE *f;

	path = known_path(cache, st);
	f = path ? fopen(path, "re") : NULL;
	free(path);
	if (!f)
		return false;
	if (!fstat(fileno(f), &ours) && cache_trusts(&ours) &&
	    fgets(text, sizeof(text), f) && (last = strrchr(text, ' ')) &&
	    strlen(last) == DIGEST_SIZE + 1) {
		snprintf(key, DIGEST_SIZE, "%s", last + 1);
		known_text(should, sizeof(should), st, key);
		known = !strcmp(text, should);
	}
	fclose(f);
	return known;
}

static void write_known(const char *cache, const struct stat *st,
			const char *key)
{
	char text[KNOWN_TEXT], *path = known_path(cache, st), *new = NULL;
	FILE *f = NULL;

	if (st->st_ctim.tv_sec + SETTLED > time(NULL) || !path ||
	    asprintf(&new, "%s.%d", path, getpid()) < 0)
		goto out;
	known_text(text, sizeof(text), st, key);
	f = fopen(new, "wxe");
	if (!f)
		goto out;
	fputs(text, f);
	if (fclose(f) || rename(new, path))
		unlink(new);
out:
	free(path);
	free(new);
}

/* Held back is whatever could end us between making a file and naming it. */
void cache_remember(const char *cache, const struct stat *st, const char *key)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	write_known(cache, st, key);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}
