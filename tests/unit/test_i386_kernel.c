// SPDX-License-Identifier: GPL-2.0
/*
 * Fitting an i386 kernel and the shim to each other: which instructions become traps, and
 * what the shim is told of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "abi/guest.h"
#include "abi/i386.h"
#include "capture_log.h"
#include "fake_image.h"
#include "fake_i386.h"
#include "fake_kallsyms.h"
#include "launcher/budget.h"
#include "launcher/i386_kernel.h"

#define TEXT_BYTES	(RL_I386_SITES + 64)
#define NEXT		0x19, 0x00, 0x00, 0xc1	/* TEXT + 25 */

static const uint8_t code[] = {
	0xfa,				/*  0 cli */
	0xb8, 0xd8, 0x00, 0x00, 0x00,	/*  1 mov $0xd8, %eax */
	0x8e, 0xe0,			/*  6 mov %eax, %fs */
	0xb9, 0x68, 0x00, 0x00, 0x00,	/*  8 mov $0x68, %ecx */
	0x8e, 0xd1,			/* 13 mov %ecx, %ss */
	0x0f, 0xa2,			/* 15 cpuid */
	0x9c,				/* 17 pushf */
	0x0e,				/* 18 push %cs */
	0x68, NEXT,			/* 19 push $25 */
	0xcf,				/* 24 iret, to the next */
	0xcf,				/* 25 iret */
	0x0f, 0x01, 0x15, 0, 0, 0, 0xc1,/* 26 lgdt */
	0xb8, 0xd8, 0x00, 0x00, 0x00,	/* 33 mov $0xd8, %eax */
	0x8e, 0xe1,			/* 38 mov %ecx, %fs: another register */
	0x0f, 0x0b,			/* 40 ud2, the kernel's own */
	0xe8, 0, 0, 0, 0,		/* 42 call: a function that is left out */
	0x55,				/* 47 push %ebp */
};

static const struct fake_symbol symbols[] = {
	{ "startup_32", TEXT }, { "pud_populate", TEXT },
	{ "default_find_smp_config", TEXT + 42 }, { "module_finalize", TEXT + 60 },
};

static struct file {
	Elf32_Ehdr header;
	Elf32_Phdr segment;
	Elf32_Shdr sections[2];
	char banner[48];
	uint8_t text[TEXT_BYTES];
} *file;
static struct kernel kernel;
static struct image image;
static struct elf_view shim;
static uint8_t *shim_file;
static struct rl_i386_image *list;

#define AT(member_) offsetof(struct file, member_)

static void make_shim(size_t size)
{
	struct fake_segment segment = {
		PT_LOAD, PF_R | PF_X, RL_LAYER_GVA, RL_LAYER_GPA, code, sizeof(code),
		sizeof(code)
	};
	uint8_t *zeros = calloc(1, size);
	struct fake_section section = {
		RL_I386_SECTION, SHT_PROGBITS, 0, zeros, size
	};
	size_t bytes;

	shim_file = fake_elf(ET_EXEC, RL_LAYER_GVA, &segment, 1, &section, 1, &bytes);
	free(zeros);
	assert_null(elf_open(&shim, shim_file, bytes, ET_EXEC));
	list = (struct rl_i386_image *)
		(shim_file + elf_section(&shim, RL_I386_SECTION)->sh_offset);
}

