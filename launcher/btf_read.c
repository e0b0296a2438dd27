// SPDX-License-Identifier: GPL-2.0
/*
 * Reading BTF. btf_read() walks all type records once to learn where each
 * begins and that it lies in the data, and once more to find them by name; the rest
 * relies on that.
 */
#include "btf.h"

#include <stdlib.h>
#include <string.h>

#include "btf_data.h"
#include "budget.h"

#define TYPES_MAX	(16u << 20)
/* Types and enumerators; Debian's have 0.2 million. Each takes 12 bytes or 16. */
#define NAMES_MAX	(4u << 20)
/* Of a name that so much decides where it is kept: all may be one of a gigabyte. */
#define HASHED		64

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

/* Bits of `info` that have a meaning, and a number's word beside it. */
#define INFO_BITS	0x9f00ffffu
#define NUMBER_BITS	0x0f0000ffu

/* May a record of this kind have a count, and the flag? */
static bool is_sane(const struct btf_type *t)
{
	uint32_t vlen = BTF_INFO_VLEN(t->info);
	bool kflag = BTF_INFO_KFLAG(t->info);

	if (t->info & ~INFO_BITS)
		return false;
	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return true;
	case BTF_KIND_FUNC_PROTO:
	case BTF_KIND_DATASEC:
		return !kflag;
	case BTF_KIND_FUNC:
		/* Its linkage: static, global, elsewhere. */
		return !kflag && vlen <= BTF_FUNC_EXTERN;
	case BTF_KIND_FWD:
	case BTF_KIND_DECL_TAG:
	case BTF_KIND_TYPE_TAG:
		return !vlen;
	}
	return !kflag && !vlen;
}

/* What a number's word says but how it is written: it has all bits of its bytes. */
static bool is_plain(const struct btf_type *t, const uint8_t *tail)
{
	uint32_t word;

	if (BTF_INFO_KIND(t->info) != BTF_KIND_INT)
		return true;
	memcpy(&word, tail, sizeof(word));
	return !(word & ~NUMBER_BITS) && BTF_INT_BITS(word) == 8ull * t->size;
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
		/* What has no meaning yet may have one that we would miss. */
		if (!is_sane(&t) || t.name_off >= btf->strings_size ||
		    !is_plain(&t, btf->types + at + sizeof(t)))
			return "its type data has marks of an unknown meaning";
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

uint32_t btf_hash(const char *name)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < HASHED && name[i]; i++)
		hash = hash * 33 + (uint8_t)name[i];
	return hash;
}

/* A type, or an enumeration for one of its enumerators, in front of its chain. */
static void keep_name(struct btf *btf, uint32_t offset, uint32_t id)
{
	struct btf_name *n = &btf->names[btf->used];
	uint32_t *first = &btf->first[btf_hash(btf_string(btf, offset)) & btf->mask];

	n->id = id;
	n->next = *first;
	*first = ++btf->used;
}

static size_t count_names(const struct btf *btf)
{
	size_t count = btf->count;
	struct btf_type t;

	for (uint32_t id = 1; btf_get(btf, id, &t); id++)
		if (btf_is_enumeration(&t))
			count += BTF_INFO_VLEN(t.info);
	return count;
}

static void keep_enumerators(struct btf *btf, uint32_t id, const struct btf_type *t)
{
	for (size_t i = 0; i < BTF_INFO_VLEN(t->info); i++)
		keep_name(btf, btf_enumerator_at(btf, id, t, i).name, id);
}

/* From the last to the first, so that each chain begins with the first. */
static const char *index_names(struct btf *btf)
{
	size_t count = count_names(btf), buckets = 1;
	struct btf_type t;

	if (count > NAMES_MAX)
		return "its type data has too many names";
	/* A name is hashed, and its bucket is seldom in the processor's cache. */
	if (!budget_take(4 * count))
		return "it is too much work";
	while (buckets < count)
		buckets *= 2;
	btf->mask = buckets - 1;
	btf->names = calloc(count ? count : 1, sizeof(*btf->names));
	btf->first = calloc(buckets, sizeof(*btf->first));
	if (!btf->names || !btf->first)
		return "there is not enough memory for its type data";
	for (uint32_t id = btf->count; btf_get(btf, id, &t); id--) {
		if (btf_is_enumeration(&t))
			keep_enumerators(btf, id, &t);
		else if (*btf_string(btf, t.name_off))
			keep_name(btf, t.name_off, id);
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
	/* A longer header is a newer one: where that says something, we would not hear it. */
	for (size_t i = sizeof(h); i < h.hdr_len; i++)
		if (data[i] || !budget_take(1))
			return "its type data is of a newer form";
	if (h.flags)
		return "its type data is of a newer form";
	data += h.hdr_len;
	size -= h.hdr_len;
	if (h.type_off > size || h.type_len > size - h.type_off ||
	    h.str_off > size || h.str_len > size - h.str_off ||
	    !h.str_len || data[h.str_off] || data[h.str_off + h.str_len - 1])
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
		*why = index_names(btf);
	if (!*why)
		return btf;
	btf_free(btf);
	return NULL;
}

void btf_free(struct btf *btf)
{
	if (!btf)
		return;
	free(btf->offsets);
	free(btf->names);
	free(btf->first);
	free(btf);
}
