// SPDX-License-Identifier: GPL-2.0
/*
 * The layer is fitted to a kernel: what it leaves open is found and written, or refuses
 * the kernel. (What it asks: test_answer.c.)
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#include "unit.h"

#include "abi/layer.h"
#include "fake_entry.h"
#include "launcher/link.h"

static uint8_t *layer;
static struct elf_view view;
/* A layer that leaves these open is linked; for close_layer(). */
static int fit(const struct fake_open *opens, size_t count, const char *needs,
	       size_t needs_size)
{
	size_t size;

	layer = fake_open_layer(opens, count, needs, needs_size, &size);
	assert_null(elf_open(&view, layer, size, ET_EXEC));
	return link_fit(&view, layer, &kernel);
}

static void close_layer(void)
{
	elf_close(&view);
	free(layer);
}

static uint64_t word_at(uint64_t gva, size_t size)
{
	const void *place = elf_at(&view, gva, size);
	uint64_t word = 0;

	assert_non_null(place);
	memcpy(&word, place, size);
	return word;
}

static void test_relocations(void **state)
{
	static const struct fake_open opens[] = {
		{ "pv_ops", R_X86_64_64, FAKE_LAYER_DATA + 8, 16, false },
		{ "fake_function", R_X86_64_PC32, FAKE_LAYER_TEXT + 8, -4, false },
		{ "fake_function", R_X86_64_PLT32, FAKE_LAYER_TEXT + 16, -4, false },
		{ "fake_function", R_X86_64_32S, FAKE_LAYER_TEXT + 24, 2, false },
		{ "fake_percpu", R_X86_64_32, FAKE_LAYER_TEXT + 32, 0, false },
		{ "absent", R_X86_64_64, FAKE_LAYER_DATA + 16, 0, true },
		{ "image.at.u32.outer.c", R_X86_64_32S, FAKE_LAYER_TEXT + 40, 8, false },
		/* At the very end of each. */
		{ "image.size.outer", R_X86_64_32, FAKE_LAYER_TEXT + 96, 0, false },
		{ "image.size.inner", R_X86_64_64, FAKE_LAYER_DATA + 42, 0, false },
	};

	(void)state;
	assert_int_equal(fit(opens, 9, NULL, 0), 0);
	assert_int_equal(word_at(FAKE_LAYER_DATA + 8, 8), FAKE_DATA + 0x2000 + 16);
	assert_int_equal((int32_t)word_at(FAKE_LAYER_TEXT + 8, 4),
			 (int32_t)(FAKE_FUNCTION - (FAKE_LAYER_TEXT + 12)));
	assert_int_equal((int32_t)word_at(FAKE_LAYER_TEXT + 16, 4),
			 (int32_t)(FAKE_FUNCTION - (FAKE_LAYER_TEXT + 20)));
	assert_int_equal((int32_t)word_at(FAKE_LAYER_TEXT + 24, 4),
			 (int32_t)(FAKE_FUNCTION + 2));
	assert_int_equal(word_at(FAKE_LAYER_TEXT + 32, 4), FAKE_PERCPU);
	assert_int_equal(word_at(FAKE_LAYER_DATA + 16, 8), 0);
	assert_int_equal(word_at(FAKE_LAYER_TEXT + 40, 4), 32 + 8);
	assert_int_equal(word_at(FAKE_LAYER_TEXT + 96, 4), 64);
	assert_int_equal(word_at(FAKE_LAYER_DATA + 42, 8), 8);
	/* Nothing else has changed. */
	assert_int_equal(word_at(FAKE_LAYER_TEXT, 4), 0x0201f4);
	assert_int_equal(word_at(FAKE_LAYER_TEXT + 44, 8), 0);
	assert_int_equal(link_check_layer(&view), 0);
	assert_int_equal(log_lines, 0);
	close_layer();
}

