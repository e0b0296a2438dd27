/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds what an i386 kernel's code does that ring 1 cannot: see i386_insn.h.
 */
#ifndef LAUNCHER_I386_SCAN_H
#define LAUNCHER_I386_SCAN_H

#include "elfview.h"
#include "i386_insn.h"
#include "i386_map.h"
#include "kallsyms.h"

struct i386_site {
	uint32_t gva;
	uint8_t length;		/* bytes */
	uint8_t kind;		/* enum i386_kind */
};

struct i386_scan {
	struct i386_site *sites;	/* those that want something done, by section */
	size_t count;
	size_t counts[I386_KINDS];	/* all instructions, by kind */
	size_t instructions;
	size_t functions;		/* stretches from symbol to symbol */
};

/*
 * Looks at all code of the image. 0; or, after one line of message that names the place,
 * -ENOEXEC where it is not all instructions from symbol to symbol, -ENOMEM, or as
 * budget_check(). `file` is named in messages. i386_scan_free() is due after a 0 only. The
 * map, which may be NULL, gets what it sees.
 */
int i386_scan(struct i386_scan *, struct i386_map *, const struct elf_view *,
	      const struct kallsyms *, const char *file);
void i386_scan_free(struct i386_scan *);

#endif
