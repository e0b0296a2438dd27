// SPDX-License-Identifier: GPL-2.0
/*
 * One function per format. Each gets the whole packed stream and room for the
 * result, so none needs a loop over buffers, and a stream that wants to grow
 * further stops at the end of `out`: too_large. What it got is in *done.
 */
#include "unpack.h"

#include <lz4.h>
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define DAMAGED	"its compressed part is damaged"
#define TOO_SHORT "its compressed part ends early"
#define WRONG_SIZE "its compressed part does not have the size it claims"
#define NO_MEMORY "there is not enough memory to unpack it"
#define UNKNOWN "its compression is not one of xz, gzip, zstd and lz4"

/* The result is larger than its room: told from the others by its address. */
static const char too_large[] = WRONG_SIZE;

/* xz may ask for a large dictionary; Linux's own decoder stops at 128 MB. */
#define XZ_MEMORY_LIMIT	(192u << 20)
/* "lz4 -l" cuts the input into blocks of 8 MB. */
#define LZ4_BLOCK	(8u << 20)

static const char *unpack_xz(const uint8_t *data, size_t size, uint8_t *out,
			     size_t out_size, size_t *done)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret ret;
	size_t left;

	if (lzma_stream_decoder(&s, XZ_MEMORY_LIMIT, 0) != LZMA_OK)
		return NO_MEMORY;
	s.next_in = data;
	s.avail_in = size;
	s.next_out = out;
	s.avail_out = out_size;
	ret = lzma_code(&s, LZMA_FINISH);
	left = s.avail_out;
	lzma_end(&s);
	*done = out_size - left;
	if (ret == LZMA_STREAM_END)
		return NULL;
	if (ret == LZMA_MEM_ERROR || ret == LZMA_MEMLIMIT_ERROR)
		return "unpacking it needs too much memory";
	if (ret == LZMA_OK || ret == LZMA_BUF_ERROR)
		return left ? TOO_SHORT : too_large;
	return DAMAGED;
}

static const char *unpack_gzip(const uint8_t *data, size_t size, uint8_t *out,
			       size_t out_size, size_t *done)
{
	z_stream s = { 0 };
	size_t left;
	int ret;

	/* 15 bits of window, 16: with a gzip header. */
	if (inflateInit2(&s, 15 + 16) != Z_OK)
		return NO_MEMORY;
	s.next_in = (uint8_t *)data;
	s.avail_in = size;
	s.next_out = out;
	s.avail_out = out_size;
	ret = inflate(&s, Z_FINISH);
	left = s.avail_out;
	inflateEnd(&s);
	*done = out_size - left;
	if (ret == Z_STREAM_END)
		return NULL;
	if (ret == Z_MEM_ERROR)
		return NO_MEMORY;
	if (ret == Z_OK || ret == Z_BUF_ERROR)
		return left ? TOO_SHORT : too_large;
	return DAMAGED;
}

static const char *unpack_zstd(const uint8_t *data, size_t size, uint8_t *out,
			       size_t out_size, size_t *done)
{
	size_t frame = ZSTD_findFrameCompressedSize(data, size);

	if (ZSTD_isError(frame))
		return ZSTD_getErrorCode(frame) == ZSTD_error_srcSize_wrong ?
			       TOO_SHORT : DAMAGED;
	*done = ZSTD_decompress(out, out_size, data, frame);
	if (!ZSTD_isError(*done))
		return NULL;
	return ZSTD_getErrorCode(*done) == ZSTD_error_dstSize_tooSmall ?
		       too_large : DAMAGED;
}

/*
 * The old frame of "lz4 -l": a magic number, then blocks with their packed
 * size (32 bits, little-endian) in front. There is no end mark and no check
 * sum: the end is where the result has its size.
 */
static const char *unpack_lz4(const uint8_t *data, size_t size, uint8_t *out,
			      size_t out_size, size_t *done)
{
	size_t at = 4;

	for (*done = 0; *done < out_size;) {
		size_t room = out_size - *done;
		uint32_t block;
		int n;

		if (size - at < 4)
			return TOO_SHORT;
		memcpy(&block, data + at, 4);
		at += 4;
		if (block > LZ4_COMPRESSBOUND(LZ4_BLOCK))
			return DAMAGED;
		if (block > size - at)
			return TOO_SHORT;
		if (room > LZ4_BLOCK)
			room = LZ4_BLOCK;
		n = LZ4_decompress_safe((const char *)data + at,
					(char *)out + *done, block, room);
		if (n <= 0)
			return DAMAGED;
		at += block;
		*done += n;
	}
	return NULL;
}

static const struct format {
	const char *name;
	const char *magic;
	size_t magic_size;
	const char *(*unpack)(const uint8_t *, size_t, uint8_t *, size_t,
			      size_t *done);
} formats[] = {
	{ "xz", "\xfd" "7zXZ", 6, unpack_xz },	/* with its NUL */
	{ "gzip", "\x1f\x8b", 2, unpack_gzip },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, unpack_zstd },
	{ "lz4", "\x02\x21\x4c\x18", 4, unpack_lz4 },
};

static const struct format *find_format(const void *data, size_t size)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (size >= formats[i].magic_size &&
		    !memcmp(data, formats[i].magic, formats[i].magic_size))
			return &formats[i];
	return NULL;
}

const char *unpack_format(const void *data, size_t size)
{
	const struct format *f = find_format(data, size);

	return f ? f->name : NULL;
}

const char *unpack(const void *data, size_t size, void *out, size_t out_size)
{
	const struct format *f = find_format(data, size);
	const char *why;
	size_t done;

	if (!f)
		return UNKNOWN;
	why = f->unpack(data, size, out, out_size, &done);
	return why ? why : done == out_size ? NULL : WRONG_SIZE;
}

void *unpack_all(const void *data, size_t size, size_t max, size_t *out_size,
		 const char **why)
{
	const struct format *f = find_format(data, size);
	size_t room = size < max / 4 ? 4 * size : max;
	void *out;

	*why = UNKNOWN;
	if (!f || f->unpack == unpack_lz4)
		return NULL;
	for (;; room = room < max / 2 ? 2 * room : max) {
		out = malloc(room);
		*why = out ? f->unpack(data, size, out, room, out_size) :
			     NO_MEMORY;
		if (!*why)
			return out;
		free(out);
		if (*why != too_large || room == max)
			return NULL;
	}
}
