// SPDX-License-Identifier: GPL-2.0
/*
 * Where a 32-bit kernel changes address spaces: what is believed to be its variable, and
 * what is not.
 */
#include <string.h>

#include "unit.h"

#include "fake_kallsyms.h"
#include "launcher/budget.h"
#include "launcher/i386_switch.h"

#define STATE	0xc1e8a580u

static struct file {
	Elf32_Ehdr header;
	Elf32_Phdr segment;
	uint8_t text[64];
} file;

#define AT(member_) offsetof(struct file, member_)
#define ADDRESS(a_) (a_) & 0xff, (a_) >> 8 & 0xff, (a_) >> 16 & 0xff, (a_) >> 24

static struct rl_i386_image image;

static void find(const uint8_t *code, size_t size)
{
	struct kernel kernel = { .symbols = NULL };

	file = (struct file) {
		.header = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },
			.e_type = ET_EXEC, .e_machine = EM_386,
			.e_phoff = AT(segment), .e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1, .e_shentsize = sizeof(Elf32_Shdr),
		},
		.segment = { PT_LOAD, AT(text), TEXT, 0x1000000, 64, 64, PF_X, 1 },
	};
	memset(file.text, 0x90, sizeof(file.text));
	memcpy(file.text, code, size);
	budget_begin("it", BUDGET_STEPS);
	assert_null(elf_open_i386(&kernel.elf, &file, sizeof(file)));
	memset(&image, 0xff, sizeof(image));
	i386_switch_find(&kernel, &image);
	elf_close(&kernel.elf);
}

/* As Debian's 6.1 has it. */
static const uint8_t good[] = {
	0x8d, 0xba, ADDRESS(STATE + RL_TLB_GENERATION),	/* lea ...(%edx), %edi */
	0x64, 0xa1, ADDRESS(STATE + 64),		/* mov %fs:..., %eax */
	0x0f, 0x22, 0xd8,				/* mov %eax, %cr3 */
	0x64, 0x89, 0x1d, ADDRESS(STATE),		/* mov %ebx, %fs:... */
	0x64, 0x66, 0xa3, ADDRESS(STATE + 8),		/* mov %ax, %fs:... */
};

static int set_up(void **state)
{
	(void)state;
	fake_room = 40;
	fake_symbols[0] = (struct fake_symbol){ "switch_mm_irqs_off", TEXT };
	fake_symbol_count = 1;
	return 0;
}

static void test_found(void **state)
{
	(void)state;
	find(good, sizeof(good));
	assert_int_equal(image.tlb_state, STATE);
	assert_int_equal(image.switch_start, TEXT);
	assert_int_equal(image.switch_end, TEXT + 40);
}

/* Each byte of an instruction that tells, changed: it is not believed. */
static void test_others(void **state)
{
	static const uint8_t at[] = { 0, 2, 15, 18, 21, 22, 24, 26, 28 };
	uint8_t code[sizeof(good)];

	(void)state;
	for (size_t i = 0; i < sizeof(at); i++) {
		memcpy(code, good, sizeof(good));
		code[at[i]] ^= code[at[i]] == 0x64 ? 1 : 8;
		find(code, sizeof(good));
		assert_int_equal(image.tlb_state, 0);
	}
}

static void test_missing(void **state)
{
	(void)state;
	fake_symbol_count = 0;
	find(good, sizeof(good));
	assert_int_equal(image.tlb_state, 0);
	fake_symbol_count = 1;
	fake_room = 24;	/* ends in an instruction */
	find(good, sizeof(good));
	assert_int_equal(image.tlb_state, 0);
	fake_room = 1000;	/* behind the image */
	find(good, sizeof(good));
	assert_int_equal(image.tlb_state, 0);
}

/* Two variables that look alike. */
static void test_two(void **state)
{
	uint8_t code[60];
	uint32_t other = STATE + 0x100;

	(void)state;
	memcpy(code, good, sizeof(good));
	memcpy(code + 29, good, 6);
	memcpy(code + 35, good + 15, 14);
	other += RL_TLB_GENERATION;
	memcpy(code + 31, &other, 4);
	other = STATE + 0x100;
	memcpy(code + 38, &other, 4);
	other += 8;
	memcpy(code + 45, &other, 4);
	fake_room = 49;
	find(code, 49);
	assert_int_equal(image.tlb_state, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, set_up)
		T(test_found),
		T(test_others),
		T(test_missing),
		T(test_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
