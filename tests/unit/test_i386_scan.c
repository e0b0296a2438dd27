// SPDX-License-Identifier: GPL-2.0
/*
 * Sweeping the code of a small i386 image: what is found, and what is refused with the
 * place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "capture_log.h"
#include "fake_i386.h"
#include "fake_kallsyms.h"
#include "launcher/budget.h"
#include "launcher/i386_scan.h"

#define INIT	0xc1001000u

/* An image with two sections of code and one of data. */
static struct file {
	Elf32_Ehdr header;
	Elf32_Phdr segments[2];
	Elf32_Shdr sections[4];
	uint8_t text[16], init[8], data[8];
} file;
static struct elf_view view;
static struct i386_scan scan;

#define AT(member_) offsetof(struct file, member_)

static int set_up(void **state)
{
	(void)state;
	file = (struct file) {
		.header = {
			FAKE_I386_HEADER(AT(segments), 2, AT(sections), 4),
		},
		.segments = {
			{ PT_LOAD, AT(text), TEXT, 0x1000000, 16, 16, PF_X, 1 },
			{ PT_LOAD, AT(init), INIT, 0x1001000, 16, 32, PF_X, 1 },
		},
		.sections = {
			[1] = { .sh_type = SHT_PROGBITS, .sh_addr = TEXT,
				.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				.sh_offset = AT(text), .sh_size = 16 },
			[2] = { .sh_type = SHT_PROGBITS, .sh_addr = INIT,
				.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				.sh_offset = AT(init), .sh_size = 8 },
			[3] = { .sh_type = SHT_PROGBITS, .sh_addr = INIT + 8,
				.sh_flags = SHF_ALLOC,
				.sh_offset = AT(data), .sh_size = 8 },
		},
		/* cli; a mov with cli and popf in its operand; nop; ret | pushf; ... */
		.text = { 0xfa, 0xb8, 0xfa, 0x9d, 0xfa, 0x9d, 0x90, 0xc3,
			  0x9c, 0x58, 0xf4, 0x0f, 0xa2, 0xcf, 0xcc, 0xcc },
		.init = { 0x0f, 0x20, 0xd8, 0xe6, 0x80, 0x0f, 0x0b, 0xc3 },
		.data = { 0x0f, 0x04, 0xfa, 0xfa },
	};
	fake_symbols[0].address = TEXT + 8;	/* in any order, and twice */
	fake_symbols[1].address = TEXT;
	fake_symbols[2].address = TEXT + 8;
	fake_symbols[3].address = INIT;
	fake_symbols[4].address = 0xc2000000;
	fake_symbols[5].address = 0xffffffff81000000;	/* per CPU, or forged */
	fake_symbol_count = 6;
	budget_begin("FILE", BUDGET_STEPS);
	log_forget();
	return 0;
}

static int look(void)
{
	int ret;

	assert_null(elf_open_i386(&view, &file, sizeof(file)));
	ret = i386_scan(&scan, NULL, &view, NULL, "FILE");
	elf_close(&view);
	return ret;
}

static void finds(void **state)
{
	static const struct i386_site want[] = {
		{ TEXT, 1, I386_CLI }, { TEXT + 8, 1, I386_PUSHF },
		{ TEXT + 10, 1, I386_HLT }, { TEXT + 11, 2, I386_CPUID },
		{ TEXT + 13, 1, I386_IRET }, { INIT, 3, I386_READ_CR },
		{ INIT + 3, 2, I386_OUT },
	};

	(void)state;
	assert_int_equal(look(), 0);
	assert_int_equal(scan.count, 7);
	for (size_t i = 0; i < scan.count; i++) {
		assert_int_equal(scan.sites[i].gva, want[i].gva);
		assert_int_equal(scan.sites[i].length, want[i].length);
		assert_int_equal(scan.sites[i].kind, want[i].kind);
	}
	assert_int_equal(scan.functions, 3);
	assert_int_equal(scan.instructions, 15);
	assert_int_equal(scan.counts[I386_INT3], 2);
	assert_int_equal(scan.counts[I386_UNDEFINED], 1);
	assert_int_equal(scan.counts[I386_POPF], 0);
	assert_int_equal(log_lines, 0);
	i386_scan_free(&scan);
}

static void refused(const char *words)
{
	assert_int_equal(look(), -ENOEXEC);
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(logged, "FILE"));
	if (!strstr(logged, words))
		fail_msg("%s", logged);
	assert_null(scan.sites);
}

