/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the launcher says to its user: one line per event, on standard error,
 * behind `ringlet: `. The guest's console alone goes to standard output.
 *
 * log_warn() and fatal() append the text of errno, the forms with an x do not.
 * Any thread may call these; each line leaves in a single write.
 */
#ifndef RINGLET_LAUNCHER_LOG_H
#define RINGLET_LAUNCHER_LOG_H

#include <stddef.h>

#define LOG_PRINTF(n) __attribute__((format(printf, n, n + 1)))

enum log_level {
	LOG_LEVEL_QUIET,	/* warnings and errors only */
	LOG_LEVEL_INFO,		/* --verbose: progress, with time stamps */
	LOG_LEVEL_DEBUG,	/* --verbose twice */
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_warn(const char *format, ...) LOG_PRINTF(1);
void log_warnx(const char *format, ...) LOG_PRINTF(1);
void log_info(const char *format, ...) LOG_PRINTF(1);
void log_debug(const char *format, ...) LOG_PRINTF(1);

/* Only before the guest runs: say why and exit with status (exit.h). */
void fatal(int status, const char *format, ...)
	LOG_PRINTF(2) __attribute__((noreturn));
void fatalx(int status, const char *format, ...)
	LOG_PRINTF(2) __attribute__((noreturn));

/*
 * Text that came from a guest or a file, made fit for a terminal: at most
 * in_size bytes of in (which need not end in NUL) are copied to out, whatever
 * is no printable ASCII replaced by '?', and NUL terminated. Returns out.
 */
char *log_safe(char *out, size_t out_size, const char *in, size_t in_size);

#endif
