// SPDX-License-Identifier: GPL-2.0
/* Struct layouts from BTF: see fake_btf.c for the types. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "capture_log.h"
#include "fake_image.h"
#include "launcher/btf.h"
#include "launcher/budget.h"
#include "launcher/elfview.h"
#include "launcher/image.h"

static uint8_t *data;
static size_t size;

static int set_up(void **state)
{
	(void)state;
	budget_begin("FILE", BUDGET_STEPS);
	log_forget();
	data = fake_btf(&size);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(data);
	return 0;
}

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

/* A struct that holds itself without a name must not hang us. */
static void test_loops(void **state)
{
	static const uint32_t words[] = {
		0xeb9f | 1 << 16, 24, 0, 2 * 12 + 2 * 12, 2 * 12 + 2 * 12, 3,
		1, 4u << 24 | 2, 8,		/* struct "s", 2 members: */
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

		budget_begin("FILE", 1 << 16);
		memcpy(copy, data, size);
		for (int i = 0; i < 1 + round % 3; i++)
			copy[random_next(&seed) % size] = random_next(&seed);
		btf = btf_read(copy, size, &why);
		for (size_t i = 0; btf && i < QUESTIONS; i++)
			(void)btf_find(btf, questions[i].name,
				       questions[i].member, &place);
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
		cmocka_unit_test_setup_teardown(test_headers, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_mutations, set_up,
						tear_down),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_too_many_types),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
