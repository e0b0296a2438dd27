// SPDX-License-Identifier: GPL-2.0
/* Questions to BTF about functions. See btf.h. */
#include <errno.h>
#include <string.h>

#include "btf.h"
#include "btf_data.h"

#define PARAMETERS_MOST	64	/* of a function; and its NUL */

/* One type's letter (btf.h), '?' for what has none. */
static char letter(const struct btf *btf, uint32_t id)
{
	struct btf_type t;

	if (!id)
		return 'v';
	if (!btf_resolve(btf, &id, &t))
		return id ? '?' : 'v';
	switch (BTF_INFO_KIND(t.info)) {
	case BTF_KIND_PTR:
		return 'p';
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return 'S';
	case BTF_KIND_INT:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return t.size < 10 ? '0' + t.size : '?';
	}
	return '?';
}

/* Of a FUNC_PROTO. */
static int write_signature(const struct btf *btf, uint32_t id, char *text, size_t size)
{
	struct btf_param p;
	struct btf_type t;
	size_t count;

	if (!btf_resolve(btf, &id, &t) || BTF_INFO_KIND(t.info) != BTF_KIND_FUNC_PROTO)
		return -EINVAL;
	count = BTF_INFO_VLEN(t.info);
	if (count + 2 > size)
		return -EINVAL;
	text[0] = letter(btf, t.type);
	for (size_t i = 0; i < count; i++) {
		memcpy(&p, (const uint8_t *)btf_tail(btf, id) + i * sizeof(p), sizeof(p));
		text[1 + i] = letter(btf, p.type);
	}
	text[1 + count] = '\0';
	return 0;
}

int btf_function(const struct btf *btf, const char *name, char *text, size_t size)
{
	char other[PARAMETERS_MOST];
	uint32_t at = 0;
	struct btf_type t;
	int ret = -ENOENT;

	while (btf_next_named(btf, name, &at, &t)) {
		if (BTF_INFO_KIND(t.info) != BTF_KIND_FUNC)
			continue;
		if (ret) {
			ret = write_signature(btf, t.type, text, size);
			if (ret)
				return ret;
		} else if (write_signature(btf, t.type, other, sizeof(other)) ||
			   strcmp(other, text)) {
			return -EEXIST;
		}
	}
	return ret;
}

int btf_pointed(const struct btf *btf, const struct btf_place *place, char *text,
		size_t size)
{
	uint32_t id = place->type;
	struct btf_type t;

	if (!btf_resolve(btf, &id, &t) || BTF_INFO_KIND(t.info) != BTF_KIND_PTR)
		return -EINVAL;
	return write_signature(btf, t.type, text, size);
}
