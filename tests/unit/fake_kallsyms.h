/* SPDX-License-Identifier: GPL-2.0 */
/* A kernel's symbols by a list of the test's, in place of launcher/kallsyms.c. */
#ifndef RINGLET_TESTS_FAKE_KALLSYMS_H
#define RINGLET_TESTS_FAKE_KALLSYMS_H

#include <string.h>

#include "launcher/kallsyms.h"

#define TEXT	0xc1000000u	/* where the image's code begins */

static struct fake_symbol {
	const char *name;
	uint64_t address;
} fake_symbols[8];
static size_t fake_symbol_count;
static uint64_t fake_room;	/* of each */

size_t kallsyms_count(const struct kallsyms *k)
{
	(void)k;
	return fake_symbol_count;
}

const char *kallsyms_get(const struct kallsyms *k, size_t index,
			 uint64_t *address, char *type)
{
	(void)k;
	*address = fake_symbols[index].address;
	*type = 'T';
	return fake_symbols[index].name;
}

const char *kallsyms_nearest(const struct kallsyms *k, uint64_t gva,
			     uint64_t *offset)
{
	(void)k;
	*offset = gva - TEXT;
	return "first";
}

struct kallsyms *kallsyms_read(const struct elf_view *view, const char **why)
{
	(void)view;
	*why = NULL;
	return NULL;
}

void kallsyms_free(struct kallsyms *k)
{
	(void)k;
}

size_t kallsyms_find(const struct kallsyms *k, const char *name,
		     uint64_t *address)
{
	size_t found = 0;

	(void)k;
	for (size_t i = 0; i < fake_symbol_count; i++) {
		if (strcmp(fake_symbols[i].name, name))
			continue;
		*address = fake_symbols[i].address;
		found++;
	}
	return found;
}

uint64_t kallsyms_room(const struct kallsyms *k, uint64_t address)
{
	(void)k;
	(void)address;
	return fake_room;
}

#endif
