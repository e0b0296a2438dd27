// SPDX-License-Identifier: GPL-2.0
/*
 * Reading ELF files that may be hostile. All range checks go through
 * in_file(); a sum of two file values is never formed before it is known not
 * to wrap.
 */
#include "elfview.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"

#define STRING_MAX	4096	/* bytes of a name, with its NUL */

static bool in_file(const struct elf_view *view, uint64_t offset, uint64_t size)
{
	return offset <= view->size && size <= view->size - offset;
}

const char *elf_check_tables(const struct elf_view *view, size_t segment,
			     size_t section)
{
	const Elf64_Ehdr *h = &view->header;

	if (h->e_phnum > ELF_SEGMENTS_MAX)
		return "it has more segments than any kernel";
	if ((h->e_phnum && h->e_phentsize != segment) ||
	    !in_file(view, h->e_phoff, h->e_phnum * segment))
		return "its program headers lie outside of the file";
	if ((h->e_shnum && h->e_shentsize != section) ||
	    !in_file(view, h->e_shoff, h->e_shnum * section))
		return "its section headers lie outside of the file";
	return NULL;
}

static const char *check_header(const struct elf_view *view, uint16_t type)
{
	const Elf64_Ehdr *h = &view->header;

	if (memcmp(h->e_ident, ELFMAG, SELFMAG))
		return "it is not an ELF file";
	if (h->e_machine == EM_386)
		return "it is a 32-bit (i386) program, and ringlet runs 64-bit kernels";
	if (h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_X86_64)
		return "it is not for 64-bit x86 processors";
	if (h->e_type != type)
		return type == ET_REL ? "it is not a relocatable object" :
					"it is not a statically linked program";
	return elf_check_tables(view, sizeof(Elf64_Phdr), sizeof(Elf64_Shdr));
}

/*
 * Segments of one type do not share bytes of the file, so together they are no
 * larger than it: what copies them all writes no more than was read.
 */
const char *elf_check_segments(const struct elf_view *view)
{
	uint64_t loads = 0, notes = 0;

	for (size_t i = 0; i < view->header.e_phnum; i++) {
		const Elf64_Phdr *p = &view->segments[i];

		if (p->p_type != PT_LOAD && p->p_type != PT_NOTE)
			continue;
		if (!in_file(view, p->p_offset, p->p_filesz))
			return "a segment lies outside of the file";
		if (p->p_filesz > p->p_memsz)
			return "a segment is larger in the file than in memory";
		if (p->p_vaddr + p->p_memsz < p->p_vaddr ||
		    p->p_paddr + p->p_memsz < p->p_paddr)
			return "a segment wraps around the address space";
		/* No overflow: few terms, each up to the file's size. */
		*(p->p_type == PT_LOAD ? &loads : &notes) += p->p_filesz;
	}
	if (loads > view->size || notes > view->size)
		return "its segments overlap in the file";
	return NULL;
}

/* The tables may lie at any offset, so they are copied to be aligned. */
static void *copy_table(const struct elf_view *view, uint64_t offset,
			size_t count, size_t size)
{
	void *table = malloc(count ? count * size : 1);

	if (table && count)
		memcpy(table, view->data + offset, count * size);
	return table;
}

const char *elf_open(struct elf_view *view, const void *data, size_t size,
		     uint16_t type)
{
	const Elf64_Ehdr *h = &view->header;
	const char *why;

	memset(view, 0, sizeof(*view));
	view->data = data;
	view->size = size;
	if (size < sizeof(*h))
		return "it is too short for an ELF file";
	memcpy(&view->header, data, sizeof(*h));
	why = check_header(view, type);
	if (why)
		goto fail;
	view->segments = copy_table(view, h->e_phoff, h->e_phnum,
				    sizeof(Elf64_Phdr));
	view->sections = copy_table(view, h->e_shoff, h->e_shnum,
				    sizeof(Elf64_Shdr));
	why = "there is not enough memory to read it";
	if (!view->segments || !view->sections)
		goto fail;
	why = elf_check_segments(view);
	if (why)
		goto fail;
	return NULL;
fail:
	elf_close(view);
	return why;
}

void elf_close(struct elf_view *view)
{
	free(view->segments);
	free(view->sections);
	memset(view, 0, sizeof(*view));
}

static bool has_contents(const struct elf_view *view, const Elf64_Shdr *s)
{
	return s->sh_type != SHT_NULL && s->sh_type != SHT_NOBITS &&
	       in_file(view, s->sh_offset, s->sh_size);
}

size_t elf_extent(const struct elf_view *view)
{
	const Elf64_Ehdr *h = &view->header;
	size_t end = sizeof(*h), this;

	this = h->e_phoff + h->e_phnum * (size_t)h->e_phentsize;
	if (h->e_phnum && this > end)
		end = this;
	this = h->e_shoff + h->e_shnum * (size_t)h->e_shentsize;
	if (h->e_shnum && this > end)
		end = this;
	for (size_t i = 0; i < h->e_phnum; i++) {
		const Elf64_Phdr *p = &view->segments[i];

		if (!in_file(view, p->p_offset, p->p_filesz))
			continue;
		if (p->p_offset + p->p_filesz > end)
			end = p->p_offset + p->p_filesz;
	}
	for (size_t i = 0; i < h->e_shnum; i++) {
		const Elf64_Shdr *s = &view->sections[i];

		if (has_contents(view, s) && s->sh_offset + s->sh_size > end)
			end = s->sh_offset + s->sh_size;
	}
	return end;
}

