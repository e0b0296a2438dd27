/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A read-only view of an ELF64 x86-64 file in memory, or of an ELF32 i386 one, for
 * files that nobody vouches for.
 *
 * elf_open() checks every offset and size of the header tables once; after
 * that each segment's file bytes lie in the buffer, and nothing here reads
 * outside of it. The view borrows the buffer (its owner frees it after
 * elf_close()) and owns copies of the two tables. Of an i386 file header and tables
 * are ELF64 ones in the view, and it has no symbols: kernels are stripped.
 */
#ifndef LAUNCHER_ELFVIEW_H
#define LAUNCHER_ELFVIEW_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

struct elf_view {
	const uint8_t *data;
	size_t size;		/* bytes */
	Elf64_Ehdr header;
	Elf64_Phdr *segments;	/* header.e_phnum of them */
	Elf64_Shdr *sections;	/* header.e_shnum of them, unchecked contents */
};

/*
 * Opens a view of `size` bytes at `data` and checks that it is an ELF file of
 * `type` (ET_EXEC, ET_REL). Returns NULL, or what is wrong with the file as
 * the end of a sentence ("its program headers lie outside of the file").
 */
const char *elf_open(struct elf_view *, const void *data, size_t size,
		     uint16_t type);
/* The same of a 32-bit file of type ET_EXEC. */
const char *elf_open_i386(struct elf_view *, const void *data, size_t size);
void elf_close(struct elf_view *);
/* For elfview*.c, of both: checks what lies in `segments`, and in the header of these. */
const char *elf_check_segments(const struct elf_view *);
/* Bytes of an entry of either table. */
const char *elf_check_tables(const struct elf_view *, size_t segment, size_t section);
/* Most segments that a file may have: each address is looked for in all. Linux: 5. */
#define ELF_SEGMENTS_MAX	256

/* Bytes of the file that headers, segments and sections use. */
size_t elf_extent(const struct elf_view *);

/*
 * The first section of that name whose contents lie in the file, or NULL.
 * SHT_NOBITS sections have no contents and are never returned.
 */
const Elf64_Shdr *elf_section(const struct elf_view *, const char *name);

/* `size` bytes at `gva` in a loaded segment's file part, or NULL. */
const void *elf_at(const struct elf_view *, uint64_t gva, size_t size);

/* As elf_at(), and also how many bytes follow in that segment's file part. */
const void *elf_rest(const struct elf_view *, uint64_t gva, size_t *size);

/* Where the segments put `gva` in guest-physical memory: 0 or -ENOENT. */
int elf_gpa(const struct elf_view *, uint64_t gva, uint64_t *gpa);

/* The description of a note in the PT_NOTE segments, or NULL. */
const void *elf_note(const struct elf_view *, const char *owner, uint32_t type,
		     size_t *size);

/*
 * The symbol table of a file that has one. elf_symbols() returns how many
 * symbols there are (0: none), elf_symbol() copies one and returns its name;
 * NULL when the name is not a string in the table.
 */
size_t elf_symbols(const struct elf_view *);
const char *elf_symbol(const struct elf_view *, size_t index, Elf64_Sym *);

#endif
