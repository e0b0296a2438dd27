// SPDX-License-Identifier: GPL-2.0
/*
 * Each segment is cut into pieces: bytes to load, then zeros. A piece becomes
 * a program header whose memory size is larger than its file size, so that
 * whoever loads the file fills in the zeros without knowing of all this.
 */
#include "compact.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"

#define PAGE		4096ull
#define CHUNK		(1ull << 20)	/* written at once */
#define GAP_MIN		(64ull << 10)	/* fewer zeros are worth no piece */

struct pieces {
	Elf64_Phdr *list;
	size_t count, room;
};

static bool all_zero(const uint8_t *p, size_t size)
{
	return !size || (!p[0] && !memcmp(p, p + 1, size - 1));
}

static int add_piece(struct pieces *pieces, const Elf64_Phdr *segment,
		     uint64_t at, uint64_t file_size, uint64_t memory_size)
{
	Elf64_Phdr *p;

	if (pieces->count == pieces->room) {
		pieces->room = pieces->room ? pieces->room * 2 : 32;
		p = realloc(pieces->list, pieces->room * sizeof(*p));
		if (!p)
			return -ENOMEM;
		pieces->list = p;
	}
	p = &pieces->list[pieces->count++];
	*p = *segment;
	p->p_offset += at;	/* in the original, until write_pieces() */
	p->p_vaddr += at;
	p->p_paddr += at;
	p->p_filesz = file_size;
	p->p_memsz = memory_size;
	p->p_align = PAGE;
	return pieces->count < PN_XNUM ? 0 : -EFBIG;
}

/* From `at`, how many bytes are zero pages, whole or the last part? */
static uint64_t zeros_at(const uint8_t *data, uint64_t at, uint64_t size)
{
	uint64_t start = at;

	while (at < size) {
		uint64_t n = size - at < PAGE ? size - at : PAGE;

		if (!budget_take(1 + n / BUDGET_BYTES) ||
		    !all_zero(data + at, n))
			break;
		at += n;
	}
	return at - start;
}

static int cut_segment(struct pieces *pieces, const Elf64_Phdr *segment,
		       const uint8_t *data)
{
	uint64_t size = segment->p_filesz, start = 0, at = 0;
	int ret = 0;

	while (at < size && !ret) {
		uint64_t zeros = zeros_at(data, at, size);

		if (zeros < GAP_MIN && at + zeros < size) {
			at += zeros + PAGE;
			continue;
		}
		if (at + zeros == size)
			break;
		ret = add_piece(pieces, segment, start, at - start,
				at + zeros - start);
		at += zeros;
		start = at;
	}
	if (at > size)
		at = size;
	if (!ret && start < segment->p_memsz)
		ret = add_piece(pieces, segment, start, at - start,
				segment->p_memsz - start);
	return ret;
}

/* A piece may be a gigabyte, and a disk slow. */
static int put(FILE *f, const void *data, size_t size)
{
	for (size_t at = 0; at < size; at += CHUNK) {
		size_t n = size - at < CHUNK ? size - at : CHUNK;

		if (!budget_take(1 + n / BUDGET_BYTES))
			return budget_check();
		if (fwrite((const uint8_t *)data + at, n, 1, f) != 1)
			return -errno;
	}
	return 0;
}

static int pad_to(FILE *f, uint64_t *at, uint64_t offset)
{
	static const uint8_t zeros[PAGE];
	int ret = put(f, zeros, offset - *at);

	*at = offset;
	return ret;
}

static uint64_t page_up(uint64_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

static int write_pieces(FILE *f, const struct elf_view *kernel,
			struct pieces *pieces)
{
	Elf64_Ehdr h = kernel->header;
	uint64_t at, offset;
	uint64_t *from = calloc(pieces->count + 1, sizeof(*from));
	int ret;

	if (!from)
		return -ENOMEM;
	h.e_phoff = sizeof(h);
	h.e_phnum = pieces->count;
	h.e_phentsize = sizeof(Elf64_Phdr);
	h.e_shoff = h.e_shnum = h.e_shstrndx = 0;
	at = sizeof(h) + pieces->count * sizeof(Elf64_Phdr);
	offset = at;
	for (size_t i = 0; i < pieces->count; i++) {
		from[i] = pieces->list[i].p_offset;
		pieces->list[i].p_offset = page_up(offset);
		offset = page_up(offset) + pieces->list[i].p_filesz;
	}
	ret = put(f, &h, sizeof(h));
	if (!ret)
		ret = put(f, pieces->list, at - sizeof(h));
	for (size_t i = 0; i < pieces->count && !ret; i++) {
		const Elf64_Phdr *p = &pieces->list[i];

		ret = pad_to(f, &at, p->p_offset);
		if (!ret)
			ret = put(f, kernel->data + from[i], p->p_filesz);
		at += p->p_filesz;
	}
	free(from);
	return ret;
}

int compact_write(const struct elf_view *kernel, const char *file)
{
	struct pieces pieces = { 0 };
	int ret = 0;
	FILE *f;

	for (size_t i = 0; i < kernel->header.e_phnum && !ret; i++) {
		const Elf64_Phdr *p = &kernel->segments[i];

		if (p->p_type == PT_LOAD)
			ret = cut_segment(&pieces, p,
					  kernel->data + p->p_offset);
	}
	if (budget_check())
		ret = budget_check();
	f = ret ? NULL : fopen(file, "we");
	if (!ret && !f)
		ret = -errno;
	if (f) {
		ret = write_pieces(f, kernel, &pieces);
		if (fclose(f) && !ret)
			ret = -errno;
	}
	free(pieces.list);
	return ret;
}
