// SPDX-License-Identifier: GPL-2.0
/*
 * ORC tables as DWARF's: tables that are made here, in each layout, in place of an
 * image's. What is written is read again by a small reader of these few operations.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "launcher/budget.h"
#include "launcher/symbols.h"

#define DATA	0xffffffff82000000ull
#define PLACES	(DATA + 64)
#define RECORDS	(PLACES + 4 * COUNT)
#define CODE	0xffffffff81000000ull
#define COUNT	1500

static struct {
	uint8_t before[64];
	int32_t places[COUNT];
	uint8_t records[COUNT][6];
	uint8_t behind[64];
} image;
static size_t count, record_count;
static bool nameless;		/* as in Linux 7.1: found by its looks */

/* In place of the product's: see tests/unit/Makefile. */
size_t kallsyms_find(const struct kallsyms *k, const char *name, uint64_t *address)
{
	(void)k;
	if (!strcmp(name, "__start_orc_unwind_ip"))
		*address = PLACES;
	else if (!strcmp(name, "__stop_orc_unwind_ip"))
		*address = PLACES + 4 * count;
	else if (!strcmp(name, "__start_orc_unwind"))
		*address = RECORDS;
	else if (!strcmp(name, "__stop_orc_unwind"))
		*address = RECORDS + 6 * record_count;
	else
		return 0;
	return count > 0 && !nameless;
}

const void *elf_at(const struct elf_view *elf, uint64_t gva, size_t size)
{
	(void)elf;
	(void)size;
	return gva == PLACES ? (void *)image.places : gva == RECORDS ?
	       (void *)image.records : NULL;
}

static void record(uint64_t address, int sp_offset, int bp_offset,
		   unsigned int sp, unsigned int bp, unsigned int type)
{
	int16_t offsets[2] = { sp_offset, bp_offset };
	uint16_t bits = sp | bp << 4 | type << 8;

	image.places[count] = address - (PLACES + 4 * count);
	memcpy(image.records[count], offsets, 4);
	memcpy(image.records[count] + 4, &bits, 2);
	record_count = ++count;
}

/* --- a reader ------------------------------------------------------------------------ */

struct row {
	uint64_t from;
	unsigned int reg, offset;	/* CFA */
	bool has_caller, bp_same;
	unsigned int bp;		/* where it is, below the CFA, or 0 */
};

static struct row rows[COUNT];
static size_t row_count;

static uint32_t number(const uint8_t **at)
{
	uint32_t value = 0;
	int shift = 0;

	do
		value |= (**at & 127u) << shift;
	while (shift += 7, *(*at)++ & 128);
	return value;
}

static void read_rules(const uint8_t *at, const uint8_t *end, struct row row)
{
	while (at < end) {
		switch (*at++) {
		case 0:
			break;
		case 0x04:
			rows[row_count++] = row;
			row.from += at[0] | at[1] << 8 | at[2] << 16;
			at += 4;
			break;
		case 0x07:
			if (*at == 16)
				row.has_caller = false;
			else
				row.bp_same = false, row.bp = 0;
			at++;
			break;
		case 0x08:
			assert_int_equal(*at++, 6);
			row.bp_same = true;
			row.bp = 0;
			break;
		case 0x0c:
			row.reg = *at++;
			row.offset = number(&at);
			break;
		case 0x80 | 16:
			row.has_caller = number(&at) == 1;
			break;
		case 0x80 | 6:
			row.bp = 8 * number(&at);
			row.bp_same = false;
			break;
		default:
			fail_msg("operation 0x%x", at[-1]);
		}
	}
	rows[row_count++] = row;
}

static size_t read_frames(uint64_t offset)
{
	static Elf64_Phdr segments[] = {
		{ .p_type = PT_LOAD, .p_vaddr = CODE, .p_memsz = 1 << 20 },
		{ .p_type = PT_LOAD, .p_vaddr = DATA, .p_memsz = sizeof(image),
		  .p_filesz = sizeof(image) },
		{ .p_type = PT_LOAD, .p_filesz = sizeof(image) },
		{ .p_type = PT_NOTE, .p_vaddr = DATA, .p_memsz = 4,
		  .p_filesz = 4 },
	};
	static const struct elf_view elf = {
		.data = (uint8_t *)&image, .segments = segments,
		.header.e_phnum = 4,
	};
	struct symbols_source from = { .elf = &elf, .offset = offset };
	char *data;
	size_t size, written, at = 0;
	FILE *out = open_memstream(&data, &size);

	row_count = 0;
	budget_begin("test", 1 << 24);
	written = symbols_frames(&from, out);
	fclose(out);
	while (at < size) {
		const uint8_t *entry = (uint8_t *)data + at + 4;
		uint32_t length, id;
		struct row row = { .has_caller = true };

		memcpy(&length, data + at, 4);
		memcpy(&id, entry, 4);
		assert_true(length <= size - at - 4);
		if (id != 0xffffffff) {
			assert_int_equal(id, 0);
			memcpy(&row.from, entry + 4, 8);
			read_rules(entry + 20, entry + length, row);
		}
		at += 4 + length;
	}
	free(data);
	return written;
}

