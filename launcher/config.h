/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file of options, one on each line: a long option's name, with or without its
 * dashes, then its value up to the line's end, behind blanks or a `=`. Nothing is
 * quoted. Empty lines and those that begin with # say nothing.
 */
#ifndef RINGLET_LAUNCHER_CONFIG_H
#define RINGLET_LAUNCHER_CONFIG_H

#include <stdbool.h>

#define CONFIG_SIZE_MAX	65536	/* bytes */

struct config {
	char *text;	/* for free(3), when no value is used any more */
	char *next;
	unsigned int line;	/* of what config_next() gave, from 1 */
};

/* 0, or -errno; -E2BIG: longer than a file of options is. */
int config_open(struct config *config, const char *path);

/*
 * The next option. *value is NULL where there is none; both strings are parts of
 * config->text. false: that was all.
 */
bool config_next(struct config *config, char **name, char **value);

#endif
