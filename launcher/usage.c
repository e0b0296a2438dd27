// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>

#include "exit.h"
#include "log.h"
#include "usage.h"

int usage_complain(int code, char **argv, const struct complaint *to)
{
	char letter[] = { '-', (char)optopt, '\0' };
	const char *word = optopt && optopt < 256 ? letter : argv[optind - 1];

	if (code == ':')
		return complain(to, "option %s needs a value", word);
	return complain(to, optopt >= 256 ? "option %s takes no value" :
			    "unknown option %s", word);
}

int usage_wrong(char **argv, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	log_warnx("%s; see ringlet %s --help", message, argv[0]);
	return STATUS_USAGE;
}

void usage_begin(void)
{
	optind = 0;	/* glibc: start afresh */
	opterr = 0;
}

int usage_next(int argc, char **argv, const char *letters,
	       const struct option *list)
{
	int code = getopt_long(argc, argv, letters, list, NULL);
	char message[256];
	const struct complaint to = { message, sizeof(message) };

	if (code != '?' && code != ':')
		return code;
	usage_complain(code, argv, &to);
	usage_wrong(argv, "%s", message);
	return '?';
}
