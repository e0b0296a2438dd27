// SPDX-License-Identifier: GPL-2.0
/*
 * BTF that is not believed: members elsewhere, marks without a meaning, loops, too much
 * of it. See fake_btf.c for the types that are made worse here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "launcher/btf.h"
#include "launcher/btf_data.h"
#include "launcher/budget.h"
#include "btf_case.h"

/* Wherever one member is said to be instead: over another, or out of its structure. */
static void test_shifted(void **state)
{
	static const struct {
		const char *name, *member;
		uint32_t bits;		/* where it is */
	} cases[] = {
		{ "inner", "x", 0 }, { "inner", "y", 32 }, { "hooks", "add", 0 },
		{ "hooks", "number", 64 }, { "hooks", "whole.a", 128 },
		{ "outer", "in[1].y", 44 * 8 },
	};
	struct btf_place place;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int found = 0;

		/* Each word of the types that could be its place. */
		for (size_t at = 24; at + 4 <= size; at += 4) {
			uint32_t word, shifted;
			struct btf *btf;
			int ret;

			memcpy(&word, data + at, 4);
			if (word != cases[i].bits)
				continue;
			shifted = word + 64;
			memcpy(data + at, &shifted, 4);
			btf = btf_read(data, size, &why);
			ret = btf ? btf_find(btf, cases[i].name, cases[i].member,
					     &place) : -EINVAL;
			found += ret == -EINVAL;
			btf_free(btf);
			memcpy(data + at, &word, 4);
		}
		if (!found)
			fail_msg("%s.%s can be shifted", cases[i].name, cases[i].member);
	}
}

