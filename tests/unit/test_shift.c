// SPDX-License-Identifier: GPL-2.0
/*
 * The real layer's questions to a real kernel's types, of which one word at a time is
 * wrong: each member on the way to each answer lies 8 bytes, or one, before or behind its
 * place, each structure is larger or smaller. Either the kernel is refused or the answer
 * is the same as ever. (Or there is more room for an object of the layer's than it wants.)
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "abi/layer.h"
#include "capture_log.h"
#include "fake_image.h"
#include "launcher/answer.h"
#include "launcher/btf_data.h"
#include "launcher/budget.h"
#include "launcher/elfview.h"
#include "launcher/image.h"
#include "launcher/kernel.h"
#include "launcher/layer.h"

#define PLACES_MOST	64

/* Words of the types that say where something is (in bits), or how large (in bytes). */
struct place {
	uint8_t *word;
	bool flags;		/* its upper byte is of another meaning */
};

static struct image image;
static struct kernel kernel;
static uint8_t *layer_data;
static struct elf_view layer;

static uint8_t *open_layer(size_t *size)
{
	static const char *const places[] = { "../../build/layer.elf", "build/layer.elf" };
	char key[DIGEST_SIZE];
	uint8_t *data = NULL;

	for (size_t i = 0; i < 2 && !data; i++)
		if (!access(places[i], R_OK))
			assert_int_equal(layer_read(places[i], &data, size, key), 0);
	if (!data)
		print_message("SKIPPED: there is no build/layer.elf (make build)\n");
	return data;
}

/* 1: the machine lacks a kernel or the layer. */
static int open_both(void)
{
	char *path = real_kernel();
	size_t size;

	layer_data = path ? open_layer(&size) : NULL;
	if (!layer_data) {
		free(path);
		return 1;
	}
	budget_begin("FILE", 1ull << 40);
	assert_false(image_read(&image, path));
	assert_false(image_unpack(&image));
	assert_int_equal(kernel_open(&kernel, &image), 0);
	assert_non_null(kernel.btf);
	assert_null(elf_open(&layer, layer_data, size, ET_EXEC));
	free(path);
	return 0;
}

static void close_both(void)
{
	elf_close(&layer);
	free(layer_data);
	kernel_close(&kernel);
	image_free(&image);
}

static bool is_composite(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT ||
	       BTF_INFO_KIND(t->info) == BTF_KIND_UNION;
}

/* Through arrays to their elements' structure. */
static bool enter(uint32_t *id, struct btf_type *t)
{
	struct btf_array a;

	while (btf_resolve(kernel.btf, id, t) && BTF_INFO_KIND(t->info) == BTF_KIND_ARRAY) {
		memcpy(&a, btf_tail(kernel.btf, *id), sizeof(a));
		*id = a.type;
	}
	return is_composite(t);
}

/* The words of all members on the way; behind the last one that was in `to`. */
static struct place *walk(uint32_t id, const char *path, struct place *to)
{
	size_t size = strcspn(path, ".["), step = strcspn(path, ".");
	struct btf_type t;

	if (!enter(&id, &t))
		return NULL;
	for (size_t i = 0; i < BTF_INFO_VLEN(t.info); i++) {
		const uint8_t *at = btf_tail(kernel.btf, id);
		struct place *end = NULL;
		struct btf_member m;
		const char *name;

		at += i * sizeof(m);
		memcpy(&m, at, sizeof(m));
		name = btf_string(kernel.btf, m.name_off);
		*to = (struct place){ (uint8_t *)at + offsetof(struct btf_member, offset),
				      BTF_INFO_KFLAG(t.info) };
		if (!*name)
			end = walk(m.type, path, to + 1);
		else if (!strncmp(name, path, size) && !name[size])
			end = path[step] ? walk(m.type, path + step + 1, to + 1) : to + 1;
		if (end)
			return end;
	}
	return NULL;
}

/* For all structures of the name that have the member. STRUCT$WITNESS as ever. */
static size_t find_places(const char *type, const char *path, struct place *to)
{
	struct place *end = to, *next;
	char name[128];
	struct btf_type t;
	uint32_t at = 0, id;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(type, "$"), type);
	while ((id = btf_next_named(kernel.btf, name, &at, &t))) {
		if (!btf_resolve(kernel.btf, &id, &t) || !is_composite(&t))
			continue;
		next = walk(id, path, end);
		if (next)
			end = next;
		assert_true(end - to < PLACES_MOST / 2);
	}
	return end - to;
}

