/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The runner's parts: guest.c loads a tiny guest into memory, runner.c runs
 * its cases.
 */
#ifndef TESTS_TINY_RUNNER_H
#define TESTS_TINY_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../abi/guest.h"
#include "../../abi/ringlet.h"
#include "lib/mailbox.h"

/* A guest's file, in memory. */
struct image {
	const char *name;
	unsigned char *bytes;
	size_t size;
	const struct tiny_case *cases;
	size_t ncases;
	uint64_t entry;
};

struct image image_read(const char *path);
void image_load(const struct image *image, unsigned char *memory);

#endif
