// SPDX-License-Identifier: GPL-2.0
/*
 * BTF for tests:
 *
 *	1 int, 2 long, 3 u8, 4 pointer to int, 5 long[3]
 *	6 union { int c; int *d; }
 *	7 struct outer { int a; long b[3]; union 6; int bits:3; inner in[2]; }
 *	8 struct inner { u8 x; int y; }		9 inner[2]
 *	10 typedef struct outer outer_t		11 const outer_t
 *	12 struct alt_instr, 12 bytes, instrlen at 10, replacementlen at 11
 *	13 struct paravirt_patch_site, 16 bytes, len at 9
 *	14 enum { RED, GREEN = 7 }	15 a signed one { BLUE = -2 }
 *	16 a wide one { FAR = 0x500000006 }
 *	17 int (int, long)	18 function 17 adds	19 function 1 wrong
 *	20 pointer to 17	21 struct hooks { 20 add; int *number; outer whole; }
 *	22 variable long fake_percpu	23 function 24 fake_function
 *	24 void (struct inner, u8, ...)
 *	25 struct vdso_image { long data, size, alt, alt_len; }
 *	26 struct pair { int a; int c; }	27 another one { int c; long a, b; }
 *	28 enum { TWICE = 1, SAME = 3 }		29 enum { TWICE = 2, SAME = 3 }
 *	30 function 17 twofold			31 function 24 twofold
 *	32, 33 variables inner two_alike	34, 35 ones two_others, inner and outer
 *	36 variable int[2] fake_table (37)	38 variable inner fake_inner
 *	39 variable pointer fake_pointer
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

static void add_enumerator(struct btf_file *f, const char *name, uint32_t value)
{
	uint32_t words[] = { add_string(f, name), value };

	add_words(f, words, 2);
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
	add_type(f, "alt_instr", BTF_KIND_STRUCT, 6, 0, 12);
	add_member(f, "instr_offset", 1, 0);
	add_member(f, "repl_offset", 1, 4 * 8);
	add_member(f, "low", 3, 8 * 8);
	add_member(f, "high", 3, 9 * 8);
	add_member(f, "instrlen", 3, 10 * 8);
	add_member(f, "replacementlen", 3, 11 * 8);
	add_type(f, "paravirt_patch_site", BTF_KIND_STRUCT, 3, 0, 16);
	add_member(f, "instr", 2, 0);
	add_member(f, "type", 3, 8 * 8);
	add_member(f, "len", 3, 9 * 8);
	add_type(f, "colour", BTF_KIND_ENUM, 2, 0, 4);
	add_enumerator(f, "RED", 0);
	add_enumerator(f, "GREEN", 7);
	add_type(f, "", BTF_KIND_ENUM, 1, 1, 4);
	add_enumerator(f, "BLUE", -2);
	add_type(f, "", BTF_KIND_ENUM64, 1, 0, 8);
	add_enumerator(f, "FAR", 6);
	add_words(f, (const uint32_t[]){ 5 }, 1);	/* the upper half */
	add_type(f, "", BTF_KIND_FUNC_PROTO, 2, 0, 1);
	add_words(f, (const uint32_t[]){ 0, 1, 0, 2 }, 4);
	add_type(f, "adds", BTF_KIND_FUNC, 1, 0, 17);
	add_type(f, "wrong", BTF_KIND_FUNC, 1, 0, 1);
	add_type(f, "", BTF_KIND_PTR, 0, 0, 17);
	add_type(f, "hooks", BTF_KIND_STRUCT, 3, 0, 80);
	add_member(f, "add", 20, 0);
	add_member(f, "number", 4, 8 * 8);
	add_member(f, "whole", 7, 16 * 8);
	add_type(f, "fake_percpu", BTF_KIND_VAR, 0, 0, 2);
	add_words(f, (const uint32_t[]){ 1 }, 1);
	add_type(f, "fake_function", BTF_KIND_FUNC, 1, 0, 24);
	add_type(f, "", BTF_KIND_FUNC_PROTO, 3, 0, 0);
	add_words(f, (const uint32_t[]){ 0, 8, 0, 3, 0, 0 }, 6);
	add_type(f, "vdso_image", BTF_KIND_STRUCT, 4, 0, 32);
	add_member(f, "data", 2, 0);
	add_member(f, "size", 2, 8 * 8);
	add_member(f, "alt", 2, 16 * 8);
	add_member(f, "alt_len", 2, 24 * 8);
	add_type(f, "pair", BTF_KIND_STRUCT, 2, 0, 8);
	add_member(f, "a", 1, 0);
	add_member(f, "c", 1, 4 * 8);
	add_type(f, "pair", BTF_KIND_STRUCT, 3, 0, 24);
	add_member(f, "c", 1, 0);
	add_member(f, "a", 2, 8 * 8);
	add_member(f, "b", 2, 16 * 8);
	for (uint32_t i = 1; i < 3; i++) {
		add_type(f, "", BTF_KIND_ENUM, 2, 0, 4);
		add_enumerator(f, "TWICE", i);
		add_enumerator(f, "SAME", 3);
	}
	add_type(f, "twofold", BTF_KIND_FUNC, 1, 0, 17);
	add_type(f, "twofold", BTF_KIND_FUNC, 1, 0, 24);
}

static void add_variable(struct btf_file *f, const char *name, uint32_t type)
{
	add_type(f, name, BTF_KIND_VAR, 0, 0, type);
	add_words(f, (const uint32_t[]){ 1 }, 1);
}

static void add_variables(struct btf_file *f)
{
	add_variable(f, "two_alike", 8);
	add_variable(f, "two_alike", 8);
	add_variable(f, "two_others", 8);
	add_variable(f, "two_others", 7);
	add_variable(f, "fake_table", 37);
	add_array(f, 1, 2);
	add_variable(f, "fake_inner", 8);
	add_variable(f, "fake_pointer", 4);
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
	add_variables(f);
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
