// SPDX-License-Identifier: GPL-2.0
/* What a kernel file must have so that ringlet can run it, and what is said if not. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "fake_entry.h"

static void test_kernel(void **state)
{
	struct fake_kernel how = { 0 };

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	assert_string_equal(kernel.release, FAKE_RELEASE);
	assert_string_equal(kernel.build_id, FAKE_BUILD_ID);
	assert_int_equal(kernel.first_top, FAKE_DATA_GPA);
	assert_int_equal(kernel.fixmap, FAKE_DATA_GPA + 0x1000);
	assert_non_null(kernel.btf);
	close_fake();
}

/* An image whose init_top_pgt is empty starts on early_top_pgt. */
static void test_early_top(void **state)
{
	struct fake_kernel how = { .early_top = true };

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	assert_int_equal(kernel.first_top, FAKE_EARLY_TOP_GPA);
	close_fake();
	how.without = "init_top_pgt";
	assert_int_equal(open_fake(&how), 0);
	close_fake();
	how.without = "early_top_pgt";
	assert_int_equal(open_fake(&how), -ENOEXEC);
	assert_logged("first page tables");
	free(file);
}

static void test_unfit_kernels(void **state)
{
	static const struct {
		struct fake_kernel how;
		const char *said;
	} cases[] = {
		{ { .no_kallsyms = true }, "CONFIG_KALLSYMS" },
		{ { .without = "pv_ops" }, "without PARAVIRT_XXL" },
		{ { .without = "xen_iret" }, "without PARAVIRT_XXL" },
		{ { .without = "asm_xenpv_exc_debug" }, "without PARAVIRT_XXL" },
		{ { .cfi = true }, "checks where its calls lead (CONFIG_CFI)" },
		{ { .without = "init_top_pgt" }, "first page tables" },
		{ { .without = "level2_fixmap_pgt" }, "first page tables" },
		{ { .release = "../../etc" }, "release" },
		{ { .release = "6.1;reboot" }, "release" },
		{ { .release = "" }, "release" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(open_fake(&cases[i].how), -ENOEXEC);
		assert_logged(cases[i].said);
		free(file);
	}
}

/* The good kernel once more, with this at that address. */
static int open_with(uint64_t gva, const void *bytes, size_t size)
{
	struct fake_kernel how = { 0 };
	size_t at;

	assert_int_equal(open_fake(&how), 0);
	at = (const uint8_t *)elf_at(&kernel.elf, gva, size) - file;
	memcpy(file + at, bytes, size);
	kernel_close(&kernel);
	return kernel_open(&kernel, &image);
}

/* Page tables that do not map the kernel, or that have no room for the layer. */
static void test_unfit_tables(void **state)
{
	static const uint64_t none, present = 1;

	(void)state;
	assert_int_equal(open_with(FAKE_DATA + 511 * 8, &none, 8), -ENOEXEC);
	assert_logged("does not have the first page tables that ringlet knows");
	free(file);
	assert_int_equal(open_with(FAKE_DATA + 0x1000, &present, 8), -ENOEXEC);
	assert_logged("does not have the first page tables");
	free(file);
}

/* A release that never ends, or of which nothing may be in a path. */
static void test_unfit_releases(void **state)
{
	static const char *const releases[] = {
		".hidden", "6.1/../../x", "6.1\n",
		"0123456789012345678901234567890123456789012345678901234567890123"
		"4",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(releases) / sizeof(*releases); i++) {
		struct fake_kernel how = { .release = releases[i] };

		if (open_fake(&how) == 0)
			fail_msg("release %s is good", releases[i]);
		assert_logged("does not tell its release");
		free(file);
	}
}

/* The section of notes, and what it has. */
static void test_build_ids(void **state)
{
	struct fake_kernel how = { 0 };

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	kernel_close(&kernel);
	for (size_t i = 0; i < ((Elf64_Ehdr *)file)->e_phnum; i++) {
		Elf64_Phdr *p = (Elf64_Phdr *)(file + sizeof(Elf64_Ehdr)) + i;

		if (p->p_type == PT_NOTE)
			p->p_type = PT_NULL;
	}
	assert_int_equal(kernel_open(&kernel, &image), 0);
	assert_string_equal(kernel.build_id, "none");
	close_fake();
}

/* Type data that is damaged is not used, and no reason to refuse a kernel. */
static void test_damaged_btf(void **state)
{
	struct fake_kernel how = { 0 };
	const Elf64_Shdr *s;

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	s = elf_section(&kernel.elf, ".BTF");
	assert_non_null(s);
	file[s->sh_offset] ^= 0xff;
	kernel_close(&kernel);
	assert_int_equal(kernel_open(&kernel, &image), 0);
	assert_null(kernel.btf);
	close_fake();
	assert_int_equal(log_lines, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_kernel),
		T(test_early_top),
		T(test_unfit_kernels),
		T(test_unfit_tables),
		T(test_unfit_releases),
		T(test_build_ids),
		T(test_damaged_btf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
