// SPDX-License-Identifier: GPL-2.0
/*
 * Jumps in place of traps: what they lead to, and above all where there is none, because
 * something may lead into the five bytes, or looks at them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "capture_log.h"
#include "fake_i386.h"
#include "fake_kallsyms.h"
#include "launcher/budget.h"
#include "launcher/i386_jump.h"

#define DATA		(TEXT + 0x100)
#define TABLE		(DATA + 32)
#define NAMES		(TABLE + 24)
#define ALTERNATIVES	(NAMES + 32)
#define REPLACEMENT	(ALTERNATIVES + 12)
#define OLD_TOP		0xfffff000u

static struct file {
	Elf32_Ehdr header;
	Elf32_Phdr segment;
	Elf32_Shdr sections[8];
	char section_names[8][24];
	_Alignas(256) uint8_t text[256];
	uint32_t data[8], table[6];
	char names[32];
	uint32_t alternatives[3];	/* one: where, from where, for what and lengths */
	uint8_t replacement[4];
} file;
static struct elf_view view;
static struct i386_jumps jumps;
static uint8_t code[RL_I386_JUMP_BYTES];

#define AT(member_) offsetof(struct file, member_)

/* A section with a name of its own, of what `member_` is. */
#define SECTION(number_, name_, member_, gva_, flags_) do {			\
	file.sections[number_] = (Elf32_Shdr) {					\
		.sh_name = 24 * (number_), .sh_type = SHT_PROGBITS,		\
		.sh_flags = SHF_ALLOC | (flags_), .sh_addr = (gva_),		\
		.sh_offset = AT(member_), .sh_size = sizeof(file.member_),	\
	};									\
	strcpy(file.section_names[number_], name_);				\
} while (0)

static int set_up(void **state)
{
	(void)state;
	file = (struct file) {
		.header = {
			FAKE_I386_HEADER(AT(segment), 1, AT(sections), 8),
			.e_shstrndx = 7,
		},
		.segment = {
			PT_LOAD, AT(text), TEXT, 0x1000000,
			sizeof(file) - AT(text), sizeof(file) - AT(text), PF_X, 1
		},
		/* Nobody is the address of anything. */
		.data = { 1, 1, 1, 1, OLD_TOP, 1, 1, 1 },
		.names = "other\0__FIXADDR_TOP",
		.alternatives = { TEXT - ALTERNATIVES, 8 },
	};
	file.table[3] = DATA + 16 - (TABLE + 12);
	file.table[4] = NAMES + 6 - (TABLE + 16);
	memset(file.text, 0x90, sizeof(file.text));
	SECTION(1, ".text", text, TEXT, SHF_EXECINSTR);
	SECTION(2, ".data", data, DATA, 0);
	SECTION(3, "__ksymtab", table, TABLE, 0);
	SECTION(4, "__ksymtab_strings", names, NAMES, 0);
	SECTION(5, ".altinstructions", alternatives, ALTERNATIVES, 0);
	SECTION(6, ".altinstr_replacement", replacement, REPLACEMENT, SHF_EXECINSTR);
	file.sections[7] = (Elf32_Shdr) {
		.sh_type = SHT_STRTAB, .sh_offset = AT(section_names),
		.sh_size = sizeof(file.section_names),
	};
	fake_symbol_count = 1;
	fake_symbols[0].address = TEXT;
	budget_begin("FILE", BUDGET_STEPS);
	log_forget();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	i386_map_free(&jumps.map);
	elf_close(&view);
	return 0;
}

static void put(unsigned int at, const char *bytes, unsigned int count)
{
	memcpy(file.text + at, bytes, count);
}

/* The image as it is now: which of its sites become jumps? */
static unsigned int fit(void)
{
	struct i386_scan scan;

	assert_null(elf_open_i386(&view, &file, sizeof(file)));
	jumps = (struct i386_jumps) { .code = NULL };
	assert_int_equal(i386_map_init(&jumps.map, &view, "FILE"), 0);
	assert_int_equal(i386_scan(&scan, &jumps.map, &view, NULL, "FILE"), 0);
	assert_int_equal(i386_map_references(&jumps.map, &view, "FILE"), 0);
	i386_jump_start(&jumps, &view, (uint8_t *)&file, code);
	for (size_t i = 0; i < scan.count; i++)
		i386_jump_over(&jumps, &scan.sites[i]);
	i386_scan_free(&scan);
	return jumps.windows;
}

