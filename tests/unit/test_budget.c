// SPDX-License-Identifier: GPL-2.0
/* The one budget of all loops over an image, and signals that want it to end. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "abi/guest.h"
#include "capture_log.h"
#include "fake_image.h"
#include "launcher/budget.h"
#include "launcher/cache.h"
#include "launcher/compact.h"
#include "launcher/kernel.h"
#include "launcher/link.h"
#include "launcher/patch.h"
#include "launcher/protected.h"

static char folder[64], path[128];
static uint8_t *file, *layer_file;
static struct image image;
static struct kernel kernel;
static struct elf_view layer;
static struct rl_patch patch = {
	.gva = FAKE_FUNCTION + 5, .target = RL_LAYER_GVA,
	.kind = RL_PATCH_JUMP, .len = 6,
};

static int set_up(void **state)
{
	struct fake_kernel how = { 0 };
	size_t size;

	(void)state;
	log_forget();
	budget_begin("FILE", BUDGET_STEPS);
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	memset(&image, 0, sizeof(image));
	file = fake_kernel(&how, &image.elf_size);
	image.elf = file;
	image.file = "FILE";
	layer_file = fake_layer(&patch, 1, NULL, 0, &size);
	return kernel_open(&kernel, &image) ||
	       elf_open(&layer, layer_file, size, ET_EXEC) ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	elf_close(&layer);
	kernel_close(&kernel);
	free(layer_file);
	free(file);
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

static void test_spent_stays_spent(void **state)
{
	(void)state;
	budget_begin("FILE", 10);
	assert_true(budget_take(4));
	assert_true(budget_take(6));
	assert_int_equal(budget_check(), 0);
	assert_false(budget_take(1));
	assert_false(budget_take(0));
	assert_int_equal(budget_check(), -ENOEXEC);
	assert_int_equal(budget_check(), -ENOEXEC);
	assert_logged("FILE takes more work to read than any kernel");
	budget_begin("FILE", 1);
	assert_false(budget_take(~0ull));
	budget_begin("FILE", 1);
	assert_true(budget_take(1));
	log_forget();
}

/* One of those that end a preparation comes, while they are held back. */
static void hold_and_raise(int number, sigset_t *old)
{
	sigset_t ends;

	budget_signals(&ends);
	pthread_sigmask(SIG_BLOCK, &ends, old);
	raise(number);
}

