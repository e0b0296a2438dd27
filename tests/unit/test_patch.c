// SPDX-License-Identifier: GPL-2.0
/* Code patches: what is read, what is refused, what is written. */
#include <elf.h>
#include <errno.h>

#include "unit.h"

#include "abi/guest.h"
#include "capture_log.h"
#include "fake_image.h"
#include "launcher/budget.h"
#include "launcher/kernel.h"
#include "launcher/patch.h"
#include "launcher/protected.h"

static uint8_t *file;
static struct image image;
static struct kernel kernel;
static struct rl_patch patch;

static const uint8_t *code_at(uint64_t gva)
{
	return elf_at(&kernel.elf, gva, RL_PATCH_BYTES);
}

/* A fake kernel, and a patch that fits it, free of all protected bytes. */
static int set_up(void **state)
{
	struct fake_kernel how = { 0 };

	(void)state;
	log_forget();
	budget_begin("FILE", BUDGET_STEPS);
	memset(&image, 0, sizeof(image));
	file = fake_kernel(&how, &image.elf_size);
	image.elf = file;
	image.file = "FILE";
	if (kernel_open(&kernel, &image))
		return -1;
	memset(&patch, 0, sizeof(patch));
	patch.gva = FAKE_FUNCTION + 5;
	patch.target = RL_LAYER_GVA;
	patch.kind = RL_PATCH_JUMP;
	patch.len = 8;
	memcpy(patch.expect, code_at(patch.gva), patch.len);
	memset(patch.mask, 0xff, patch.len);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kernel_close(&kernel);
	free(file);
	return 0;
}

static int check(void)
{
	return patch_check(&patch, 1, &kernel.elf, kernel.symbols, kernel.btf);
}

static void test_fits(void **state)
{
	(void)state;
	assert_int_equal(check(), 0);
	assert_int_equal(log_lines, 0);
}

static void test_other_bytes(void **state)
{
	(void)state;
	patch.expect[7] ^= 1;
	assert_int_equal(check(), -ENOEXEC);
	assert_non_null(strstr(logged, "fake_function+0x5"));
	assert_logged("expected");
	patch.mask[7] = 0xfe;
	assert_int_equal(check(), 0);
	patch.expect[0] ^= 0xff;
	patch.mask[0] = 0;
	assert_int_equal(check(), 0);
	patch.mask[0] = 1;
	assert_int_equal(check(), -ENOEXEC);
	assert_logged("fake_function+0x5");
}

static void test_not_code(void **state)
{
	static const uint64_t places[] = {
		1, FAKE_PERCPU, FAKE_TEXT - 4, FAKE_TEXT + 0x7ffc,
		FAKE_DATA + FAKE_DATA_MEMORY - 0x1000, ~0ull - 3,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		patch.gva = places[i];
		assert_int_equal(check(), -ENOEXEC);
		assert_logged("not in the kernel's code");
	}
}