/* --- tests --------------------------------------------------------------------------- */

static int begin(void **state)
{
	(void)state;
	count = record_count = 0;
	nameless = false;
	memset(&image, 0, sizeof(image));
	return 0;
}

/* The numbers of RSP, RBP and the caller's RSP are the kernel's. */
static void fill(unsigned int call, unsigned int other, unsigned int sp,
		 unsigned int bp, unsigned int prev)
{
	record(CODE, 8, 0, sp, 0, call);
	record(CODE + 1, 16, -16, sp, prev, call);
	record(CODE + 4, 16, -16, bp, prev, call);
	record(CODE + 9, 4096, 0, sp, 0, call);
	record(CODE + 0x40, 168, 0, sp, 0, other);
	record(CODE + 0x50, 8, 0, 0, 0, call);
	record(CODE + 0x60, 8, -12, sp, prev, call);
	record(CODE + 0x70, 8, 0, sp, 0, call);
}

static void check(uint64_t offset)
{
	static const struct row expected[] = {
		{ CODE, 7, 8, true, true, 0 },
		{ CODE + 1, 7, 16, true, false, 16 },
		{ CODE + 4, 6, 16, true, false, 16 },
		{ CODE + 9, 7, 4096, true, true, 0 },
		/* An interrupt's frame, nothing, and what no compiler makes. */
		{ CODE + 0x40, .has_caller = false },
		{ CODE + 0x50, .has_caller = false },
		{ CODE + 0x60, 7, 8, true, false, 0 },
	};

	assert_int_equal(read_frames(offset), 7);
	assert_int_equal(row_count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(rows[i].from, expected[i].from + offset);
		assert_int_equal(rows[i].has_caller, expected[i].has_caller);
		if (!expected[i].has_caller)
			continue;
		assert_int_equal(rows[i].reg, expected[i].reg);
		assert_int_equal(rows[i].offset, expected[i].offset);
		assert_int_equal(rows[i].bp_same, expected[i].bp_same);
		assert_int_equal(rows[i].bp, expected[i].bp);
	}
}

/* Up to Linux 6.3, since, and since 7.1. */
static void test_layouts(void **state)
{
	(void)state;
	fill(0, 1, 5, 4, 1);
	check(0);
	check(0x12345678000);
	begin(NULL);
	fill(2, 3, 5, 4, 1);
	check(0);
	begin(NULL);
	fill(2, 3, 3, 2, 7);
	check(0);
}

static void fill_many(void)
{
	for (unsigned int i = 0; i < COUNT; i++)
		record(CODE + 3 * i, 8 + 8 * i, 0, 5, 0, 2);
}

static void check_many(void)
{
	assert_int_equal(read_frames(0), COUNT - 1);
	assert_int_equal(row_count, COUNT - 1);
	for (unsigned int i = 0; i < COUNT - 1; i++) {
		assert_int_equal(rows[i].from, CODE + 3 * i);
		assert_int_equal(rows[i].offset, 8 + 8 * i);
	}
}

/* More than one FDE holds: each begins with a row of its own. */
static void test_many(void **state)
{
	(void)state;
	fill_many();
	check_many();
}

/* Found by their looks alone: between zeros, and beside a shorter array that is none. */
static void test_nameless(void **state)
{
	(void)state;
	nameless = true;
	fill_many();
	check_many();
	for (unsigned int i = 0; i < 8; i++) {
		int32_t down = -0x200000 - 16 * i;

		memcpy(image.before + 4 * i, &down, 4);
		memcpy(image.behind + 4 * i, &down, 4);
	}
	check_many();
	/* Too short to be believed; and one that has no room for its records. */
	image.places[COUNT / 2] = 1 << 30;
	assert_int_equal(read_frames(0), 0);
}

/* Nothing, tables of two lengths, no record that is a function's, no order. */
static void test_none(void **state)
{
	(void)state;
	assert_int_equal(read_frames(0), 0);
	fill(0, 1, 5, 4, 1);
	record_count--;
	assert_int_equal(read_frames(0), 0);
	begin(NULL);
	record(CODE, 8, 0, 5, 0, 1);
	record(CODE + 1, 8, 0, 5, 0, 3);
	assert_int_equal(read_frames(0), 0);
	begin(NULL);
	record(CODE + 9, 8, 0, 5, 0, 0);
	record(CODE, 8, 0, 5, 0, 0);
	record(CODE + 1, 8, 0, 5, 0, 0);
	assert_int_equal(read_frames(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_layouts, begin),
		cmocka_unit_test_setup(test_many, begin),
		cmocka_unit_test_setup(test_nameless, begin),
		cmocka_unit_test_setup(test_none, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
