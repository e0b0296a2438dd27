// SPDX-License-Identifier: GPL-2.0
/*
 * Decoding the kallsyms tables into an array in address order and a hash of
 * the names. kallsyms_tables.c finds them.
 */
#include "kallsyms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "kallsyms_tables.h"

#define NAME_MAX_SIZE	1024	/* the kernel's own limit is 512 */
#define TEXT_MAX_SIZE	(256u << 20)

struct symbol {
	uint64_t address;
	uint32_t name;		/* offset in the text */
	uint32_t next;		/* the next of the same hash, + 1; 0: none */
	char type;
};

struct kallsyms {
	struct symbol *symbols;
	size_t count;
	char *text;		/* all names, NUL terminated */
	uint32_t *hash;		/* first symbol of a bucket, + 1; 0: none */
	uint32_t mask;		/* buckets - 1 */
};

static uint32_t hash_name(const char *name)
{
	uint32_t h = 2166136261u;	/* FNV-1a */

	while (*name)
		h = (h ^ (uint8_t)*name++) * 16777619u;
	return h;
}

/* Decoded size of all names with their NULs, types left out; 0: too large. */
static size_t text_size(const struct kallsyms_tables *t)
{
	size_t length[256];
	const uint8_t *at = t->names;
	size_t total = 0, size;

	for (size_t i = 0; i < 256; i++)
		length[i] = strlen(kallsyms_token(t, i));
	for (size_t i = 0; i < t->symbols; i++) {
		size_t one = 0;

		at = kallsyms_packed(t, at, &size);
		for (size_t j = 0; j < size; j++)
			one += length[at[j]];
		if (one < 1 || one > NAME_MAX_SIZE ||
		    !budget_take(1 + size / BUDGET_BYTES))
			return 0;
		total += one;	/* its NUL takes the place of its type */
		at += size;
		if (total > TEXT_MAX_SIZE)
			return 0;
	}
	return total;
}

static void decode_names(struct kallsyms *k, const struct kallsyms_tables *t)
{
	const uint8_t *at = t->names;
	char *out = k->text;
	size_t size;

	for (size_t i = 0; i < k->count; i++) {
		struct symbol *s = &k->symbols[i];

		at = kallsyms_packed(t, at, &size);
		s->name = out - k->text;
		for (size_t j = 0; j < size; j++) {
			const char *token = kallsyms_token(t, at[j]);

			if (j == 0)
				s->type = *token++;
			out = stpcpy(out, token);
		}
		*out++ = '\0';
		at += size;
	}
}

/* Backwards, so that each chain is in address order. */
static void fill_hash(struct kallsyms *k)
{
	for (size_t i = k->count; i-- > 0;) {
		struct symbol *s = &k->symbols[i];
		uint32_t *bucket = &k->hash[hash_name(k->text + s->name) &
					    k->mask];

		s->next = *bucket;
		*bucket = i + 1;
	}
}

/*
 * With CONFIG_KALLSYMS_ABSOLUTE_PERCPU (x86 with SMP) an offset that is not
 * negative is an absolute value, a per-CPU symbol, and a negative one counts
 * down from base - 1. Without, all are added to base.
 */
static void set_addresses(struct kallsyms *k, const struct kallsyms_tables *t,
			  bool absolute_percpu)
{
	for (size_t i = 0; i < k->count; i++) {
		int32_t offset;

		memcpy(&offset, t->offsets + 4 * i, sizeof(offset));
		if (t->own_places)
			k->symbols[i].address = t->base + 4 * i +
						(int64_t)offset;
		else if (!absolute_percpu)
			k->symbols[i].address = t->base + (uint32_t)offset;
		else if (offset >= 0)
			k->symbols[i].address = offset;
		else
			k->symbols[i].address = t->base - 1 - (int64_t)offset;
	}
}

/*
 * Without CONFIG_KALLSYMS_ALL, as i386 kernels are, only code has symbols: its first and
 * last one must be those of the first section with code.
 */
static bool check_code(const struct kallsyms *k, const struct elf_view *view)
{
	const Elf64_Shdr *text = elf_section(view, ".text");
	uint64_t start, end;

	return text && kallsyms_find(k, "_text", &start) == 1 &&
	       kallsyms_find(k, "_etext", &end) == 1 &&
	       start == text->sh_addr && end == start + text->sh_size;
}

