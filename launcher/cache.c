// SPDX-License-Identifier: GPL-2.0
/* The cache of prepared kernels. See cache.h. */
#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "log.h"

_Static_assert(PREPARED_RELEASE_SIZE == 65 && PREPARED_BUILD_ID_SIZE == 65,
	       "read_manifest() reads values of up to 64 characters");

/* Count it up when what prepare makes changes: older entries are ignored. */
#define MANIFEST_VERSION 2
#define WORK_PREFIX	".making."
#define ENTRY_NAME	(PREPARED_BUILD_ID_SIZE + 2 * DIGEST_SIZE)
#define WORK_OLD	3600	/* s: whoever made it is dead */

int cache_make(const char *path)
{
	mode_t mode = strcmp(path, cache_system) ? 0700 : 0755;
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (!mkdir(part, mode))
		return chmod(part, mode) ? -errno : 0;
	return errno != EEXIST ? -errno : 0;
}

bool cache_trusts(const struct stat *st)
{
	return (st->st_uid == geteuid() || st->st_uid == 0) &&
	       !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Can the folder be made? By the nearest one above it that is there. */
static int check_parent(const char *cache)
{
	char above[PATH_MAX], *slash;

	snprintf(above, sizeof(above), "%s", cache);
	while ((slash = strrchr(above, '/')) && slash != above) {
		*slash = '\0';
		if (!access(above, F_OK))
			break;
	}
	if (!slash || slash == above)
		strcpy(above, "/");
	if (!access(above, W_OK | X_OK))
		return 0;
	log_warn("the cache folder %s cannot be made in %s: name another with "
		 "--cache DIR", cache, above);
	return -EROFS;
}

int cache_check(const char *cache)
{
	struct stat st;

	if (stat(cache, &st))
		return check_parent(cache);
	if (!S_ISDIR(st.st_mode))
		log_warnx("the cache %s is not a folder: name another with "
			  "--cache DIR", cache);
	else if (!cache_trusts(&st))
		log_warnx("the cache folder %s could be changed by others (it "
			  "belongs to user %u and has mode %o), and guests "
			  "would run what they put there: chmod 700 it, or "
			  "name another with --cache DIR", cache, st.st_uid,
			  st.st_mode & 07777);
	else
		return 0;
	return -EROFS;
}

/* What the manifest says the entry was made of. */
struct made_of {
	char image[DIGEST_SIZE], layer[DIGEST_SIZE];
};

static void set_field(struct prepared *p, struct made_of *made_of,
		      const char *name, const char *value)
{
	uint64_t number = strtoull(value, NULL, 0);

	if (!strcmp(name, "image"))
		snprintf(made_of->image, sizeof(made_of->image), "%s", value);
	else if (!strcmp(name, "layer"))
		snprintf(made_of->layer, sizeof(made_of->layer), "%s", value);
	else if (!strcmp(name, "entry"))
		p->entry = number;
	else if (!strcmp(name, "cr3"))
		p->cr3 = number;
	else if (!strcmp(name, "fixmap"))
		p->fixmap = number;
	else if (!strcmp(name, "vmlinux-size"))
		p->vmlinux_size = number;
	else if (!strcmp(name, "layer-size"))
		p->layer_size = number;
	else if (!strcmp(name, "build-id"))
		snprintf(p->build_id, sizeof(p->build_id), "%s", value);
	else if (!strcmp(name, "release"))
		snprintf(p->release, sizeof(p->release), "%s", value);
}

static int read_manifest(const char *dir, struct prepared *p,
			 struct made_of *made_of)
{
	char line[256], name[32], value[PREPARED_RELEASE_SIZE];
	char *path = files_join(dir, "manifest");
	FILE *f = path ? fopen(path, "re") : NULL;
	int version = 0;

	free(path);
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %64s", name, value) != 2)
			continue;
		if (!strcmp(name, "ringlet-prepared"))
			version = atoi(value);
		set_field(p, made_of, name, value);
	}
	fclose(f);
	return version == MANIFEST_VERSION ? 0 : -ENOENT;
}

