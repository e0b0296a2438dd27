// SPDX-License-Identifier: GPL-2.0
/*
 * The symbol file as an ELF file. See symbols.h.
 *
 * Its sections are the segments of the kernel, without contents: debuggers read code and
 * data from the guest. A symbol outside of all of them, such as a per-CPU variable, which
 * is an offset, is an absolute one.
 */
#include "symbols.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"

#define SECTIONS_MAX	16	/* of the kernel's; Linux has four segments */

struct section {
	Elf64_Shdr header;
	const char *name;
};

struct file {
	const struct symbols_source *from;
	struct section sections[SECTIONS_MAX + 6];
	unsigned int count;		/* with the empty one */
	unsigned int loaded;		/* [1, loaded): the kernel's */
	bool spent;			/* the budget */
	FILE *out;
	char *data;
	size_t size;
};

static struct section *add_section(struct file *f, const char *name,
				   uint32_t type)
{
	struct section *s = &f->sections[f->count++];

	s->name = name;
	s->header.sh_type = type;
	s->header.sh_addralign = 1;
	return s;
}

/* Part of a segment: [from, to), GVAs. Where gdb looks for code, it wants `code`. */
static void add_part(struct file *f, const Elf64_Phdr *p, uint64_t from,
		     uint64_t to, bool code)
{
	struct section *s;

	if (from == to || f->count == 1 + SECTIONS_MAX)
		return;
	s = add_section(f, !code ? ".data" : p->p_flags & PF_W ? ".init.text" :
								 ".text",
			SHT_NOBITS);
	s->header.sh_addr = from + f->from->offset;
	s->header.sh_size = to - from;
	s->header.sh_flags = SHF_ALLOC | (code ? SHF_EXECINSTR : 0) |
			     (p->p_flags & PF_W ? SHF_WRITE : 0);
}

/* Newer kernels have the code of their boot in the middle of a segment of data. */
static bool init_code(const struct file *f, const Elf64_Phdr *p, uint64_t *from,
		      uint64_t *to)
{
	return kallsyms_find(f->from->names, "_sinittext", from) == 1 &&
	       kallsyms_find(f->from->names, "_einittext", to) == 1 &&
	       *from >= p->p_vaddr && *from < *to &&
	       *to - p->p_vaddr <= p->p_memsz;
}

static void add_segments(struct file *f)
{
	const struct elf_view *elf = f->from->elf;

	for (unsigned int i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segments[i];
		uint64_t end = p->p_vaddr + p->p_memsz, from, to;

		/* The per-CPU area is linked at 0. */
		if (p->p_type != PT_LOAD || !p->p_vaddr || !p->p_memsz)
			continue;
		if (p->p_flags & PF_X || !init_code(f, p, &from, &to)) {
			add_part(f, p, p->p_vaddr, end, p->p_flags & PF_X);
			continue;
		}
		add_part(f, p, p->p_vaddr, from, false);
		add_part(f, p, from, to, true);
		add_part(f, p, to, end, false);
	}
	f->loaded = f->count;
}

static unsigned int section_of(const struct file *f, uint64_t address)
{
	unsigned int behind = SHN_ABS;

	for (unsigned int i = 1; i < f->loaded; i++) {
		const Elf64_Shdr *h = &f->sections[i].header;

		if (address >= h->sh_addr && address - h->sh_addr < h->sh_size)
			return i;
		/* `_end` and its like stand behind the last byte. */
		if (address == h->sh_addr + h->sh_size)
			behind = i;
	}
	return behind;
}

/* What stands between this symbol and the next: gdb wants sizes for its ranges. */
static uint64_t size_of(const struct file *f, size_t index, uint64_t address,
			unsigned int section)
{
	const Elf64_Shdr *h = &f->sections[section].header;
	uint64_t left = h->sh_addr + h->sh_size - address, next = address;
	size_t count = kallsyms_count(f->from->names);
	char type;

	while (++index < count && next == address && budget_take(1)) {
		kallsyms_get(f->from->names, index, &next, &type);
		next += f->from->offset;
	}
	return next > address && next - address < left ? next - address : left;
}

/*
 * The letters are those of nm(1): small ones are static, and a weak one is v or w. Static
 * symbols come first, and their number is returned, as an ELF file wants it.
 */
