/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The symbols of a kernel, out of the compressed tables that it carries for
 * its own use in /proc/kallsyms. They name static and init symbols too
 * (CONFIG_KALLSYMS_ALL), and are in every image, unlike System.map.
 *
 * A kallsyms object owns all it returns; it does not need the view it was
 * read from any longer.
 */
#ifndef LAUNCHER_KALLSYMS_H
#define LAUNCHER_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

#include "elfview.h"

struct kallsyms;

/* NULL and *why (the end of a sentence) when the tables cannot be read. */
struct kallsyms *kallsyms_read(const struct elf_view *, const char **why);
void kallsyms_free(struct kallsyms *);

/*
 * How many different addresses bear that name (0: none; static symbols may
 * share one name); *address is the first of them, a GVA, or the offset in the
 * per-CPU area for a per-CPU symbol.
 */
size_t kallsyms_find(const struct kallsyms *, const char *name,
		     uint64_t *address);

/* Symbol number `index` in address order, below kallsyms_count(). */
size_t kallsyms_count(const struct kallsyms *);
const char *kallsyms_get(const struct kallsyms *, size_t index,
			 uint64_t *address, char *type);

/* Bytes from an address to the next symbol behind it; 0: there is none. */
uint64_t kallsyms_room(const struct kallsyms *, uint64_t address);

/* The last symbol at or below a GVA, or NULL; *offset: bytes behind it. */
const char *kallsyms_nearest(const struct kallsyms *, uint64_t gva,
			     uint64_t *offset);

#endif
