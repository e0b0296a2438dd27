// SPDX-License-Identifier: GPL-2.0
/* The value of --disk: FILE[,readonly][,direct][,...]. See blk_options.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blk_options.h"
#include "words.h"

static const char nbd_prefix[] = "nbd:";
static const char unix_prefix[] = "nbd:unix:";

static int options_serial(const char *value, struct blk_options *options)
{
	if (!value || !*value || strlen(value) >= sizeof(options->serial))
		return -EINVAL;
	for (const char *c = value; *c; c++)
		if (*c <= ' ' || *c > '~')
			return -EINVAL;
	strcpy(options->serial, value);
	return 0;
}

static int options_word(const struct words *words,
			struct blk_options *options, char *message,
			size_t size)
{
	uint64_t number;

	if (!strcmp(words->key, "serial")) {
		if (!options_serial(words->value, options))
			return 0;
		snprintf(message, size, "--disk: serial= takes 1 to %zu "
			 "printable characters without a blank",
			 sizeof(options->serial) - 1);
		return -EINVAL;
	}
	if (!strcmp(words->key, "id")) {
		if (words->value &&
		    !words_number(words->value, 0, BLK_ID_MAX, &number)) {
			options->id = number;
			return 0;
		}
		snprintf(message, size, "--disk: id= takes a number up to %d",
			 BLK_ID_MAX);
		return -EINVAL;
	}
	if (!strcmp(words->key, "block")) {
		if (words->value && (!strcmp(words->value, "512") ||
				     !strcmp(words->value, "4096"))) {
			options->block = strtoul(words->value, NULL, 10);
			return 0;
		}
		snprintf(message, size, "--disk: block= takes 512 or 4096");
		return -EINVAL;
	}
	if (!strcmp(words->key, "queues")) {
		if (words->value &&
		    !words_number(words->value, 1, BLK_QUEUES_MAX, &number)) {
			options->queues = number;
			return 0;
		}
		snprintf(message, size, "--disk: queues= takes a number from 1 "
			 "to %d", BLK_QUEUES_MAX);
		return -EINVAL;
	}
	if (!strcmp(words->key, "readonly") && !words->value) {
		options->readonly = true;
	} else if (!strcmp(words->key, "direct") && !words->value) {
		options->direct = true;
	} else if (!strcmp(words->key, "threads") && !words->value) {
		options->threads = true;
	} else {
		snprintf(message, size,
			 "--disk: `%s` is not known; there are "
			 "readonly, direct, threads, block=N, queues=N, "
			 "serial=S, id=N (a comma in a file's name is written "
			 "twice)",
			 words->key);
		return -EINVAL;
	}
	return 0;
}

static int options_source(struct blk_options *options, char *message,
			  size_t size)
{
	size_t prefix = sizeof(unix_prefix) - 1;

	if (!*options->path) {
		snprintf(message, size, "--disk: no file is named");
		return -EINVAL;
	}
	/* A file that is really called so can be named ./nbd:... */
	if (strncmp(options->path, nbd_prefix, sizeof(nbd_prefix) - 1))
		return 0;
	if (strncmp(options->path, unix_prefix, prefix) ||
	    !options->path[prefix]) {
		snprintf(message, size, "--disk %s: an NBD server is named "
			 "nbd:unix:SOCKET", options->path);
		return -EINVAL;
	}
	options->nbd = true;
	memmove(options->path, options->path + prefix,
		strlen(options->path + prefix) + 1);
	return 0;
}

int blk_options_parse(const char *text, unsigned int order,
		      struct blk_options *options, char *message, size_t size)
{
	struct words words = { .rest = NULL };
	int error;

	memset(options, 0, sizeof(*options));
	options->id = order;
	words.rest = words_path(text, options->path, sizeof(options->path));
	if (!words.rest) {
		snprintf(message, size, "--disk: the file's name is too long");
		return -EINVAL;
	}
	while (words_next(&words)) {
		error = options_word(&words, options, message, size);
		if (error)
			return error;
	}
	if (words.too_long) {
		snprintf(message, size, "--disk %s: an option is too long",
			 options->path);
		return -EINVAL;
	}
	error = options_source(options, message, size);
	if (error)
		return error;
	if (options->nbd && (options->direct || options->threads)) {
		snprintf(message, size, "--disk nbd:unix:%s: direct and "
			 "threads are for files; how the server reads its "
			 "image is an option of the server", options->path);
		return -EINVAL;
	}
	if (!*options->serial)
		snprintf(options->serial, sizeof(options->serial),
			 "ringlet-disk%u", options->id);
	return 0;
}
