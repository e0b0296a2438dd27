// SPDX-License-Identifier: GPL-2.0
/*
 * What the layer asks about a kernel, and what it takes for granted, answered from the
 * image. fake_btf.c and fake_kernel.c have the types and tables.
 */
#include <stdlib.h>

#include "unit.h"

#include "fake_entry.h"
#include "launcher/answer.h"
#include "launcher/features.h"

static const struct {
	const char *question;
	bool known;
	uint64_t value;
} questions[] = {
	{ "at.u32.outer.a", true, 0 },
	{ "at.u64.outer.a", false, 0 },		/* it has four bytes */
	{ "at.pointer.outer.a", false, 0 },
	{ "at.pointer.outer.d", true, 32 },
	{ "at.u64.outer.d", false, 0 },		/* a pointer is no number */
	{ "at.u8.inner.x", true, 0 },
	{ "at.u16.inner.x", false, 0 },
	{ "at.whole.outer.b", true, 8 },
	{ "at.u64.outer.b", false, 0 },
	{ "at.u32.outer.in[1].y", true, 56 },
	{ "at.u32.outer.bits", false, 0 },
	{ "at.u32.outer.none", false, 0 },
	{ "at.u32.none.a", false, 0 },
	{ "at.odd.outer.a", false, 0 },
	{ "at.u32.outer", false, 0 },
	{ "at.u32", false, 0 },
	{ "maybe.u32.outer.a", true, 0 },
	{ "maybe.u32.outer.none", true, -1ull },
	{ "maybe.u32.none.none", true, -1ull },
	{ "maybe.u64.outer.a", false, 0 },	/* there, but not what it was */
	{ "maybe.u32.outer.bits", false, 0 },
	{ "size.outer", true, 64 },
	{ "size.outer_t", true, 64 },
	{ "size.int", false, 0 },
	{ "size.pair", false, 0 },
	{ "size.pair$b", true, 24 },
	{ "maybe.u32.pair.c", false, 0 },
	{ "size.", false, 0 },
	{ "count.outer.b", true, 3 },
	{ "count.outer.a", false, 0 },
	{ "value.GREEN", true, 7 },
	{ "value.BLUE", true, -2ull },
	{ "value.NONE", false, 0 },
	{ "flag.GREEN", true, 7 },
	{ "flag.NONE", true, 0 },
	{ "points.outer.d", true, 1 },
	{ "points.outer.a", true, 0 },
	{ "points.outer.b", true, 0 },
	{ "points.outer.none", false, 0 },
	{ "takes.448.hooks.add", true, 1 },
	{ "takes.44z.hooks.add", true, 1 },
	{ "takes.4??.hooks.add", true, 1 },
	{ "takes.44.hooks.add", true, 0 },
	{ "takes.v48.hooks.add", true, 0 },
	{ "takes.44p.hooks.add", true, 0 },
	{ "takes.4481.hooks.add", true, 0 },
	{ "takes.448.hooks.number", false, 0 },
	{ "takes.448.hooks.none", false, 0 },
	{ "variable.fake_percpu", true, 8 },
	{ "variable.outer", false, 0 },
	{ "gpa.fake_function", true, FAKE_TEXT_GPA + 0x100 },
	{ "gpa.fake_percpu", false, 0 },
	{ "gpa.twice", false, 0 },
	{ "has.twice", true, 1 },
	{ "has.fake_function", true, 1 },
	{ "has.absent", true, 0 },
	{ "feature.apic", true, 3 },
	{ "feature.fpu", true, 0 },
	{ "feature.fp", false, 0 },
	{ "feature.", false, 0 },
	{ "feature.xenpv", true, FAKE_XENPV },
	{ "feature.entry32.0", true, 111 },
	{ "feature.entry32.1", true, 110 },
	{ "feature.entry32.2", true, -1ull },
	{ "feature.entry32.", false, 0 },
	{ "feature.entry32.x", false, 0 },
	{ "odd.outer", false, 0 },
	{ "", false, 0 },
};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static void test_answers(void **state)
{
	char why[300];

	(void)state;
	for (size_t i = 0; i < QUESTIONS; i++) {
		const char *question = questions[i].question;
		uint64_t value = 0;
		bool known = answer(&kernel, question, &value, why, sizeof(why));

		if (known != questions[i].known ||
		    (known && value != questions[i].value))
			fail_msg("%s: %d, %lld", question, known, (long long)value);
		if (!known)
			assert_string_equal(why, question);
	}
}

