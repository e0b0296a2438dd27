/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The runner's parts: guest.c loads a tiny guest into memory, runner.c runs
 * its cases, requests.c does what they ask for, second.c runs a second vCPU.
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
bool is_wanted(const char *name, const char *patterns);
void image_load(const struct image *image, unsigned char *memory);

/* One case's VM. */
struct machine {
	int vm, vcpu;
	struct rl_run *run;
	unsigned char *memory, *high;
	char said[4096];
	size_t nsaid;
};

static inline volatile struct tiny_mailbox *mailbox(const struct machine *m)
{
	return (volatile struct tiny_mailbox *)m->memory;
}

extern uint64_t ncpus;
void second_begin(struct machine *m);
void second_end(void);
void request_serve(struct machine *m);
void request_end(void);

#endif
