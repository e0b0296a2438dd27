// SPDX-License-Identifier: GPL-2.0
/* What the layer takes for granted, looked up in the image. See answer.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../abi/layer.h"
#include "answer.h"
#include "answer_parts.h"

static bool need_function(const struct kernel *k, const char *name, const char *wanted,
			  char *found)
{
	uint64_t gva;

	/* One that is not there is missed where it is called, or not. */
	if (!kallsyms_find(k->symbols, name, &gva))
		return true;
	return !btf_function(k->btf, name, found, SIGNATURE) &&
	       answer_fits(found, wanted, strlen(wanted));
}

static bool need_pointer(const struct kernel *k, const char *member, const char *wanted,
			 char *found)
{
	struct btf_place place;
	char type[WORD];
	size_t size;
	int ret;

	if (!answer_cut(&member, type))
		return false;
	ret = btf_find(k->btf, type, member, &place);
	if (ret == -ESRCH)
		return true;
	if (ret || btf_pointed(k->btf, &place, found, SIGNATURE))
		return false;
	for (; *wanted; wanted += size + (wanted[size] == '|')) {
		size = strcspn(wanted, "|");
		if (answer_fits(found, wanted, size))
			return true;
	}
	return false;
}

/* Of a symbol or STRUCT.MEMBER: none, one, or 2 where it is not clear which. */
static int how_many(const struct kernel *k, const char *name)
{
	struct btf_place place;
	char type[WORD];
	uint64_t gva;
	size_t found;
	int ret;

	if (!strchr(name, '.')) {
		found = kallsyms_find(k->symbols, name, &gva);
		return found > 1 ? 2 : found;
	}
	if (!answer_cut(&name, type))
		return 0;
	ret = btf_find(k->btf, type, name, &place);
	return !ret ? 1 : ret == -ESRCH || ret == -ENOENT ? 0 : 2;
}

/* Is there any? Then a question about it has an answer, or refuses the kernel. */
static bool has_name(const struct kernel *k, const char *name)
{
	return how_many(k, name);
}

/* Has it just the one that the layer would use? */
static bool has_one(const struct kernel *k, const char *name)
{
	return how_many(k, name) == 1;
}

/* The words that are left of a need: one of them, or all. */
static bool need_either(const struct kernel *k, const char *name, char **save)
{
	for (; name; name = strtok_r(NULL, " ", save))
		if (has_one(k, name))
			return true;
	return false;
}

static bool need_all(const struct kernel *k, const char *name, char **save)
{
	for (; name; name = strtok_r(NULL, " ", save))
		if (!has_one(k, name))
			return false;
	return true;
}

/* What a variable is said to be: so many elements of a size, and their kind. */
struct shape {
	char kind[WORD];	/* of a plain one, or "" */
	struct btf_place place;	/* of a structure or a member: where the type is */
	uint64_t size, count;	/* bytes of an element, elements */
};

/* KIND, STRUCT or STRUCT.MEMBER, and behind it perhaps *COUNT. */
static bool read_shape(const struct kernel *k, const char *words, struct shape *s)
{
	size_t length = strcspn(words, "*");
	char type[WORD], *end = NULL;
	const char *member = s->kind;

	if (length >= WORD)
		return false;
	memcpy(s->kind, words, length);
	s->kind[length] = '\0';
	s->count = words[length] ? strtoul(words + length + 1, &end, 10) : 1;
	if (!s->count || s->count > UINT32_MAX || (end && *end))
		return false;
	s->size = answer_kind_size(s->kind);
	if (s->size)
		return true;
	if (!answer_cut(&member, type) || btf_find(k->btf, type, member, &s->place))
		return false;
	s->size = s->place.size;
	*s->kind = '\0';
	return s->size;
}

/* Is what BTF says of a variable, if it is per CPU, the same? */
static bool agrees(const struct kernel *k, const char *name, const struct shape *s)
{
	struct btf_place known;
	uint32_t count;
	int ret = btf_variable(k->btf, name, &known);

	if (ret)
		return ret == -ENOENT;
	if (!*s->kind)
		return s->count == 1 && btf_same(k->btf, &known, &s->place);
	if (s->count == 1)
		return answer_is_kind(k->btf, s->kind, &known);
	return !btf_elements(k->btf, &known, &count) && count >= s->count &&
	       known.size == count * s->size;
}

/*
 * Is there room for it in front of the next symbol, whatever that is, does it lie as
 * one would, and is it in BTF, where that knows of variables at all?
 */
static bool need_variable(const struct kernel *k, const char *name, const char *words)
{
	struct shape s = { .count = 0 };
	uint64_t gva;

	/* One that is not there is missed where it is used. */
	if (kallsyms_find(k->symbols, name, &gva) != 1)
		return true;
	if (!read_shape(k, words, &s) || !agrees(k, name, &s))
		return false;
	return kallsyms_room(k->symbols, gva) >= s.count * s.size &&
	       !(*s.kind && gva % s.size);
}

/* NAME or NAME+STRUCT: does the image have this word there, or behind one such? */
static bool need_word(const struct kernel *k, char *name, const char *number)
{
	char *plus = strchr(name, '+'), *end;
	uint64_t wanted = strtoull(number, &end, 16), gva, word;
	struct btf_place place = { 0 };
	const void *at;

	if (*end || end == number)
		return false;
	if (plus) {
		*plus = '\0';
		if (btf_find(k->btf, plus + 1, "", &place))
			return false;
	}
	if (kallsyms_find(k->symbols, name, &gva) != 1)
		return false;
	at = elf_at(&k->elf, gva + place.size, sizeof(word));
	if (at)
		memcpy(&word, at, sizeof(word));
	return at && word == wanted;
}

bool answer_need(const struct kernel *k, const char *need, char *why, size_t size)
{
	char text[RL_NEED_BYTES], found[SIGNATURE] = "?", *save, *kind, *name, *second;
	bool holds = false;

	/* Cut off, it would say less than was meant. */
	if (strlen(need) >= sizeof(text)) {
		snprintf(why, size, "%s", need);
		return false;
	}
	strcpy(text, need);
	kind = strtok_r(text, " ", &save);
	name = strtok_r(NULL, " ", &save);
	second = strtok_r(NULL, " ", &save);
	if (!kind || !name || !second)
		kind = name = second = (char *)"";
	if (!strcmp(kind, RL_NEED_FUNCTION))
		holds = need_function(k, name, second, found);
	else if (!strcmp(kind, RL_NEED_POINTER))
		holds = need_pointer(k, name, second, found);
	else if (!strcmp(kind, RL_NEED_VARIABLE))
		holds = need_variable(k, name, second);
	else if (!strcmp(kind, RL_NEED_WORD))
		holds = need_word(k, name, second);
	else if (!strcmp(kind, RL_NEED_EITHER))
		holds = has_one(k, name) || need_either(k, second, &save);
	else if (!strcmp(kind, RL_NEED_WITH))
		holds = !has_name(k, name) || need_all(k, second, &save);
	else if (!strcmp(kind, RL_NEED_WITHOUT))
		holds = has_name(k, name) || need_all(k, second, &save);
	if (!holds && *found != '?')
		snprintf(why, size, "%s (it is %s)", need, found);
	else if (!holds)
		snprintf(why, size, "%s", need);
	return holds;
}