/* Memory for the kernel's structures, behind the layer's own. */
static void test_objects(void **state)
{
	static const struct fake_open opens[] = {
		{ "image.object.1.inner.a", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "image.object.3.outer.b", R_X86_64_64, FAKE_LAYER_DATA + 8, 0, false },
		{ "image.object.1.outer_t.c", R_X86_64_64, FAKE_LAYER_DATA + 16, 0,
		  false },
	};
	const uint64_t end = FAKE_LAYER_DATA + 0x2000;
	struct elf_view again;

	(void)state;
	assert_int_equal(fit(opens, 3, NULL, 0), 0);
	assert_int_equal(word_at(FAKE_LAYER_DATA, 8), end);
	assert_int_equal(word_at(FAKE_LAYER_DATA + 8, 8), end + 64);
	assert_int_equal(word_at(FAKE_LAYER_DATA + 16, 8), end + 64 + 3 * 64);
	/* The file says so, too. */
	assert_null(elf_open(&again, layer, view.size, ET_EXEC));
	assert_int_equal(again.segments[1].p_memsz, 0x2000 + 64 + 4 * 64);
	assert_int_equal(link_check_layer(&again), 0);
	elf_close(&again);
	close_layer();
}

static void test_missing(void **state)
{
	static const struct fake_open missing[] = {
		{ "absent", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "_text", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "gone", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "image.size.nothing", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
	};
	static const struct fake_open twice[] = {
		{ "twice", R_X86_64_64, FAKE_LAYER_DATA, 0, true },
	};

	(void)state;
	assert_int_equal(fit(missing, 4, NULL, 0), -ENOEXEC);
	assert_logged("lacks 2 symbols that the layer needs: absent, gone");
	close_layer();
	assert_int_equal(fit(missing + 3, 1, NULL, 0), -ENOEXEC);
	assert_logged("does not know a kernel of this kind (1 facts about its types and "
		      "code are missing): size.nothing");
	close_layer();
	assert_int_equal(fit(twice, 1, NULL, 0), -ENOEXEC);
	assert_logged("more than one symbol of a name that the layer needs: twice");
	close_layer();
}

/* What a place cannot hold is not cut off. */
static void test_does_not_fit(void **state)
{
	static const struct fake_open cases[] = {
		{ "pv_ops", R_X86_64_32, FAKE_LAYER_TEXT, 0, false },
		{ "fake_percpu", R_X86_64_32S, FAKE_LAYER_TEXT, 0x7fffffff, false },
		{ "fake_percpu", R_X86_64_PC32, FAKE_LAYER_TEXT, 0x60000000, false },
		{ "pv_ops", R_X86_64_GOTPCREL, FAKE_LAYER_TEXT, 0, false },
		{ "pv_ops", R_X86_64_16, FAKE_LAYER_TEXT, 0, false },
		{ "pv_ops", R_X86_64_64, FAKE_LAYER_TEXT + 93, 0, false },
		{ "fake_percpu", R_X86_64_32, FAKE_LAYER_TEXT + 97, 0, false },
		{ "fake_percpu", R_X86_64_32, FAKE_LAYER_TEXT - 1, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		log_forget();
		assert_int_equal(fit(&cases[i], 1, NULL, 0), -ENOEXEC);
		assert_logged("what it has for");
		close_layer();
	}
}

/* No objects where none go, none too large, none without a size. */
static void test_bad_objects(void **state)
{
	static const char *const names[] = {
		"image.object.0.inner.a", "image.object.65.inner.a",
		"image.object.x.inner.a", "image.object.1", "image.object.1..a",
		"image.object.1.none.a", "image.object.", "image.object.-1.inner.a",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct fake_open open = { names[i], R_X86_64_64, FAKE_LAYER_DATA, 0,
					  false };

		assert_int_equal(fit(&open, 1, NULL, 0), -ENOEXEC);
		assert_logged("1 facts about");
		close_layer();
	}
}

static void test_needs(void **state)
{
	static const char two[] = "function fake_function vp\0pointer hooks.add 448";

	(void)state;
	assert_int_equal(fit(NULL, 0, two, sizeof(two)), -ENOEXEC);
	assert_logged("1 facts about its types and code are missing): "
		      "function fake_function vp (it is vS1v)");
	close_layer();
	assert_int_equal(fit(NULL, 0, two + sizeof("function fake_function vp"),
			     sizeof("pointer hooks.add 448")), 0);
	close_layer();
}

/* What a part of the layer needs leaves out that part, and nothing else. */
static void test_parts(void **state)
{
	static const struct fake_open opens[] = {
		{ "image.part.one", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "image.part.two", R_X86_64_64, FAKE_LAYER_DATA + 8, 0, false },
		{ "image.part.on", R_X86_64_64, FAKE_LAYER_DATA + 16, 0, false },
	};
	static const char needs[] = "part one function fake_function vS1v\0"
				    "part two pointer hooks.add 448\0"
				    "part one pointer hooks.add 448\0"
				    "part two pointer hooks.add v\0"
				    "part on either absent gone\0";

	(void)state;
	assert_int_equal(fit(opens, 3, needs, sizeof(needs) - 1), 0);
	assert_int_equal(word_at(FAKE_LAYER_DATA, 8), 1);
	assert_int_equal(word_at(FAKE_LAYER_DATA + 8, 8), 0);
	assert_int_equal(word_at(FAKE_LAYER_DATA + 16, 8), 0);
	close_layer();
	/* It asks for one of which it says nothing. */
	assert_int_equal(fit(opens + 2, 1, needs, strlen(needs) + 1), -ENOEXEC);
	assert_logged("are missing): part.on");
	close_layer();
}

/* A layer that does not say what it needs, or not all of it. */
static void test_no_needs(void **state)
{
	static const char one[] = "pointer hooks.add 448";
	char large[RL_NEED_BYTES + 1] = "either pv_ops";
	size_t size;
	char *name;

	(void)state;
	assert_int_equal(fit(NULL, 0, one, sizeof(one) - 1), -ENOEXEC);
	assert_logged("the paravirt layer is damaged");
	close_layer();
	log_forget();
	assert_int_equal(fit(NULL, 0, one, 0), -ENOEXEC);
	assert_logged("the paravirt layer is damaged");
	close_layer();
	log_forget();
	memset(large + strlen(large), ' ', RL_NEED_BYTES - strlen(large));
	assert_int_equal(fit(NULL, 0, large, sizeof(large)), -ENOEXEC);
	assert_logged("the paravirt layer is damaged");
	close_layer();
	log_forget();
	layer = fake_open_layer(NULL, 0, one, sizeof(one), &size);
	name = memmem(layer, size, RL_NEEDS_SECTION, sizeof(RL_NEEDS_SECTION));
	assert_non_null(name);
	name[1] = 'x';
	assert_null(elf_open(&view, layer, size, ET_EXEC));
	assert_int_equal(link_fit(&view, layer, &kernel), -ENOEXEC);
	assert_logged("the paravirt layer is damaged");
	close_layer();
}

static void test_no_types(void **state)
{
	struct btf *types = kernel.btf;

	(void)state;
	kernel.btf = NULL;
	assert_int_equal(fit(NULL, 0, NULL, 0), -ENOEXEC);
	assert_logged("no type data to fit the paravirt layer to: it needs "
		      "CONFIG_DEBUG_INFO_BTF");
	close_layer();
	kernel.btf = types;
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* A layer that is none: its own tables lead nowhere. */
static void test_mutated_layers(void **state)
{
	static const struct fake_open opens[] = {
		{ "pv_ops", R_X86_64_64, FAKE_LAYER_DATA + 8, 16, false },
		{ "image.object.2.outer.b", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "image.at.u32.outer.c", R_X86_64_32S, FAKE_LAYER_TEXT + 40, 8, false },
	};
	uint32_t seed = 42;
	size_t size, fitted = 0;
	uint8_t *whole = fake_open_layer(opens, 3, "either pv_ops absent", 21, &size);

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct elf_view mutant;
		uint8_t *copy = malloc(size);

		assert_non_null(copy);
		memcpy(copy, whole, size);
		/* Headers, then the tables behind two pages of contents. */
		for (int i = 0; i < 1 + round % 3; i++)
			copy[round % 2 ? random_next(&seed) % 200 :
				size - 1 - random_next(&seed) % 0x5000] =
				random_next(&seed);
		budget_begin("FILE", 1 << 20);
		if (!elf_open(&mutant, copy, size, ET_EXEC)) {
			fitted += !link_fit(&mutant, copy, &kernel);
			elf_close(&mutant);
		}
		free(copy);
	}
	assert_true(fitted > 1000);
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up_kernel, tear_down_kernel)
		T(test_relocations),
		T(test_objects),
		T(test_missing),
		T(test_does_not_fit),
		T(test_bad_objects),
		T(test_needs),
		T(test_parts),
		T(test_no_needs),
		T(test_no_types),
		T(test_mutated_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
