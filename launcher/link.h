/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Linking the layer to a kernel: which symbols it wants and what they are,
 * and the checks of what the linker made.
 */
#ifndef LAUNCHER_LINK_H
#define LAUNCHER_LINK_H

#include "btf.h"
#include "elfview.h"
#include "kallsyms.h"

/*
 * Writes a linker script with `name = 0xADDRESS;` for each undefined symbol
 * of the relocatable `object`. Absent weak symbols are left out, and those
 * that begin with rl_ or __rl_, which the layer's own linker script defines.
 * 0, or -errno after a message that names all that are missing or ambiguous, or
 * as budget_check(), which holds for the next too.
 */
int link_write_symbols(const struct elf_view *object,
		       const struct kallsyms *, const char *file);

/*
 * Do the structure layouts that the layer was compiled with (abi/layer.h)
 * agree with the kernel's? 0, or -ENOEXEC after a message that names the
 * first that differs and counts them. btf may be NULL: then -ENOEXEC, unless
 * the layer names no layout.
 */
int link_check_layouts(const struct elf_view *layer, const struct btf *);

/*
 * Is the linked layer what can be loaded: all of it inside of its home, no
 * page both writable and executable, physical addresses as abi/guest.h says,
 * an entry in its code? 0, or -ENOEXEC after a message.
 */
int link_check_layer(const struct elf_view *layer);

#endif