/*
 * A string in section `table` at `offset`, if it ends inside that section. Its
 * length has a limit, as a hostile table may have one end for all names.
 */
static const char *string_at(const struct elf_view *view,
			     const Elf64_Shdr *table, uint64_t offset)
{
	const char *s;
	size_t room;

	if (!has_contents(view, table) || offset >= table->sh_size)
		return NULL;
	s = (const char *)view->data + table->sh_offset + offset;
	room = table->sh_size - offset;
	if (room > STRING_MAX)
		room = STRING_MAX;
	if (!budget_take(1 + room / BUDGET_BYTES))
		return NULL;
	return memchr(s, '\0', room) ? s : NULL;
}

const Elf64_Shdr *elf_section(const struct elf_view *view, const char *name)
{
	const Elf64_Shdr *names;

	if (view->header.e_shstrndx >= view->header.e_shnum)
		return NULL;
	names = &view->sections[view->header.e_shstrndx];
	for (size_t i = 0; i < view->header.e_shnum; i++) {
		const Elf64_Shdr *s = &view->sections[i];
		const char *this = string_at(view, names, s->sh_name);

		if (this && !strcmp(this, name) && has_contents(view, s))
			return s;
	}
	return NULL;
}

const void *elf_rest(const struct elf_view *view, uint64_t gva, size_t *size)
{
	for (size_t i = 0; i < view->header.e_phnum; i++) {
		const Elf64_Phdr *p = &view->segments[i];

		if (p->p_type != PT_LOAD || gva < p->p_vaddr ||
		    gva - p->p_vaddr >= p->p_filesz)
			continue;
		*size = p->p_filesz - (gva - p->p_vaddr);
		return view->data + p->p_offset + (gva - p->p_vaddr);
	}
	return NULL;
}

const void *elf_at(const struct elf_view *view, uint64_t gva, size_t size)
{
	size_t rest;
	const void *at = elf_rest(view, gva, &rest);

	return at && size <= rest ? at : NULL;
}

int elf_gpa(const struct elf_view *view, uint64_t gva, uint64_t *gpa)
{
	for (size_t i = 0; i < view->header.e_phnum; i++) {
		const Elf64_Phdr *p = &view->segments[i];

		if (p->p_type != PT_LOAD || gva < p->p_vaddr ||
		    gva - p->p_vaddr >= p->p_memsz)
			continue;
		*gpa = p->p_paddr + (gva - p->p_vaddr);
		return 0;
	}
	return -ENOENT;
}

static size_t align4(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* Walks one note segment: header, owner, description, the last two padded. */
static const void *find_note(const uint8_t *data, size_t left,
			     const char *owner, uint32_t type, size_t *size)
{
	Elf64_Nhdr n;

	while (left >= sizeof(n) && budget_take(1)) {
		const uint8_t *name = data + sizeof(n);
		size_t room = left - sizeof(n);

		memcpy(&n, data, sizeof(n));
		if (n.n_namesz > room || align4(n.n_namesz) > room ||
		    n.n_descsz > room - align4(n.n_namesz))
			return NULL;
		if (n.n_type == type && n.n_namesz == strlen(owner) + 1 &&
		    !memcmp(name, owner, n.n_namesz)) {
			*size = n.n_descsz;
			return name + align4(n.n_namesz);
		}
		room = sizeof(n) + align4(n.n_namesz) + align4(n.n_descsz);
		if (room > left)
			return NULL;
		data += room;
		left -= room;
	}
	return NULL;
}

const void *elf_note(const struct elf_view *view, const char *owner,
		     uint32_t type, size_t *size)
{
	for (size_t i = 0; i < view->header.e_phnum; i++) {
		const Elf64_Phdr *p = &view->segments[i];
		const void *note;

		if (p->p_type != PT_NOTE)
			continue;
		note = find_note(view->data + p->p_offset, p->p_filesz, owner,
				 type, size);
		if (note)
			return note;
	}
	return NULL;
}

static const Elf64_Shdr *symbol_table(const struct elf_view *view)
{
	for (size_t i = 0; i < view->header.e_shnum; i++) {
		const Elf64_Shdr *s = &view->sections[i];

		if (s->sh_type == SHT_SYMTAB && has_contents(view, s) &&
		    s->sh_link < view->header.e_shnum)
			return s;
	}
	return NULL;
}

size_t elf_symbols(const struct elf_view *view)
{
	const Elf64_Shdr *table = symbol_table(view);

	if (view->header.e_machine == EM_386)
		return 0;
	return table ? table->sh_size / sizeof(Elf64_Sym) : 0;
}

const char *elf_symbol(const struct elf_view *view, size_t index,
		       Elf64_Sym *symbol)
{
	const Elf64_Shdr *table = symbol_table(view);

	if (!table || index >= elf_symbols(view))
		return NULL;
	memcpy(symbol, view->data + table->sh_offset + index * sizeof(*symbol),
	       sizeof(*symbol));
	return string_at(view, &view->sections[table->sh_link],
			 symbol->st_name);
}
