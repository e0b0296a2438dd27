// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "share_options.h"
#include "words.h"

/* Its real and absolute name: path, of PATH_MAX bytes, becomes that. */
static int find_folder(char *path, char *message, size_t size)
{
	struct stat info;
	char *real = realpath(path, NULL);

	if (!real || stat(real, &info) || !S_ISDIR(info.st_mode)) {
		int error = real ? -ENOTDIR : -errno;

		snprintf(message, size, "--share %s: %s", path,
			 strerror(-error));
		free(real);
		return error;
	}
	snprintf(path, PATH_MAX, "%s", real);
	free(real);
	return 0;
}

int share_parse(const char *text, unsigned int order,
		struct share_options *options, char *message, size_t size)
{
	struct words words = { .rest = NULL };

	memset(options, 0, sizeof(*options));
	snprintf(options->tag, sizeof(options->tag), "share%u", order);
	words.rest = words_path(text, options->path, sizeof(options->path));
	while (words.rest && words_next(&words)) {
		if (!strcmp(words.key, "readonly") && !words.value) {
			options->readonly = true;
		} else if (!strcmp(words.key, "tag") && words.value &&
			   *words.value && strlen(words.value) <= SHARE_TAG_MAX) {
			snprintf(options->tag, sizeof(options->tag), "%s",
				 words.value);
		} else {
			snprintf(message, size, "--share: `%s` is not known; "
				 "there are readonly and tag=T of up to %u "
				 "bytes (a comma in a folder's name is written "
				 "twice)", words.key, (unsigned int)SHARE_TAG_MAX);
			return -EINVAL;
		}
	}
	if (words.rest && !words.too_long && *options->path)
		return find_folder(options->path, message, size);
	snprintf(message, size, "--share: %s", *options->path ?
		 "a word is too long" : "no folder is named");
	return -EINVAL;
}
