/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel code that Linux rewrites itself while it boots or runs, and that
 * nobody else may therefore change.
 */
#ifndef LAUNCHER_PROTECTED_H
#define LAUNCHER_PROTECTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "btf.h"
#include "elfview.h"
#include "kallsyms.h"

/*
 * The name of the list that has an entry in [gva, gva + size), or NULL. A
 * list that is there but cannot be read counts as a hit, as nobody can tell.
 * btf may be NULL; without it the lists whose record size differs among
 * kernels cannot be read.
 */
const char *protected_find(const struct elf_view *kernel,
			   const struct kallsyms *, const struct btf *,
			   uint64_t gva, size_t size);

/*
 * Is there a call of __fentry__ at gva, where a function's own code would begin?
 * A list that cannot be read says yes, and then protected_find() refuses the place.
 */
bool protected_has_fentry(const struct elf_view *kernel,
			  const struct kallsyms *, uint64_t gva);

#endif
