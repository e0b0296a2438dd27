/* SPDX-License-Identifier: GPL-2.0 */
/* How questions and needs are read: for answer.c and need.c. */
#ifndef LAUNCHER_ANSWER_PARTS_H
#define LAUNCHER_ANSWER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "btf.h"

#define WORD		128	/* the longest part of a question, with a NUL */
#define SIGNATURE	32

/* Copies up to the first dot or the end, and steps over that. False: too long. */
bool answer_cut(const char **text, char *word);

/* Bytes of a number of so many bits, or of a pointer; 0: it is no such kind. */
uint32_t answer_kind_size(const char *kind);

/* Is there a number of so many bits, a pointer, or (whole) whatever it is? */
bool answer_is_kind(const struct btf *, const char *kind, const struct btf_place *);

/* Is a signature what is wanted? There z is a number of 4 or 8 bytes, ? anything. */
bool answer_fits(const char *found, const char *wanted, size_t size);

#endif
