// SPDX-License-Identifier: GPL-2.0
/*
 * Views of ELF files that nobody vouches for: what is wrong with a header, and
 * sections, strings, notes and symbols that lead out of the file. Each file is a
 * buffer of just its size, so that ASan sees whoever reads beyond.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "fake_image.h"
#include "launcher/budget.h"
#include "launcher/elfview.h"

#define GVA	0xffffffff81000000ull
#define GPA	0x1000000ull

/* One segment of code, one of notes; two sections, of which one has a table. */
static uint8_t *file;
static size_t size;
static Elf64_Ehdr header;

static struct {
	Elf64_Nhdr head;
	char owner[4], data[8];
} notes[2] = {
	{ { 4, 5, 1 }, "GNU", "ones" },
	{ { 4, 8, 3 }, "GNU", "two567" },
};

static int set_up(void **state)
{
	static const Elf64_Sym symbols[] = {
		{ 0 }, { .st_name = 1 }, { .st_name = 500 },
	};
	const struct fake_segment segments[] = {
		{ PT_LOAD, PF_R | PF_X, GVA, GPA, "code", 4, 16 },
		{ PT_NOTE, PF_R, 0, 0, notes, sizeof(notes), sizeof(notes) },
	};
	const struct fake_section sections[] = {
		{ ".symtab", SHT_SYMTAB, 2, symbols, sizeof(symbols) },
		{ ".strtab", SHT_STRTAB, 0, "\0name", 6 },
		{ ".none", SHT_NOBITS, 0, NULL, 0 },
	};
	uint8_t *whole;

	(void)state;
	log_forget();
	budget_begin("FILE", BUDGET_STEPS);
	whole = fake_elf(ET_EXEC, GVA, segments, 2, sections, 3, &size);
	/* No byte more than it has. */
	file = malloc(size);
	memcpy(file, whole, size);
	free(whole);
	memcpy(&header, file, sizeof(header));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(file);
	return 0;
}

static Elf64_Phdr *segment(size_t i)
{
	return (Elf64_Phdr *)(file + header.e_phoff) + i;
}

static Elf64_Shdr *section(size_t i)
{
	return (Elf64_Shdr *)(file + header.e_shoff) + i;
}

static struct elf_view view;

static void open_it(void)
{
	memcpy(file, &header, sizeof(header));
	assert_null(elf_open(&view, file, size, ET_EXEC));
}

static void assert_refused(const char *said)
{
	const char *why;

	memcpy(file, &header, sizeof(header));
	why = elf_open(&view, file, size, ET_EXEC);
	assert_non_null(why);
	if (!strstr(why, said))
		fail_msg("\"%s\", not \"%s\"", why, said);
	assert_null(view.segments);
	assert_null(view.sections);
}

/* --- headers --- */

static void test_good(void **state)
{
	size_t rest;
	uint64_t gpa;

	(void)state;
	open_it();
	assert_int_equal(elf_extent(&view), size);
	assert_memory_equal(elf_at(&view, GVA, 4), "code", 4);
	assert_memory_equal(elf_rest(&view, GVA + 3, &rest), "e", 1);
	assert_int_equal(rest, 1);
	/* Behind the file's part there are zeros in memory, and no bytes here. */
	assert_null(elf_rest(&view, GVA + 4, &rest));
	assert_null(elf_at(&view, GVA, 5));
	assert_null(elf_at(&view, GVA - 1, 1));
	assert_int_equal(elf_gpa(&view, GVA + 15, &gpa), 0);
	assert_int_equal(gpa, GPA + 15);
	assert_int_equal(elf_gpa(&view, GVA + 16, &gpa), -ENOENT);
	assert_int_equal(elf_gpa(&view, GVA - 1, &gpa), -ENOENT);
	elf_close(&view);
}

static void test_bad_headers(void **state)
{
	const Elf64_Ehdr good = header;
	const char *why;

	(void)state;
#define BAD(field, value, said) do {		\
	header.field = value;			\
	assert_refused(said);			\
	header = good;				\
} while (0)
	BAD(e_ident[0], 0, "not an ELF file");
	BAD(e_machine, EM_386, "32-bit (i386)");
	BAD(e_machine, EM_AARCH64, "not for 64-bit x86");
	BAD(e_ident[EI_CLASS], ELFCLASS32, "not for 64-bit x86");
	BAD(e_ident[EI_DATA], ELFDATA2MSB, "not for 64-bit x86");
	BAD(e_type, ET_DYN, "not a statically linked program");
	BAD(e_phnum, 257, "more segments than any kernel");
	BAD(e_phentsize, 55, "program headers lie outside");
	BAD(e_phoff, size, "program headers lie outside");
	BAD(e_phoff, ~0ull, "program headers lie outside");
	BAD(e_shentsize, 65, "section headers lie outside");
	BAD(e_shoff, size - 63, "section headers lie outside");
	why = elf_open(&view, file, size, ET_REL);
	assert_string_equal(why, "it is not a relocatable object");
	why = elf_open(&view, file, sizeof(header) - 1, ET_EXEC);
	assert_string_equal(why, "it is too short for an ELF file");
}

