// SPDX-License-Identifier: GPL-2.0
/* Taking an option's text apart. See words.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "words.h"

int complain(const struct complaint *to, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(to->text, to->size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

bool words_next(struct words *words)
{
	size_t key_bytes;

	words->too_long = false;
	if (!words->rest || !*words->rest)
		return false;
	words->rest = words_path(words->rest, words->buffer,
				 sizeof(words->buffer));
	key_bytes = words->rest ? strcspn(words->buffer, "=") : 0;
	if (!words->rest || key_bytes >= sizeof(words->key)) {
		words->too_long = true;
		return false;
	}
	memcpy(words->key, words->buffer, key_bytes);
	words->key[key_bytes] = '\0';
	words->value = words->buffer[key_bytes] ?
			       words->buffer + key_bytes + 1 : NULL;
	return true;
}

const char *words_path(const char *text, char *path, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		if (*text == ',' && *++text != ',')
			break;
		if (used + 1 >= size)
			return NULL;
		path[used++] = *text;
	}
	path[used] = '\0';
	return text;
}

int words_number(const char *value, uint64_t least, uint64_t most,
		 uint64_t *number)
{
	unsigned long long parsed;
	char *end;

	/* strtoull() takes blanks and signs; a number here has neither. */
	if (!value || *value < '0' || *value > '9')
		return -EINVAL;
	errno = 0;
	parsed = strtoull(value, &end, 10);
	if (errno || *end || parsed < least || parsed > most)
		return -EINVAL;
	*number = parsed;
	return 0;
}

/* The power of two that a size's suffix stands for, or -1. */
static int suffix_shift(const char *suffix)
{
	if (!*suffix)
		return 20;
	if (suffix[1] && strcmp(suffix + 1, "B") && strcmp(suffix + 1, "iB"))
		return -1;
	switch (*suffix) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	default:
		return -1;
	}
}

int words_size(const char *value, uint64_t *bytes)
{
	unsigned long long parsed;
	char *end;
	int shift;

	/* As in words_number(): no blanks, no signs. */
	if (!value || *value < '0' || *value > '9')
		return -EINVAL;
	errno = 0;
	parsed = strtoull(value, &end, 10);
	shift = suffix_shift(end);
	if (shift < 0)
		return -EINVAL;
	if (errno || parsed > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = (uint64_t)parsed << shift;
	return 0;
}

int words_adopt_fd(int fd)
{
	int flags = fd > STDERR_FILENO ? fcntl(fd, F_GETFD) : -1;

	if (flags < 0 || (flags & FD_CLOEXEC) ||
	    fcntl(fd, F_SETFD, flags | FD_CLOEXEC))
		return -EBADF;
	return 0;
}
