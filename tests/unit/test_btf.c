// SPDX-License-Identifier: GPL-2.0
/* Struct layouts from BTF: see fake_btf.c for the types. What is refused: test_btf_bad.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "launcher/btf.h"
#include "launcher/budget.h"
#include "launcher/elfview.h"
#include "launcher/image.h"
#include "btf_case.h"

static const struct {
	const char *name, *member;
	int ret;
	uint32_t offset, size;
} questions[] = {
	{ "outer", "", 0, 0, 64 },
	{ "outer", "a", 0, 0, 4 },
	{ "outer", "b", 0, 8, 24 },
	{ "outer", "b[0]", 0, 8, 8 },
	{ "outer", "b[2]", 0, 24, 8 },
	{ "outer", "b[3]", -ESRCH, 0, 0 },
	{ "outer", "b[x]", -ESRCH, 0, 0 },
	{ "outer", "a[0]", -ESRCH, 0, 0 },
	{ "outer", "c", 0, 32, 4 },		/* in an anonymous union */
	{ "outer", "d", 0, 32, 8 },
	{ "outer", "bits", -EINVAL, 0, 0 },
	{ "outer", "in[1].y", 0, 56, 4 },
	{ "outer", "in[1]", 0, 52, 8 },
	{ "outer", "in.y", -ESRCH, 0, 0 },
	{ "outer", "nothing", -ESRCH, 0, 0 },
	{ "outer", "a.b", -ESRCH, 0, 0 },
	{ "outer_t", "c", 0, 32, 4 },
	{ "inner", "y", 0, 4, 4 },
	{ "alt_instr", "instrlen", 0, 10, 1 },
	/* Two of a name: what only one has, or which one is said, is sure. */
	{ "pair", "b", 0, 16, 8 },
	{ "pair", "a", -EEXIST, 0, 0 },
	{ "pair", "c", -EEXIST, 0, 0 },
	{ "pair", "", -EEXIST, 0, 0 },
	{ "pair", "none", -ESRCH, 0, 0 },
	{ "pair$b", "", 0, 0, 24 },
	{ "pair$b", "a", 0, 8, 8 },
	{ "pair$a", "", -EEXIST, 0, 0 },
	{ "pair$none", "", -ENOENT, 0, 0 },
	{ "outer$a", "b", 0, 8, 24 },
	{ "int", "", -ENOENT, 0, 0 },
	{ "none", "", -ENOENT, 0, 0 },
	{ "", "c", 0, 0, 0 },	/* a struct without a name: for mutations */
};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static void test_questions(void **state)
{
	const char *why;
	struct btf *btf = btf_read(data, size, &why);

	(void)state;
	assert_non_null(btf);
	/* The last is there for test_mutations(). */
	for (size_t i = 0; i < QUESTIONS - 1; i++) {
		struct btf_place place = { 0 };
		int ret = btf_find(btf, questions[i].name, questions[i].member,
				   &place);

		if (ret != questions[i].ret ||
		    (!ret && (place.offset != questions[i].offset ||
			      place.size != questions[i].size)))
			fail_msg("%s.%s: %d, at %u, size %u",
				 questions[i].name, questions[i].member, ret,
				 place.offset, place.size);
	}
	btf_free(btf);
}

static void test_enumerators(void **state)
{
	static const struct {
		const char *name;
		int ret;
		uint64_t value;
	} cases[] = {
		{ "RED", 0, 0 }, { "GREEN", 0, 7 }, { "BLUE", 0, -2ull },
		{ "FAR", 0, 0x500000006 }, { "colour", -ENOENT, 1 },
		{ "TWICE", -EEXIST, 1 }, { "SAME", 0, 3 }, { "GREE", -ENOENT, 1 }, { "GREENS", -ENOENT, 1 },
		/* A member is none. */
		{ "a", -ENOENT, 1 },
	};
	const char *why;
	struct btf *btf = btf_read(data, size, &why);

	(void)state;
	assert_non_null(btf);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 1;

		assert_int_equal(btf_enumerator(btf, cases[i].name, &value),
				 cases[i].ret);
		assert_int_equal(value, cases[i].value);
	}
	btf_free(btf);
}

/* What is at a place, how many of it, and what a pointer leads to. */
static void test_places(void **state)
{
	static const struct {
		const char *name, *member, *signature;
		enum btf_sort sort;
		uint32_t elements;	/* 0: no array */
	} cases[] = {
		{ "outer", "a", NULL, BTF_NUMBER, 0 },
		{ "outer", "b", NULL, BTF_OTHER, 3 },
		{ "outer", "in", NULL, BTF_OTHER, 2 },
		{ "outer", "d", NULL, BTF_POINTER, 0 },
		{ "hooks", "add", "448", BTF_POINTER, 0 },
		{ "hooks", "number", NULL, BTF_POINTER, 0 },
		{ "hooks", "whole", NULL, BTF_OTHER, 0 },
		{ "hooks", "whole.c", NULL, BTF_NUMBER, 0 },
	};
	const char *why;
	struct btf *btf = btf_read(data, size, &why);

	(void)state;
	assert_non_null(btf);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[16] = "as it was";
		struct btf_place place;
		uint32_t count = 0;

		assert_int_equal(btf_find(btf, cases[i].name, cases[i].member,
					  &place), 0);
		assert_int_equal(btf_sort(btf, &place), cases[i].sort);
		assert_int_equal(btf_elements(btf, &place, &count),
				 cases[i].elements ? 0 : -EINVAL);
		assert_int_equal(count, cases[i].elements);
		assert_int_equal(btf_pointed(btf, &place, text, sizeof(text)),
				 cases[i].signature ? 0 : -EINVAL);
		assert_string_equal(text, cases[i].signature ? cases[i].signature :
							       "as it was");
	}
	btf_free(btf);
}

