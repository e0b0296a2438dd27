/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the paravirt layer tells the launcher about itself, in two sections of
 * layer.elf that are never loaded into a guest.
 *
 * Purpose: the layer writes no kernel text. Where the kernel's code must lead
 * into the layer it says so in `.ringlet.patches`, and the launcher checks and
 * patches the image before the guest starts. And the layer was compiled from
 * headers: `.ringlet.layouts` lists each structure member that it relies on,
 * so that the launcher can compare them with the image's own BTF.
 *
 * Both sections are plain arrays; the number of records is the section's size
 * divided by the record's. This header includes nothing but fixed-width types.
 */
#ifndef RINGLET_ABI_LAYER_H
#define RINGLET_ABI_LAYER_H

#define RL_PATCHES_SECTION	".ringlet.patches"
#define RL_LAYOUTS_SECTION	".ringlet.layouts"

#define RL_PATCH_BYTES		22
#define RL_PATCH_MIN		5	/* a jmp rel32 */

/* Kinds. */
#define RL_PATCH_JUMP		1	/* `jmp rel32` to target, rest is nops */
#define RL_PATCH_OPTIONAL	0x80	/* or'ed in: no symbol, no patch */

#ifndef __ASSEMBLY__
#include <linux/types.h>

/*
 * One patch of the kernel's text. The image must hold expect[0..len) at gva,
 * where bits that are 0 in mask may differ; len is at least RL_PATCH_MIN. No
 * byte of [gva, gva + len) may be in mcount, return_sites, altinstructions,
 * parainstructions or retpoline_sites. A target of 0 skips the patch; a gva of
 * 0 is an error unless RL_PATCH_OPTIONAL is set.
 */
struct rl_patch {
	__u64 gva;
	__u64 target;
	__u8 kind;
	__u8 len;
	__u8 pad[2];
	__u8 expect[RL_PATCH_BYTES];
	__u8 mask[RL_PATCH_BYTES];
};

/* One member of a kernel structure as the layer was compiled. */
#define RL_LAYOUT_NAME		40

struct rl_layout {
	char struct_name[RL_LAYOUT_NAME];
	char member[RL_LAYOUT_NAME];
	__u32 offset;		/* bytes */
	__u32 size;		/* bytes */
};

_Static_assert(sizeof(struct rl_patch) == 64, "ABI");
_Static_assert(sizeof(struct rl_layout) == 88, "ABI");
#endif /* __ASSEMBLY__ */
#endif
