// SPDX-License-Identifier: GPL-2.0
/*
 * Where code may be led to, and what of it is looked at. See i386_map.h.
 *
 * An address that is somewhere in the image is a word of four bytes, and none is left out:
 * each four bytes that could be an address of the code are believed to be one, at whatever
 * place they lie, in data, in tables and in operands. So are, in data, those that name it
 * by their distance from themselves, which is what Linux's tables of its own code do
 * (exceptions, jump labels, alternatives, lock prefixes, BUGs): what these name stays
 * where it is. A number that only looks so costs a jump, nothing else.
 */
#include "i386_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "log.h"

/* struct alt_instr of Linux 6.1: where, from where, what for, two lengths. */
#define ALTERNATIVE		12
#define ALTERNATIVE_LENGTH	10

static uint32_t word_at(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static void mark(struct i386_map *map, uint32_t gva, uint8_t what)
{
	if (gva - map->start < map->size)
		map->bytes[gva - map->start] |= what;
}

int i386_map_init(struct i386_map *map, const struct elf_view *view, const char *file)
{
	const Elf64_Shdr *text = elf_section(view, ".text");

	*map = (struct i386_map) { .bytes = NULL };
	if (!text || !text->sh_size || !elf_at(view, text->sh_addr, text->sh_size))
		return 0;
	map->start = text->sh_addr;
	map->size = text->sh_size;
	map->bytes = calloc(map->size, 1);
	if (!map->bytes) {
		log_warnx("not enough memory for a map of the code of %s", file);
		return -ENOMEM;
	}
	return 0;
}

void i386_map_free(struct i386_map *map)
{
	free(map->bytes);
	map->bytes = NULL;
}

void i386_map_symbol(struct i386_map *map, uint32_t gva)
{
	mark(map, gva, I386_MAP_TARGET);
}

void i386_map_insn(struct i386_map *map, uint32_t gva, const struct i386_insn *in)
{
	mark(map, gva, I386_MAP_START);
	if (in->relative)
		mark(map, gva + in->length + in->distance, I386_MAP_TARGET);
}

static void look_into(struct i386_map *map, const Elf64_Shdr *s, const uint8_t *bytes)
{
	bool code = s->sh_flags & SHF_EXECINSTR;

	for (uint64_t at = 0; at + 4 <= s->sh_size; at++) {
		uint32_t gva = s->sh_addr + at, word = word_at(bytes + at);

		mark(map, word, I386_MAP_TARGET);
		if (!code && gva % 4 == 0)
			mark(map, gva + word, I386_MAP_TARGET | I386_MAP_FIXED);
	}
}

/* Of no length, it may stand at a section's end. */
static bool is_code(const struct elf_view *view, uint32_t gva)
{
	for (size_t i = 0; i < view->header.e_shnum; i++) {
		const Elf64_Shdr *s = &view->sections[i];

		if (s->sh_flags & SHF_EXECINSTR && gva >= s->sh_addr &&
		    gva - s->sh_addr <= s->sh_size)
			return true;
	}
	return false;
}

/*
 * Linux writes over all of what an alternative may take the place of. Nothing tells how
 * long the rows are, but rows of another length would not all lead from code to code.
 */
static bool look_at_alternatives(struct i386_map *map, const struct elf_view *view,
				 const Elf64_Shdr *s, const uint8_t *bytes)
{
	for (uint64_t at = 0; at < s->sh_size; at += ALTERNATIVE) {
		uint32_t gva = s->sh_addr + at;

		if (s->sh_size - at < ALTERNATIVE ||
		    !is_code(view, gva + word_at(bytes + at)) ||
		    !is_code(view, gva + 4 + word_at(bytes + at + 4)))
			return false;
		gva += word_at(bytes + at);
		for (uint8_t i = 0; i < bytes[at + ALTERNATIVE_LENGTH]; i++)
			mark(map, gva + i, I386_MAP_FIXED);
	}
	return true;
}

int i386_map_references(struct i386_map *map, const struct elf_view *view,
			const char *file)
{
	const Elf64_Shdr *alternatives = elf_section(view, ".altinstructions");

	for (size_t i = 0; i < view->header.e_shnum; i++) {
		const Elf64_Shdr *s = &view->sections[i];
		const uint8_t *bytes = NULL;

		if (s->sh_type == SHT_PROGBITS && s->sh_flags & SHF_ALLOC)
			bytes = elf_at(view, s->sh_addr, s->sh_size);
		if (!bytes)
			continue;
		/* A few nanoseconds for a byte: a step for four. For a row up to 255,
		   and each section twice. */
		if (!budget_take(s->sh_size / 4 + 1) ||
		    (s == alternatives &&
		     !budget_take(s->sh_size * (8 + view->header.e_shnum / 4))))
			return budget_check();
		look_into(map, s, bytes);
		if (s != alternatives || look_at_alternatives(map, view, s, bytes))
			continue;
		log_warnx("the kernel in %s has a table of alternatives of another "
			  "shape than ringlet knows: it is no i386 kernel of Linux "
			  "6.1, or damaged", file);
		return -ENOEXEC;
	}
	return 0;
}
