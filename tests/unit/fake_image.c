// SPDX-License-Identifier: GPL-2.0
/* ELF files and bzImages for tests. fake_kernel.c has the kernel. */
#include "fake_image.h"

#include <elf.h>
#include <glob.h>
#include <lz4hc.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "unit.h"

#include "abi/guest.h"

#define PAGE 4096

static size_t page_up(size_t n)
{
	return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void set_segment(Elf64_Phdr *p, const struct fake_segment *s, size_t at)
{
	p->p_type = s->type;
	p->p_flags = s->flags;
	p->p_offset = at;
	p->p_vaddr = s->gva;
	p->p_paddr = s->gpa;
	p->p_filesz = s->size;
	p->p_memsz = s->memory_size;
	p->p_align = PAGE;
}

uint8_t *fake_elf(uint16_t type, uint64_t entry,
		  const struct fake_segment *segments, size_t segment_count,
		  const struct fake_section *sections, size_t section_count,
		  size_t *size)
{
	Elf64_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
				      ELFDATA2LSB, EV_CURRENT } };
	size_t names = 1, at, name_at = 1;
	size_t headers = sizeof(h) + segment_count * sizeof(Elf64_Phdr);
	size_t total = page_up(headers) + PAGE;
	Elf64_Shdr *table;
	uint8_t *file;

	for (size_t i = 0; i < segment_count; i++)
		total += page_up(segments[i].size);
	for (size_t i = 0; i < section_count; i++) {
		total += page_up(sections[i].size);
		names += strlen(sections[i].name) + 1;
	}
	total += page_up(names + 16) +
		 page_up((section_count + 2) * sizeof(Elf64_Shdr));
	file = calloc(1, total);
	assert_non_null(file);
	at = page_up(headers);
	for (size_t i = 0; i < segment_count; i++) {
		Elf64_Phdr p = { 0 };

		set_segment(&p, &segments[i], at);
		memcpy(file + sizeof(h) + i * sizeof(p), &p, sizeof(p));
		memcpy(file + at, segments[i].data, segments[i].size);
		at += page_up(segments[i].size);
	}
	table = calloc(section_count + 2, sizeof(*table));
	for (size_t i = 0; i < section_count; i++) {
		Elf64_Shdr *s = &table[i + 1];

		s->sh_type = sections[i].type;
		s->sh_link = sections[i].link;
		s->sh_offset = at;
		s->sh_size = sections[i].size;
		if (sections[i].size)
			memcpy(file + at, sections[i].data, sections[i].size);
		at += page_up(sections[i].size);
	}
	table[section_count + 1].sh_type = SHT_STRTAB;
	table[section_count + 1].sh_offset = at;
	table[section_count + 1].sh_size = names + 10;
	for (size_t i = 0; i < section_count; i++) {
		table[i + 1].sh_name = name_at;
		strcpy((char *)file + at + name_at, sections[i].name);
		name_at += strlen(sections[i].name) + 1;
	}
	table[section_count + 1].sh_name = name_at;
	strcpy((char *)file + at + name_at, ".shstrtab");
	at += page_up(names + 16);
	memcpy(file + at, table, (section_count + 2) * sizeof(*table));
	h.e_type = type;
	h.e_machine = EM_X86_64;
	h.e_version = EV_CURRENT;
	h.e_entry = entry;
	h.e_phoff = sizeof(h);
	h.e_phentsize = sizeof(Elf64_Phdr);
	h.e_phnum = segment_count;
	h.e_shoff = at;
	h.e_shentsize = sizeof(Elf64_Shdr);
	h.e_shnum = section_count + 2;
	h.e_shstrndx = section_count + 1;
	memcpy(file, &h, sizeof(h));
	free(table);
	*size = at + (section_count + 2) * sizeof(Elf64_Shdr);
	return file;
}

