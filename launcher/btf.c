// SPDX-License-Identifier: GPL-2.0
/* Questions to BTF; btf_read.c has checked that each record lies in the data. */
#include "btf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "btf_data.h"
#include "budget.h"

#define DEPTH_MAX	32	/* typedefs of typedefs, structs in structs */
#define POINTER_SIZE	8
#define CACHE_LINE	64
#define ALIGN_MOST	4096	/* bytes, of a member or a structure */
#define NAME_MOST	128	/* with its NUL */

bool btf_resolve(const struct btf *btf, uint32_t *id, struct btf_type *t)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (!budget_take(1) || !btf_get(btf, *id, t))
			return false;
		switch (BTF_INFO_KIND(t->info)) {
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_CONST:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPE_TAG:
			*id = t->type;
			continue;
		}
		return true;
	}
	return false;
}

static int type_size(const struct btf *btf, uint32_t id, uint32_t *size)
{
	uint64_t count = 1;
	struct btf_array a;
	struct btf_type t;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (!btf_resolve(btf, &id, &t))
			return -EINVAL;
		switch (BTF_INFO_KIND(t.info)) {
		case BTF_KIND_ARRAY:
			memcpy(&a, btf_tail(btf, id), sizeof(a));
			count *= a.nelems;
			if (count > UINT32_MAX)
				return -EINVAL;
			id = a.type;
			continue;
		case BTF_KIND_PTR:
			count *= POINTER_SIZE;
			break;
		case BTF_KIND_INT:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
		case BTF_KIND_FLOAT:
			count *= t.size;
			break;
		default:
			return -EINVAL;
		}
		*size = count;
		return count > UINT32_MAX ? -EINVAL : 0;
	}
	return -EINVAL;
}

/* One question's state: what is looked for next, and what was found. */
struct search {
	const struct btf *btf;
	const char *name;	/* of the member, not terminated */
	size_t name_size;
	uint32_t type;		/* found: its type */
	uint64_t bits;		/* and its place, from the outermost struct */
};

static bool is_composite(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT ||
	       BTF_INFO_KIND(t->info) == BTF_KIND_UNION;
}

/*
 * May `at` be the next place behind `end` (bits)? Compilers leave room for alignment
 * only: to a power of two, which at is a multiple of and the room is less than. Types
 * have 8 bytes at most of themselves, and who wants more wants a line of the cache.
 * Bit fields may have neighbours without a name.
 */
static bool is_next(uint64_t end, uint64_t at, bool bit_field)
{
	uint64_t room = at - end, align;

	if (at < end)
		return false;
	if (!room || (bit_field && room < 8 * POINTER_SIZE))
		return true;
	for (align = 16; align <= 8 * ALIGN_MOST; align *= 2)
		if (room < align && at % align == 0 &&
		    (align <= 8 * POINTER_SIZE || align >= 8 * CACHE_LINE))
			return true;
	return false;
}

/*
 * Is each member of a structure behind the one before, the last in it, and no hole larger
 * than alignment makes it? In a union, does each begin where that does, and the largest
 * fill it? One that was shifted lies on its neighbour, or outside, or behind a hole.
 */
static bool is_orderly(const struct btf *btf, uint32_t id, const struct btf_type *t)
{
	bool structure = BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT;
	uint64_t end = 0, at, width, before = 0;
	struct btf_member m;
	uint32_t size;

	for (size_t i = 0; i < BTF_INFO_VLEN(t->info); i++, before = width) {
		memcpy(&m, (const uint8_t *)btf_tail(btf, id) + i * sizeof(m), sizeof(m));
		at = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m.offset) : m.offset;
		width = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BITFIELD_SIZE(m.offset) : 0;
		if (!budget_take(1) || type_size(btf, m.type, &size) ||
		    !(structure ? is_next(end, at, width || before) : !at))
			return false;
		at += width ? width : 8ull * size;
		if (structure || at > end)
			end = at;
	}
	return is_next(end, 8ull * t->size, before);
}

