/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between kallsyms_tables.c, which finds the tables in an image, and
 * kallsyms.c, which decodes them. All pointers point into the image and were
 * checked: a name of any index decodes without leaving `names_end`.
 */
#ifndef LAUNCHER_KALLSYMS_TABLES_H
#define LAUNCHER_KALLSYMS_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elfview.h"

struct kallsyms_tables {
	const uint8_t *start, *end;	/* the segment that holds them */
	uint64_t start_gva;
	size_t align;			/* where tables begin: 8 bytes, or 4 */
	size_t word;			/* bytes of a pointer of the kernel's */
	const uint8_t *tokens;		/* 256 strings */
	const uint8_t *token_index;	/* u16[256]: offsets in tokens */
	const uint8_t *count;		/* u32, padded to align; then names */
	size_t symbols;
	const uint8_t *names, *names_end;
	const uint8_t *offsets;		/* s32[symbols] */
	uint64_t base;			/* GVA that offsets count from */
	bool own_places;		/* each counts from its own place */
};

/* Finds all but offsets and base. NULL or the end of a sentence. */
const char *kallsyms_find_tables(const struct elf_view *,
				 struct kallsyms_tables *);

/*
 * The places where Linux has put the offsets: before the number of symbols (up to
 * 6.3), behind the tokens (6.4 and later), and there without a base: then each
 * offset counts from where it lies (7.0 and later). 0, or -ENOENT where the image
 * is too short for it.
 */
int kallsyms_offsets_before(struct kallsyms_tables *);
int kallsyms_offsets_behind(struct kallsyms_tables *);
int kallsyms_offsets_baseless(struct kallsyms_tables *);

/* The packed name at `at`: its length in *size; NULL at the end. */
const uint8_t *kallsyms_packed(const struct kallsyms_tables *,
			       const uint8_t *at, size_t *size);

static inline const char *kallsyms_token(const struct kallsyms_tables *t,
					 uint8_t index)
{
	return (const char *)t->tokens + (t->token_index[2 * index] |
					  t->token_index[2 * index + 1] << 8);
}

#endif