static size_t pack_xz(uint8_t *out, size_t room, const void *in, size_t size,
		      bool bcj)
{
	lzma_options_lzma options;
	lzma_filter filters[] = {
		{ LZMA_FILTER_X86, NULL },
		{ LZMA_FILTER_LZMA2, &options },
		{ LZMA_VLI_UNKNOWN, NULL },
	};
	size_t done = 0;

	assert_false(lzma_lzma_preset(&options, 1));
	assert_int_equal(lzma_stream_buffer_encode(bcj ? filters : filters + 1,
						   LZMA_CHECK_CRC32, NULL, in,
						   size, out, &done, room),
			 LZMA_OK);
	return done;
}

static size_t pack_gzip(uint8_t *out, size_t room, const void *in, size_t size)
{
	z_stream s = { 0 };

	assert_int_equal(deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8,
				      Z_DEFAULT_STRATEGY), Z_OK);
	s.next_in = (uint8_t *)in;
	s.avail_in = size;
	s.next_out = out;
	s.avail_out = room;
	assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
	deflateEnd(&s);
	return room - s.avail_out;
}

/* As `lz4 -l`: blocks of 8 MB with their sizes. */
static size_t pack_lz4(uint8_t *out, size_t room, const uint8_t *in,
		       size_t size)
{
	size_t done = 4;

	memcpy(out, "\x02\x21\x4c\x18", 4);
	for (size_t at = 0; at < size; at += 8 << 20) {
		size_t n = size - at < 8 << 20 ? size - at : 8 << 20;
		int packed = LZ4_compress_HC((const char *)in + at,
					     (char *)out + done + 4, n,
					     room - done - 4, 3);

		assert_true(packed > 0);
		memcpy(out + done, &packed, 4);
		done += 4 + packed;
	}
	return done;
}

static size_t pack(uint8_t *out, size_t room, const void *in, size_t size,
		   const char *format)
{
	size_t done;

	if (!strncmp(format, "xz", 2))
		return pack_xz(out, room, in, size, format[2] == '-');
	if (!strcmp(format, "gzip"))
		return pack_gzip(out, room, in, size);
	if (!strcmp(format, "lz4"))
		return pack_lz4(out, room, in, size);
	if (!strcmp(format, "zstd")) {
		done = ZSTD_compress(out, room, in, size, 3);
		assert_false(ZSTD_isError(done));
		return done;
	}
	assert_string_equal(format, "none");
	memcpy(out, in, size);
	return size;
}

#define SETUP_SIZE	(5 * 512)	/* setup_sects 4 */
#define PAYLOAD		0x300		/* behind the setup part */

uint8_t *fake_bzimage(const void *payload, size_t size, const char *format,
		      size_t *image_size)
{
	size_t room = size * 2 + 65536;
	uint8_t *file = calloc(1, SETUP_SIZE + PAYLOAD + room);
	uint8_t *packed = file + SETUP_SIZE + PAYLOAD;
	uint32_t value, length;

	assert_non_null(file);
	length = pack(packed, room - 64, payload, size, format);
	/* gzip has the size at its end; for the others it is appended. */
	if (strcmp(format, "gzip") && strcmp(format, "none")) {
		value = size;
		memcpy(packed + length, &value, 4);
		length += 4;
	}
	file[0x1f1] = 4;
	memcpy(file + 0x1fe, "\x55\xaa", 2);
	memcpy(file + 0x202, "HdrS\x0f\x02", 6);
	memcpy(file + 0x236, "\x7f\x00", 2);
	value = PAYLOAD;
	memcpy(file + 0x248, &value, 4);
	memcpy(file + 0x24c, &length, 4);
	*image_size = SETUP_SIZE + PAYLOAD + length + 16;
	return file;
}

char *real_kernel(void)
{
	static const char *const places[] = {
		"../../build/kernels/*/boot/vmlinuz-*-amd64",
		"build/kernels/*/boot/vmlinuz-*-amd64",
		"/boot/vmlinuz-*-amd64",
	};
	char *found = getenv("RINGLET_TEST_KERNEL");
	glob_t g;

	if (found)
		return strdup(found);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (glob(places[i], 0, NULL, &g))
			continue;
		found = strdup(g.gl_pathv[0]);
		globfree(&g);
		return found;
	}
	print_message("SKIPPED: no stock kernel on this machine (set "
		      "RINGLET_TEST_KERNEL, or run tests/sandbox/kernels)\n");
	return NULL;
}