static bool has_size(const char *file, uint64_t size)
{
	struct stat st;

	return file && !stat(file, &st) && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

/* The name of an entry: its build id, and what it was made of. */
static void entry_name(char name[ENTRY_NAME], const char *build_id,
		       const char *image, const char *layer)
{
	snprintf(name, ENTRY_NAME, "%s.%s.%s", build_id, image, layer);
}

/* Sees also that its files are the size they should be. */
int cache_read(const char *cache, const char *name, struct prepared *p)
{
	struct made_of made_of = { 0 };
	char should[ENTRY_NAME];
	struct stat st;
	int ret = -ENOMEM;

	memset(p, 0, sizeof(*p));
	p->dir = files_join(cache, name);
	if (!p->dir)
		return ret;
	p->vmlinux = files_join(p->dir, "vmlinux");
	p->layer = files_join(p->dir, "layer.elf");
	ret = read_manifest(p->dir, p, &made_of);
	entry_name(should, p->build_id, made_of.image, made_of.layer);
	if (!ret && (strcmp(name, should) || lstat(p->dir, &st) ||
		     !cache_trusts(&st)))
		ret = -ENOENT;
	if (!ret && (!has_size(p->vmlinux, p->vmlinux_size) ||
		     !has_size(p->layer, p->layer_size)))
		ret = -ENOENT;
	if (ret)
		prepared_free(p);
	return ret;
}

/* Does the name of an entry end in ".<image key>.<layer key>"? */
static bool name_matches(const char *name, const char *image_key,
			 const char *layer_key)
{
	const char *image = strchr(name, '.'), *layer;

	layer = image ? strchr(++image, '.') : NULL;
	if (*name == '.' || !layer)
		return false;
	return (size_t)(layer - image) == strlen(image_key) &&
	       !strncmp(image, image_key, layer - image) &&
	       (!layer_key || !strcmp(layer + 1, layer_key));
}

static time_t age_of(const char *dir)
{
	struct stat st;

	return stat(dir, &st) ? 0 : st.st_mtime;
}

int cache_find(const char *cache, const char *image_key,
	       const char *layer_key, struct prepared *prepared)
{
	struct prepared this;
	struct dirent *entry;
	int ret = -ENOENT;
	DIR *dir = opendir(cache);

	memset(prepared, 0, sizeof(*prepared));
	if (!dir)
		return -ENOENT;
	while ((entry = readdir(dir))) {
		if (!name_matches(entry->d_name, image_key, layer_key) ||
		    cache_read(cache, entry->d_name, &this))
			continue;
		if (!ret && age_of(this.dir) <= age_of(prepared->dir)) {
			prepared_free(&this);
			continue;
		}
		prepared_free(prepared);
		*prepared = this;
		prepared->cached = true;
		ret = 0;
	}
	closedir(dir);
	return ret;
}

/* What killed processes left behind. */
static void remove_stale(const char *cache)
{
	struct dirent *entry;
	DIR *dir = opendir(cache);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		char *path;

		if (strncmp(entry->d_name, WORK_PREFIX, strlen(WORK_PREFIX)))
			continue;
		path = files_join(cache, entry->d_name);
		if (path && age_of(path) + WORK_OLD < time(NULL))
			cache_remove(path);
		free(path);
	}
	closedir(dir);
}

char *cache_begin(const char *cache)
{
	char *work;
	int ret = cache_make(cache);

	if (ret) {
		errno = -ret;
		log_warn("cannot make the cache folder %s (--cache DIR names "
			 "another)", cache);
		return NULL;
	}
	remove_stale(cache);
	work = files_join(cache, WORK_PREFIX "XXXXXX");
	if (work && mkdtemp(work)) {
		if (!chmod(work, 0755))
			return work;
		rmdir(work);
	}
	log_warn("cannot write to the cache folder %s (--cache DIR names "
		 "another)", cache);
	free(work);
	return NULL;
}

static int write_manifest(const char *work, const char *image_key,
			  const char *layer_key, const struct prepared *p)
{
	char *path = files_join(work, "manifest");
	FILE *f = path ? fopen(path, "wxe") : NULL;
	int ret = 0;

	free(path);
	if (!f)
		return -errno;
	fprintf(f, "ringlet-prepared %d\nrelease %s\nbuild-id %s\n"
		"image %s\nlayer %s\n"
		"entry 0x%" PRIx64 "\ncr3 0x%" PRIx64 "\nfixmap 0x%" PRIx64
		"\nvmlinux-size %" PRIu64 "\nlayer-size %" PRIu64 "\n",
		MANIFEST_VERSION, p->release, p->build_id, image_key, layer_key,
		p->entry, p->cr3, p->fixmap, p->vmlinux_size, p->layer_size);
	if (fflush(f))
		ret = -errno;
	if (fclose(f) && !ret)
		ret = -errno;
	return ret;
}

static uint64_t size_in(const char *dir, const char *name)
{
	char *path = files_join(dir, name);
	struct stat st = { 0 };

	if (!path || stat(path, &st))
		st.st_size = 0;
	free(path);
	return st.st_size;
}

/*
 * A folder cannot replace one that has files. If the entry is there, either
 * somebody else has just made the same, which is as good as ours, or it is an
 * old or broken one, which we move out of the way.
 */
static int rename_entry(const char *cache, const char *work, const char *name)
{
	struct prepared theirs;
	char *path = files_join(cache, name);
	char *old = NULL;
	int ret = 0;

	if (!path || asprintf(&old, "%s.old", work) < 0) {
		free(path);
		return -ENOMEM;
	}
	if (!rename(work, path))
		goto out;
	ret = -errno;
	if (!cache_read(cache, name, &theirs)) {
		prepared_free(&theirs);
		cache_remove(work);
		ret = 0;
	} else if (!rename(path, old)) {
		ret = rename(work, path) ? -errno : 0;
		cache_remove(old);
	}
out:
	free(path);
	free(old);
	return ret;
}

int cache_publish(const char *cache, const char *work, const char *image_key,
		  const char *layer_key, struct prepared *prepared)
{
	char name[ENTRY_NAME];
	int ret;

	prepared->vmlinux_size = size_in(work, "vmlinux");
	prepared->layer_size = size_in(work, "layer.elf");
	entry_name(name, prepared->build_id, image_key, layer_key);
	ret = write_manifest(work, image_key, layer_key, prepared);
	if (!ret)
		ret = rename_entry(cache, work, name);
	if (!ret)
		ret = cache_read(cache, name, prepared);
	if (ret) {
		errno = -ret;
		log_warn("cannot write to the cache folder %s", cache);
	}
	return ret;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	/* Go on where one cannot be removed: the rest should go. */
	(void)remove(path);
	return 0;
}

int cache_remove(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (access(dir, F_OK))
		return 0;
	/* Why is it still there? This tells. */
	return rmdir(dir) ? -errno : 0;
}