/* Looks in struct `id` and in the anonymous ones that it holds. */
static int find_member(struct search *s, uint32_t id, uint64_t bits, int depth)
{
	struct btf_member m;
	struct btf_type t;

	if (depth == DEPTH_MAX || !btf_resolve(s->btf, &id, &t) ||
	    !is_composite(&t))
		return -ESRCH;
	if (!is_orderly(s->btf, id, &t))
		return -EINVAL;
	for (size_t i = 0; i < BTF_INFO_VLEN(t.info); i++) {
		const char *name;
		uint32_t at, width = 0;

		if (!budget_take(1))
			return -EINVAL;
		memcpy(&m, (const uint8_t *)btf_tail(s->btf, id) + i * sizeof(m),
		       sizeof(m));
		at = m.offset;
		if (BTF_INFO_KFLAG(t.info)) {
			at = BTF_MEMBER_BIT_OFFSET(m.offset);
			width = BTF_MEMBER_BITFIELD_SIZE(m.offset);
		}
		name = btf_string(s->btf, m.name_off);
		if (!*name) {
			int ret = find_member(s, m.type, bits + at, depth + 1);

			if (ret != -ESRCH)
				return ret;
		}
		/* Not strlen(): one string of a gigabyte can be every name. */
		if (!*name || strncmp(name, s->name, s->name_size) ||
		    name[s->name_size])
			continue;
		if (width || at % 8)
			return -EINVAL;
		s->type = m.type;
		s->bits = bits + at;
		return 0;
	}
	return -ESRCH;
}

/* "[7]" behind a member: goes on to that element. Returns where it ends. */
static const char *step_index(struct search *s, const char *path)
{
	char *end;
	unsigned long index = strtoul(path + 1, &end, 10);
	struct btf_array a;
	struct btf_type t;
	uint32_t size;

	if (*end != ']' || index > UINT32_MAX ||
	    !btf_resolve(s->btf, &s->type, &t) ||
	    BTF_INFO_KIND(t.info) != BTF_KIND_ARRAY)
		return NULL;
	memcpy(&a, btf_tail(s->btf, s->type), sizeof(a));
	if (index >= a.nelems || type_size(s->btf, a.type, &size))
		return NULL;
	s->type = a.type;
	s->bits += (uint64_t)index * size * 8;
	return end + 1;
}

static int find_path(const struct btf *btf, uint32_t id, const char *path,
		     struct btf_place *place)
{
	struct search s = { .btf = btf, .type = id };
	struct btf_type t;

	if (!*path && (!btf_get(btf, id, &t) || !is_orderly(btf, id, &t)))
		return -EINVAL;
	while (*path) {
		int ret;

		s.name = path;
		s.name_size = strcspn(path, ".[");
		ret = find_member(&s, s.type, s.bits, 0);
		if (ret)
			return ret;
		path += s.name_size;
		while (*path == '[') {
			path = step_index(&s, path);
			if (!path)
				return -ESRCH;
		}
		if (*path == '.')
			path++;
	}
	if (s.bits / 8 > UINT32_MAX)
		return -EINVAL;
	place->offset = s.bits / 8;
	place->type = s.type;
	return type_size(btf, s.type, &place->size);
}

uint32_t btf_next_named(const struct btf *btf, const char *name, uint32_t *at,
			   struct btf_type *t)
{
	uint32_t i = *at ? btf->names[*at - 1].next : btf->first[btf_hash(name) & btf->mask];

	for (; i && budget_take(1); i = btf->names[i - 1].next) {
		*at = i;
		btf_get(btf, btf->names[i - 1].id, t);
		if (!btf_is_enumeration(t) && !strcmp(btf_string(btf, t->name_off), name))
			return btf->names[i - 1].id;
	}
	return 0;
}

/* Splits NAME$WITNESS; name has room for NAME_MOST bytes. */
static bool split_name(const char *words, char *name, const char **witness)
{
	size_t size = strcspn(words, "$");

	if (size >= NAME_MOST)
		return false;
	memcpy(name, words, size);
	name[size] = '\0';
	*witness = words + size + !!words[size];
	return true;
}

int btf_find(const struct btf *btf, const char *words, const char *member,
	     struct btf_place *place)
{
	struct btf_place found, other;
	char name[NAME_MOST];
	const char *witness;
	uint32_t at = 0, id;
	struct btf_type t;
	int ret = -ENOENT, this;

