/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The words behind a subcommand: options by getopt_long(3), and one way to say what is
 * wrong with them. argv[0] is the subcommand's name.
 *
 * Long options have values from 256 on, as a value below is taken for a letter.
 */
#ifndef RINGLET_LAUNCHER_USAGE_H
#define RINGLET_LAUNCHER_USAGE_H

#include <getopt.h>

#include "../virtio_devices/words.h"

/*
 * After getopt_long() answered '?' or ':' (which is code): names the option that it
 * disliked. -EINVAL.
 */
int usage_complain(int code, char **argv, const struct complaint *to);

/* Says it, and where the help is. STATUS_USAGE. */
int usage_wrong(char **argv, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The next option, as getopt_long() has it, with optarg and optind; letters begin with
 * ':' or "+:". -1: that was the last one; '?': usage_wrong() has been said. At the first
 * call optind is 0, for which usage_begin() cares, whoever parsed before.
 */
void usage_begin(void);
int usage_next(int argc, char **argv, const char *letters,
	       const struct option *list);

#endif
