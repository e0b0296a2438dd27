/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the paravirt layer's object file tells the launcher, besides its code:
 * which places of the kernel to patch, and which structure layouts it was
 * compiled with. Both are arrays in sections of their own, which are not
 * loaded into the guest.
 */
#ifndef RINGLET_ABI_LAYER_H
#define RINGLET_ABI_LAYER_H

#include <linux/types.h>

#define RL_PATCH_SECTION	".ringlet.patches"
#define RL_LAYOUT_SECTION	".ringlet.layouts"

#define RL_PATCH_BYTES		22

#define RL_PATCH_JUMP		1	/* kind: jmp rel32 to target */
#define RL_PATCH_OPTIONAL	0x80	/* or-ed in: skipped where gva is 0 */

/*
 * The len bytes at gva must be expect (where mask has a bit set) and become a
 * jump to target, filled up with nops. A target of 0 skips the patch.
 */
struct rl_patch {
	__u64 gva;
	__u64 target;
	__u8 kind;
	__u8 len;		/* 5 to RL_PATCH_BYTES */
	__u8 pad[2];
	__u8 expect[RL_PATCH_BYTES];
	__u8 mask[RL_PATCH_BYTES];
};

/* A member (or "", the whole) of a struct, as compiled into the layer. */
struct rl_layout {
	char struct_name[40];
	char member[40];
	__u32 offset;		/* bytes */
	__u32 size;		/* bytes */
};

_Static_assert(sizeof(struct rl_patch) == 64, "ABI");
_Static_assert(sizeof(struct rl_layout) == 88, "ABI");

#endif