/* linux_banner must be where the words "Linux version" are. */
static bool check_addresses(const struct kallsyms *k,
			    const struct elf_view *view)
{
	static const char banner[] = "Linux version ";
	uint64_t gva;
	const void *at;

	if (view->header.e_machine == EM_386)
		return check_code(k, view);
	if (kallsyms_find(k, "linux_banner", &gva) != 1)
		return false;
	at = elf_at(view, gva, sizeof(banner) - 1);
	return at && !memcmp(at, banner, sizeof(banner) - 1);
}

static bool find_addresses(struct kallsyms *k, const struct elf_view *view,
			   struct kallsyms_tables *t)
{
	static const struct {
		int (*find)(struct kallsyms_tables *);
		bool absolute_percpu;
	} ways[] = {
		{ kallsyms_offsets_before, true },
		{ kallsyms_offsets_before, false },
		{ kallsyms_offsets_behind, true },
		{ kallsyms_offsets_behind, false },
		{ kallsyms_offsets_baseless, false },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (ways[i].find(t))
			continue;
		set_addresses(k, t, ways[i].absolute_percpu);
		if (check_addresses(k, view))
			return true;
	}
	return false;
}

static struct kallsyms *allocate(size_t count, size_t text)
{
	struct kallsyms *k = calloc(1, sizeof(*k));
	size_t buckets = 1;

	if (!k)
		return NULL;
	while (buckets < count)
		buckets *= 2;
	k->count = count;
	k->mask = buckets - 1;
	k->symbols = calloc(count, sizeof(*k->symbols));
	k->text = malloc(text);
	k->hash = calloc(buckets, sizeof(*k->hash));
	if (k->symbols && k->text && k->hash)
		return k;
	kallsyms_free(k);
	return NULL;
}

struct kallsyms *kallsyms_read(const struct elf_view *view, const char **why)
{
	struct kallsyms_tables tables;
	struct kallsyms *k;
	size_t text;

	*why = kallsyms_find_tables(view, &tables);
	if (*why)
		return NULL;
	text = text_size(&tables);
	if (!text) {
		*why = "its symbol tables are damaged";
		return NULL;
	}
	k = allocate(tables.symbols, text);
	if (!k) {
		*why = "there is not enough memory for its symbols";
		return NULL;
	}
	decode_names(k, &tables);
	fill_hash(k);
	if (find_addresses(k, view, &tables))
		return k;
	*why = "the addresses in its symbol tables make no sense";
	kallsyms_free(k);
	return NULL;
}

void kallsyms_free(struct kallsyms *k)
{
	if (!k)
		return;
	free(k->symbols);
	free(k->text);
	free(k->hash);
	free(k);
}

size_t kallsyms_find(const struct kallsyms *k, const char *name,
		     uint64_t *address)
{
	uint32_t i = k->hash[hash_name(name) & k->mask];
	size_t found = 0;
	uint64_t last = 0;

	for (; i; i = k->symbols[i - 1].next) {
		const struct symbol *s = &k->symbols[i - 1];

		/* Whoever made the image could choose names of one bucket. */
		if (!budget_take(1))
			return 0;
		if (strcmp(k->text + s->name, name))
			continue;
		if (found && s->address == last)
			continue;
		if (!found++)
			*address = s->address;
		last = s->address;
	}
	return found;
}

size_t kallsyms_count(const struct kallsyms *k)
{
	return k->count;
}

const char *kallsyms_get(const struct kallsyms *k, size_t index,
			 uint64_t *address, char *type)
{
	*address = k->symbols[index].address;
	*type = k->symbols[index].type;
	return k->text + k->symbols[index].name;
}

uint64_t kallsyms_room(const struct kallsyms *k, uint64_t address)
{
	uint64_t least = 0;

	if (!budget_take(k->count))
		return 0;
	for (size_t i = 0; i < k->count; i++) {
		uint64_t distance = k->symbols[i].address - address;

		if (k->symbols[i].address > address && (!least || distance < least))
			least = distance;
	}
	return least;
}

const char *kallsyms_nearest(const struct kallsyms *k, uint64_t gva,
			     uint64_t *offset)
{
	const struct symbol *best = NULL;

	if (!budget_take(k->count))
		return NULL;
	for (size_t i = 0; i < k->count; i++) {
		const struct symbol *s = &k->symbols[i];

		if (s->address <= gva && (!best || s->address > best->address))
			best = s;
	}
	if (!best)
		return NULL;
	*offset = gva - best->address;
	return k->text + best->name;
}
