// SPDX-License-Identifier: GPL-2.0
/* `ringlet symbols`: the names of a kernel as an ELF file, and what it refuses. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "kernel_folder.h"
#include "launcher/cmd.h"
#include "launcher/elfview.h"
#include "run_command.h"

static char made[128];

static int set_up(void **state)
{
	(void)state;
	log_forget();
	if (make_folder())
		return -1;
	snprintf(made, sizeof(made), "%s/made", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return remove_folder();
}

#define COMMAND(...) RUN_COMMAND(cmd_symbols, __VA_ARGS__)

static uint8_t *data;
static struct elf_view elf;

/* The file that was made, opened as hostile ones are. */
static void open_made(void)
{
	FILE *f = fopen(made, "r");
	long size;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	data = malloc(size);
	assert_int_equal(fread(data, 1, size, f), size);
	fclose(f);
	assert_null(elf_open(&elf, data, size, ET_EXEC));
}

static void close_made(void)
{
	elf_close(&elf);
	free(data);
	unlink(made);
}

static Elf64_Sym symbol(const char *name)
{
	Elf64_Sym s;
	const char *is;

	for (size_t i = 1; i < elf_symbols(&elf); i++) {
		is = elf_symbol(&elf, i, &s);
		assert_non_null(is);
		if (!strcmp(is, name))
			return s;
	}
	fail_msg("no symbol %s", name);
	return s;
}

static const Elf64_Shdr *section_of(const Elf64_Sym *s)
{
	assert_in_range(s->st_shndx, 1, elf.header.e_shnum - 1);
	return &elf.sections[s->st_shndx];
}

static void check_made(uint64_t offset)
{
	Elf64_Sym s;

	open_made();
	s = symbol("fake_function");
	assert_int_equal(s.st_value, FAKE_FUNCTION + offset);
	assert_int_equal(ELF64_ST_TYPE(s.st_info), STT_FUNC);
	assert_true(s.st_size > 0 && s.st_size < 0x10000);
	assert_true(section_of(&s)->sh_flags & SHF_EXECINSTR);
	assert_int_equal(section_of(&s)->sh_addr, FAKE_TEXT + offset);
	s = symbol("pv_ops");
	assert_int_equal(s.st_value, FAKE_DATA + 0x2000 + offset);
	assert_int_equal(ELF64_ST_TYPE(s.st_info), STT_OBJECT);
	assert_int_equal(section_of(&s)->sh_type, SHT_NOBITS);
	assert_int_equal(section_of(&s)->sh_addr, FAKE_DATA + offset);
	assert_int_equal(section_of(&s)->sh_size, 0x8000);
	/* Code, in a segment of data. */
	s = symbol("fake_init");
	assert_int_equal(s.st_value, FAKE_DATA + 0x8000 + offset);
	assert_int_equal(s.st_size, 0x1000);
	assert_true(section_of(&s)->sh_flags & SHF_EXECINSTR);
	assert_int_equal(section_of(&s)->sh_size, 0x1000);
	assert_false(section_of(&(Elf64_Sym){ .st_shndx = s.st_shndx + 1 })
			     ->sh_flags & SHF_EXECINSTR);
	/* Not an address, so it does not move. */
	s = symbol("fake_percpu");
	assert_int_equal(s.st_value, FAKE_PERCPU);
	assert_int_equal(s.st_shndx, SHN_ABS);
	s = symbol("_end");
	assert_int_equal(s.st_size, 0);
	close_made();
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("-o", made, kernel), 0);
	assert_string_equal(output, "");
	check_made(0);
	assert_int_equal(COMMAND("--output", made, "--offset", "0x1e00000",
				 kernel), 0);
	check_made(0x1e00000);
	assert_int_equal(log_lines, 0);
}

/* Static names before the others: sh_info says where they end. */
static void test_order(void **state)
{
	const Elf64_Shdr *table = NULL;
	Elf64_Sym s;

	(void)state;
	assert_int_equal(COMMAND("-o", made, kernel), 0);
	open_made();
	for (unsigned int i = 0; i < elf.header.e_shnum; i++)
		if (elf.sections[i].sh_type == SHT_SYMTAB)
			table = &elf.sections[i];
	assert_non_null(table);
	for (size_t i = 0; i < elf_symbols(&elf); i++) {
		elf_symbol(&elf, i, &s);
		assert_int_equal(ELF64_ST_BIND(s.st_info) == STB_LOCAL,
				 i < table->sh_info);
	}
	close_made();
}

static void test_standard_output(void **state)
{
	(void)state;
	assert_int_equal(COMMAND(kernel), 0);
	assert_memory_equal(output, ELFMAG, SELFMAG);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("--help"), 0);
	assert_printed("Usage: ringlet symbols");
	assert_int_equal(COMMAND(NULL), 2);
	assert_logged("no kernel is named; see ringlet symbols --help");
	assert_int_equal(COMMAND(kernel, kernel), 2);
	assert_logged("one kernel at a time");
	assert_int_equal(COMMAND("--offset", "12x", kernel), 2);
	assert_logged("--offset 12x is not a number");
	assert_int_equal(COMMAND("--offset", "", kernel), 2);
	assert_logged("is not a number");
	assert_int_equal(COMMAND("-o"), 2);
	assert_logged("option -o needs a value");
	assert_int_equal(COMMAND("-o", made, "/dev/null"), 4);
	assert_logged("is not a file");
	assert_int_equal(COMMAND("-o", made, layer), 4);
	assert_logged("cannot be used");
	assert_true(access(made, F_OK));
	assert_int_equal(COMMAND("-o", "/nonexistent/x", kernel), 1);
	assert_logged("cannot write /nonexistent/x");
	assert_int_equal(COMMAND("-o", "/dev/full", kernel), 1);
	assert_logged("cannot write all of /dev/full");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_names),
		T(test_order),
		T(test_standard_output),
		T(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
