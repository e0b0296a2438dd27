/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unpacking the compressed part of a bzImage. The four formats that Linux
 * distributions use are decoded by the well-kept libraries; the caller says
 * how large the result must be, so no input can ask for more memory.
 */
#ifndef LAUNCHER_UNPACK_H
#define LAUNCHER_UNPACK_H

#include <stddef.h>

/* The name of the format that the bytes begin with, or NULL if unknown. */
const char *unpack_format(const void *data, size_t size);

/*
 * Unpacks `size` bytes at `data` into `out`, which must become exactly
 * `out_size` bytes. Bytes behind the end of the packed stream are ignored,
 * as the kernel's build appends the size there. Returns NULL, or what is
 * wrong as a sentence's end.
 */
const char *unpack(const void *data, size_t size, void *out, size_t out_size);

/*
 * The same where the size is not known: at most `max` bytes, their number in
 * *out_size, for free(3). NULL: *why says what is wrong. Not for lz4, whose old
 * frames have no end.
 */
void *unpack_all(const void *data, size_t size, size_t max, size_t *out_size,
		 const char **why);

#endif