static void test_functions(void **state)
{
	const char *why;
	struct btf *btf = btf_read(data, size, &why);
	struct btf_place place = { .size = 9 }, other;
	char text[16] = "";

	(void)state;
	assert_non_null(btf);
	assert_int_equal(btf_function(btf, "outer", text, 16), -ENOENT);
	assert_int_equal(btf_function(btf, "wrong", text, 16), -EINVAL);
	/* A letter each, and a NUL. */
	assert_int_equal(btf_function(btf, "adds", text, 3), -EINVAL);
	assert_string_equal(text, "");
	assert_int_equal(btf_function(btf, "adds", text, 4), 0);
	assert_string_equal(text, "448");
	assert_int_equal(btf_function(btf, "fake_function", text, 16), 0);
	assert_string_equal(text, "vS1v");
	assert_int_equal(btf_function(btf, "twofold", text, 16), -EEXIST);
	assert_int_equal(btf_variable(btf, "adds", &place), -ENOENT);
	assert_int_equal(place.size, 9);
	assert_int_equal(btf_variable(btf, "fake_percpu", &place), 0);
	assert_int_equal(place.size, 8);
	assert_int_equal(place.offset, 0);
	assert_int_equal(btf_find(btf, "outer", "b[1]", &other), 0);
	assert_true(btf_same(btf, &place, &other));
	assert_int_equal(btf_find(btf, "outer", "a", &other), 0);
	assert_false(btf_same(btf, &place, &other));
	/* Two of a name: the same type is no contradiction. */
	assert_int_equal(btf_variable(btf, "two_alike", &place), 0);
	assert_int_equal(btf_variable(btf, "two_others", &place), -EEXIST);
	btf_free(btf);
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void test_mutations(void **state)
{
	uint8_t *copy = malloc(size);
	uint32_t seed = 4711;
	int read = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct btf_place place;
		const char *why;
		struct btf *btf;
		uint64_t value;
		uint32_t count;
		char text[16];

		budget_begin("FILE", 1 << 16);
		memcpy(copy, data, size);
		for (int i = 0; i < 1 + round % 3; i++)
			copy[random_next(&seed) % size] = random_next(&seed);
		btf = btf_read(copy, size, &why);
		for (size_t i = 0; btf && i < QUESTIONS; i++)
			(void)btf_find(btf, questions[i].name,
				       questions[i].member, &place);
		if (btf) {
			(void)btf_enumerator(btf, "FAR", &value);
			(void)btf_function(btf, "adds", text, sizeof(text));
			(void)btf_variable(btf, "fake_percpu", &place);
			if (!btf_find(btf, "hooks", "add", &place))
				(void)btf_pointed(btf, &place, text, sizeof(text));
			if (!btf_find(btf, "outer", "b", &place))
				(void)btf_elements(btf, &place, &count);
		}
		read += btf != NULL;
		btf_free(btf);
	}
	/* Most mutations must get past the header to be worth something. */
	assert_true(read > 5000);
	free(copy);
}

/* The stock kernel's own types: what prepare itself asks for. */
static void test_real(void **state)
{
	char *path = real_kernel();
	const Elf64_Shdr *s;
	struct btf_place place;
	struct elf_view view;
	struct image image;
	const char *why;
	struct btf *btf;

	(void)state;
	if (!path)
		skip();
	budget_begin("FILE", BUDGET_STEPS);
	assert_false(image_read(&image, path));
	assert_false(image_unpack(&image));
	assert_null(elf_open(&view, image.elf, image.elf_size, ET_EXEC));
	s = elf_section(&view, ".BTF");
	assert_non_null(s);
	btf = btf_read(view.data + s->sh_offset, s->sh_size, &why);
	assert_non_null(btf);
	assert_int_equal(btf_find(btf, "list_head", "prev", &place), 0);
	assert_int_equal(place.offset, 8);
	assert_int_equal(place.size, 8);
	assert_int_equal(btf_find(btf, "pt_regs", "", &place), 0);
	assert_int_equal(place.size, 21 * 8);
	assert_int_equal(btf_find(btf, "alt_instr", "instrlen", &place), 0);
	assert_int_equal(place.size, 1);
	assert_int_equal(btf_find(btf, "no_such_struct", "", &place),
			 -ENOENT);
	btf_free(btf);
	elf_close(&view);
	image_free(&image);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_questions, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_functions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_enumerators, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_mutations, set_up,
						tear_down),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