/* Tables of no entries may say what they like of these. */
static void test_no_tables(void **state)
{
	size_t ignored;

	(void)state;
	header.e_phnum = header.e_shnum = 0;
	header.e_phentsize = header.e_shentsize = 1;
	open_it();
	assert_int_equal(elf_extent(&view), sizeof(header));
	assert_null(elf_section(&view, ".symtab"));
	assert_null(elf_note(&view, "GNU", 3, &ignored));
	assert_int_equal(elf_symbols(&view), 0);
	elf_close(&view);
}

static void test_bad_segments(void **state)
{
	const Elf64_Phdr good = *segment(0);

	(void)state;
#define BAD_SEGMENT(field, value, said) do {	\
	segment(0)->field = value;		\
	assert_refused(said);			\
	*segment(0) = good;			\
} while (0)
	BAD_SEGMENT(p_offset, size - 3, "lies outside of the file");
	BAD_SEGMENT(p_filesz, ~0ull, "lies outside of the file");
	BAD_SEGMENT(p_memsz, 3, "larger in the file than in memory");
	BAD_SEGMENT(p_vaddr, ~0ull - 14, "wraps around");
	BAD_SEGMENT(p_paddr, ~0ull - 14, "wraps around");
	/* Others than code, data and notes are nobody's business. */
	segment(0)->p_type = PT_DYNAMIC;
	segment(0)->p_offset = ~0ull;
	open_it();
	assert_null(elf_at(&view, GVA, 4));
	assert_in_range(elf_extent(&view), 1, size);
	elf_close(&view);
	*segment(0) = good;
	segment(1)->p_filesz = segment(1)->p_memsz = size;
	segment(1)->p_offset = 0;
	*segment(0) = *segment(1);
	assert_refused("its segments overlap in the file");
}

/* A file of headers: `loads` segments, each of which is the whole file. */
static uint8_t *overlapping(size_t loads, size_t *bytes)
{
	Elf64_Ehdr h = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC, .e_machine = EM_X86_64,
		.e_phoff = sizeof(h), .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = loads,
	};
	Elf64_Phdr p = { .p_type = PT_LOAD };
	uint8_t *data;

	*bytes = sizeof(h) + loads * sizeof(p);
	p.p_filesz = p.p_memsz = *bytes;
	data = malloc(*bytes);
	assert_non_null(data);
	memcpy(data, &h, sizeof(h));
	for (size_t i = 0; i < loads; i++)
		memcpy(data + sizeof(h) + i * sizeof(p), &p, sizeof(p));
	return data;
}

/* Sixty thousand times 11 MB once were 660 GB of cache. */
static void test_segments_do_not_multiply_the_file(void **state)
{
	static const struct {
		size_t loads;
		const char *why;
	} cases[] = {
		{ 1, NULL }, { 2, "overlap" }, { 256, "overlap" },
		{ 257, "more segments" }, { 60000, "more segments" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t bytes;
		uint8_t *data = overlapping(cases[i].loads, &bytes);
		const char *why = elf_open(&view, data, bytes, ET_EXEC);

		if (!cases[i].why) {
			assert_null(why);
			elf_close(&view);
		} else {
			assert_non_null(why);
			assert_non_null(strstr(why, cases[i].why));
		}
		free(data);
	}
}

/* 65,000 sections whose names all ended 200 MB later kept prepare for hours. */
static void test_names_have_a_limit(void **state)
{
	const size_t count = 65000, names = 64 << 20;
	Elf64_Shdr table = {
		.sh_type = SHT_STRTAB, .sh_offset = sizeof(Elf64_Ehdr),
		.sh_size = names,
	};
	Elf64_Ehdr h = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC, .e_machine = EM_X86_64,
		.e_shoff = sizeof(h) + names, .e_shentsize = sizeof(table),
		.e_shnum = count, .e_shstrndx = count - 1,
	};
	size_t bytes = h.e_shoff + count * sizeof(table);
	uint8_t *data = calloc(1, bytes);

	(void)state;
	assert_non_null(data);
	memcpy(data, &h, sizeof(h));
	memset(data + sizeof(h), 'A', names - 1);
	for (size_t i = 0; i < count; i++)
		memcpy(data + h.e_shoff + i * sizeof(table), &table,
		       sizeof(table));
	assert_null(elf_open(&view, data, bytes, ET_EXEC));
	/* Without a limit it takes minutes; SIGALRM fails the test. */
	alarm(60);
	for (int i = 0; i < 20; i++)
		assert_null(elf_section(&view, ".BTF"));
	alarm(0);
	elf_close(&view);
	free(data);
}