/* A word of the kernel file, in its text. */
static uint8_t *text_at(uint64_t gva)
{
	return (uint8_t *)elf_at(&kernel.elf, gva, 1);
}

/* Tables that contradict themselves, or lead out of the image, give no number. */
static void test_features_unproved(void **state)
{
	static const struct {
		uint64_t gva;
		uint8_t byte;
		const char *feature;
		bool known;
		uint64_t number;
	} cases[] = {
		{ FAKE_LISTS + 0x70, 0xfb, "xenpv", false, 0 },	/* no cli */
		{ FAKE_ALTERNATIVE + 11, 2, "xenpv", false, 0 },
		{ FAKE_ALTERNATIVE + 9, 0x7f, "xenpv", false, 0 },	/* 32528 */
		{ FAKE_ALTERNATIVE + 7, 0x7f, "xenpv", false, 0 },	/* elsewhere */
		/* Which bit is "without", if not each says the same? */
		{ FAKE_ALTERNATIVE + 9, 0x01, "xenpv", false, 0 },
		{ FAKE_ALTERNATIVE + 12 + 9, 0x81, "xenpv", false, 0 },
		{ FAKE_ALTERNATIVE + 12 + 8, 0x11, "xenpv", false, 0 },	/* another one */
		{ FAKE_ALTERNATIVE + 12 + 11, 4, "xenpv", false, 0 },	/* no whole call */
		{ FAKE_XEN_CALL, 0xe9, "xenpv", false, 0 },
		{ FAKE_XEN_CALL + 1, 0, "xenpv", false, 0 },	/* elsewhere */
		{ FAKE_CAP_FLAGS + 24 + 7, 0, "apic", false, 0 },	/* a wild pointer */
		{ FAKE_VDSO + 0x84, 'b', "apic", false, 0 },
		{ FAKE_VDSO_IMAGE + 8, 0x20, "entry32.0", false, 0 },	/* too small */
		{ FAKE_VDSO_IMAGE + 16, 0x7f, "entry32.0", false, 0 },
		{ FAKE_VDSO_IMAGE + 24, 0xff, "entry32.0", false, 0 },
		{ FAKE_VDSO_IMAGE + 7, 0, "entry32.0", false, 0 },
		{ FAKE_VDSO + 0x4c + 4, 0xfe, "entry32.0", true, 111 },
		{ FAKE_VDSO + 0x40 + 3, 0x7f, "entry32.0", false, 0 },
		{ FAKE_VDSO + 0x48 + 1, 0x7f, "entry32.0", false, 0 },
		{ FAKE_VDSO + 6, 0xcd, "entry32.1", true, 110 },
		{ FAKE_VDSO + 4, 0x90, "entry32.1", true, -1ull },	/* no syscall */
	};

	uint64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *place = text_at(cases[i].gva), was = *place;
		bool known;

		*place = cases[i].byte;
		number = 0;
		known = features_find(&kernel, cases[i].feature, &number);
		if (known != cases[i].known || (known && number != cases[i].number))
			fail_msg("case %zu: %d, %lld", i, known, (long long)number);
		*place = was;
	}
	/* A third way in is one that the layer does not know to close. */
	memcpy(text_at(FAKE_VDSO + 6), "\xcd\x80", 2);
	assert_false(features_find(&kernel, "entry32.0", &number));
	/* Nor are there none: Linux has them wherever its programs may be 32-bit. */
	memset(text_at(FAKE_VDSO), 0x90, 8);
	assert_false(features_find(&kernel, "entry32.0", &number));
}

/* A word of the kernel's types, or of its lists, becomes another. */
static void replace(uint8_t *from, size_t bytes, const uint32_t *old, const uint32_t *new,
		    size_t words)
{
	uint8_t *place = memmem(from, bytes, old, 4 * words);

	assert_non_null(place);
	memcpy(place, new, 4 * words);
	assert_null(memmem(place, bytes - (place - from), old, 4 * words));
}