/* Two members of 8 bytes, the second at some place: what alignment may have made. */
static void test_holes(void **state)
{
	static const struct {
		uint32_t kind, second, size;	/* bytes */
		int ret;
	} cases[] = {
		{ BTF_KIND_STRUCT, 8, 16, 0 },
		{ BTF_KIND_STRUCT, 4, 16, -EINVAL },
		{ BTF_KIND_STRUCT, 8, 15, -EINVAL },
		{ BTF_KIND_STRUCT, 9, 24, -EINVAL },
		{ BTF_KIND_STRUCT, 10, 24, -EINVAL },	/* packed: no room before it */
		{ BTF_KIND_STRUCT, 12, 24, -EINVAL },
		{ BTF_KIND_STRUCT, 16, 24, -EINVAL },
		{ BTF_KIND_STRUCT, 32, 40, -EINVAL },
		{ BTF_KIND_STRUCT, 56, 64, -EINVAL },
		{ BTF_KIND_STRUCT, 64, 72, 0 },		/* a line of the cache */
		{ BTF_KIND_STRUCT, 72, 80, -EINVAL },
		{ BTF_KIND_STRUCT, 128, 136, 0 },
		{ BTF_KIND_STRUCT, 192, 200, -EINVAL },
		{ BTF_KIND_STRUCT, 4096, 4104, 0 },
		{ BTF_KIND_STRUCT, 8192, 8200, -EINVAL },
		{ BTF_KIND_STRUCT, 8, 20, -EINVAL },
		{ BTF_KIND_STRUCT, 8, 24, -EINVAL },
		{ BTF_KIND_STRUCT, 8, 64, 0 },
		{ BTF_KIND_STRUCT, 64, 128, 0 },
		{ BTF_KIND_UNION, 0, 8, 0 },
		{ BTF_KIND_UNION, 0, 7, -EINVAL },
		{ BTF_KIND_UNION, 0, 16, -EINVAL },
		{ BTF_KIND_UNION, 8, 16, -EINVAL },
		{ BTF_KIND_UNION, 1, 16, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* 1 a number "a"; 2 "s" with a and b; 3 "o" with that, without a name */
		const uint32_t words[] = {
			0xeb9f | 1 << 16, 24, 0, 19 * 4, 19 * 4, 9,
			1, 1u << 24, 8, 64,
			3, cases[i].kind << 24 | 2, cases[i].size,
			1, 1, 0, 5, 1, 8 * cases[i].second,
			7, 4u << 24 | 1, cases[i].size, 0, 2, 0,
		};
		uint8_t copy[sizeof(words) + 9];
		struct btf_place place;
		const char *why;
		struct btf *btf;

		memcpy(copy, words, sizeof(words));
		memcpy(copy + sizeof(words), "\0a\0s\0b\0o", 9);
		btf = btf_read(copy, sizeof(copy), &why);
		assert_non_null(btf);
		if (btf_find(btf, "s", "b", &place) != cases[i].ret ||
		    btf_find(btf, "o", "b", &place) != cases[i].ret ||
		    btf_find(btf, "s", "", &place) != cases[i].ret)
			fail_msg("case %zu", i);
		btf_free(btf);
	}
}

/* A bit that has no meaning today may have one that we would miss. */
static void test_unknown_marks(void **state)
{
	static const uint32_t always[] = { 1 << 16, 1 << 23, 1 << 29, 1 << 30 };
	const char *why;
	struct btf *good = btf_read(data, size, &why);
	struct btf_type t;

	(void)state;
	assert_non_null(good);
	for (uint32_t id = 1; btf_get(good, id, &t); id++) {
		uint8_t *record = (uint8_t *)btf_tail(good, id) - sizeof(t);
		uint32_t kind = BTF_INFO_KIND(t.info);
		bool has_members = kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION ||
				   kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64;
		uint32_t words[8], count = 4;

		memcpy(words, always, sizeof(always));
		if (!has_members)
			words[count++] = 1u << 31;
		if (!has_members && kind != BTF_KIND_FUNC_PROTO)
			words[count++] = kind == BTF_KIND_FUNC ? 3 : 1;
		for (uint32_t i = 0; i < count; i++) {
			uint32_t info = kind == BTF_KIND_FUNC && words[i] == 3 ?
						t.info | 3 : t.info ^ words[i];

			memcpy(record + 4, &info, 4);
			if (btf_read(data, size, &why))
				fail_msg("type %u of kind %u: %x", id, kind, words[i]);
			if (words[i] != 1)
				assert_string_equal(why, "its type data has marks of an "
							 "unknown meaning");
			memcpy(record + 4, &t.info, 4);
		}
		/* A name that is not among the strings. */
		memcpy(record, &(uint32_t){ size }, 4);
		assert_null(btf_read(data, size, &why));
		memcpy(record, &t.name_off, 4);
		if (kind != BTF_KIND_INT)
			continue;
		for (uint32_t bit = 0; bit < 32; bit++) {
			uint32_t word = 8 * t.size;
			struct btf *btf;

			memcpy(record + sizeof(t), &(uint32_t){ word ^ 1u << bit }, 4);
			btf = btf_read(data, size, &why);
			/* Signed, a character, a truth, and one that is free. */
			assert_int_equal(!!btf, bit >= 24 && bit < 28);
			btf_free(btf);
			memcpy(record + sizeof(t), &word, 4);
		}
	}
	btf_free(good);
}

static void test_newer_header(void **state)
{
	uint8_t *longer = malloc(size + 8);
	const char *why;
	struct btf *btf;

	(void)state;
	assert_non_null(longer);
	memcpy(longer, data, 24);
	memset(longer + 24, 0, 8);
	memcpy(longer + 32, data + 24, size - 24);
	longer[4] = 32;
	btf = btf_read(longer, size + 8, &why);
	assert_non_null(btf);
	btf_free(btf);
	for (size_t i = 24; i < 32; i++) {
		longer[i] = 1;
		assert_null(btf_read(longer, size + 8, &why));
		assert_string_equal(why, "its type data is of a newer form");
		longer[i] = 0;
	}
	longer[3] = 1;
	assert_null(btf_read(longer, size + 8, &why));
	assert_string_equal(why, "its type data is of a newer form");
	free(longer);
}

static void test_headers(void **state)
{
	const char *why = NULL;

	(void)state;
	for (size_t n = 0; n < size; n++) {
		assert_null(btf_read(data, n, &why));
		assert_non_null(why);
	}
	data[0] ^= 1;
	assert_null(btf_read(data, size, &why));
	assert_string_equal(why, "its type data is not BTF");
	data[0] ^= 1;
	data[size - 1] = 'x';
	assert_null(btf_read(data, size, &why));
	assert_string_equal(why, "its type data is damaged");
}

/* A union that holds itself without a name must not hang us. */
static void test_loops(void **state)
{
	static const uint32_t words[] = {
		0xeb9f | 1 << 16, 24, 0, 2 * 12 + 2 * 12, 2 * 12 + 2 * 12, 3,
		1, 5u << 24 | 2, 8,		/* union "s", 2 members: */
		0, 1, 0,			/* itself, */
		0, 1, 0,			/* twice */
		1, 8u << 24, 2,			/* typedef s = itself */
	};
	uint8_t copy[sizeof(words) + 3];
	struct btf_place place;
	const char *why;
	struct btf *btf;

	(void)state;
	memcpy(copy, words, sizeof(words));
	memcpy(copy + sizeof(words), "\0s", 3);
	budget_begin("FILE", 1 << 20);
	btf = btf_read(copy, sizeof(copy), &why);
	assert_non_null(btf);
	assert_int_not_equal(btf_find(btf, "s", "x", &place), 0);
	assert_int_equal(budget_check(), -ENOEXEC);
	assert_logged("FILE takes more work to read than any kernel");
	btf_free(btf);
}

/* One record too many was a double free, before any sandbox. */
static void test_too_many_types(void **state)
{
	static const uint32_t record[3] = { 0, 8u << 24, 0 };	/* typedef */
	const size_t count = (16u << 20) + 1, types = count * sizeof(record);
	uint32_t header[6] = { 0xeb9f | 1 << 16, 24, 0, types, types, 1 };
	uint8_t *many = malloc(sizeof(header) + types + 1);
	const char *why;

	(void)state;
	assert_non_null(many);
	memcpy(many, header, sizeof(header));
	for (size_t i = 0; i < count; i++)
		memcpy(many + sizeof(header) + i * sizeof(record), record,
		       sizeof(record));
	many[sizeof(header) + types] = '\0';
	budget_begin("FILE", BUDGET_STEPS);
	assert_null(btf_read(many, sizeof(header) + types + 1, &why));
	assert_string_equal(why, "its type data is too large");
	free(many);
}

/* Enumerators without end: a GB of them took a GB more, and minutes. */
static void test_too_many_names(void **state)
{
	const size_t each = 65535, count = 65, record = 12 + each * 8, types = count * record;
	uint32_t header[6] = { 0xeb9f | 1 << 16, 24, 0, types, types, 1 };
	uint32_t enumeration[3] = { 0, 6u << 24 | each, 4 };
	uint8_t *many = calloc(1, sizeof(header) + types + 1);
	const char *why;

	(void)state;
	assert_non_null(many);
	memcpy(many, header, sizeof(header));
	for (size_t i = 0; i < count; i++)
		memcpy(many + sizeof(header) + i * record, enumeration,
		       sizeof(enumeration));
	budget_begin("FILE", BUDGET_STEPS);
	assert_null(btf_read(many, sizeof(header) + types + 1, &why));
	assert_string_equal(why, "its type data has too many names");
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_shifted),
		T(test_holes),
		T(test_unknown_marks),
		T(test_newer_header),
		T(test_headers),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_too_many_types),
		cmocka_unit_test(test_too_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