/* The lists protect [0,5), [0x10,0x15), [0x20,0x23), [0x30,0x37), [0x60,0x68). */
static void test_protected(void **state)
{
	static const struct {
		unsigned int at, size;
		const char *list;
	} cases[] = {
		{ 0, 5, "mcount" }, { 4, 5, "mcount" }, { 5, 11, NULL },
		{ 5, 12, "return_sites" }, { 0x14, 5, "return_sites" },
		{ 0x15, 11, NULL }, { 0x15, 12, "altinstructions" },
		{ 0x22, 5, "altinstructions" }, { 0x23, 13, NULL },
		{ 0x23, 14, "parainstructions" },
		{ 0x36, 5, "parainstructions" }, { 0x37, 22, NULL },
		{ 0x5b, 5, NULL }, { 0x5b, 6, "runtime constants" },
		{ 0x67, 5, "runtime constants" }, { 0x68, 22, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *list;

		list = protected_find(&kernel.elf, kernel.symbols, kernel.btf,
				      FAKE_FUNCTION + cases[i].at,
				      cases[i].size);
		if (!list || !cases[i].list)
			assert_ptr_equal(list, cases[i].list);
		else
			assert_string_equal(list, cases[i].list);
	}
	patch.gva = FAKE_FUNCTION;
	memset(patch.mask, 0, sizeof(patch.mask));
	assert_int_equal(check(), -ENOEXEC);
	assert_logged("rewrites these bytes itself (mcount)");
}

/* Lists whose records only BTF explains are not passed over without it. */
static void test_protected_without_btf(void **state)
{
	(void)state;
	assert_string_equal(protected_find(&kernel.elf, kernel.symbols, NULL,
					   FAKE_FUNCTION + 0x80, 5),
			    "altinstructions");
}

static int read_layer(const struct rl_patch *patches, size_t count,
		      struct rl_patch **out, size_t *out_count)
{
	struct elf_view view;
	size_t size;
	uint8_t *layer = fake_layer(patches, count, NULL, 0, &size);
	int ret;

	assert_null(elf_open(&view, layer, size, ET_EXEC));
	ret = patch_read(&view, out, out_count);
	elf_close(&view);
	free(layer);
	return ret;
}

/* Settles one patch of a layer; where it is then, or 0: refused when it is read. */
static uint64_t settled(struct rl_patch p)
{
	struct elf_view view;
	size_t size, count = 0;
	uint8_t *layer = fake_layer(&p, 1, NULL, 0, &size);
	struct rl_patch *out = NULL;
	uint64_t gva = 0;

	assert_null(elf_open(&view, layer, size, ET_EXEC));
	assert_int_equal(patch_settle(&view, layer, &kernel.elf,
				      kernel.symbols), 0);
	if (!patch_read(&view, &out, &count) && count)
		gva = out->gva;
	free(out);
	elf_close(&view);
	free(layer);
	return gva;
}

/* What each function begins with is skipped, where it does begin with it. */
static void test_settle(void **state)
{
	(void)state;
	assert_int_equal(settled(patch), patch.gva);
	patch.kind |= RL_PATCH_ENTRY;
	patch.gva = FAKE_FUNCTION;
	assert_int_equal(settled(patch), FAKE_FUNCTION + 5);
	patch.gva = FAKE_ENDBR_FENTRY;
	assert_int_equal(settled(patch), FAKE_ENDBR_FENTRY + 9);
	patch.gva = FAKE_ENDBR;
	assert_int_equal(settled(patch), FAKE_ENDBR + 4);
	patch.gva = FAKE_PLAIN;
	assert_int_equal(settled(patch), FAKE_PLAIN);
	/* In no segment, or nowhere. */
	patch.gva = FAKE_TEXT - 1;
	assert_int_equal(settled(patch), FAKE_TEXT - 1);
	patch.gva = 0;
	assert_int_equal(settled(patch), 0);
	patch.kind |= RL_PATCH_OPTIONAL;
	assert_int_equal(settled(patch), 0);
}

static void test_read(void **state)
{
	struct rl_patch patches[4] = { patch, patch, patch, patch }, *out;
	size_t count;

	(void)state;
	patches[1].gva = 0;	/* the symbol is absent, which is allowed */
	patches[1].kind |= RL_PATCH_OPTIONAL;
	patches[2].target = 0;	/* not wanted */
	patches[3].len = 5;
	assert_int_equal(read_layer(patches, 4, &out, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(out[1].len, 5);
	free(out);
	assert_int_equal(read_layer(NULL, 0, &out, &count), 0);
	assert_int_equal(count, 0);
	free(out);
}

static void test_read_refused(void **state)
{
	struct rl_patch *out;
	size_t count;

	(void)state;
	for (int i = 0; i < 7; i++) {
		struct rl_patch p = patch;

		if (i == 0)
			p.gva = 0;
		else if (i == 1)
			p.len = 4;
		else if (i == 2)
			p.len = RL_PATCH_BYTES + 1;
		else if (i == 3)
			p.kind = 2;
		else if (i == 4)
			p.target = RL_LAYER_GVA + RL_LAYER_SIZE;
		else if (i == 5)
			p.kind |= RL_PATCH_ENTRY;	/* not settled */
		else
			p.gva -= 1ull << 31;	/* too far for rel32 */
		assert_int_equal(read_layer(&p, 1, &out, &count), -ENOEXEC);
		assert_logged("patch 0 is wrong");
	}
}

static void test_write(void **state)
{
	uint8_t code[12];
	static const uint8_t want[12] = {
		0xcc, 0xe9, 0x78, 0x56, 0x34, 0x12, 0x90, 0x90, 0x90, 0xcc,
		0xcc, 0xcc,
	};

	(void)state;
	memset(code, 0xcc, sizeof(code));
	patch.target = patch.gva + 5 + 0x12345678;
	patch_write(&patch, code + 1);
	assert_memory_equal(code, want, sizeof(code));
	patch.target = patch.gva;
	patch.len = 5;
	patch_write(&patch, code);
	assert_memory_equal(code, "\xe9\xfb\xff\xff\xff", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_fits),
		T(test_other_bytes),
		T(test_not_code),
		T(test_protected),
		T(test_protected_without_btf),
		T(test_settle),
		T(test_read),
		T(test_read_refused),
		T(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
