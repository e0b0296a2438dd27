// SPDX-License-Identifier: GPL-2.0
/* A small kernel with the tables that `ringlet prepare` reads. */
#include <elf.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "fake_image.h"

#define TEXT_SIZE	0x8000
#define DATA_SIZE	0x40000
#define BANNER		0x2000
#define KALLSYMS	0x3000
#define LISTS		0x6000
#define NOTES		0x7000

/* In address order, as Linux has them; two share a name. */
static const struct fake_symbol {
	const char *name;
	char type;
	uint64_t address;
} symbols[] = {
	{ "fixed_percpu_data", 'A', 0 },
	{ "fake_percpu", 'A', FAKE_PERCPU },
	{ "_text", 'T', FAKE_TEXT },
	{ "startup_64", 'T', FAKE_TEXT },
	{ "twice", 't', FAKE_TEXT + 0x40 },
	{ "twice", 't', FAKE_TEXT + 0x80 },
	{ "fake_function", 'T', FAKE_FUNCTION },
	{ "xen_iret", 'T', FAKE_TEXT + 0x200 },
	{ "asm_xenpv_exc_debug", 'T', FAKE_TEXT + 0x300 },
	{ "linux_banner", 'D', FAKE_TEXT + BANNER },
	{ "__start_mcount_loc", 'D', FAKE_TEXT + LISTS },
	{ "__stop_mcount_loc", 'D', FAKE_TEXT + LISTS + 0x10 },
	{ "__return_sites", 'D', FAKE_TEXT + LISTS + 0x20 },
	{ "__return_sites_end", 'D', FAKE_TEXT + LISTS + 0x24 },
	{ "__alt_instructions", 'D', FAKE_TEXT + LISTS + 0x30 },
	{ "__alt_instructions_end", 'D', FAKE_TEXT + LISTS + 0x3c },
	{ "__parainstructions", 'D', FAKE_TEXT + LISTS + 0x40 },
	{ "__parainstructions_end", 'D', FAKE_TEXT + LISTS + 0x50 },
	{ "init_top_pgt", 'D', FAKE_DATA },
	{ "level2_fixmap_pgt", 'D', FAKE_DATA + 0x1000 },
	{ "pv_ops", 'D', FAKE_DATA + 0x2000 },
	{ "a_rather_long_name_that_goes_on_and_on_for_more_than_a_hundred_"
	  "and_twenty_eight_characters_so_that_its_length_takes_two_bytes_"
	  "in_the_table", 'd', FAKE_DATA + 0x2100 },
	{ "_end", 'B', FAKE_DATA + FAKE_DATA_MEMORY },
};
#define SYMBOLS (sizeof(symbols) / sizeof(symbols[0]))

/* A buffer that grows by aligned pieces. */
struct buffer {
	uint8_t *data;
	size_t size;
};