static void no_instruction(void **state)
{
	(void)state;
	file.text[9] = 0x0f;
	file.text[10] = 0x04;
	refused("0xc1000009 (first+0x9) that ringlet cannot read: 0f 04 0f a2");
}

/* A symbol in the middle of what would be an instruction. */
static void out_of_step(void **state)
{
	(void)state;
	fake_symbols[0].address = TEXT + 3;
	refused("0xc1000001 (first+0x1) that ringlet cannot read: b8 fa");
}

/* And the end of a section there. */
static void cut_off(void **state)
{
	(void)state;
	file.init[7] = 0xe8;
	refused("0xc1001007");
}

static void outside(void **state)
{
	(void)state;
	file.sections[2].sh_addr = INIT + 0x100;
	refused("in no segment");
	set_up(NULL);
	file.sections[2].sh_size = 0xffffffff;
	refused("in no segment");
}

static void no_code(void **state)
{
	(void)state;
	file.sections[1].sh_flags = file.sections[2].sh_flags = SHF_ALLOC;
	refused("has no code");
}

static void budget(void **state)
{
	(void)state;
	assert_null(elf_open_i386(&view, &file, sizeof(file)));
	for (uint64_t steps = 0; steps < 120 + 8 * 15; steps += 8) {
		budget_begin("FILE", steps);
		assert_int_equal(i386_scan(&scan, NULL, &view, NULL, "FILE"), -ENOEXEC);
		assert_null(scan.sites);
	}
	elf_close(&view);
}

/* --- the file's own tables ------------------------------------------------------- */

static void opens(void **state)
{
	uint64_t gpa;

	(void)state;
	assert_null(elf_open_i386(&view, &file, sizeof(file)));
	assert_int_equal(view.header.e_machine, EM_386);
	assert_memory_equal(elf_at(&view, TEXT + 8, 8), file.text + 8, 8);
	assert_null(elf_at(&view, TEXT + 8, 9));
	assert_int_equal(elf_gpa(&view, INIT + 31, &gpa), 0);
	assert_int_equal(gpa, 0x100101f);
	assert_int_equal(elf_extent(&view), sizeof(file));
	assert_int_equal(elf_symbols(&view), 0);
	elf_close(&view);
}

static void not_opened(const char *words)
{
	const char *why = elf_open_i386(&view, &file, sizeof(file));

	assert_non_null(why);
	if (!strstr(why, words))
		fail_msg("%s", why);
	set_up(NULL);
}

static void damaged(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(file); size++) {
		void *copy = malloc(size ? size : 1);

		memcpy(copy, &file, size);
		assert_non_null(elf_open_i386(&view, copy, size));
		free(copy);
	}
	file.header.e_ident[0] = 0;
	not_opened("not an ELF file");
	file.header.e_ident[EI_CLASS] = ELFCLASS64;
	not_opened("not for 32-bit x86");
	file.header.e_machine = EM_X86_64;
	not_opened("not for 32-bit x86");
	file.header.e_type = ET_DYN;
	not_opened("not a statically linked program");
	file.header.e_phentsize++;
	not_opened("program headers");
	file.header.e_phoff = 0xffffffff;
	not_opened("program headers");
	file.header.e_phnum = 257;
	not_opened("more segments");
	file.header.e_shentsize--;
	not_opened("section headers");
	file.header.e_shnum = 0xffff;
	not_opened("section headers");
	file.segments[0].p_offset = sizeof(file) - 15;
	not_opened("outside of the file");
	file.segments[0].p_memsz = 15;
	not_opened("larger in the file");
	file.segments[1].p_vaddr = 0xfffffff0;
	not_opened("wraps");
	file.segments[1].p_paddr = 0xfffffff0;
	not_opened("wraps");
	file.header.e_ident[EI_DATA] = ELFDATA2MSB;
	not_opened("not for 32-bit x86");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(finds, set_up),
		cmocka_unit_test_setup(no_instruction, set_up),
		cmocka_unit_test_setup(out_of_step, set_up),
		cmocka_unit_test_setup(cut_off, set_up),
		cmocka_unit_test_setup(outside, set_up),
		cmocka_unit_test_setup(no_code, set_up),
		cmocka_unit_test_setup(budget, set_up),
		cmocka_unit_test_setup(opens, set_up),
		cmocka_unit_test_setup(damaged, set_up),
	};

	return cmocka_run_group_tests_name("i386_scan", tests, NULL, NULL);
}