static int set_up(void **state)
{
	(void)state;
	file = calloc(1, sizeof(*file));
	*file = (struct file) {
		.header = {
			FAKE_I386_HEADER(AT(segment), 1, AT(sections), 2),
		},
		.segment = { PT_LOAD, AT(text), TEXT, 0x1000000, TEXT_BYTES,
			     TEXT_BYTES, PF_X, 1 },
		.sections[1] = { .sh_type = SHT_PROGBITS, .sh_addr = TEXT,
				 .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				 .sh_offset = AT(text), .sh_size = TEXT_BYTES },
	};
	memset(file->text, 0x90, TEXT_BYTES);
	memcpy(file->text, code, sizeof(code));
	memcpy(fake_symbols, symbols, sizeof(symbols));
	fake_symbol_count = 3;		/* without the last */
	image = (struct image) {
		.file = "FILE", .elf = (uint8_t *)file, .elf_size = sizeof(*file),
		.i386 = true,
	};
	budget_begin("it", BUDGET_STEPS);
	assert_null(elf_open_i386(&kernel.elf, file, sizeof(*file)));
	make_shim(sizeof(*list));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	elf_close(&shim);
	free(shim_file);
	kernel_close(&kernel);
	free(file);
	log_forget();
	return 0;
}

static int fit(void)
{
	return i386_kernel_fit(&kernel, &image, &shim, shim_file);
}

static void test_traps(void **state)
{
	static const struct {
		uint32_t at;
		uint8_t length, trap[2];
	} sites[] = {
		{ 0, 1, { 0xcc, 0xb8 } }, { 15, 2, { 0x0f, 0x0b } },
		{ 17, 1, { 0xcc, 0x0e } }, { 25, 1, { 0xcc, 0x0f } },
		{ 26, 7, { 0x0f, 0x0b } },
	};

	(void)state;
	assert_int_equal(fit(), 0);
	assert_int_equal(list->entry, 0x1000000);
	assert_int_equal(list->count, 5);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(list->sites[i].gva, TEXT + sites[i].at);
		assert_int_equal(list->sites[i].length, sites[i].length);
		assert_memory_equal(list->sites[i].bytes, code + sites[i].at,
				    sites[i].length);
		assert_memory_equal(file->text + sites[i].at, sites[i].trap, 2);
	}
	/* What is no site stays as it was, behind the two bytes of a trap, too. */
	assert_memory_equal(file->text + 18, code + 18, 7);
	assert_memory_equal(file->text + 28, code + 28, 47 - 28);
	assert_int_equal(file->text[47], 0xc3);
	assert_int_equal(kernel.elf.header.e_machine, EM_X86_64);
}

/* Where the function does not begin as it should nothing is changed. */
static void test_not_left_out(void **state)
{
	(void)state;
	file->text[47] = 0x56;
	assert_int_equal(fit(), 0);
	assert_int_equal(file->text[47], 0x56);
}

/* One more site, at its place in the list. */
static void test_modules(void **state)
{
	static const uint8_t function[] = { 0xe8, 0, 0, 0, 0, 0x55, 0x9c };

	(void)state;
	fake_symbol_count = 4;
	memcpy(file->text + 60, function, sizeof(function));
	assert_int_equal(fit(), 0);
	assert_int_equal(list->count, 7);
	assert_int_equal(list->sites[5].gva, TEXT + 65);
	assert_int_equal(list->sites[5].length, 1);
	assert_int_equal(list->sites[5].bytes[0], RL_SITE_FUNCTION);
	assert_int_equal(list->sites[5].bytes[1], RL_FUNCTION_MODULE);
	assert_int_equal(list->sites[6].gva, TEXT + 66);
	assert_int_equal(list->sites[6].bytes[0], 0x9c);
	assert_int_equal(file->text[65], 0xcc);
}

static void test_other_modules(void **state)
{
	(void)state;
	fake_symbol_count = 4;
	assert_int_equal(fit(), -ENOEXEC);
	assert_logged("another module_finalize()");
}

static void test_selectors(void **state)
{
	(void)state;
	assert_int_equal(fit(), 0);
	assert_int_equal(file->text[2], 0x49);
	assert_int_equal(file->text[9], 0x69);
	assert_int_equal(file->text[34], 0xd8);
}

static void test_too_many(void **state)
{
	(void)state;
	memset(file->text, 0xfa, TEXT_BYTES);
	assert_int_equal(fit(), -ENOEXEC);
	assert_logged("more privileged instructions");
}