/* The words that say how large it is. */
static size_t find_sizes(const char *type, struct place *to)
{
	char name[128];
	struct btf_type t;
	uint32_t at = 0, id;
	size_t count = 0;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(type, "$"), type);
	while ((id = btf_next_named(kernel.btf, name, &at, &t)))
		if (btf_resolve(kernel.btf, &id, &t) && is_composite(&t)) {
			to[count++] = (struct place){
				(uint8_t *)btf_tail(kernel.btf, id) - sizeof(uint32_t),
				false };
			assert_true(count < PLACES_MOST);
		}
	return count;
}

static size_t tried, missed;

/* Is the answer refused, or as it was, when a word of the types is another? */
static void try_shift(const struct place *p, int64_t by, const char *question,
		      uint64_t right, bool room)
{
	uint32_t was, value, mask = p->flags ? 0xffffff : 0xffffffff;
	char why[300];
	uint64_t found;

	memcpy(&was, p->word, sizeof(was));
	if (by < 0 && (was & mask) < -by)
		return;
	value = was + by;
	memcpy(p->word, &value, sizeof(value));
	tried++;
	if (answer(&kernel, question, &found, why, sizeof(why)) && found != right &&
	    !(room && found > right)) {
		missed++;
		print_message("%s, shifted by %lld: %llu, was %llu\n", question,
			      (long long)by, (unsigned long long)found,
			      (unsigned long long)right);
	}
	memcpy(p->word, &was, sizeof(was));
}

/* The words behind number `skip` of dots; the last may have dots. */
static const char *behind(const char *words, int skip)
{
	while (skip-- && words) {
		words = strchr(words, '.');
		words = words ? words + 1 : NULL;
	}
	return words;
}

static void shift_member(const char *question)
{
	static const int64_t shifts[] = { 64, -64, 8, -8 };
	const char *type = behind(question, 2), *path = behind(question, 3);
	struct place places[PLACES_MOST];
	char name[128], why[300];
	uint64_t right;
	size_t count;

	assert_non_null(path);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(type, "."), type);
	if (!answer(&kernel, question, &right, why, sizeof(why)))
		fail_msg("%s is refused", question);
	if (right == -1ull)
		return;
	count = find_places(name, path, places);
	if (!count)
		fail_msg("%s has no places", question);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < sizeof(shifts) / sizeof(shifts[0]); j++)
			try_shift(&places[i], shifts[j], question, right, false);
}

static void shift_size(const char *type, bool room)
{
	struct place places[PLACES_MOST];
	char question[200], why[300];
	uint64_t right;
	size_t count = find_sizes(type, places);

	snprintf(question, sizeof(question), "size.%s", type);
	if (!answer(&kernel, question, &right, why, sizeof(why)))
		fail_msg("%s is refused", question);
	assert_true(count);
	for (size_t i = 0; i < count; i++) {
		try_shift(&places[i], 8, question, right, room);
		try_shift(&places[i], -8, question, right, room);
	}
}

static void shift_object(const char *question)
{
	const char *type = behind(question, 2);
	char name[128];

	assert_non_null(type);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(type, "."), type);
	shift_size(name, true);
}

static void test_shifts(void **state)
{
	size_t asked = 0;

	(void)state;
	if (open_both())
		skip();
	for (size_t i = 1; i < elf_symbols(&layer); i++) {
		Elf64_Sym s;
		const char *name = elf_symbol(&layer, i, &s);

		if (!name || strncmp(name, RL_QUESTION, strlen(RL_QUESTION)))
			continue;
		name += strlen(RL_QUESTION);
		asked++;
		if (!strncmp(name, "at.", 3) || !strncmp(name, "maybe.", 6))
			shift_member(name);
		else if (!strncmp(name, "size.", 5))
			shift_size(name + 5, false);
		else if (!strncmp(name, "object.", 7))
			shift_object(name);
		else
			asked--;
	}
	print_message("%zu questions, %zu shifts, %zu not caught\n", asked, tried, missed);
	assert_true(asked > 100);
	assert_int_equal(missed, 0);
	close_both();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shifts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
