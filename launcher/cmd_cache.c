// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet cache`: what prepared kernels there are, and away with those that are of
 * no use. Nothing is removed but what a cache makes.
 */
#include "cmd.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"
#include "exit.h"
#include "files.h"
#include "layer.h"
#include "log.h"
#include "usage.h"

static const char usage[] =
"Usage: ringlet cache [list] [--cache DIR]\n"
"       ringlet cache path [--cache DIR]\n"
"       ringlet cache clean [--all | RELEASE...] [--cache DIR | --system]\n"
"Lists prepared kernels, those of the system (/var/cache/ringlet) too; says where\n"
"one's own are kept; removes those that this version of ringlet cannot use.\n"
"\n"
"  --all        remove all of them; or those of the RELEASEs (as uname -r)\n"
"  --cache DIR  the cache ($RINGLET_CACHE, else ~/.cache/ringlet)\n"
"  --system     clean the cache of all users, /var/cache/ringlet\n"
"  --help       this text\n";

struct request {
	const char *cache;	/* --cache, or the system's */
	bool all;
	char **releases;	/* the words behind `clean` */
	int count;
	/* Of the layer and the shim of this version; "": it is not there. */
	char layer_keys[2][DIGEST_SIZE];
};

#define SHORT_KEY 12	/* digits of each hash that are shown */

/* The two hashes of an entry's name; false: this is no entry's name. */
static bool split_name(const char *name, const char **image,
		       const char **layer)
{
	*image = strchr(name, '.');
	*layer = *image ? strchr(++*image, '.') : NULL;
	return *name != '.' && *layer &&
	       *layer - *image == DIGEST_SIZE - 1 &&
	       strlen(++*layer) == DIGEST_SIZE - 1;
}

static const char *age_of(time_t made, char *text, size_t size)
{
	long long hours = (time(NULL) - made) / 3600;

	if (hours >= 48)
		snprintf(text, size, "%lld days", hours / 24);
	else
		snprintf(text, size, "%lld h", hours < 0 ? 0 : hours);
	return text;
}

/* Could this version start a guest from it? */
static bool is_current(const struct request *request, const char *layer)
{
	/* Without them nothing is known of what they would make. */
	if (!*request->layer_keys[0] || !*request->layer_keys[1])
		return true;
	return !strcmp(layer, request->layer_keys[0]) ||
	       !strcmp(layer, request->layer_keys[1]);
}

static void show(const struct request *request, const char *name,
		 const struct prepared *entry)
{
	const char *image, *layer;
	struct stat st = { 0 };
	char age[32];

	split_name(name, &image, &layer);
	if (stat(entry->dir, &st))
		st.st_mtime = time(NULL);
	printf("%-28s %5llu MB %10s  %.*s.%.*s%s\n", entry->release,
	       (unsigned long long)(entry->vmlinux_size + entry->layer_size +
				    (1 << 20) - 1) >> 20,
	       age_of(st.st_mtime, age, sizeof(age)), SHORT_KEY, image,
	       SHORT_KEY, layer,
	       is_current(request, layer) ? "" : "  (of another version)");
}

static bool is_wanted(const struct request *request, const char *release)
{
	for (int i = 0; i < request->count; i++)
		if (!strcmp(request->releases[i], release))
			return true;
	return false;
}

/* usable: the entry could be read, and has a release. */
static bool must_go(const struct request *request, bool usable,
		    const char *layer, const char *release)
{
	if (request->all)
		return true;
	if (request->count)
		return usable && is_wanted(request, release);
	return !usable || !is_current(request, layer);
}

/* What is remembered of files, and the logs that older versions left. */
static int remove_note(const char *cache, const char *name)
{
	char *path;
	int error;

	if (strncmp(name, ".known.", 7) && strncmp(name, "failed-", 7))
		return 0;
	path = files_join(cache, name);
	if (!path)
		return -ENOMEM;
	error = unlink(path) ? -errno : 0;
	if (error)
		log_warn("cannot remove %s", path);
	free(path);
	return error;
}

