/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A command of the launcher, called in the test's own process, and what it printed.
 * Behind unit.h; one file of a test program includes it.
 */
#ifndef RINGLET_TESTS_RUN_COMMAND_H
#define RINGLET_TESTS_RUN_COMMAND_H

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char output[8192];

/* As `ringlet NAME words...`. The exit status; what it printed is in `output`. */
static inline int run_command(int (*command)(int argc, char **argv), char *name,
			      const char *const *words)
{
	char *argv[16] = { name };
	int argc = 1, status, saved = dup(STDOUT_FILENO);
	int fd = memfd_create("output", MFD_CLOEXEC);

	while (*words)
		argv[argc++] = (char *)*words++;
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	status = command(argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	memset(output, 0, sizeof(output));
	assert_true(pread(fd, output, sizeof(output) - 1, 0) >= 0);
	close(fd);
	return status;
}

#define RUN_COMMAND(command, ...)					\
	run_command(command, #command + strlen("cmd_"),			\
		    (const char *const []){ __VA_ARGS__, NULL })

#define assert_printed(part) do {					\
	if (!strstr(output, part))					\
		fail_msg("printed \"%s\", not \"%s\"", output, part);	\
} while (0)

#define assert_not_printed(part) do {					\
	if (strstr(output, part))					\
		fail_msg("printed \"%s\", with \"%s\"", output, part);	\
} while (0)

#endif
