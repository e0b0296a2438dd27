/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the paravirt layer tells the launcher about itself, in two sections of
 * layer.elf that are never loaded into a guest.
 *
 * Purpose: the layer writes no kernel text. Where the kernel's code must lead
 * into the layer it says so in `.ringlet.patches`, and the launcher checks and
 * patches the image before the guest starts. And the layer was compiled without the
 * kernel: where it needs to know the kernel's types it names a symbol that asks
 * (guest_pv/image.h), and what it takes for granted besides is in `.ringlet.needs`.
 *
 * The first section is a plain array; the number of records is its size divided by the
 * record's. The second is strings, each with its NUL and shorter
 * than RL_NEED_BYTES; a layer without it is none. This header includes nothing but
 * fixed-width types.
 */
#ifndef RINGLET_ABI_LAYER_H
#define RINGLET_ABI_LAYER_H

#define RL_PATCHES_SECTION	".ringlet.patches"
#define RL_NEEDS_SECTION	".ringlet.needs"

/*
 * What a string of the second says, words with a blank between:
 *
 *	function NAME SIGNATURE		where the kernel has the function, its type is this
 *	pointer STRUCT.MEMBER SIGNATURES	where the structure has it, it points to a
 *					function of one of these types (a | between)
 *	either NAME NAME ...		it has one of these, symbols or STRUCT.MEMBERs
 *	with NAME NAME ...		where it has the first, it has all the others
 *	without NAME NAME ...		where it has the first not, it has all the others
 *	variable NAME TYPE		where the kernel has the symbol, it is one of these:
 *					behind it is room for it
 *	part PART NEED			a part of the layer needs this, and is left out where
 *					it does not hold; the other needs refuse the image
 *	word NAME HEX			the image has this number of 64 bits at the symbol;
 *					NAME+STRUCT: behind one such structure there
 *
 * TYPE is a STRUCT, the STRUCT.MEMBER that it is as large as, or one of u8, u16, u32, u64
 * and pointer; *COUNT behind it: at least so many.
 *
 * A signature is a letter for the result and one for each parameter: see
 * guest_pv/functions.h. STRUCT may be a union, or a typedef of one.
 */
#define RL_NEED_FUNCTION	"function"
#define RL_NEED_POINTER		"pointer"
#define RL_NEED_EITHER		"either"
#define RL_NEED_WITH		"with"
#define RL_NEED_WITHOUT		"without"
#define RL_NEED_VARIABLE	"variable"
#define RL_NEED_WORD		"word"
#define RL_NEED_PART		"part"

/* Of one string, with its NUL. */
#define RL_NEED_BYTES		512

/* What the names of symbols begin with that are questions. */
#define RL_QUESTION		"image."

#define RL_PATCH_BYTES		22
#define RL_PATCH_MIN		5	/* a jmp rel32 */

/* Kinds. */
#define RL_PATCH_JUMP		1	/* `jmp rel32` to target, rest is nops */
#define RL_PATCH_OPTIONAL	0x80	/* or'ed in: no symbol, no patch */
#define RL_PATCH_ENTRY		0x40	/* or'ed in: gva is a function, and the place
					   is behind what each function may begin
					   with: ENDBR64, the call of __fentry__.
					   Settled when a kernel is prepared */

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

_Static_assert(sizeof(struct rl_patch) == 64, "ABI");
#endif /* __ASSEMBLY__ */
#endif