static uint32_t write_symbols(struct file *f, FILE *table, FILE *strings)
{
	const struct kallsyms *names = f->from->names;
	size_t count = kallsyms_count(names);
	const Elf64_Sym empty = { 0 };
	uint32_t local = 1, offset = 1;

	fwrite(&empty, sizeof(empty), 1, table);
	fputc('\0', strings);
	for (int global = 0; global < 2; global++) {
		for (size_t i = 0; i < count; i++) {
			Elf64_Sym s = { .st_name = offset };
			uint64_t address;
			char type;
			const char *name = kallsyms_get(names, i, &address,
							&type);
			bool code = type && strchr("tTwW", type);

			f->spent |= !budget_take(1);
			if (!!isupper((unsigned char)type) != global || f->spent)
				continue;
			s.st_shndx = section_of(f, address + f->from->offset);
			s.st_value = address;
			if (s.st_shndx != SHN_ABS) {
				s.st_value += f->from->offset;
				s.st_size = size_of(f, i, s.st_value,
						    s.st_shndx);
			}
			s.st_info = ELF64_ST_INFO(global ? STB_GLOBAL : STB_LOCAL,
						  code ? STT_FUNC : STT_OBJECT);
			fwrite(&s, sizeof(s), 1, table);
			fwrite(name, strlen(name) + 1, 1, strings);
			offset += strlen(name) + 1;
			local += !global;
		}
	}
	return local;
}

/* The contents of a section that is in the file come behind what is there. */
static void write_contents(struct file *f, struct section *s, const char *data,
			   size_t size)
{
	while (ftello(f->out) % 8)
		fputc(0, f->out);
	s->header.sh_offset = ftello(f->out);
	s->header.sh_size = size;
	fwrite(data, size, 1, f->out);
}

struct text {
	FILE *file;
	char *data;
	size_t size;
};

static bool text_open(struct text *t)
{
	t->data = NULL;
	t->file = open_memstream(&t->data, &t->size);
	return t->file;
}

/* True: all that was written is there. */
static bool text_close(struct text *t)
{
	bool good = !ferror(t->file);

	return !fclose(t->file) && good;
}

static bool add_symbols(struct file *f)
{
	struct section *table = add_section(f, ".symtab", SHT_SYMTAB);
	struct section *strings = add_section(f, ".strtab", SHT_STRTAB);
	struct text symbols, names;
	bool good;

	if (!text_open(&symbols))
		return false;
	good = text_open(&names);
	if (good) {
		table->header.sh_info = write_symbols(f, symbols.file,
						      names.file);
		good = text_close(&names);
	}
	good = text_close(&symbols) && good;
	table->header.sh_link = strings - f->sections;
	table->header.sh_entsize = sizeof(Elf64_Sym);
	table->header.sh_addralign = 8;
	if (good) {
		write_contents(f, table, symbols.data, symbols.size);
		write_contents(f, strings, names.data, names.size);
	}
	free(symbols.data);
	free(names.data);
	return good;
}

static bool add_frames(struct file *f)
{
	struct text frames;
	size_t rows;

	if (!text_open(&frames))
		return false;
	rows = symbols_frames(f->from, frames.file);
	f->spent |= !budget_take(1);
	if (text_close(&frames) && rows)
		write_contents(f, add_section(f, ".debug_frame", SHT_PROGBITS),
			       frames.data, frames.size);
	free(frames.data);
	return true;
}

/* The sections' headers come last; the file's own is returned, for its first bytes. */
static Elf64_Ehdr write_headers(struct file *f)
{
	struct section *names = add_section(f, ".shstrtab", SHT_STRTAB);
	char text[512];
	size_t used = 1;
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = f->count,
		.e_shstrndx = f->count - 1,
	};

	text[0] = '\0';
	for (unsigned int i = 1; i < f->count; i++) {
		f->sections[i].header.sh_name = used;
		used += snprintf(text + used, sizeof(text) - used, "%s",
				 f->sections[i].name) + 1;
	}
	write_contents(f, names, text, used);
	while (ftello(f->out) % 8)
		fputc(0, f->out);
	header.e_shoff = ftello(f->out);
	for (unsigned int i = 0; i < f->count; i++)
		fwrite(&f->sections[i].header, sizeof(Elf64_Shdr), 1, f->out);
	return header;
}

uint8_t *symbols_file(const struct symbols_source *from, size_t *size)
{
	struct file f = { .from = from, .count = 1 };
	Elf64_Ehdr header = { 0 };
	bool good;

	f.out = open_memstream(&f.data, &f.size);
	if (!f.out)
		return NULL;
	fwrite(&header, sizeof(header), 1, f.out);
	add_segments(&f);
	good = add_symbols(&f) && add_frames(&f);
	if (good)
		header = write_headers(&f);
	good = !ferror(f.out) && good;
	if (fclose(f.out) || !good || f.spent) {
		free(f.data);
		return NULL;
	}
	memcpy(f.data, &header, sizeof(header));
	*size = f.size;
	return (uint8_t *)f.data;
}
