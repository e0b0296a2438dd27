/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing a kernel for the cache: its loaded segments only, without the pages
 * of zeros, which for a distribution's kernel are a third of the file.
 */
#ifndef LAUNCHER_COMPACT_H
#define LAUNCHER_COMPACT_H

#include "elfview.h"

/*
 * Writes an ELF file that loads exactly as `kernel` does; it has no sections.
 * 0 or -errno; after a message only where budget_check() has one.
 */
int compact_write(const struct elf_view *kernel, const char *file);

#endif
