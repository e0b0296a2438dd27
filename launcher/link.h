/* SPDX-License-Identifier: GPL-2.0 */
/* Linking the layer to a kernel, and the checks of what came out. */
#ifndef LAUNCHER_LINK_H
#define LAUNCHER_LINK_H

#include "elfview.h"
#include "kernel.h"

/*
 * Fits the layer to a kernel: finds all that it leaves open, its questions (answer.h),
 * the kernel's symbols and the room for its objects, checks what it takes for granted,
 * and writes what it found to `data`, which `layer` is a view of. 0; -ENOEXEC after a
 * message that names what is missing, ambiguous or not as the layer knows it, then the
 * layer is of no use any more; -ENOMEM; or as budget_check().
 *
 * A weak symbol that the kernel does not have is 0.
 */
int link_fit(struct elf_view *layer, uint8_t *data, const struct kernel *);

/*
 * Is the linked layer what can be loaded: all of it inside of its home, no
 * page both writable and executable, physical addresses as abi/guest.h says,
 * an entry in its code? 0, or -ENOEXEC after a message.
 */
int link_check_layer(const struct elf_view *layer);

#endif
