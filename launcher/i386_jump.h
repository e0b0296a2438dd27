/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Jumps in place of traps: for what a 32-bit kernel does to its interrupt flag.
 */
#ifndef LAUNCHER_I386_JUMP_H
#define LAUNCHER_I386_JUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "../abi/i386.h"
#include "elfview.h"
#include "i386_map.h"
#include "i386_scan.h"

struct i386_jumps {
	struct i386_map map;
	const uint8_t *text;		/* the code, as it is in the image now */
	uint8_t *image;			/* the same, to be written; NULL: no jumps */
	uint8_t *code;			/* what they lead to: RL_I386_JUMP_BYTES */
	uint32_t used;
	uint32_t windows;		/* jumps that were made, */
	uint32_t start, end;		/* the last in place of these GVAs */
	uint32_t trap_count;
	struct rl_site traps[RL_I386_SITES];	/* inside of `code`, ascending */
};

/*
 * The interrupt flag in a page that both the kernel and the host see has to be somewhere
 * in the kernel's address space, so this makes room behind the last address that it
 * uses. False: it cannot be found, and there are no jumps.
 */
bool i386_jump_make_room(const struct elf_view *, uint8_t *image);

/*
 * Begins with the map filled, and of some bytes. `view` is of the image as it is, `image`
 * the same bytes to be written (they may be view's), `code` what jumps will lead to.
 */
void i386_jump_start(struct i386_jumps *, const struct elf_view *view, uint8_t *image,
		     uint8_t code[RL_I386_JUMP_BYTES]);

/*
 * A jump over this site, where whole instructions that nothing leads into have the room.
 * True: it is done, and the site wants no trap.
 */
bool i386_jump_over(struct i386_jumps *, const struct i386_site *);

#endif
