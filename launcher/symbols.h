/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A symbol file for debuggers, made of what every kernel image carries for itself: names
 * from its kallsyms tables, and how to unwind its stack from its ORC tables.
 */
#ifndef LAUNCHER_SYMBOLS_H
#define LAUNCHER_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "elfview.h"
#include "kallsyms.h"

struct symbols_source {
	const struct elf_view *elf;
	const struct kallsyms *names;
	uint64_t offset;	/* added to each address: where KASLR put the kernel */
};

/* An ELF file of `size` bytes, for free(3). NULL: no memory, or as budget_check(). */
uint8_t *symbols_file(const struct symbols_source *, size_t *size);

/*
 * symbols_orc.c: writes the contents of a .debug_frame section to `out`. The rows that
 * it has; 0: the kernel has no ORC tables, or none that are understood.
 */
size_t symbols_frames(const struct symbols_source *, FILE *out);

#endif
