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
#define LISTS		((int)(FAKE_LISTS - FAKE_TEXT))
#define NOTES		0x7000

/* What only a kernel with CFI has. */
#define CFI	"__cfi_x86_init_noop"

/* In address order, as Linux has them; two share a name. */
static const struct fake_symbol {
	const char *name;
	char type;
	uint64_t address;
} symbols[] = {
	{ "fixed_percpu_data", 'A', 0 },
	{ "fake_percpu", 'A', FAKE_PERCPU },
	{ "fake_table", 'A', FAKE_PERCPU + 8 },
	{ "fake_inner", 'A', FAKE_PERCPU + 16 },
	{ "fake_pointer", 'A', FAKE_PERCPU + 26 },
	{ "_text", 'T', FAKE_TEXT },
	{ "startup_64", 'T', FAKE_TEXT },
	{ "twice", 't', FAKE_TEXT + 0x40 },
	{ "twice", 't', FAKE_TEXT + 0x80 },
	{ "fake_function", 'T', FAKE_FUNCTION },
	{ "xen_iret", 'T', FAKE_TEXT + 0x200 },
	{ "xen_error_entry", 't', FAKE_XEN_ENTRY },
	{ CFI, 't', FAKE_TEXT + 0x280 },
	{ "asm_xenpv_exc_debug", 'T', FAKE_TEXT + 0x300 },
	{ "linux_banner", 'D', FAKE_TEXT + BANNER },
	{ "__start_mcount_loc", 'D', FAKE_TEXT + LISTS },
	{ "__stop_mcount_loc", 'D', FAKE_TEXT + LISTS + 0x10 },
	{ "__return_sites", 'D', FAKE_TEXT + LISTS + 0x20 },
	{ "__return_sites_end", 'D', FAKE_TEXT + LISTS + 0x24 },
	{ "__parainstructions", 'D', FAKE_TEXT + LISTS + 0x40 },
	{ "__parainstructions_end", 'D', FAKE_TEXT + LISTS + 0x50 },
	{ "__start_runtime_ptr_fake", 'D', FAKE_TEXT + LISTS + 0x60 },
	{ "__stop_runtime_ptr_fake", 'D', FAKE_TEXT + LISTS + 0x64 },
	{ "x86_cap_flags", 'D', FAKE_CAP_FLAGS },
	{ "vdso_image_32", 'D', FAKE_VDSO_IMAGE },
	{ "fake_vdso", 'D', FAKE_VDSO },
	{ "__alt_instructions", 'D', FAKE_ALTERNATIVE },
	{ "__alt_instructions_end", 'D', FAKE_ALTERNATIVE + 28 },
	{ "init_top_pgt", 'D', FAKE_DATA },
	{ "level2_fixmap_pgt", 'D', FAKE_DATA + 0x1000 },
	{ "pv_ops", 'D', FAKE_DATA + 0x2000 },
	{ "a_rather_long_name_that_goes_on_and_on_for_more_than_a_hundred_"
	  "and_twenty_eight_characters_so_that_its_length_takes_two_bytes_"
	  "in_the_table", 'd', FAKE_DATA + 0x2100 },
	{ "early_top_pgt", 'D', FAKE_DATA + 0x3000 },
	{ "_sinittext", 'T', FAKE_DATA + 0x8000 },
	{ "fake_init", 't', FAKE_DATA + 0x8000 },
	{ "_einittext", 'T', FAKE_DATA + 0x9000 },
	{ "_end", 'B', FAKE_DATA + FAKE_DATA_MEMORY },
};
#define SYMBOLS (sizeof(symbols) / sizeof(symbols[0]))

static bool has(const struct fake_kernel *how, const char *name)
{
	return strcmp(name, CFI) ? !how->without || strcmp(name, how->without) : how->cfi;
}

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

/* To where a table may begin. */
static void align(struct buffer *b, const struct fake_kernel *how)
{
	size_t mask = how->own_places ? 3 : 7;

	b->size = (b->size + mask) & ~mask;
}

/* Each counts from where it lies, which is in the text. Too far: 0. */
static void add_own_places(struct buffer *b, const struct fake_kernel *how)
{
	align(b, how);
	for (size_t i = 0; i < SYMBOLS; i++) {
		int64_t far = symbols[i].address - (FAKE_TEXT + b->size);
		int32_t offset = far == (int32_t)far ? far : 0;

		if (has(how, symbols[i].name))
			add(b, &offset, 4);
	}
}

static void add_offsets(struct buffer *b, const struct fake_kernel *how)
{
	uint64_t base = FAKE_TEXT;

	align(b, how);
	for (size_t i = 0; i < SYMBOLS; i++) {
		uint64_t address = symbols[i].address;
		int32_t offset;

		if (!has(how, symbols[i].name))
			continue;
		if (how->plain_offsets)
			offset = address < base ? 0 : address - base;
		else
			offset = address < base ? address :
						  base - 1 - address;
		add(b, &offset, 4);
	}
	align(b, how);
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

	align(b, how);
	count_at = b->size;
	b->size += how->own_places ? 4 : 8;
	for (size_t i = 0; i < SYMBOLS; i++) {
		if (!has(how, symbols[i].name))
			continue;
		add_name(b, &symbols[i]);
		count++;
	}
	memcpy(b->data + count_at, &count, 4);
	align(b, how);
	add(b, &marker, 4);
}

