// SPDX-License-Identifier: GPL-2.0
/*
 * Modules of a 32-bit kernel: their code, too, has instructions that mean something else
 * in ring 1. Those that trap are served where they trap, by way of the host; but PUSHF and
 * POPF do not. When Linux has put a module's code in its place and is about to finish it
 * (module_finalize()), the kernel comes here, and all of the code is looked at.
 *
 * There is no list for modules: a mark in place of the instruction says what it was. INSB
 * and INSD without a prefix are one byte, trap, and are in no kernel's code: there they
 * have REP. A module that has one all the same is refused, and so is one whose code cannot
 * be read; its load fails with ENOEXEC.
 */
#include "length.h"
#include "shim.h"

#define PUSHF		0x9c
#define POPF		0x9d

/* Of ELF32: what is needed of its header and of a section's. */
#define HEADER_SECTIONS	48	/* e_shnum */
#define SECTION_BYTES	40
#define SECTION_FLAGS	8	/* sh_flags */
#define SECTION_ADDRESS	12	/* sh_addr: where it is in memory now */
#define SECTION_SIZE	20	/* sh_size */
#define FLAGS_CODE	6u	/* SHF_ALLOC, SHF_EXECINSTR */

static bool fit_code(u32 address, u32 size)
{
	u8 *code = (u8 *)(u64)address;
	u32 at, length;

	for (at = 0; at < size; at += length) {
		length = insn_length(code + at, size - at);
		if (!length || code[at] == MARK_PUSHF || code[at] == MARK_POPF)
			return false;
		if (code[at] == PUSHF)
			code[at] = MARK_PUSHF;
		else if (code[at] == POPF)
			code[at] = MARK_POPF;
	}
	return true;
}

/*
 * The kernel is at int module_finalize(const Elf_Ehdr *, const Elf_Shdr *, ...). False: it
 * must not load that module.
 */
bool module_arrives(u32 header, u32 sections)
{
	u32 count = KERNEL(u16, header + HEADER_SECTIONS);

	for (u32 s = sections; count--; s += SECTION_BYTES)
		if ((KERNEL(u32, s + SECTION_FLAGS) & FLAGS_CODE) == FLAGS_CODE &&
		    !fit_code(KERNEL(u32, s + SECTION_ADDRESS),
			      KERNEL(u32, s + SECTION_SIZE)))
			return false;
	return true;
}
