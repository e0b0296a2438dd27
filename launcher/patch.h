/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Patches of kernel code that the layer asks for (abi/layer.h): reading them
 * from the linked layer, checking them against the kernel, writing them.
 */
#ifndef LAUNCHER_PATCH_H
#define LAUNCHER_PATCH_H

#include <stddef.h>
#include <stdint.h>

#include "../abi/layer.h"
#include "btf.h"
#include "elfview.h"
#include "kallsyms.h"

/*
 * The patches of a layer, those left out that name nothing (see
 * RL_PATCH_OPTIONAL): *count of them, for free(3). 0, or -ENOEXEC after a
 * message, or as budget_check().
 */
int patch_read(const struct elf_view *layer, struct rl_patch **patches,
	       size_t *count);

/*
 * Moves each RL_PATCH_ENTRY of the layer to its place in this kernel. The layer's
 * bytes are changed: `data`, which `layer` is a view of. As budget_check().
 */
int patch_settle(const struct elf_view *layer, uint8_t *data,
		 const struct elf_view *kernel, const struct kallsyms *);

/*
 * Is each patch's place code of the kernel with the expected bytes, apart
 * from all that the kernel itself rewrites? 0, or -ENOEXEC after a message
 * that names the symbol and the bytes, or as budget_check(). btf may be NULL.
 */
int patch_check(const struct rl_patch *, size_t count,
		const struct elf_view *kernel, const struct kallsyms *,
		const struct btf *);

/* Do `code`'s bytes match what the patch expects? */
int patch_matches(const struct rl_patch *, const uint8_t *code);

/* Writes the patch's len bytes at code, which will run at the patch's gva. */
void patch_write(const struct rl_patch *, uint8_t *code);

#endif
