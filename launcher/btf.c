// SPDX-License-Identifier: GPL-2.0
/*
 * Reading BTF. btf_read() walks all type records once to learn where each
 * begins and that it lies in the data; the rest relies on that.
 */
#include "btf.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"

#define DEPTH_MAX	32	/* typedefs of typedefs, structs in structs */
#define TYPES_MAX	(16u << 20)
#define POINTER_SIZE	8

struct btf {
	const uint8_t *types;
	size_t types_size;
	const char *strings;
	size_t strings_size;	/* the last byte is NUL */
	uint32_t *offsets;	/* of type i + 1 in types; type 0 is void */
	uint32_t count;
};

/* Bytes behind struct btf_type for each kind; SIZE_MAX: unknown kind. */
static size_t tail_size(const struct btf_type *t)
{
	size_t vlen = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return vlen * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return vlen * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return vlen * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return vlen * sizeof(struct btf_var_secinfo);
	case BTF_KIND_ENUM64:
		return vlen * 3 * sizeof(uint32_t);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	}
	return SIZE_MAX;
}

static bool get_type(const struct btf *btf, uint32_t id, struct btf_type *t)
{
	if (id == 0 || id > btf->count)
		return false;
	memcpy(t, btf->types + btf->offsets[id - 1], sizeof(*t));
	return true;
}

static const void *tail(const struct btf *btf, uint32_t id)
{
	return btf->types + btf->offsets[id - 1] + sizeof(struct btf_type);
}

static const char *string(const struct btf *btf, uint32_t offset)
{
	return offset < btf->strings_size ? btf->strings + offset : "";
}

static const char *index_types(struct btf *btf)
{
	size_t at = 0, room = 0;
	struct btf_type t;

	while (at < btf->types_size) {
		size_t left = btf->types_size - at;

		if (!budget_take(1))
			return "it is too much work";
		if (left < sizeof(t))
			return "its type data ends early";
		memcpy(&t, btf->types + at, sizeof(t));
		if (tail_size(&t) == SIZE_MAX)
			return "its type data has records of an unknown kind";
		if (tail_size(&t) > left - sizeof(t))
			return "its type data ends early";
		if (btf->count == room) {
			uint32_t *more;

			room = room ? room * 2 : 4096;
			/* After realloc() the old array may be gone. */
			if (room > TYPES_MAX)
				return "its type data is too large";
			more = realloc(btf->offsets, room * sizeof(*more));
			if (!more)
				return "there is not enough memory for its type data";
			btf->offsets = more;
		}
		btf->offsets[btf->count++] = at;
		at += sizeof(t) + tail_size(&t);
	}
	return NULL;
}

static const char *check_header(struct btf *btf, const uint8_t *data,
				size_t size)
{
	struct btf_header h;

	if (size < sizeof(h))
		return "its type data is too short";
	memcpy(&h, data, sizeof(h));
	if (h.magic != BTF_MAGIC || h.version != BTF_VERSION ||
	    h.hdr_len < sizeof(h) || h.hdr_len > size)
		return "its type data is not BTF";
	data += h.hdr_len;
	size -= h.hdr_len;
	if (h.type_off > size || h.type_len > size - h.type_off ||
	    h.str_off > size || h.str_len > size - h.str_off ||
	    !h.str_len || data[h.str_off + h.str_len - 1])
		return "its type data is damaged";
	btf->types = data + h.type_off;
	btf->types_size = h.type_len;
	btf->strings = (const char *)data + h.str_off;
	btf->strings_size = h.str_len;
	return NULL;
}

struct btf *btf_read(const void *data, size_t size, const char **why)
{
	struct btf *btf = calloc(1, sizeof(*btf));

	*why = btf ? check_header(btf, data, size) : "memory is short";
	if (!*why)
		*why = index_types(btf);
	if (!*why)
		return btf;
	btf_free(btf);
	return NULL;
}

void btf_free(struct btf *btf)
{
	if (btf)
		free(btf->offsets);
	free(btf);
}

/* Follows typedefs and qualifiers to the type that has a size. */
static bool resolve(const struct btf *btf, uint32_t *id, struct btf_type *t)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (!budget_take(1) || !get_type(btf, *id, t))
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
		if (!resolve(btf, &id, &t))
			return -EINVAL;
		switch (BTF_INFO_KIND(t.info)) {
		case BTF_KIND_ARRAY:
			memcpy(&a, tail(btf, id), sizeof(a));
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

/* Looks in struct `id` and in the anonymous ones that it holds. */
static int find_member(struct search *s, uint32_t id, uint64_t bits, int depth)
{
	struct btf_member m;
	struct btf_type t;

	if (depth == DEPTH_MAX || !resolve(s->btf, &id, &t) ||
	    !is_composite(&t))
		return -ESRCH;
	for (size_t i = 0; i < BTF_INFO_VLEN(t.info); i++) {
		const char *name;
		uint32_t at, width = 0;

		if (!budget_take(1))
			return -EINVAL;
		memcpy(&m, (const uint8_t *)tail(s->btf, id) + i * sizeof(m),
		       sizeof(m));
		at = m.offset;
		if (BTF_INFO_KFLAG(t.info)) {
			at = BTF_MEMBER_BIT_OFFSET(m.offset);
			width = BTF_MEMBER_BITFIELD_SIZE(m.offset);
		}
		name = string(s->btf, m.name_off);
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
	    !resolve(s->btf, &s->type, &t) ||
	    BTF_INFO_KIND(t.info) != BTF_KIND_ARRAY)
		return NULL;
	memcpy(&a, tail(s->btf, s->type), sizeof(a));
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
	return type_size(btf, s.type, &place->size);
}

int btf_find(const struct btf *btf, const char *name, const char *member,
	     struct btf_place *place)
{
	int ret = -ENOENT;

	for (uint32_t id = 1; id <= btf->count && budget_take(1); id++) {
		uint32_t target = id;
		struct btf_type t;

		get_type(btf, id, &t);
		if ((!is_composite(&t) &&
		     BTF_INFO_KIND(t.info) != BTF_KIND_TYPEDEF) ||
		    strcmp(string(btf, t.name_off), name))
			continue;
		if (!resolve(btf, &target, &t) || !is_composite(&t))
			continue;
		ret = find_path(btf, target, member, place);
		if (!ret)
			return 0;
	}
	return ret;
}
