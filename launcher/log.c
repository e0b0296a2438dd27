// SPDX-License-Identifier: GPL-2.0
/*
 * Messages on standard error. A line is put together in a buffer and written
 * by one write(2), so that lines of two threads do not mix.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define LINE_SIZE 1024

static enum log_level level;
static struct timespec start;

void log_set_level(enum log_level new_level)
{
	level = new_level;
	clock_gettime(CLOCK_MONOTONIC, &start);
}

enum log_level log_get_level(void)
{
	return level;
}

/* "ringlet: ", and with --verbose the seconds since the start. */
static size_t put_prefix(char *line, size_t size)
{
	struct timespec now;
	double seconds;

	if (level == LOG_LEVEL_QUIET)
		return snprintf(line, size, "ringlet: ");
	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = now.tv_sec - start.tv_sec +
		  (now.tv_nsec - start.tv_nsec) / 1e9;
	return snprintf(line, size, "ringlet: [%9.3f] ", seconds);
}

/*
 * Names of files and of a hostile kernel's symbols are in lines. What a terminal
 * would obey becomes `?`: C0, DEL, and C1 raw or as UTF-8 (0xc2 0x80 to 0x9f);
 * other UTF-8 stays.
 */
static void make_printable(char *line, size_t size)
{
	unsigned char before = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = line[i];

		if (c < ' ' || c == 0x7f ||
		    (c >= 0x80 && c < 0xa0 && (before < 0x80 || before == 0xc2)))
			line[i] = '?';
		before = c;
	}
}

/* error: an errno to explain, or 0. errno itself is left as it was. */
static void put_line(int error, const char *format, va_list arguments)
{
	int saved = errno;
	char line[LINE_SIZE];
	size_t at = put_prefix(line, sizeof(line));
	ssize_t written;

	vsnprintf(line + at, sizeof(line) - at - 1, format, arguments);
	at = strlen(line);
	if (error) {
		snprintf(line + at, sizeof(line) - at - 1, ": %s",
			 strerror(error));
		at = strlen(line);
	}
	make_printable(line, at);
	line[at++] = '\n';
	written = write(STDERR_FILENO, line, at);
	/* Nobody is left to be told that standard error is gone. */
	(void)written;
	errno = saved;
}

void log_warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_line(errno, format, arguments);
	va_end(arguments);
}

void log_warnx(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_line(0, format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	if (level < LOG_LEVEL_INFO)
		return;
	va_start(arguments, format);
	put_line(0, format, arguments);
	va_end(arguments);
}

void log_debug(const char *format, ...)
{
	va_list arguments;

	if (level < LOG_LEVEL_DEBUG)
		return;
	va_start(arguments, format);
	put_line(0, format, arguments);
	va_end(arguments);
}

void fatal(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_line(errno, format, arguments);
	va_end(arguments);
	exit(status);
}

void fatalx(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_line(0, format, arguments);
	va_end(arguments);
	exit(status);
}

char *log_safe(char *out, size_t out_size, const char *in, size_t in_size)
{
	size_t i;

	for (i = 0; i + 1 < out_size && i < in_size && in[i]; i++)
		out[i] = in[i] >= ' ' && in[i] <= '~' ? in[i] : '?';
	out[i] = '\0';
	return out;
}
