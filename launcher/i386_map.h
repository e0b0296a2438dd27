/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What may be moved of a 32-bit kernel's code: for each byte of .text, whether an
 * instruction begins there, whether anything may lead there, and whether Linux has a table
 * that names it.
 */
#ifndef LAUNCHER_I386_MAP_H
#define LAUNCHER_I386_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "elfview.h"
#include "i386_insn.h"

#define I386_MAP_START	1	/* an instruction begins */
#define I386_MAP_TARGET	2	/* something may lead here */
#define I386_MAP_FIXED	4	/* Linux looks here, or writes here: it stays */

struct i386_map {
	uint32_t start;		/* GVA */
	uint32_t size;		/* bytes */
	uint8_t *bytes;		/* I386_MAP_*, or'ed */
};

/*
 * A map of .text with nothing in it; of no bytes where the image has no .text. 0; or, after
 * one line of message, -ENOMEM. i386_map_free() is due after a 0 only.
 */
int i386_map_init(struct i386_map *, const struct elf_view *, const char *file);
void i386_map_free(struct i386_map *);

/* The three that fill it. Addresses outside of it are none of its business. */
void i386_map_symbol(struct i386_map *, uint32_t gva);
void i386_map_insn(struct i386_map *, uint32_t gva, const struct i386_insn *);
/*
 * All that data and operands may name. 0; or as budget_check(); or, after one line of
 * message, -ENOEXEC: what a table of Linux's says is not understood.
 */
int i386_map_references(struct i386_map *, const struct elf_view *, const char *file);

static inline uint8_t i386_map_at(const struct i386_map *map, uint32_t gva)
{
	return gva - map->start < map->size ? map->bytes[gva - map->start] : 0;
}

#endif
