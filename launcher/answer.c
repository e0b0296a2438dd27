// SPDX-License-Identifier: GPL-2.0
/* Answers from the image's types and symbols. See answer.h. */
#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer_parts.h"
#include "features.h"

bool answer_cut(const char **text, char *word)
{
	size_t size = strcspn(*text, ".");

	if (size >= WORD)
		return false;
	memcpy(word, *text, size);
	word[size] = '\0';
	*text += size + !!(*text)[size];
	return true;
}

uint32_t answer_kind_size(const char *kind)
{
	static const struct {
		const char *name;
		uint32_t size;
	} kinds[] = { { "u8", 1 }, { "u16", 2 }, { "u32", 4 }, { "u64", 8 },
		      { "pointer", 8 } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kind, kinds[i].name))
			return kinds[i].size;
	return 0;
}

bool answer_is_kind(const struct btf *btf, const char *kind, const struct btf_place *place)
{
	if (!strcmp(kind, "whole"))
		return true;
	if (!strcmp(kind, "pointer"))
		return btf_sort(btf, place) == BTF_POINTER;
	return answer_kind_size(kind) && btf_sort(btf, place) == BTF_NUMBER &&
	       place->size == answer_kind_size(kind);
}

/* KIND.STRUCT.MEMBER. *there is false where the structure has no such member. */
static bool find_member(const struct kernel *k, const char *words,
			struct btf_place *place, bool *there)
{
	char kind[WORD], type[WORD];
	int ret;

	*there = true;
	if (!answer_cut(&words, kind) || !answer_cut(&words, type) || !*words)
		return false;
	ret = btf_find(k->btf, type, words, place);
	*there = ret != -ESRCH && ret != -ENOENT;
	if (ret || !answer_is_kind(k->btf, kind, place))
		return false;
	/* What is looked into lies as numbers and pointers do. */
	return !strcmp(kind, "whole") || place->offset % place->size == 0;
}

static bool at(const struct kernel *k, const char *words, uint64_t *value)
{
	struct btf_place place;
	bool there;

	if (!find_member(k, words, &place, &there))
		return false;
	*value = place.offset;
	return true;
}

static bool maybe(const struct kernel *k, const char *words, uint64_t *value)
{
	struct btf_place place;
	bool there;

	if (find_member(k, words, &place, &there))
		*value = place.offset;
	else if (there)
		return false;
	else
		*value = -1ull;
	return true;
}

static bool size_of(const struct kernel *k, const char *type, uint64_t *value)
{
	struct btf_place place;

	if (btf_find(k->btf, type, "", &place) || !place.size)
		return false;
	*value = place.size;
	return true;
}

static bool count_of(const struct kernel *k, const char *words, uint64_t *value)
{
	struct btf_place place;
	char type[WORD];
	uint32_t count;

	if (!answer_cut(&words, type) || btf_find(k->btf, type, words, &place) ||
	    btf_elements(k->btf, &place, &count))
		return false;
	*value = count;
	return true;
}

static bool value_of(const struct kernel *k, const char *name, uint64_t *value)
{
	return !btf_enumerator(k->btf, name, value);
}

static bool flag(const struct kernel *k, const char *name, uint64_t *value)
{
	int ret = btf_enumerator(k->btf, name, value);

	if (ret == -ENOENT)
		*value = 0;
	return !ret || ret == -ENOENT;
}

static bool points(const struct kernel *k, const char *words, uint64_t *value)
{
	struct btf_place place;
	char type[WORD];

	if (!answer_cut(&words, type) || btf_find(k->btf, type, words, &place))
		return false;
	*value = btf_sort(k->btf, &place) == BTF_POINTER;
	return true;
}

bool answer_fits(const char *found, const char *wanted, size_t size)
{
	if (strlen(found) != size)
		return false;
	for (size_t i = 0; i < size; i++)
		if (wanted[i] != found[i] && wanted[i] != '?' &&
		    (wanted[i] != 'z' || (found[i] != '4' && found[i] != '8')))
			return false;
	return true;
}

static bool takes(const struct kernel *k, const char *words, uint64_t *value)
{
	char wanted[WORD], type[WORD], found[SIGNATURE];
	struct btf_place place;

	if (!answer_cut(&words, wanted) || !answer_cut(&words, type) ||
	    btf_find(k->btf, type, words, &place) ||
	    btf_pointed(k->btf, &place, found, sizeof(found)))
		return false;
	*value = answer_fits(found, wanted, strlen(wanted));
	return true;
}

static bool variable(const struct kernel *k, const char *name, uint64_t *value)
{
	struct btf_place place;

	if (btf_variable(k->btf, name, &place))
		return false;
	*value = place.size;
	return true;
}

static bool gpa_of(const struct kernel *k, const char *symbol, uint64_t *value)
{
	uint64_t gva;

	return kallsyms_find(k->symbols, symbol, &gva) == 1 &&
	       !elf_gpa(&k->elf, gva, value);
}

static bool has(const struct kernel *k, const char *symbol, uint64_t *value)
{
	uint64_t gva;

	*value = kallsyms_find(k->symbols, symbol, &gva) != 0;
	return true;
}

bool answer(const struct kernel *k, const char *question, uint64_t *value, char *why,
	    size_t size)
{
	static const struct {
		const char *name;
		bool (*find)(const struct kernel *k, const char *words, uint64_t *value);
	} kinds[] = {
		{ "at", at }, { "maybe", maybe }, { "size", size_of },
		{ "count", count_of }, { "value", value_of },
		{ "flag", flag }, { "points", points }, { "takes", takes },
		{ "variable", variable }, { "gpa", gpa_of }, { "has", has },
		{ "feature", features_find },
	};
	const char *rest = question;
	char kind[WORD];

	if (answer_cut(&rest, kind))
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (!strcmp(kind, kinds[i].name) && kinds[i].find(k, rest, value))
				return true;
	snprintf(why, size, "%s", question);
	return false;
}