static uint32_t target_of(const uint8_t *bytes, uint32_t gva)
{
	uint32_t distance;

	memcpy(&distance, bytes, sizeof(distance));
	return gva + sizeof(distance) + distance;
}

/* There is a jump to the code at `to`, in place of `count` bytes. */
static void jumps_at(unsigned int at, unsigned int count, uint32_t to)
{
	assert_int_equal(file.text[at], 0xe9);
	assert_int_equal(target_of(file.text + at + 1, TEXT + at + 1),
			 RL_I386_JUMPS + to);
	for (unsigned int i = 5; i < count; i++)
		assert_int_equal(file.text[at + i], 0xcc);
}

/* The code ends with a jump to this place of the text. */
static void goes_on(uint32_t code_end, unsigned int at)
{
	assert_int_equal(code[code_end - 5], 0xe9);
	assert_int_equal(target_of(code + code_end - 4,
				   RL_I386_JUMPS + code_end - 4), TEXT + at);
}

static void cli(void **state)
{
	static const uint8_t want[] = {
		0xc6, 0x05, 0x00, 0x00, 0xe0, 0xff, 0x00,	/* movb $0, vif */
		0x31, 0xc0, 0x89, 0xd1,			/* what came behind */
	};

	(void)state;
	put(16, "\xfa\x31\xc0\x89\xd1", 5);
	assert_int_equal(fit(), 1);
	jumps_at(16, 5, 0);
	assert_memory_equal(code, want, sizeof(want));
	goes_on(sizeof(want) + 5, 21);
	assert_int_equal(jumps.used, sizeof(want) + 5);
	assert_int_equal(jumps.trap_count, 0);
	assert_int_equal(file.text[21], 0x90);
}

/* One that waits is taken by a trap, whose place the shim is told. */
static void sti(void **state)
{
	static const uint8_t want[] = {
		0xc6, 0x05, 0x00, 0x00, 0xe0, 0xff, 0x01,	/* movb $1, vif */
		0x51,						/* push %ecx */
		0x0f, 0xb6, 0x0d, 0x01, 0x00, 0xe0, 0xff,	/* movzbl pending */
		0xe3, 0x01, 0xcc, 0x59,		/* jecxz 1f; int3; 1: pop %ecx */
	};

	(void)state;
	put(12, "\x89\xd1\x31\xc0\xfb\xc3", 6);
	fake_symbol_count = 2;
	fake_symbols[1].address = TEXT + 18;
	assert_int_equal(fit(), 1);
	/* Five bytes are found with what comes before. */
	jumps_at(12, 5, 0);
	assert_memory_equal(code, "\x89\xd1\x31\xc0", 4);
	assert_memory_equal(code + 4, want, sizeof(want));
	goes_on(4 + sizeof(want) + 5, 17);
	assert_int_equal(file.text[17], 0xc3);
	assert_int_equal(jumps.trap_count, 1);
	assert_int_equal(jumps.traps[0].gva, RL_I386_JUMPS + 4 + 17);
	assert_int_equal(jumps.traps[0].bytes[0], 0xfb);
	assert_int_equal(jumps.traps[0].length, 1);
}

