// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the command line of `ringlet run`. The bytes are words,
 * each ended by a NUL. What the devices make of their own words is in their
 * own targets: nothing is opened here.
 */
#include <stdlib.h>
#include <string.h>

#include "launcher/options.h"

#define WORDS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *argv[WORDS_MAX + 2] = { "run" };
	struct run_options options;
	char message[128];
	size_t at = 0;
	int argc = 1;

	memcpy(copy, data, size);
	copy[size] = '\0';
	while (at < size && argc <= WORDS_MAX) {
		argv[argc++] = copy + at;
		at += strlen(copy + at) + 1;
	}
	memset(message, 0xff, sizeof(message));
	if (options_parse_run(argc, argv, &options, message,
			      sizeof(message))) {
		/* One line that says something. */
		if (!memchr(message, 0, sizeof(message)) || !*message)
			abort();
	} else if (!options.help) {
		if (!options.kernel || options.memory < OPTIONS_MEMORY_MIN ||
		    options.memory > OPTIONS_MEMORY_MAX ||
		    options.memory % 4096 || options.word_count < 0 ||
		    options.device_count > RL_MMIO_DEVICES)
			abort();
		for (int i = 0; i < options.word_count; i++)
			if (!options.words[i])
				abort();
	}
	options_free(&options);
	free(copy);
	return 0;
}
