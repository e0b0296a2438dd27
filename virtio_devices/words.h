/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The text of an option, taken apart, for all options of devices and launcher: words divided by commas, each
 * `key` or `key=value`.
 *
 *	struct words words = { .rest = text };
 *
 *	while (words_next(&words))
 *		if (!strcmp(words.key, "mac") && words.value) ...
 */
#ifndef RINGLET_VIRTIO_WORDS_H
#define RINGLET_VIRTIO_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wrong, for the caller of a parser to print. */
struct complaint {
	char *text;
	size_t size;
};

/* Always -EINVAL, to be returned. */
int complain(const struct complaint *to, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct words {
	const char *rest;	/* what is still to be read */
	char key[32];
	const char *value;	/* NULL: no `=`. Points into buffer */
	char buffer[4096 + 32];	/* a path, and what it is for */
	bool too_long;		/* why words_next() said false, if not the end */
};

/*
 * False: no more words. Two commas are one that belongs to the word, as in
 * `unix=/run/a,,b`.
 */
bool words_next(struct words *words);

/*
 * A path that begins the text, up to the first comma; two commas are one that
 * belongs to the name. What is behind it, or NULL where size is not enough.
 */
const char *words_path(const char *text, char *path, size_t size);

/* A whole decimal number from least to most; 0 or -EINVAL. */
int words_number(const char *value, uint64_t least, uint64_t most,
		 uint64_t *number);
/*
 * Bytes: 64K, 128M, 1G, also 1GB and 1GiB, powers of 1024 all; without a suffix
 * megabytes. 0 or -EINVAL, and -ERANGE where they do not fit.
 */
int words_size(const char *value, uint64_t *bytes);

/*
 * Is this a descriptor that whoever started us left open for us? Then it is 3 or
 * above, and not close-on-exec, as all of our own are. It becomes so now: nobody
 * gets it twice, and no program that we start. 0 or -EBADF.
 */
int words_adopt_fd(int fd);

#endif
