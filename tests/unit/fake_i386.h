/* SPDX-License-Identifier: GPL-2.0 */
/* The header of a 32-bit kernel's file, for tests that lay one out as a structure. */
#ifndef RINGLET_TESTS_FAKE_I386_H
#define RINGLET_TESTS_FAKE_I386_H

#include <elf.h>

/* Where its segments and sections begin, and how many there are; more members may follow. */
#define FAKE_I386_HEADER(segments_at, segments, sections_at, sections)		\
	.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },		\
	.e_type = ET_EXEC, .e_machine = EM_386,					\
	.e_phoff = (segments_at), .e_phentsize = sizeof(Elf32_Phdr),		\
	.e_phnum = (segments),							\
	.e_shoff = (sections_at), .e_shentsize = sizeof(Elf32_Shdr),		\
	.e_shnum = (sections)

#endif