/* Each printable character stands for itself, the rest for some text. */
static void add_tokens(struct buffer *b, const struct fake_kernel *how)
{
	uint16_t index[256];
	size_t start;

	align(b, how);
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
	align(b, how);
	add(b, index, sizeof(index));
}

static void add_kallsyms(uint8_t *text, const struct fake_kernel *how)
{
	/* At 4 bytes, not at 8, where that is allowed. */
	struct buffer b = { text, KALLSYMS + (how->own_places ? 4 : 0) };

	if (how->no_kallsyms)
		return;
	if (!how->new_order && !how->own_places)
		add_offsets(&b, how);
	add_names(&b, how);
	b.size += 3 * SYMBOLS;	/* seqs_of_names, or padding */
	add_tokens(&b, how);
	if (how->new_order)
		add_offsets(&b, how);
	if (how->own_places)
		add_own_places(&b, how);
	assert_true(b.size < LISTS);
}

/*
 * One record of each list, at FAKE_FUNCTION + 0, 0x10, 0x30, 0x60; add_features() has
 * the one at 0x20.
 */
static void add_lists(uint8_t *text)
{
	uint64_t place = FAKE_FUNCTION;
	/* FAKE_FUNCTION is at 0x100 in the text. */
	int32_t distance = 0x100 + 0x10 - (LISTS + 0x20);

	memcpy(text + LISTS, &place, 8);
	place = FAKE_TEXT + 0x800;
	memcpy(text + LISTS + 8, &place, 8);
	memcpy(text + LISTS + 0x20, &distance, 4);
	place = FAKE_FUNCTION + 0x30;
	memcpy(text + LISTS + 0x40, &place, 8);
	text[LISTS + 0x49] = 7;		/* len */
	distance = 0x100 + 0x60 - (LISTS + 0x60);
	memcpy(text + LISTS + 0x60, &distance, 4);
}

static void put_alternative(uint8_t *text, uint64_t at, uint64_t old, size_t old_size,
			    uint64_t new, size_t new_size, uint16_t number)
{
	int32_t distances[2] = { old - at, new - at - 4 };
	uint8_t sizes[2] = { old_size, new_size };

	memcpy(text + at - FAKE_TEXT, distances, 8);
	memcpy(text + at - FAKE_TEXT + 8, &number, 2);
	memcpy(text + at - FAKE_TEXT + 10, sizes, 2);
}

/*
 * Two names, of which the second is number 3; an alternative without feature FAKE_XENPV
 * that brings in cli, and one with it that brings in a call of Xen's; and a vDSO with three, of which one is not about how it is entered.
 */
static void add_features(uint8_t *text)
{
	uint64_t names[4] = { FAKE_VDSO + 0x80, 0, 0, FAKE_VDSO + 0x84 };
	uint64_t image[4] = { FAKE_VDSO, 0x80, 0x40, 3 * 12 };

	int32_t far = (int32_t)(FAKE_XEN_ENTRY - (FAKE_XEN_CALL + 5));

	memcpy(text + FAKE_CAP_FLAGS - FAKE_TEXT, names, sizeof(names));
	memcpy(text + FAKE_VDSO + 0x80 - FAKE_TEXT, "fpu\0apic", 9);
	text[LISTS + 0x70] = 0xfa;
	put_alternative(text, FAKE_ALTERNATIVE, FAKE_FUNCTION + 0x20, 3,
			FAKE_TEXT + LISTS + 0x70, 1, 0x8000 | FAKE_XENPV);
	text[FAKE_XEN_CALL - FAKE_TEXT] = 0xe8;
	memcpy(text + FAKE_XEN_CALL - FAKE_TEXT + 1, &far, 4);
	put_alternative(text, FAKE_ALTERNATIVE + 12, FAKE_TEXT + 0x900, 5, FAKE_XEN_CALL, 5,
			FAKE_XENPV);
	memcpy(text + FAKE_VDSO_IMAGE - FAKE_TEXT, image, sizeof(image));
	memcpy(text + FAKE_VDSO - FAKE_TEXT, "\xcd\x80\x90\x90\x0f\x05\x0f\x31", 8);
	put_alternative(text, FAKE_VDSO + 0x40, FAKE_VDSO, 2, FAKE_VDSO + 4, 2, 111);
	put_alternative(text, FAKE_VDSO + 0x4c, FAKE_VDSO + 6, 2, FAKE_VDSO + 2, 2, 59);
	put_alternative(text, FAKE_VDSO + 0x58, FAKE_VDSO + 2, 2, FAKE_VDSO + 4, 2, 110);
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
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
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
	memcpy(text + FAKE_ENDBR_FENTRY - FAKE_TEXT, endbr64, 4);
	memcpy(text + FAKE_ENDBR - FAKE_TEXT, endbr64, 4);
	snprintf((char *)text + BANNER, 200, "Linux version %s (me@here) #1",
		 how->release ? how->release : FAKE_RELEASE);
	add_kallsyms(text, how);
	add_lists(text);
	add_features(text);
	note_size = add_note(text);
	segments[2].size = segments[2].memory_size = note_size;
	memcpy(data + (how->early_top ? 0x3000 : 0) + 511 * 8, &entry, 8);
	data[0x2000] = 0x55;
	memset(data + 0x38000, 0x66, 0x1000);
	file = fake_elf(ET_EXEC, FAKE_TEXT_GPA, segments, 3, &section,
			how->no_btf ? 0 : 1, size);
	free(text);
	free(data);
	free(btf);
	return file;
}
