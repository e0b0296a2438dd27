// SPDX-License-Identifier: GPL-2.0
/*
 * BTF for tests:
 *
 *	1 int, 2 long, 3 u8, 4 pointer to int, 5 long[3]
 *	6 union { int c; int *d; }
 *	7 struct outer { int a; long b[3]; union 6; int bits:3; inner in[2]; }
 *	8 struct inner { u8 x; int y; }		9 inner[2]
 *	10 typedef struct outer outer_t		11 const outer_t
 *	12 struct alt_instr, 12 bytes, instrlen at 10
 *	13 struct paravirt_patch_site, 16 bytes, len at 9
 */
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "fake_image.h"

struct btf_file {
	uint8_t types[4096];
	char strings[1024];
	size_t types_size, strings_size;
};

static uint32_t add_string(struct btf_file *f, const char *s)
{
	uint32_t at = f->strings_size;

	strcpy(f->strings + at, s);
	f->strings_size += strlen(s) + 1;
	return at;
}

static void add_words(struct btf_file *f, const uint32_t *words, size_t count)
{
	memcpy(f->types + f->types_size, words, count * 4);
	f->types_size += count * 4;
}

static void add_type(struct btf_file *f, const char *name, uint32_t kind,
		     uint32_t vlen, uint32_t kflag, uint32_t size_or_type)
{
	uint32_t words[] = { *name ? add_string(f, name) : 0,
			     kflag << 31 | kind << 24 | vlen, size_or_type };

	add_words(f, words, 3);
}

static void add_member(struct btf_file *f, const char *name, uint32_t type,
		       uint32_t bits)
{
	uint32_t words[] = { *name ? add_string(f, name) : 0, type, bits };

	add_words(f, words, 3);
}

static void add_number(struct btf_file *f, const char *name, uint32_t size)
{
	uint32_t word = size * 8;

	add_type(f, name, BTF_KIND_INT, 0, 0, size);
	add_words(f, &word, 1);
}

static void add_array(struct btf_file *f, uint32_t type, uint32_t count)
{
	uint32_t words[] = { type, 1, count };

	add_type(f, "", BTF_KIND_ARRAY, 0, 0, 0);
	add_words(f, words, 3);
}

static void add_types(struct btf_file *f)
{
	add_number(f, "int", 4);
	add_number(f, "long", 8);
	add_number(f, "u8", 1);
	add_type(f, "", BTF_KIND_PTR, 0, 0, 1);
	add_array(f, 2, 3);
	add_type(f, "", BTF_KIND_UNION, 2, 0, 8);
	add_member(f, "c", 1, 0);
	add_member(f, "d", 4, 0);
	add_type(f, "outer", BTF_KIND_STRUCT, 5, 1, 64);
	add_member(f, "a", 1, 0);
	add_member(f, "b", 5, 8 * 8);
	add_member(f, "", 6, 32 * 8);
	add_member(f, "bits", 1, 3 << 24 | 40 * 8);
	add_member(f, "in", 9, 44 * 8);
	add_type(f, "inner", BTF_KIND_STRUCT, 2, 0, 8);
	add_member(f, "x", 3, 0);
	add_member(f, "y", 1, 4 * 8);
	add_array(f, 8, 2);
	add_type(f, "outer_t", BTF_KIND_TYPEDEF, 0, 0, 7);
	add_type(f, "", BTF_KIND_CONST, 0, 0, 10);
	add_type(f, "alt_instr", BTF_KIND_STRUCT, 1, 0, 12);
	add_member(f, "instrlen", 3, 10 * 8);
	add_type(f, "paravirt_patch_site", BTF_KIND_STRUCT, 1, 0, 16);
	add_member(f, "len", 3, 9 * 8);
}

uint8_t *fake_btf(size_t *size)
{
	struct btf_file *f = calloc(1, sizeof(*f));
	struct btf_header h = { .magic = BTF_MAGIC, .version = BTF_VERSION,
				.hdr_len = sizeof(h) };
	uint8_t *file;

	assert_non_null(f);
	f->strings_size = 1;	/* string 0 is empty */
	add_types(f);
	h.type_len = f->types_size;
	h.str_off = h.type_len;
	h.str_len = f->strings_size;
	*size = sizeof(h) + h.type_len + h.str_len;
	file = malloc(*size);
	assert_non_null(file);
	memcpy(file, &h, sizeof(h));
	memcpy(file + sizeof(h), f->types, h.type_len);
	memcpy(file + sizeof(h) + h.str_off, f->strings, h.str_len);
	free(f);
	return file;
}