	if (!split_name(words, name, &witness))
		return -ENOENT;
	while ((id = btf_next_named(btf, name, &at, &t))) {
		if ((!is_composite(&t) &&
		     BTF_INFO_KIND(t.info) != BTF_KIND_TYPEDEF) ||
		    !btf_resolve(btf, &id, &t) || !is_composite(&t))
			continue;
		this = find_path(btf, id, witness, &other);
		if (this == -ESRCH)
			continue;
		if (!this)
			this = find_path(btf, id, member, &other);
		if (this == -EINVAL)
			return this;
		if (!this && !ret && (other.offset != found.offset ||
				      other.size != found.size))
			return -EEXIST;
		/* One that has it counts, whatever others of the name lack. */
		if (!this)
			found = other;
		if (ret)
			ret = this;
	}
	if (!ret)
		*place = found;
	return ret;
}

int btf_enumerator(const struct btf *btf, const char *name, uint64_t *value)
{
	uint32_t i = btf->first[btf_hash(name) & btf->mask], id = 0;
	uint64_t found = 0, this;
	struct btf_words words;
	struct btf_type t;
	int ret = -ENOENT;

	for (; i && budget_take(1); i = btf->names[i - 1].next) {
		/* One that has many of its enumerators in the chain comes in a row. */
		if (btf->names[i - 1].id == id)
			continue;
		id = btf->names[i - 1].id;
		btf_get(btf, id, &t);
		if (!btf_is_enumeration(&t))
			continue;
		for (size_t j = 0; j < BTF_INFO_VLEN(t.info) && budget_take(1); j++) {
			words = btf_enumerator_at(btf, id, &t, j);
			if (strcmp(btf_string(btf, words.name), name))
				continue;
			this = BTF_INFO_KIND(t.info) == BTF_KIND_ENUM64 ?
				       (uint64_t)words.high << 32 | words.low :
			       BTF_INFO_KFLAG(t.info) ? (uint64_t)(int32_t)words.low :
							words.low;
			if (!ret && this != found)
				return -EEXIST;
			found = this;
			ret = 0;
		}
	}
	if (!ret)
		*value = found;
	return ret;
}

bool btf_same(const struct btf *btf, const struct btf_place *a, const struct btf_place *b)
{
	uint32_t one = a->type, other = b->type;
	struct btf_type t;

	return btf_resolve(btf, &one, &t) && btf_resolve(btf, &other, &t) && one == other;
}

int btf_variable(const struct btf *btf, const char *name, struct btf_place *place)
{
	struct btf_place found, other = { 0 };
	uint32_t at = 0;
	struct btf_type t;
	int ret = -ENOENT;

	while (btf_next_named(btf, name, &at, &t)) {
		if (BTF_INFO_KIND(t.info) != BTF_KIND_VAR)
			continue;
		other.type = t.type;
		if (type_size(btf, t.type, &other.size))
			return -EINVAL;
		if (!ret && !btf_same(btf, &found, &other))
			return -EEXIST;
		found = other;
		ret = 0;
	}
	if (!ret)
		*place = found;
	return ret;
}

enum btf_sort btf_sort(const struct btf *btf, const struct btf_place *place)
{
	uint32_t id = place->type;
	struct btf_type t;

	if (!btf_resolve(btf, &id, &t))
		return BTF_OTHER;
	switch (BTF_INFO_KIND(t.info)) {
	case BTF_KIND_INT:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return BTF_NUMBER;
	case BTF_KIND_PTR:
		return BTF_POINTER;
	}
	return BTF_OTHER;
}

int btf_elements(const struct btf *btf, const struct btf_place *place, uint32_t *count)
{
	uint32_t id = place->type;
	struct btf_array a;
	struct btf_type t;

	if (!btf_resolve(btf, &id, &t) || BTF_INFO_KIND(t.info) != BTF_KIND_ARRAY)
		return -EINVAL;
	memcpy(&a, btf_tail(btf, id), sizeof(a));
	*count = a.nelems;
	return 0;
}
