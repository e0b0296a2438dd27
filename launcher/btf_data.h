/* SPDX-License-Identifier: GPL-2.0 */
/* BTF as btf_read() keeps it, for the files that begin with btf. */
#ifndef LAUNCHER_BTF_DATA_H
#define LAUNCHER_BTF_DATA_H

#include <linux/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct btf_name {
	uint32_t id;		/* of the type; of the enumeration of an enumerator */
	uint32_t next;		/* index + 1; 0: the last of its chain */
};

struct btf {
	const uint8_t *types;
	size_t types_size;
	const char *strings;
	size_t strings_size;	/* the last byte is NUL */
	uint32_t *offsets;	/* of type i + 1 in types; type 0 is void */
	uint32_t count;
	struct btf_name *names;	/* `used` of them, in chains by their hash */
	uint32_t *first;	/* index + 1 of a chain's first */
	uint32_t mask, used;
};

uint32_t btf_hash(const char *name);

/* btf.c: follows typedefs and qualifiers to the type that has a size. */
bool btf_resolve(const struct btf *, uint32_t *id, struct btf_type *t);

/* The next type of a name, from *at on (0: from the start), or 0. */
uint32_t btf_next_named(const struct btf *, const char *name, uint32_t *at,
			struct btf_type *t);

/* Copies the record of type `id`: there is none of 0, and none behind the last. */
static inline bool btf_get(const struct btf *btf, uint32_t id, struct btf_type *t)
{
	if (id == 0 || id > btf->count)
		return false;
	memcpy(t, btf->types + btf->offsets[id - 1], sizeof(*t));
	return true;
}

/* What follows the record; not aligned. */
static inline const void *btf_tail(const struct btf *btf, uint32_t id)
{
	return btf->types + btf->offsets[id - 1] + sizeof(struct btf_type);
}

static inline const char *btf_string(const struct btf *btf, uint32_t offset)
{
	return offset < btf->strings_size ? btf->strings + offset : "";
}

static inline bool btf_is_enumeration(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info) == BTF_KIND_ENUM ||
	       BTF_INFO_KIND(t->info) == BTF_KIND_ENUM64;
}

/* An enumerator: its name, its value, and in a wide one the value's upper half. */
struct btf_words {
	uint32_t name, low, high;
};

static inline struct btf_words btf_enumerator_at(const struct btf *btf, uint32_t id,
						 const struct btf_type *t, size_t i)
{
	bool wide = BTF_INFO_KIND(t->info) == BTF_KIND_ENUM64;
	size_t size = (wide ? 3 : 2) * sizeof(uint32_t);
	struct btf_words words = { 0 };

	memcpy(&words, (const uint8_t *)btf_tail(btf, id) + i * size, size);
	return words;
}

#endif