/* Since Linux 6.3 a record has 14 bytes, and flags of its own. */
static void test_xenpv_flags(void **state)
{
	const Elf64_Shdr *s = elf_section(&kernel.elf, ".BTF");
	size_t size = s->sh_size;
	uint8_t *types = file + s->sh_offset, *list = text_at(FAKE_ALTERNATIVE);
	uint8_t first[12], second[12];
	static const struct {
		uint8_t cli, xen;	/* their flags */
		bool known;
	} cases[] = {
		{ 1, 0, true }, { 3, 2, true }, { 1, 1, false }, { 0, 0, false },
		{ 0, 1, false }, { 2, 0, false },
	};
	uint64_t number;

	(void)state;
	memcpy(first, list, 12);
	memcpy(second, list + 12, 12);
	kernel_close(&kernel);
	replace(types, size, (uint32_t[]){ 4u << 24 | 6, 12 },
		(uint32_t[]){ 4u << 24 | 6, 14 }, 2);
	replace(types, size, (uint32_t[]){ 3, 88 }, (uint32_t[]){ 3, 104 }, 2);
	replace(types, size, (uint32_t[]){ 3, 80 }, (uint32_t[]){ 3, 96 }, 2);
	assert_int_equal(kernel_open(&kernel, &image), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool known;

		memset(list, 0, 28);
		memcpy(list, first, 10);
		memcpy(list + 12, first + 10, 2);
		memcpy(list + 14, second, 10);
		memcpy(list + 14 + 12, second + 10, 2);
		list[9] &= 0x7f;
		/* The second has moved by two bytes, and with it what its distances mean. */
		list[14] -= 2;
		list[14 + 4] -= 2;
		list[10] = cases[i].cli;
		list[14 + 10] = cases[i].xen;
		known = features_find(&kernel, "xenpv", &number);
		if (known != cases[i].known || (known && number != FAKE_XENPV))
			fail_msg("case %zu: %d", i, known);
	}
}

static const struct {
	const char *need;
	bool holds;
} needs[] = {
	{ "function fake_function vS1v", true },
	{ "function fake_function vS1", false },
	{ "function fake_function vS4v", false },
	{ "function fake_function 4S1v", false },
	{ "function fake_function v??v", true },
	{ "function absent vp", true },
	{ "function startup_64 v", false },	/* BTF does not know it */
	{ "pointer hooks.add 448", true },
	{ "variable pv_ops pair", false },
	{ "variable pv_ops pair$b", true },
	{ "pointer hooks.add v|44|448", true },
	{ "pointer hooks.add v|44", false },
	{ "pointer hooks.add 448|", true },
	{ "pointer hooks.none v", true },
	{ "pointer hooks.number v", false },
	{ "pointer none.add v", false },
	{ "pointer hooks v", false },
	{ "either absent fake_function", true },
	{ "either fake_function absent", true },
	{ "either absent outer.c", true },
	{ "either outer.none twice absent", false },
	{ "variable pv_ops outer", true },
	{ "variable early_top_pgt outer", true },
	{ "variable fake_function inner", true },
	{ "variable fake_function none", false },
	{ "variable absent none", true },
	{ "variable x86_cap_flags outer", true },
	{ "variable vdso_image_32 hooks", false },	/* 64 bytes, and it has 80 */
	/* Of what is per CPU the types are known. */
	{ "variable fake_percpu u64", false },	/* at an odd address */
	{ "variable fake_table u32*2", true },
	{ "variable fake_table u32", false },
	{ "variable fake_table u32*3", false },
	{ "variable fake_table u64", false },
	{ "variable fake_table inner", false },
	{ "variable fake_inner inner", true },
	{ "variable fake_inner pair$c", false },
	{ "variable fake_inner u64", false },
	{ "variable fake_pointer pointer", false },	/* not aligned */
	{ "variable pv_ops u64*32", true },
	{ "variable pv_ops u64*33", false },	/* 0x100 bytes until the next */
	{ "variable pv_ops outer*4", true },
	{ "variable pv_ops outer*5", false },
	{ "variable pv_ops outer.b", true },
	{ "variable pv_ops outer.none", false },
	{ "variable pv_ops u64*0", false },
	{ "variable pv_ops u64*x", false },
	{ "variable pv_ops whole", false },
	{ "variable __return_sites u32", true },
	{ "variable __return_sites u64*2", false },
	{ "word x86_cap_flags " FAKE_CAP_NAME, true },
	{ "word x86_cap_flags 0", false },
	{ "word x86_cap_flags+inner 0", true },
	{ "word x86_cap_flags+outer 0", false },	/* the vDSO's address */
	{ "word x86_cap_flags+none 0", false },
	{ "word x86_cap_flags x", false },
	{ "word absent 0", false },
	{ "word twice 0", false },
	{ "word _end 0", false },
	{ "with absent none", true },
	{ "with outer.none none", true },
	{ "with pv_ops fake_function outer.c", true },
	{ "with pv_ops fake_function none", false },
	{ "with pv_ops none fake_function", false },
	{ "with outer.c twice", false },
	{ "with outer.bits none", false },	/* there, if of no use */
	{ "with twice none", false },
	{ "without pv_ops none", true },
	{ "without outer.c none", true },
	{ "without absent fake_function outer.c", true },
	{ "without absent fake_function none", false },
	{ "without none.c outer.none", false },
	{ "odd outer a", false },
	{ "function", false },
	{ "", false },
};
#define NEEDS (sizeof(needs) / sizeof(needs[0]))