/* --- sections --- */

static void test_sections(void **state)
{
	const Elf64_Shdr good = *section(2);

	(void)state;
	open_it();
	assert_int_equal(elf_section(&view, ".strtab")->sh_size, 6);
	assert_null(elf_section(&view, ".none"));
	assert_null(elf_section(&view, ".strta"));
	assert_null(elf_section(&view, ".absent"));
	elf_close(&view);
	/* Contents that are none. */
	section(2)->sh_offset = size;
	open_it();
	assert_null(elf_section(&view, ".strtab"));
	assert_int_equal(elf_extent(&view), size);
	elf_close(&view);
	*section(2) = good;
	section(2)->sh_name = ~0u;
	open_it();
	assert_null(elf_section(&view, ".strtab"));
	elf_close(&view);
	*section(2) = good;
	/* The table of names ends before a name does, or is no table. */
	section(4)->sh_size = section(2)->sh_name + 7;
	open_it();
	assert_null(elf_section(&view, ".strtab"));
	assert_non_null(elf_section(&view, ".symtab"));
	elf_close(&view);
	section(4)->sh_type = SHT_NOBITS;
	open_it();
	assert_null(elf_section(&view, ".symtab"));
	elf_close(&view);
	section(4)->sh_type = SHT_NULL;
	open_it();
	assert_null(elf_section(&view, ".symtab"));
	elf_close(&view);
	header.e_shstrndx = header.e_shnum;
	open_it();
	assert_null(elf_section(&view, ".symtab"));
	elf_close(&view);
}

/* --- notes --- */

static void test_notes(void **state)
{
	size_t bytes;

	(void)state;
	open_it();
	assert_string_equal(elf_note(&view, "GNU", 3, &bytes), "two567");
	assert_int_equal(bytes, 8);
	assert_string_equal(elf_note(&view, "GNU", 1, &bytes), "ones");
	assert_int_equal(bytes, 5);
	assert_null(elf_note(&view, "GNU", 2, &bytes));
	assert_null(elf_note(&view, "Xen", 3, &bytes));
	assert_null(elf_note(&view, "GNUs", 3, &bytes));
	elf_close(&view);
}

/* Lengths that lead out of the segment, in the first note: no other is found. */
static void test_bad_notes(void **state)
{
	static const Elf64_Nhdr bad[] = {
		{ ~0u, 3, 1 }, { 4, ~0u, 1 }, { ~0u, ~0u, 1 }, { 37, 0, 1 },
		{ 4, 33, 1 }, { 36, 1, 1 }, { 0, 36, 1 }, { 33, 0, 1 },
	};
	Elf64_Nhdr *first;
	size_t bytes;

	(void)state;
	segment(1)->p_filesz = sizeof(notes);
	first = (Elf64_Nhdr *)(file + segment(1)->p_offset);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		*first = bad[i];
		open_it();
		assert_null(elf_note(&view, "GNU", 3, &bytes));
		elf_close(&view);
	}
	/* Cut within the second. */
	*first = notes[0].head;
	for (size_t cut = 0; cut < sizeof(notes[1]); cut++) {
		segment(1)->p_filesz = sizeof(notes[0]) + cut;
		open_it();
		assert_null(elf_note(&view, "GNU", 3, &bytes));
		assert_non_null(elf_note(&view, "GNU", 1, &bytes));
		elf_close(&view);
	}
}

/* --- symbols --- */

static void test_symbols(void **state)
{
	const Elf64_Shdr good = *section(1);
	Elf64_Sym symbol;

	(void)state;
	open_it();
	assert_int_equal(elf_symbols(&view), 3);
	assert_string_equal(elf_symbol(&view, 1, &symbol), "name");
	assert_null(elf_symbol(&view, 2, &symbol));	/* no string there */
	assert_null(elf_symbol(&view, 3, &symbol));	/* and no symbol */
	elf_close(&view);
	section(1)->sh_link = header.e_shnum;
	open_it();
	assert_int_equal(elf_symbols(&view), 0);
	assert_null(elf_symbol(&view, 1, &symbol));
	elf_close(&view);
	*section(1) = good;
	section(1)->sh_size = size;
	open_it();
	assert_int_equal(elf_symbols(&view), 0);
	elf_close(&view);
	section(1)->sh_size = 2 * sizeof(symbol) - 1;
	open_it();
	assert_int_equal(elf_symbols(&view), 1);
	assert_null(elf_symbol(&view, 1, &symbol));
	elf_close(&view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_good),
		T(test_bad_headers),
		T(test_no_tables),
		T(test_bad_segments),
		T(test_segments_do_not_multiply_the_file),
		T(test_names_have_a_limit),
		T(test_sections),
		T(test_notes),
		T(test_bad_notes),
		T(test_symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
