// SPDX-License-Identifier: GPL-2.0
/*
 * Loading a tiny guest: the segments of its ELF file, and page tables for them.
 */
#include <elf.h>
#include <err.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runner.h"

#define P_P	1ULL
#define P_W	2ULL
#define P_U	4ULL
#define P_PS	0x80ULL
#define P_NX	(1ULL << 63)
#define ADDRESS	0x000ffffffffff000ULL

/* Does a name fit one of the shell patterns that spaces divide? */
bool is_wanted(const char *name, const char *patterns)
{
	char list[8192], *rest = list;

	snprintf(list, sizeof(list), "%s", patterns);
	for (char *one; (one = strsep(&rest, " ")); )
		if (!fnmatch(one, name, 0))
			return true;
	return false;
}

static void read_all(struct image *image, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f)
		err(2, "%s", path);
	image->bytes = malloc(8 << 20);
	image->size = fread(image->bytes, 1, 8 << 20, f);
	fclose(f);
	if (image->size < sizeof(Elf64_Ehdr) ||
	    memcmp(image->bytes, ELFMAG, SELFMAG))
		errx(2, "%s is no ELF file", path);
}

/* Reads a guest's file and finds its cases. Ends the runner when it cannot. */
struct image image_read(const char *path)
{
	struct image image = { 0 };
	const char *slash = strrchr(path, '/');
	const Elf64_Ehdr *e;
	const Elf64_Shdr *s;
	const char *names;

	read_all(&image, path);
	image.name = slash ? slash + 1 : path;
	e = (void *)image.bytes;
	s = (void *)(image.bytes + e->e_shoff);
	names = (char *)image.bytes + s[e->e_shstrndx].sh_offset;
	image.entry = e->e_entry;
	for (int i = 0; i < e->e_shnum; i++) {
		if (strcmp(names + s[i].sh_name, "tiny_cases"))
			continue;
		image.cases = (void *)(image.bytes + s[i].sh_offset);
		image.ncases = s[i].sh_size / sizeof(struct tiny_case);
	}
	if (!image.ncases)
		errx(2, "%s has no case", path);
	return image;
}

/* The entry for gva at level in the guest's tables; `next` is free space. */
static uint64_t *entry_of(unsigned char *memory, uint64_t *next, uint64_t gva,
			  int level)
{
	uint64_t *table = (uint64_t *)(memory + TINY_TABLES);

	for (int l = 4; l > level; l--) {
		uint64_t *entry = &table[gva >> (9 * l + 3) & 511];

		if (!*entry) {
			if (*next >= TINY_TABLES_END)
				errx(2, "the guest needs too many tables");
			*entry = *next | P_P | P_W |
				 (gva >> 63 ? 0 : P_U);
			*next += 4096;
		}
		table = (uint64_t *)(memory + (*entry & ADDRESS));
	}
	return &table[gva >> (9 * level + 3) & 511];
}

static void map_direct(unsigned char *memory, uint64_t *next, uint64_t gpa,
		       uint64_t size)
{
	for (uint64_t end = gpa + size; gpa < end; gpa += 2 << 20)
		*entry_of(memory, next, TINY_DIRECT + gpa, 2) =
			gpa | P_P | P_W | P_PS | P_NX;
}

/*
 * Copies the guest into its memory (all zero before) and makes its page
 * tables: what lib/tiny.h promises.
 */
void image_load(const struct image *image, unsigned char *memory)
{
	const Elf64_Ehdr *e = (void *)image->bytes;
	const Elf64_Phdr *p = (void *)(image->bytes + e->e_phoff);
	uint64_t next = TINY_TABLES + 4096;

	for (int i = 0; i < e->e_phnum; i++) {
		if (p[i].p_type != PT_LOAD)
			continue;
		if (p[i].p_paddr + p[i].p_memsz > TINY_FREE)
			errx(2, "%s is too large", image->name);
		memcpy(memory + p[i].p_paddr, image->bytes + p[i].p_offset,
		       p[i].p_filesz);
		for (uint64_t n = 0; n < p[i].p_memsz; n += 4096)
			*entry_of(memory, &next, p[i].p_vaddr + n, 1) =
				(p[i].p_paddr + n) | P_P | P_W |
				(p[i].p_vaddr >> 63 ? 0 : P_U);
	}
	map_direct(memory, &next, 0, TINY_MEMORY);
	map_direct(memory, &next, TINY_HIGH_GPA, TINY_HIGH_SIZE);
}