static void test_signals_are_seen(void **state)
{
	static const int numbers[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	sigset_t old, ends;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		int steps = 0;

		/* A shell has what it puts into the background ignore SIGINT. */
		signal(numbers[i], SIG_DFL);
		budget_signals(&ends);
		pthread_sigmask(SIG_BLOCK, &ends, &old);
		budget_begin("FILE", BUDGET_STEPS);
		assert_true(budget_take(1));
		raise(numbers[i]);
		while (budget_take(1))
			assert_true(++steps < 1 << 20);
		assert_int_equal(budget_check(), -EINTR);
		assert_logged("interrupted");
		assert_int_equal(budget_signal(), numbers[i]);
		/* It has been taken: this does not end us. */
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
}

/* As under nohup(1): held back, it would wait for ever. */
static void test_ignored_signals_are_ignored(void **state)
{
	sigset_t all, old;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	budget_begin("FILE", BUDGET_STEPS);
	raise(SIGHUP);
	assert_int_equal(budget_check(), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	signal(SIGHUP, SIG_DFL);
}

/* Each returns 0 where it found what there is to find. */
static int ask_section(void)
{
	return !elf_section(&kernel.elf, ".BTF");
}

static int ask_note(void)
{
	size_t size;

	return !elf_note(&kernel.elf, "GNU", 3, &size);
}

static int ask_kallsyms(void)
{
	const char *why;
	struct kallsyms *k = kallsyms_read(&kernel.elf, &why);

	kallsyms_free(k);
	return !k;
}

static int ask_find(void)
{
	uint64_t address;

	return kallsyms_find(kernel.symbols, "fake_function", &address) != 1;
}

static int ask_nearest(void)
{
	uint64_t offset;

	return !kallsyms_nearest(kernel.symbols, FAKE_FUNCTION, &offset);
}

static int ask_btf_read(void)
{
	const char *why;
	size_t size;
	uint8_t *data = fake_btf(&size);
	struct btf *btf = btf_read(data, size, &why);

	btf_free(btf);
	free(data);
	return !btf;
}

static int ask_btf_find(void)
{
	struct btf_place place;

	return btf_find(kernel.btf, "outer", "in[1].y", &place);
}

/* These look at the budget themselves, and give its error. */
static int ask_open(void)
{
	struct kernel again;
	int ret = kernel_open(&again, &image);

	if (!ret)
		kernel_close(&again);
	return ret;
}

static int ask_unpack(void)
{
	struct image packed;
	size_t size;
	uint8_t *data = fake_bzimage(file, image.elf_size, "gzip", &size);
	int ret = image_set(&packed, "FILE", data, size);

	if (!ret)
		ret = image_unpack(&packed);
	image_free(&packed);
	return ret;
}

static int ask_fit(void)
{
	static const struct fake_open opens[] = {
		{ "pv_ops", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "absent", R_X86_64_64, FAKE_LAYER_DATA, 0, true },
		{ "image.maybe.u32.outer.none", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "image.feature.xenpv", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "image.feature.entry32.0", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "image.feature.apic", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
		{ "image.value.FAR", R_X86_64_64, FAKE_LAYER_DATA, 0, false },
	};
	static const char needs[] = "variable pv_ops outer";
	struct elf_view view;
	size_t size;
	uint8_t *data = fake_open_layer(opens, 7, needs, sizeof(needs), &size);
	int ret;

	assert_null(elf_open(&view, data, size, ET_EXEC));
	ret = link_fit(&view, data, &kernel);
	elf_close(&view);
	free(data);
	return ret;
}

static int ask_patches(void)
{
	struct rl_patch *patches;
	size_t count = 0;
	int ret = patch_read(&layer, &patches, &count);

	if (!ret)
		free(patches);
	return ret ? ret : count != 1;
}

static int ask_check(void)
{
	return patch_check(&patch, 1, &kernel.elf, kernel.symbols, kernel.btf);
}

static int ask_compact(void)
{
	return compact_write(&kernel.elf, path);
}

static const struct {
	const char *name;
	int (*ask)(void);
	bool judges;	/* returns what budget_check() does */
} questions[] = {
	{ "elf_section", ask_section, false },
	{ "elf_note", ask_note, false },
	{ "kallsyms_read", ask_kallsyms, false },
	{ "kallsyms_find", ask_find, false },
	{ "kallsyms_nearest", ask_nearest, false },
	{ "btf_read", ask_btf_read, false },
	{ "btf_find", ask_btf_find, false },
	{ "kernel_open", ask_open, true },
	{ "image_unpack", ask_unpack, true },
	{ "link_fit", ask_fit, true },
	{ "patch_read", ask_patches, true },
	{ "patch_check", ask_check, true },
	{ "compact_write", ask_compact, true },
};

static void expect(size_t i, int ret, int error, const char *said)
{
	if (!ret || budget_check() != error)
		fail_msg("%s: %d, and not %d", questions[i].name, ret, error);
	if (questions[i].judges && ret != error)
		fail_msg("%s returned %d", questions[i].name, ret);
	/* Nothing else: what was not looked for is not missing. */
	assert_logged(said);
}

/*
 * Whatever budget there is, a search that ends early is not taken for one that found
 * nothing: not by a message, and least of all for a place free to patch.
 */
static void test_each_search_pays(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		uint64_t need;
		int ret;

		budget_begin("FILE", BUDGET_STEPS);
		ret = questions[i].ask();
		if (ret || budget_check())
			fail_msg("%s: %d (%s)", questions[i].name, ret, logged);
		need = BUDGET_STEPS - budget_left();
		if (!need)
			fail_msg("%s pays nothing", questions[i].name);
		for (uint64_t has = 0; has < need;
		     has += has < 200 || has > need - 200 ? 1 : need / 50 + 1) {
			budget_begin("FILE", has);
			ret = questions[i].ask();
			if (budget_check() || questions[i].judges)
				expect(i, ret, -ENOEXEC, "FILE takes more work");
		}
		assert_int_equal(budget_check(), -ENOEXEC);
		log_forget();
	}
}

static void test_each_search_is_interrupted(void **state)
{
	sigset_t old;

	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		hold_and_raise(SIGTERM, &old);
		budget_begin("FILE", BUDGET_STEPS);
		expect(i, questions[i].ask(), -EINTR, "interrupted");
		assert_int_equal(budget_signal(), SIGTERM);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
}

/* Where it is not known whether the kernel rewrites a place, it does. */
static void test_in_doubt_protected(void **state)
{
	uint64_t need;

	(void)state;
	budget_begin("FILE", BUDGET_STEPS);
	assert_null(protected_find(&kernel.elf, kernel.symbols, kernel.btf,
				   patch.gva, patch.len));
	need = BUDGET_STEPS - budget_left();
	assert_true(need > 20);
	for (uint64_t has = 0; has < need; has++) {
		budget_begin("FILE", has);
		assert_true(protected_find(&kernel.elf, kernel.symbols,
					   kernel.btf, patch.gva, patch.len) ||
			    budget_check());
	}
	log_forget();
}

/* A large piece is written in parts, and a signal between two of them ends it. */
static void test_large_piece_is_interrupted(void **state)
{
	const size_t size = 64 << 20;
	uint8_t *data = malloc(size), *elf;
	struct fake_segment segment = {
		PT_LOAD, PF_R, FAKE_TEXT, FAKE_TEXT_GPA, data, size, size,
	};
	struct elf_view view;
	struct stat st;
	size_t elf_size;

	(void)state;
	memset(data, 'x', size);
	elf = fake_elf(ET_EXEC, 0, &segment, 1, NULL, 0, &elf_size);
	assert_null(elf_open(&view, elf, elf_size, ET_EXEC));
	/* Enough to look at it all, and to write a half. */
	budget_begin("FILE", size / BUDGET_BYTES * 3 / 2 + size / 4096);
	assert_int_equal(compact_write(&view, path), -ENOEXEC);
	assert_logged("FILE takes more work");
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_size, size / 4, size * 3 / 4);
	budget_begin("FILE", BUDGET_STEPS);
	assert_int_equal(compact_write(&view, path), 0);
	elf_close(&view);
	free(elf);
	free(data);
}

/*
 * 200,000 members, all with one name of 64 MB: its length must not be asked for each
 * time. Without a limit it takes an hour; SIGALRM fails the test.
 */
static void test_names_of_types_are_not_measured(void **state)
{
	enum { TYPES = 4, MEMBERS = 50000 };
	const size_t names = 64 << 20;
	const uint32_t types = TYPES * 4 * (3 + 3 * MEMBERS) + 16;
	uint32_t header[6] = { 0xeb9f | 1 << 16, 24, 0, types, types, names };
	uint32_t *data = calloc(1, sizeof(header) + types + names), *at;
	struct btf_place place;
	const char *why;
	struct btf *btf;
	char *strings;

	(void)state;
	assert_non_null(data);
	memcpy(data, header, sizeof(header));
	at = data + 6;
	for (int i = 0; i < TYPES; i++) {
		at[0] = 1;
		at[1] = 5u << 24 | MEMBERS;	/* a union of 4 bytes, */
		at[2] = 4;
		for (int j = 0; j < MEMBERS; j++) {
			at[3 + 3 * j] = 3;
			at[4 + 3 * j] = TYPES + 1;
		}
		at += 3 + 3 * MEMBERS;
	}
	at[1] = 1u << 24;			/* and the number that it is of */
	at[2] = 4;
	at[3] = 32;
	strings = (char *)(at + 4);
	memset(strings + 1, 's', names - 2);
	strings[2] = '\0';
	alarm(100);
	btf = btf_read(data, sizeof(header) + types + names, &why);
	assert_non_null(btf);
	assert_int_equal(btf_find(btf, "s", "ss", &place), -ESRCH);
	alarm(0);
	btf_free(btf);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_spent_stays_spent),
		T(test_signals_are_seen),
		T(test_ignored_signals_are_ignored),
		T(test_each_search_pays),
		T(test_each_search_is_interrupted),
		T(test_in_doubt_protected),
		T(test_large_piece_is_interrupted),
		T(test_names_of_types_are_not_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