/* The flags are those of the processor but for IF, and none is changed. */
static void pushf_popf(void **state)
{
	static const uint8_t want[] = {
		0x9c, 0x51, 0x0f, 0xb6, 0x0d, 0x00, 0x00, 0xe0, 0xff,
		0xe3, 0x02, 0xeb, 0x0e, 0x8b, 0x4c, 0x24, 0x04,
		0x8d, 0x89, 0x00, 0xfe, 0xff, 0xff, 0x89, 0x4c, 0x24, 0x04, 0x59,
		0x31, 0xc0,
		0xf6, 0x44, 0x24, 0x01, 0x02, 0x74, 0x13,
		0xc6, 0x05, 0x00, 0x00, 0xe0, 0xff, 0x01,
		0x80, 0x3d, 0x01, 0x00, 0xe0, 0xff, 0x00, 0x74, 0x0a,
		0xcc, 0xeb, 0x08, 0xc6, 0x05, 0x00, 0x00, 0xe0, 0xff, 0x00, 0x9d,
		0x90,
	};

	(void)state;
	put(16, "\x9c\x31\xc0\x9d", 4);
	assert_int_equal(fit(), 1);
	jumps_at(16, 5, 0);
	assert_memory_equal(code, want, sizeof(want));
	goes_on(sizeof(want) + 5, 21);
	assert_int_equal(jumps.traps[0].gva, RL_I386_JUMPS + 53);
	assert_int_equal(jumps.traps[0].bytes[0], 0x9d);
}

static void reads_cr2(void **state)
{
	static const uint8_t want[] = { 0x8b, 0x1d, 0x08, 0x00, 0xe0, 0xff };

	(void)state;
	put(16, "\x0f\x20\xd3\x31\xc0", 5);
	assert_int_equal(fit(), 1);
	assert_memory_equal(code, want, sizeof(want));
	/* Other control registers are for the shim. */
	tear_down(NULL);
	set_up(NULL);
	put(16, "\x0f\x20\xdb\x31\xc0", 5);
	assert_int_equal(fit(), 0);
}

/* What leads elsewhere leads there from its new place. */
static void branches(void **state)
{
	(void)state;
	put(16, "\xfa\x74\x10\x75\xf0", 5);		/* cli; je 35; jne 5 */
	put(48, "\xfa\xe8\x30\x00\x00\x00", 6);		/* cli; call 102 */
	put(64, "\xfa\x31\xc0\xeb\x10", 5);		/* cli; ...; jmp 85 */
	put(80, "\xfa\xff\x15\x00\x00\x00\x01", 7);	/* cli; call *... */
	file.text[79] = 0xc3;
	fake_symbol_count = 2;
	fake_symbols[1].address = TEXT + 80;
	assert_int_equal(fit(), 3);
	assert_int_equal(code[7], 0x0f);
	assert_int_equal(code[8], 0x84);
	assert_int_equal(target_of(code + 9, RL_I386_JUMPS + 9), TEXT + 35);
	assert_int_equal(code[14], 0x85);
	assert_int_equal(target_of(code + 15, RL_I386_JUMPS + 15), TEXT + 5);
	goes_on(24, 21);
	/* It returns to where it was called from. */
	jumps_at(48, 6, 24);
	assert_int_equal(code[31], 0x68);
	assert_memory_equal(code + 32, "\x36\x00\x00\xc1", 4);
	goes_on(41, 102);
	jumps_at(64, 5, 41);
	goes_on(55, 85);
	assert_int_equal(jumps.used, 55);
	assert_int_equal(file.text[80], 0xfa);
}

/* Each of these is a reason to leave `cli; xor; mov` alone, or what is around it. */
static void leads_into(unsigned int where)
{
	put(16, "\xfa\x31\xc0\x89\xd1", 5);
	/* Instructions before it that cannot go along. */
	put(8, "\xff\x15\x00\x00\x00\x01\x0f\x0b", 8);
	assert_int_equal(fit(), where == 16);
	assert_int_equal(file.text[16], where == 16 ? 0xe9 : 0xfa);
	assert_int_equal(jumps.trap_count, 0);
	tear_down(NULL);
	set_up(NULL);
}

static void targets(void **state)
{
	(void)state;
	for (unsigned int where = 16; where < 21; where++) {
		/* A branch from elsewhere; a symbol; an address in data, in code. */
		put(128, "\x0f\x84", 2);
		memcpy(file.text + 130, &(int32_t) { (int)where - 134 }, 4);
		leads_into(where);
		if (where == 16 || where == 17 || where == 19) {
			fake_symbol_count = 2;
			fake_symbols[1].address = TEXT + where;
			leads_into(where);
		}
		memcpy((uint8_t *)file.data + 3, &(uint32_t) { TEXT + where }, 4);
		leads_into(where);
		put(128, "\xb8", 1);
		memcpy(file.text + 129, &(uint32_t) { TEXT + where }, 4);
		leads_into(where);
	}
}

