/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls of the product that may fail, and one of them that does. The Makefile puts
 * them in front of the C library's (WRAP_*). Behind unit.h; one file of a test
 * program includes it.
 */
#ifndef RINGLET_TESTS_SCARCE_H
#define RINGLET_TESTS_SCARCE_H

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* The call that fails: 1 is the next one; 0: none does. */
static int countdown;
static bool failed;
/* Nothing fails, but what a signal may interrupt is. */
static bool interrupts;
/* Nothing fails, but SIGTERM comes at that call. */
static bool raises;

static inline bool count_down(int error)
{
	if (!countdown || --countdown)
		return false;
	failed = true;
	if (raises) {
		raise(SIGTERM);
		return false;
	}
	errno = error;
	return true;
}

static inline bool refuse(int error)
{
	return !interrupts && count_down(error);
}

static inline bool interrupt(void)
{
	return interrupts && count_down(EINTR);
}

/* Each says what type it has, what it is called with, and how it fails. */
#define WRAP(type, name, parameters, arguments, error, failure)	\
type __real_##name parameters;					\
type __wrap_##name parameters;					\
type __wrap_##name parameters					\
{								\
	return refuse(error) ? failure : __real_##name arguments;	\
}

/* asprintf(3) and vasprintf(3), which the former is made of here. */
#define WRAP_ASPRINTF							\
WRAP(int, vasprintf, (char **to, const char *format, va_list list),	\
     (to, format, list), ENOMEM, -1)					\
int __wrap_asprintf(char **to, const char *format, ...)			\
	__attribute__((format(printf, 2, 3)));				\
int __wrap_asprintf(char **to, const char *format, ...)			\
{									\
	va_list list;							\
	int size;							\
									\
	va_start(list, format);						\
	size = __wrap_vasprintf(to, format, list);			\
	va_end(list);							\
	return size;							\
}

/* open(2), with its third argument or without. */
#define WRAP_OPEN						\
int __real_open(const char *path, int how, ...);			\
int __wrap_open(const char *path, int how, ...);			\
int __wrap_open(const char *path, int how, ...)				\
{									\
	va_list list;							\
	mode_t mode;							\
									\
	va_start(list, how);						\
	mode = va_arg(list, mode_t);					\
	va_end(list);							\
	return refuse(EMFILE) ? -1 : __real_open(path, how, mode);	\
}

static inline unsigned int open_files(void)
{
	DIR *files = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (readdir(files))
		count++;
	closedir(files);
	return count;
}

#endif
