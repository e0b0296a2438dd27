// SPDX-License-Identifier: GPL-2.0
/*
 * Finding the kallsyms tables in an image that has no symbol table to say
 * where they are. Start reading at kallsyms_find_tables().
 */
#include "kallsyms_tables.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "budget.h"

/*J: guest.kallsyms
 * The paravirt layer calls functions that the kernel never meant to export,
 * so it must know where they are. The kernel itself knows: it can print any
 * address as a name. For that it carries all its symbol names, squeezed: each
 * name is a string of bytes, each byte stands for a *token*, a scrap of text
 * that many names share (`_init`, `get_`). The tables are
 *
 *	num_syms        how many
 *	names           length and tokens of each
 *	markers         where each 256th name begins
 *	token_table     the 256 scraps, as C strings
 *	token_index     where each scrap begins
 *	offsets         the addresses, in the same order
 *	relative_base   what the offsets count from
 *
 * (the last is gone since Linux 7.0, where each offset counts from its own place),
 * and nothing points at them. But digits always stand for themselves: token
 * 48 is "0", token 49 is "1", so somewhere there is the string `0\0001\0...`,
 * and behind it an array of offsets that fits it perfectly. That gives two
 * tables. The others come before: whatever number is followed by just that
 * many names, and those by markers that agree with them, is num_syms.
 :*/

#define TOKENS		256
#define FIRST_DIGIT	'0'
#define MARKER_STEP	256
#define SYMBOLS_MIN	16
#define SYMBOLS_MAX	(4u << 20)
#define SEARCH_MAX	(64u << 20)	/* names never take more bytes */

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t token_offset(const uint8_t *index, size_t i)
{
	return index[2 * i] | index[2 * i + 1] << 8;
}

/* The aligned place at or behind p; each table begins at one. */
static const uint8_t *align_in(const struct kallsyms_tables *t,
			       const uint8_t *p)
{
	size_t mask = t->align - 1;

	return t->start + ((p - t->start + mask) & ~mask);
}

/*
 * Is `digits` the place of token "0"? Walk the tokens behind it to the end,
 * where the index must be, and see that each entry of the index is where a
 * token begins.
 */
static bool check_tokens(struct kallsyms_tables *t, const uint8_t *digits)
{
	const uint8_t *p = digits, *index;

	for (size_t i = FIRST_DIGIT; i < TOKENS; i++) {
		const uint8_t *end = memchr(p, '\0', t->end - p);

		if (!budget_take(1 + ((end ? end : t->end) - p) /
					     BUDGET_BYTES) ||
		    !end || end + 1 == t->end)
			return false;
		p = end + 1;
	}
	index = align_in(t, p);
	if (index > t->end || t->end - index < 2 * TOKENS)
		return false;
	if (token_offset(index, FIRST_DIGIT) > digits - t->start ||
	    token_offset(index, 0) != 0)
		return false;
	t->tokens = digits - token_offset(index, FIRST_DIGIT);
	t->token_index = index;
	for (size_t i = 1; i < TOKENS; i++) {
		size_t this = token_offset(index, i);

		if (this > (size_t)(p - t->tokens) ||
		    this <= token_offset(index, i - 1) || t->tokens[this - 1])
			return false;
	}
	return true;
}

static bool find_tokens(struct kallsyms_tables *t)
{
	static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008"
				     "\0009";
	const uint8_t *p = t->start;

	while (budget_take(1)) {
		const uint8_t *from = p;

		p = memmem(from, t->end - from, digits, sizeof(digits));
		if (!budget_take(((p ? p : t->end) - from) / BUDGET_BYTES) ||
		    !p)
			return false;
		if (check_tokens(t, p))
			return true;
		p++;
	}
	return false;
}

/*
 * A length is one byte; with its top bit set (since Linux 6.1, for names of
 * Rust), a second byte has the upper bits.
 */
const uint8_t *kallsyms_packed(const struct kallsyms_tables *t,
			       const uint8_t *at, size_t *size)
{
	if (at >= t->names_end)
		return NULL;
	*size = *at++;
	if (*size & 0x80) {
		if (at >= t->names_end)
			return NULL;
		*size = (*size & 0x7f) | (size_t)*at++ << 7;
	}
	if (!*size || *size > (size_t)(t->names_end - at))
		return NULL;
	return at;
}

/* The first character of a name is its type, as nm(1) prints it. */
static bool looks_like_name(const struct kallsyms_tables *t, const uint8_t *p)
{
	const char *token = kallsyms_token(t, *p);

	return *token && (isalpha((unsigned char)*token) || *token == '?');
}