/* Linux's tables of its code say where by a distance: all of it stays, also its start. */
static void tables(void **state)
{
	(void)state;
	for (unsigned int where = 16; where < 21; where++) {
		file.data[2] = TEXT + where - (DATA + 8);
		leads_into(0);
		/* An alternative of `where` to 16 bytes that begins before. */
		file.alternatives[0] = TEXT + 3 - ALTERNATIVES;
		file.alternatives[2] = (where - 2) << 16;
		leads_into(0);
	}
}

/* Of Linux 6.3's kind, 14 bytes, or not from code to code: nothing is known of the rows. */
static void strange_alternatives(void **state)
{
	static const uint32_t rows[][3] = {
		{ DATA + 4 - ALTERNATIVES, 8, 0 },
		{ TEXT - ALTERNATIVES, DATA - ALTERNATIVES, 0 },
	};
	uint64_t sizes[] = { 1, 11, 13, 14 };

	(void)state;
	assert_null(elf_open_i386(&view, &file, sizeof(file)));
	assert_int_equal(i386_map_init(&jumps.map, &view, "FILE"), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		view.sections[5].sh_size = sizes[i];
		assert_int_equal(i386_map_references(&jumps.map, &view, "FILE"),
				 -ENOEXEC);
		assert_logged("FILE has a table of alternatives of another shape");
	}
	view.sections[5].sh_size = sizeof(file.alternatives);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memcpy(file.alternatives, rows[i], sizeof(rows[i]));
		assert_int_equal(i386_map_references(&jumps.map, &view, "FILE"),
				 -ENOEXEC);
		assert_logged("FILE has a table of alternatives of another shape");
	}
}

/* They are one for the shim, and what is not a byte alone is not one of ours. */
static void others(void **state)
{
	(void)state;
	put(16, "\x31\xc0\x89\xd1\xfb\xf4", 6);
	put(48, "\x66\x9c\x31\xc0\x89\xd1", 6);
	put(64, "\xfa\x0f\xa2\x31\xc0", 5);
	put(60, "\x0f\x0b\x0f\x0b", 4);
	assert_int_equal(fit(), 0);
	assert_int_equal(file.text[20], 0xfb);
}

/* Where there is no room for one more, a trap must do. */
static void room(void **state)
{
	struct i386_site site = { TEXT + 48, 1, I386_CLI };

	(void)state;
	put(16, "\xfa\x31\xc0\x89\xd1", 5);
	assert_int_equal(fit(), 1);
	memcpy(file.text + 48, "\xfa\x31\xc0\x89\xd1", 5);
	memset(jumps.map.bytes + 48, 0, 5);
	jumps.map.bytes[48] = jumps.map.bytes[49] = jumps.map.bytes[51] = I386_MAP_START;
	jumps.used = RL_I386_JUMP_BYTES - 15;
	assert_false(i386_jump_over(&jumps, &site));
	assert_int_equal(file.text[48], 0xfa);
	jumps.used--;
	assert_true(i386_jump_over(&jumps, &site));
	assert_int_equal(jumps.used, RL_I386_JUMP_BYTES);
}

static void hole(void **state)
{
	(void)state;
	assert_null(elf_open_i386(&view, &file, sizeof(file)));
	assert_true(i386_jump_make_room(&view, (uint8_t *)&file));
	assert_int_equal(file.data[4], RL_I386_HOLE - 4096);
	/* Not the number that it has in any kernel, and nobody of that name. */
	assert_false(i386_jump_make_room(&view, (uint8_t *)&file));
	file.data[4] = OLD_TOP;
	file.names[6] = 'x';
	assert_false(i386_jump_make_room(&view, (uint8_t *)&file));
	assert_int_equal(file.data[4], OLD_TOP);
	jumps.map.bytes = NULL;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(cli), T(sti), T(pushf_popf), T(reads_cr2), T(branches), T(targets),
		T(tables), T(strange_alternatives), T(others), T(room), T(hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