/* There is room for so many. */
static void test_just_enough(void **state)
{
	(void)state;
	memset(file->text, 0x90, TEXT_BYTES);
	memset(file->text + 8, 0xfa, RL_I386_SITES);
	assert_int_equal(fit(), 0);
	assert_int_equal(list->count, RL_I386_SITES);
}

static void test_start_elsewhere(void **state)
{
	(void)state;
	fake_symbols[0].address = 0xc0000000;
	assert_int_equal(fit(), -ENOEXEC);
	assert_logged("does not begin where");
}

static void test_no_shim(void **state)
{
	(void)state;
	elf_close(&shim);
	free(shim_file);
	make_shim(sizeof(*list) - 16);
	assert_int_equal(fit(), -ENOEXEC);
	assert_logged("not the shim");
}

/* --- opening --------------------------------------------------------------------- */

static int open_with_banner(const char *banner)
{
	kernel_close(&kernel);
	memset(file->text + 100, 0x90, 100);
	strcpy((char *)file->text + 100, banner);
	return i386_kernel_open(&kernel, &image);
}

static void test_release(void **state)
{
	(void)state;
	/* The first one is a format. */
	assert_int_equal(open_with_banner("Linux version %s (x) Linux version 6.1.0-9-x y"),
			 0);
	assert_string_equal(kernel.release, "6.1.0-9-x");
	assert_string_equal(kernel.build_id, "none");
	assert_int_equal(open_with_banner("Linux versions"), -ENOEXEC);
	assert_logged("does not tell its release");
}

static void test_without_pae(void **state)
{
	(void)state;
	fake_symbols[1].name = "another";
	assert_int_equal(open_with_banner("Linux version 6.1.0-9-686 y"), -ENOEXEC);
	assert_logged("without PAE");
}

/* --- the first page tables -------------------------------------------------------------- */

static uint64_t walk(const uint8_t *memory, uint64_t gva)
{
	uint64_t table = RL_I386_TOP_GPA, entry = 0;

	for (int level = 3; level >= 0; level--) {
		memcpy(&entry, memory + table + (gva >> (12 + 9 * level) & 511) * 8, 8);
		assert_int_equal(entry & 3, 3);
		table = entry & 0x000ffffffffff000;
		if (level == 1 && entry & 0x80)
			return table + (gva & 0x1fffff);
		if (level == 1 && (table == RL_LAYER_PT_GPA ||
				   table == RL_I386_HOLE_PT_GPA))
			return table;
	}
	return table;
}

static void test_map(void **state)
{
	static const uint64_t gpas[] = { 0, 0x1000000, 0x3fdfffff, 0x40000000, 0xffdff123 };
	uint8_t *memory = calloc(1, 1 << 20);

	(void)state;
	i386_kernel_map(memory);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(walk(memory, gpas[i]), gpas[i]);
		assert_int_equal(walk(memory, RL_I386_DIRECT + gpas[i]), gpas[i]);
	}
	assert_int_equal(walk(memory, RL_LAYER_GVA), RL_LAYER_PT_GPA);
	/* The hole, from where the kernel's code is linked and from where it lies. */
	assert_int_equal(walk(memory, RL_I386_HOLE), RL_I386_HOLE_PT_GPA);
	assert_int_equal(walk(memory, RL_I386_HOLE - RL_I386_PAGE_OFFSET),
			 RL_I386_HOLE_PT_GPA);
	for (uint64_t at = RL_I386_TABLES_END; at < 1 << 20; at++)
		assert_int_equal(memory[at], 0);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_traps),
		T(test_not_left_out),
		T(test_modules),
		T(test_other_modules),
		T(test_selectors),
		T(test_too_many),
		T(test_just_enough),
		T(test_start_elsewhere),
		T(test_no_shim),
		T(test_release),
		T(test_without_pae),
		T(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