static int clean_one(const struct request *request, const char *cache,
		     const char *name)
{
	const char *image, *layer;
	struct prepared entry;
	bool usable;
	char *path;
	int error = 0;

	if (!split_name(name, &image, &layer))
		return request->all ? remove_note(cache, name) : 0;
	usable = !cache_read(cache, name, &entry);
	if (must_go(request, usable, layer, usable ? entry.release : "")) {
		path = files_join(cache, name);
		if (!path)
			return -ENOMEM;
		error = cache_remove(path);
		if (error)
			log_warn("cannot remove %s", path);
		else
			printf("removed %s\n", usable ? entry.release : name);
		free(path);
	}
	if (usable)
		prepared_free(&entry);
	return error;
}

static int show_one(const struct request *request, const char *cache,
		    const char *name)
{
	const char *image, *layer;
	struct prepared entry;

	if (!split_name(name, &image, &layer) ||
	    cache_read(cache, name, &entry))
		return 0;
	show(request, name, &entry);
	prepared_free(&entry);
	return 0;
}

/* The first error is the last: what one entry refuses, the others will, too. */
static int each(const struct request *request, const char *cache,
		int (*act)(const struct request *request, const char *cache,
			   const char *name))
{
	struct dirent **names;
	int count = scandir(cache, &names, NULL, alphasort), error = 0;

	if (count < 0) {
		if (errno == ENOENT)
			return 0;	/* nothing was prepared so far */
		log_warn("cannot read the cache folder %s", cache);
		return -errno;
	}
	for (int i = 0; i < count; i++) {
		if (!error)
			error = act(request, cache, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return error;
}

static void know_layer(char *file, char key[DIGEST_SIZE])
{
	uint8_t *data = NULL;
	size_t size;

	if (!file || layer_read(file, &data, &size, key))
		*key = '\0';
	free(file);
	free(data);
}

static int do_list(const struct request *request, const char *cache)
{
	const char *second = cache_second(request->cache);
	int error;

	printf("%s:\n", cache);
	error = each(request, cache, show_one);
	if (!error && second && strcmp(second, cache)) {
		printf("%s:\n", second);
		error = each(request, second, show_one);
	}
	return error;
}

static int act(struct request *request, const char *what, const char *cache)
{
	if (!strcmp(what, "path"))
		return puts(cache) < 0 ? -EIO : 0;
	know_layer(layer_find(NULL), request->layer_keys[0]);
	know_layer(layer_find_shim(NULL), request->layer_keys[1]);
	if (!strcmp(what, "list"))
		return do_list(request, cache);
	return each(request, cache, clean_one);
}

enum { OPTION_ALL = 256, OPTION_CACHE, OPTION_SYSTEM, OPTION_HELP };

/* The options; 0, or STATUS_USAGE after a message, or -1 for --help. */
static int parse(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, OPTION_ALL },
		{ "cache", required_argument, NULL, OPTION_CACHE },
		{ "system", no_argument, NULL, OPTION_SYSTEM },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int code;

	usage_begin();
	while ((code = usage_next(argc, argv, ":h", options)) != -1) {
		switch (code) {
		case OPTION_ALL:
			request->all = true;
			break;
		case OPTION_CACHE:
			request->cache = optarg;
			break;
		case OPTION_SYSTEM:
			request->cache = cache_system;
			break;
		case 'h':
		case OPTION_HELP:
			return -1;
		default:
			return STATUS_USAGE;
		}
	}
	return 0;
}

int cmd_cache(int argc, char **argv)
{
	struct request request = { 0 };
	const char *what = "list";
	int status = parse(argc, argv, &request);
	char *cache;

	if (status < 0) {
		fputs(usage, stdout);
		return STATUS_OK;
	}
	if (status)
		return status;
	if (optind < argc)
		what = argv[optind++];
	request.releases = argv + optind;
	request.count = argc - optind;
	if (strcmp(what, "list") && strcmp(what, "path") &&
	    strcmp(what, "clean"))
		return usage_wrong(argv, "there is no ringlet cache %s", what);
	if (strcmp(what, "clean") && (request.all || request.count))
		return usage_wrong(argv, "ringlet cache %s takes neither --all "
				   "nor RELEASE", what);
	if (request.all && request.count)
		return usage_wrong(argv, "--all or %s? Not both", argv[optind]);
	cache = cache_path(request.cache);
	status = !cache || act(&request, what, cache) ? STATUS_ERROR :
							STATUS_OK;
	free(cache);
	return status;
}