static void test_needs(void **state)
{
	char why[300];

	(void)state;
	for (size_t i = 0; i < NEEDS; i++)
		if (answer_need(&kernel, needs[i].need, why, sizeof(why)) !=
		    needs[i].holds)
			fail_msg("%s", needs[i].need);
}

/* Without its end it would say less: the last word, or what is left of it. */
static void test_long_needs(void **state)
{
	char need[RL_NEED_BYTES + 16] = "with pv_ops", why[300];

	(void)state;
	while (strlen(need) + strlen(" fake_function") < RL_NEED_BYTES - 6)
		strcat(need, " fake_function");
	assert_true(answer_need(&kernel, need, why, sizeof(why)));
	memset(need + strlen(need), ' ', RL_NEED_BYTES + 1 - strlen(need));
	need[RL_NEED_BYTES - 1] = '\0';
	assert_true(answer_need(&kernel, need, why, sizeof(why)));
	strcpy(need + RL_NEED_BYTES - 1, "x");
	assert_false(answer_need(&kernel, need, why, sizeof(why)));
	memcpy(why, need, 20);
	assert_memory_equal(why, "with pv_ops fake", 16);
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Whatever bytes the kernel has: an answer or none, but never a crash. */
static void test_mutated_kernels(void **state)
{
	uint8_t *copy = malloc(image.elf_size);
	const uint8_t *btf = elf_section(&kernel.elf, ".BTF") ?
		kernel.elf.data + elf_section(&kernel.elf, ".BTF")->sh_offset : NULL;
	size_t at = btf - kernel.elf.data;
	uint32_t seed = 815;
	size_t opened = 0;
	char why[300];

	(void)state;
	assert_non_null(btf);
	assert_non_null(copy);
	for (int round = 0; round < 3000; round++) {
		struct image mutant = { .file = "FILE", .elf = copy,
					.elf_size = image.elf_size };
		uint64_t lists = text_at(FAKE_LISTS) - kernel.elf.data, value;
		struct kernel k;

		memcpy(copy, image.elf, image.elf_size);
		for (int i = 0; i < 3; i++)
			copy[(round % 2 ? lists + random_next(&seed) % 0x200 :
					  at + random_next(&seed) % 1200)] =
				random_next(&seed);
		budget_begin("FILE", 1 << 20);
		if (kernel_open(&k, &mutant))
			continue;
		for (size_t i = 0; k.btf && i < QUESTIONS; i++)
			(void)answer(&k, questions[i].question, &value, why, sizeof(why));
		for (size_t i = 0; k.btf && i < NEEDS; i++)
			(void)answer_need(&k, needs[i].need, why, sizeof(why));
		opened += !!k.btf;
		kernel_close(&k);
	}
	assert_true(opened > 1000);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up_kernel, tear_down_kernel)
		T(test_answers),
		T(test_features_unproved),
		T(test_xenpv_flags),
		T(test_needs),
		T(test_long_needs),
		T(test_mutated_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