static void add(struct buffer *b, const void *data, size_t size)
{
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void align8(struct buffer *b)
{
	b->size = (b->size + 7) & ~(size_t)7;
}

static void add_offsets(struct buffer *b, const struct fake_kernel *how)
{
	uint64_t base = FAKE_TEXT;

	align8(b);
	for (size_t i = 0; i < SYMBOLS; i++) {
		uint64_t address = symbols[i].address;
		int32_t offset;

		if (how->without && !strcmp(symbols[i].name, how->without))
			continue;
		if (how->plain_offsets)
			offset = address < base ? 0 : address - base;
		else
			offset = address < base ? address :
						  base - 1 - address;
		add(b, &offset, 4);
	}
	align8(b);
	add(b, &base, 8);
}

static void add_name(struct buffer *b, const struct fake_symbol *s)
{
	size_t length = strlen(s->name) + 1;
	uint8_t size[2] = { length, 0 };

	if (length >= 128) {
		size[0] = 0x80 | (length & 0x7f);
		size[1] = length >> 7;
	}
	add(b, size, length >= 128 ? 2 : 1);
	add(b, &s->type, 1);
	add(b, s->name, length - 1);
}

static void add_names(struct buffer *b, const struct fake_kernel *how)
{
	size_t count_at;
	uint32_t count = 0, marker = 0;

	align8(b);
	count_at = b->size;
	b->size += 8;
	for (size_t i = 0; i < SYMBOLS; i++) {
		if (how->without && !strcmp(symbols[i].name, how->without))
			continue;
		add_name(b, &symbols[i]);
		count++;
	}
	memcpy(b->data + count_at, &count, 4);
	align8(b);
	add(b, &marker, 4);
}

/* Each printable character stands for itself, the rest for some text. */
static void add_tokens(struct buffer *b)
{
	uint16_t index[256];
	size_t start;

	align8(b);
	start = b->size;
	for (int i = 0; i < 256; i++) {
		char text[16];

		index[i] = b->size - start;
		if (i > ' ' && i < 127)
			snprintf(text, sizeof(text), "%c", i);
		else
			snprintf(text, sizeof(text), "tok%d", i);
		add(b, text, strlen(text) + 1);
	}
	align8(b);
	add(b, index, sizeof(index));
}

static void add_kallsyms(uint8_t *text, const struct fake_kernel *how)
{
	struct buffer b = { text, KALLSYMS };

	if (how->no_kallsyms)
		return;
	if (!how->new_order)
		add_offsets(&b, how);
	add_names(&b, how);
	b.size += 3 * SYMBOLS;	/* seqs_of_names, or padding */
	add_tokens(&b);
	if (how->new_order)
		add_offsets(&b, how);
	assert_true(b.size < LISTS);
}

/* One record of each list, at FAKE_FUNCTION + 0, 0x10, 0x20, 0x30. */
static void add_lists(uint8_t *text)
{
	uint64_t place = FAKE_FUNCTION;
	/* FAKE_FUNCTION is at 0x100 in the text. */
	int32_t distance = 0x100 + 0x10 - (LISTS + 0x20);

	memcpy(text + LISTS, &place, 8);
	place = FAKE_TEXT + 0x800;
	memcpy(text + LISTS + 8, &place, 8);
	memcpy(text + LISTS + 0x20, &distance, 4);
	distance = 0x100 + 0x20 - (LISTS + 0x30);
	memcpy(text + LISTS + 0x30, &distance, 4);
	text[LISTS + 0x3a] = 3;		/* instrlen */
	place = FAKE_FUNCTION + 0x30;
	memcpy(text + LISTS + 0x40, &place, 8);
	text[LISTS + 0x49] = 7;		/* len */
}

static size_t add_note(uint8_t *text)
{
	static const uint8_t other[] = "\4\0\0\0\5\0\0\0\6\0\0\0Xen\0linux\0\0\0";
	Elf64_Nhdr n = { 4, 20, 3 };
	struct buffer b = { text, NOTES };

	add(&b, other, sizeof(other) - 1);
	add(&b, &n, sizeof(n));
	add(&b, "GNU", 4);
	for (int i = 0; i < 20; i++) {
		uint8_t byte = (i % 16) * 0x11;

		add(&b, &byte, 1);
	}
	return b.size - NOTES;
}

uint8_t *fake_kernel(const struct fake_kernel *how, size_t *size)
{
	uint8_t *text = calloc(1, TEXT_SIZE), *data = calloc(1, DATA_SIZE);
	uint64_t entry = 0x1000067;
	size_t btf_size, note_size;
	uint8_t *btf = fake_btf(&btf_size), *file;
	struct fake_section section = { ".BTF", SHT_PROGBITS, 0, btf,
					btf_size };
	struct fake_segment segments[] = {
		{ PT_LOAD, PF_R | PF_X, FAKE_TEXT, FAKE_TEXT_GPA, text,
		  TEXT_SIZE, TEXT_SIZE },
		{ PT_LOAD, PF_R | PF_W, FAKE_DATA, FAKE_DATA_GPA, data,
		  DATA_SIZE, FAKE_DATA_MEMORY },
		{ PT_NOTE, PF_R, FAKE_TEXT + NOTES, FAKE_TEXT_GPA + NOTES,
		  text + NOTES, 0, 0 },
	};

	for (size_t i = 0; i < 0x1000; i++)
		text[i] = i * 7 + 1;
	snprintf((char *)text + BANNER, 200, "Linux version %s (me@here) #1",
		 how->release ? how->release : FAKE_RELEASE);
	add_kallsyms(text, how);
	add_lists(text);
	note_size = add_note(text);
	segments[2].size = segments[2].memory_size = note_size;
	memcpy(data + 511 * 8, &entry, 8);
	data[0x2000] = 0x55;
	memset(data + 0x38000, 0x66, 0x1000);
	file = fake_elf(ET_EXEC, FAKE_TEXT_GPA, segments, 3, &section,
			how->no_btf ? 0 : 1, size);
	free(text);
	free(data);
	free(btf);
	return file;
}