/* Is the number at t->count followed by that many names and their markers? */
static bool check_names(struct kallsyms_tables *t)
{
	size_t markers = (t->symbols + MARKER_STEP - 1) / MARKER_STEP, size;
	const uint8_t *at = t->names, *name, *m;

	for (size_t i = 0; i < t->symbols; i++) {
		name = kallsyms_packed(t, at, &size);
		if (!name || !looks_like_name(t, name) || !budget_take(1))
			return false;
		at = name + size;
	}
	m = align_in(t, at);
	if (m > t->tokens || (size_t)(t->tokens - m) < 4 * markers)
		return false;
	t->names_end = at;
	for (size_t i = 0, at_name = 0; i < t->symbols; i++) {
		if (i % MARKER_STEP == 0 &&
		    get32(m + i / MARKER_STEP * 4) != at_name)
			return false;
		name = kallsyms_packed(t, t->names + at_name, &size);
		at_name = name + size - t->names;
	}
	return true;
}

static bool find_names(struct kallsyms_tables *t)
{
	const uint8_t *p = t->start +
			   ((t->tokens - t->start) & ~(t->align - 1));
	const uint8_t *stop = t->start;

	if (p - t->start > SEARCH_MAX)
		stop = p - SEARCH_MAX;
	while ((size_t)(p - stop) >= t->align && budget_take(1)) {
		uint64_t n;

		p -= t->align;
		/* With its padding, which is zero. */
		n = t->align == 8 ? get64(p) : get32(p);
		if (n < SYMBOLS_MIN || n > SYMBOLS_MAX)
			continue;
		t->count = p;
		t->symbols = n;
		t->names = p + t->align;
		t->names_end = t->tokens;
		if (check_names(t))
			return true;
	}
	return false;
}

const char *kallsyms_find_tables(const struct elf_view *view,
				 struct kallsyms_tables *t)
{
	/* Up to Linux 6.19 each table begins at 8 bytes, from 7.0 on, and with
	   i386, at 4. */
	static const size_t aligns[] = { 8, 4 };
	size_t word = view->header.e_machine == EM_386 ? 4 : 8;
	bool tokens = false;

	for (size_t i = 0; i < 2 * (size_t)view->header.e_phnum; i++) {
		const Elf64_Phdr *p = &view->segments[i / 2];

		if (p->p_type != PT_LOAD)
			continue;
		memset(t, 0, sizeof(*t));
		t->align = aligns[i % 2];
		if (t->align > word)
			continue;
		t->word = word;
		t->start = view->data + p->p_offset;
		t->start_gva = p->p_vaddr;
		t->end = t->start + p->p_filesz;
		if (!find_tokens(t))
			continue;
		tokens = true;
		if (find_names(t))
			return NULL;
	}
	return tokens ? "its symbol tables are of an unknown layout" :
			"it has no symbol tables (CONFIG_KALLSYMS)";
}

/* Bytes of the offsets and of their base, which is a word of the kernel's. */
static size_t with_base(const struct kallsyms_tables *t)
{
	return ((4 * t->symbols + t->word - 1) & ~(t->word - 1)) + t->word;
}

static uint64_t get_word(const struct kallsyms_tables *t, const uint8_t *p)
{
	return t->word == 8 ? get64(p) : get32(p);
}

int kallsyms_offsets_before(struct kallsyms_tables *t)
{
	size_t need = with_base(t);

	if ((size_t)(t->count - t->start) < need)
		return -ENOENT;
	t->base = get_word(t, t->count - t->word);
	t->offsets = t->count - need;
	return 0;
}

/* The table of offsets behind the tokens, where it has so many bytes; or NULL. */
static const uint8_t *behind_tokens(const struct kallsyms_tables *t, size_t need)
{
	const uint8_t *p = align_in(t, t->token_index + 2 * TOKENS);

	return p > t->end || (size_t)(t->end - p) < need ? NULL : p;
}

int kallsyms_offsets_behind(struct kallsyms_tables *t)
{
	size_t need = with_base(t);

	t->offsets = behind_tokens(t, need);
	if (!t->offsets)
		return -ENOENT;
	t->base = get_word(t, t->offsets + need - t->word);
	return 0;
}

int kallsyms_offsets_baseless(struct kallsyms_tables *t)
{
	t->offsets = behind_tokens(t, 4 * t->symbols);
	if (!t->offsets)
		return -ENOENT;
	t->base = t->start_gva + (t->offsets - t->start);
	t->own_places = true;
	return 0;
}
