/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instead of launcher/log.c: keeps what is logged, for tests that look at it.
 * Include it in one file of a test program.
 */
#ifndef RINGLET_TESTS_CAPTURE_LOG_H
#define RINGLET_TESTS_CAPTURE_LOG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/log.h"

static char logged[2048];	/* the last warning */
static int logged_errno;	/* of the last log_warn(), which prints it */
static int log_lines;		/* warnings since log_forget() */

static inline void log_forget(void)
{
	*logged = '\0';
	log_lines = 0;
}

void log_set_level(enum log_level level)
{
	(void)level;
}

enum log_level log_get_level(void)
{
	return LOG_LEVEL_QUIET;
}

#define CAPTURE(name, error)					\
void name(const char *format, ...)				\
{								\
	int saved = errno;					\
	va_list arguments;					\
								\
	(void)saved;						\
	va_start(arguments, format);				\
	vsnprintf(logged, sizeof(logged), format, arguments);	\
	va_end(arguments);					\
	log_lines++;						\
	logged_errno = error;					\
	assert_null(strchr(logged, '\n'));			\
}
CAPTURE(log_warn, saved)
CAPTURE(log_warnx, 0)

void log_info(const char *format, ...)
{
	(void)format;
}

void log_debug(const char *format, ...)
{
	(void)format;
}

void fatal(int status, const char *format, ...)
{
	fail_msg("fatal(%d, %s)", status, format);
	abort();
}

void fatalx(int status, const char *format, ...)
{
	fail_msg("fatalx(%d, %s)", status, format);
	abort();
}

char *log_safe(char *out, size_t out_size, const char *in, size_t in_size)
{
	snprintf(out, out_size, "%.*s", (int)in_size, in);
	return out;
}

/* The call that failed said one line, with this in it. */
#define assert_logged(part) do {					\
	assert_int_equal(log_lines, 1);					\
	if (!strstr(logged, part))					\
		fail_msg("logged \"%s\", not \"%s\"", logged, part);	\
	log_forget();							\
} while (0)

#endif
