// SPDX-License-Identifier: GPL-2.0
/*
 * Opening an i386 ELF file: its header and tables become those of a 64-bit one, and
 * whatever looks at a view needs no second way. See elfview.h.
 */
#include "elfview.h"

#include <stdlib.h>
#include <string.h>

static Elf64_Ehdr wide_header(const Elf32_Ehdr *h)
{
	Elf64_Ehdr wide = {
		.e_type = h->e_type, .e_machine = h->e_machine,
		.e_version = h->e_version, .e_entry = h->e_entry,
		.e_phoff = h->e_phoff, .e_shoff = h->e_shoff,
		.e_flags = h->e_flags, .e_ehsize = h->e_ehsize,
		.e_phentsize = h->e_phentsize, .e_phnum = h->e_phnum,
		.e_shentsize = h->e_shentsize, .e_shnum = h->e_shnum,
		.e_shstrndx = h->e_shstrndx,
	};

	memcpy(wide.e_ident, h->e_ident, sizeof(wide.e_ident));
	return wide;
}

static const char *check_header(const struct elf_view *view)
{
	const Elf64_Ehdr *h = &view->header;

	if (memcmp(h->e_ident, ELFMAG, SELFMAG))
		return "it is not an ELF file";
	if (h->e_ident[EI_CLASS] != ELFCLASS32 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_386)
		return "it is not for 32-bit x86 processors";
	if (h->e_type != ET_EXEC)
		return "it is not a statically linked program";
	return elf_check_tables(view, sizeof(Elf32_Phdr), sizeof(Elf32_Shdr));
}

static void widen_segments(struct elf_view *view)
{
	for (size_t i = 0; i < view->header.e_phnum; i++) {
		Elf32_Phdr p;

		memcpy(&p, view->data + view->header.e_phoff + i * sizeof(p),
		       sizeof(p));
		view->segments[i] = (Elf64_Phdr) {
			.p_type = p.p_type, .p_flags = p.p_flags,
			.p_offset = p.p_offset, .p_vaddr = p.p_vaddr,
			.p_paddr = p.p_paddr, .p_filesz = p.p_filesz,
			.p_memsz = p.p_memsz, .p_align = p.p_align,
		};
	}
}

static void widen_sections(struct elf_view *view)
{
	for (size_t i = 0; i < view->header.e_shnum; i++) {
		Elf32_Shdr s;

		memcpy(&s, view->data + view->header.e_shoff + i * sizeof(s),
		       sizeof(s));
		view->sections[i] = (Elf64_Shdr) {
			.sh_name = s.sh_name, .sh_type = s.sh_type,
			.sh_flags = s.sh_flags, .sh_addr = s.sh_addr,
			.sh_offset = s.sh_offset, .sh_size = s.sh_size,
			.sh_link = s.sh_link, .sh_info = s.sh_info,
			.sh_addralign = s.sh_addralign,
			.sh_entsize = s.sh_entsize,
		};
	}
}

/* What lies behind 4 GB has no address there. */
static const char *check_addresses(const struct elf_view *view)
{
	for (size_t i = 0; i < view->header.e_phnum; i++) {
		const Elf64_Phdr *p = &view->segments[i];

		if (p->p_type == PT_LOAD &&
		    (p->p_vaddr + p->p_memsz > 1ull << 32 ||
		     p->p_paddr + p->p_memsz > 1ull << 32))
			return "a segment wraps around the address space";
	}
	return elf_check_segments(view);
}

const char *elf_open_i386(struct elf_view *view, const void *data, size_t size)
{
	const char *why;
	Elf32_Ehdr h;

	memset(view, 0, sizeof(*view));
	view->data = data;
	view->size = size;
	if (size < sizeof(h))
		return "it is too short for an ELF file";
	memcpy(&h, data, sizeof(h));
	view->header = wide_header(&h);
	why = check_header(view);
	if (why) {
		elf_close(view);
		return why;
	}
	/* One more, as calloc(3) may give NULL for none. */
	view->segments = calloc(h.e_phnum + 1u, sizeof(*view->segments));
	view->sections = calloc(h.e_shnum + 1u, sizeof(*view->sections));
	why = "there is not enough memory to read it";
	if (view->segments && view->sections) {
		widen_segments(view);
		widen_sections(view);
		why = check_addresses(view);
	}
	if (why)
		elf_close(view);
	return why;
}
