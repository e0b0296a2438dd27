// SPDX-License-Identifier: GPL-2.0
/* Symbols out of a synthetic image in each layout, and out of a real one. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unit.h"

#include "fake_image.h"
#include "launcher/elfview.h"
#include "launcher/image.h"
#include "launcher/kallsyms.h"

static uint8_t *file;
static struct elf_view elf;

static struct kallsyms *open_fake(const struct fake_kernel *how,
				  const char **why)
{
	size_t size;

	file = fake_kernel(how, &size);
	assert_null(elf_open(&elf, file, size, ET_EXEC));
	return kallsyms_read(&elf, why);
}

static void close_fake(struct kallsyms *k)
{
	kallsyms_free(k);
	elf_close(&elf);
	free(file);
}

static void check_address(const struct kallsyms *k, const char *name,
			  uint64_t want)
{
	uint64_t address = 0;

	assert_int_equal(kallsyms_find(k, name, &address), 1);
	assert_int_equal(address, want);
}

static void check_fake(const struct kallsyms *k, bool percpu)
{
	uint64_t address = 0, offset;

	check_address(k, "_text", FAKE_TEXT);
	check_address(k, "startup_64", FAKE_TEXT);
	check_address(k, "fake_function", FAKE_FUNCTION);
	check_address(k, "pv_ops", FAKE_DATA + 0x2000);
	check_address(k, "_end", FAKE_DATA + FAKE_DATA_MEMORY);
	if (percpu)
		check_address(k, "fake_percpu", FAKE_PERCPU);
	assert_int_equal(kallsyms_find(k, "twice", &address), 2);
	assert_int_equal(address, FAKE_TEXT + 0x40);
	assert_int_equal(kallsyms_find(k, "no_such", &address), 0);
	assert_int_equal(kallsyms_find(k, "", &address), 0);
	assert_string_equal(kallsyms_nearest(k, FAKE_FUNCTION + 7, &offset),
			    "fake_function");
	assert_int_equal(offset, 7);
}

/* The tables of Linux 6.1, of 6.4, and of 7.0. */
static const struct fake_kernel orders[] = {
	{ .new_order = false }, { .new_order = true }, { .own_places = true },
};

static void test_orders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		const char *why;
		struct kallsyms *k = open_fake(&orders[i], &why);

		assert_non_null(k);
		check_fake(k, !orders[i].own_places);
		close_fake(k);
	}
}

/* Tables that the image is too short for, here and there, in each order. */
static void test_cut_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		size_t read = 0;

		for (size_t cut = 0x3000; cut < 0x6000; cut += 68) {
			struct kallsyms *k;
			Elf64_Phdr text;
			const char *why;
			size_t size;

			file = fake_kernel(&orders[i], &size);
			memcpy(&text, file + sizeof(Elf64_Ehdr), sizeof(text));
			text.p_filesz = cut;
			memcpy(file + sizeof(Elf64_Ehdr), &text, sizeof(text));
			assert_null(elf_open(&elf, file, size, ET_EXEC));
			k = kallsyms_read(&elf, &why);
			read += !!k;
			close_fake(k);
		}
		assert_in_range(read, 1, 0x3000 / 68);
	}
}

static void test_without_absolute_percpu(void **state)
{
	struct fake_kernel how = { .plain_offsets = true };
	const char *why;
	struct kallsyms *k = open_fake(&how, &why);

	(void)state;
	assert_non_null(k);
	check_fake(k, false);
	close_fake(k);
}

static void test_types_and_long_names(void **state)
{
	struct fake_kernel how = { 0 };
	const char *why, *name = NULL;
	struct kallsyms *k = open_fake(&how, &why);
	uint64_t address;
	char type;

	(void)state;
	for (size_t i = 0; i < kallsyms_count(k); i++) {
		name = kallsyms_get(k, i, &address, &type);
		if (strlen(name) > 128)
			break;
	}
	assert_int_equal(address, FAKE_DATA + 0x2100);
	assert_int_equal(type, 'd');
	check_address(k, name, FAKE_DATA + 0x2100);
	close_fake(k);
}

static void test_none(void **state)
{
	struct fake_kernel how = { .no_kallsyms = true };
	const char *why = NULL;

	(void)state;
	assert_null(open_fake(&how, &why));
	assert_non_null(strstr(why, "CONFIG_KALLSYMS"));
	close_fake(NULL);
}

/* Where linux_banner is not at the banner, the addresses are not believed. */
static void test_wrong_banner(void **state)
{
	struct fake_kernel how = { 0 };
	struct kallsyms *k;
	const char *why;
	uint64_t gva;

	(void)state;
	k = open_fake(&how, &why);
	assert_int_equal(kallsyms_find(k, "linux_banner", &gva), 1);
	memset((void *)elf_at(&elf, gva, 13), 'x', 13);
	assert_null(kallsyms_read(&elf, &why));
	assert_non_null(strstr(why, "make no sense"));
	close_fake(k);
}

/* Each byte of the tables changed in turn: refused, or still consistent. */
static void test_mutations(void **state)
{
	const char *why;
	size_t refused = 0, read = 0, size;
	uint8_t *tables;

	(void)state;
	for (size_t at = 0x3000; at < 0x4200; at++) {
		const struct fake_kernel *how = &orders[at % 3];
		struct kallsyms *k;
		uint64_t address;
		char type;

		file = fake_kernel(how, &size);
		assert_null(elf_open(&elf, file, size, ET_EXEC));
		tables = (uint8_t *)elf_at(&elf, FAKE_TEXT, 0x8000);
		tables[at] ^= 1 << at % 8 | 0x80;
		k = kallsyms_read(&elf, &why);
		if (k) {
			read++;
			for (size_t i = 0; i < kallsyms_count(k); i++)
				(void)strlen(kallsyms_get(k, i, &address,
							  &type));
		} else {
			refused++;
		}
		close_fake(k);
	}
	assert_true(refused > 100);
	assert_true(read > 10);
}

/* A stock kernel: tens of thousands of symbols, quickly. */
/* Processor time of this process so far, in seconds. */
static double used(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void test_real(void **state)
{
	char *path = real_kernel();
	struct kallsyms *k;
	struct image image;
	struct elf_view view;
	const char *why;
	uint64_t gva, text;
	double unpacking, seconds;

	(void)state;
	if (!path)
		skip();
	assert_false(image_read(&image, path));
	unpacking = used();
	assert_false(image_unpack(&image));
	unpacking = used() - unpacking;
	assert_null(elf_open(&view, image.elf, image.elf_size, ET_EXEC));
	seconds = used();
	k = kallsyms_read(&view, &why);
	seconds = used() - seconds;
	assert_non_null(k);
	print_message("%s: %zu symbols in %.2f s, unpacked in %.2f s\n", path,
		      kallsyms_count(k), seconds, unpacking);
	assert_true(kallsyms_count(k) > 50000);
	/* All symbols cost no more than a few times what the image did. */
	assert_true(seconds < 10 * unpacking);
	assert_int_equal(kallsyms_find(k, "_text", &text), 1);
	assert_int_equal(kallsyms_find(k, "linux_banner", &gva), 1);
	assert_memory_equal(elf_at(&view, gva, 14), "Linux version ", 14);
	/* A static function, an init one, a per-CPU variable. */
	assert_int_equal(kallsyms_find(k, "x86_64_start_reservations", &gva),
			 1);
	assert_true(gva > text);
	assert_int_equal(kallsyms_find(k, "cpu_tlbstate", &gva), 1);
	assert_true(gva < 1 << 20);
	kallsyms_free(k);
	elf_close(&view);
	image_free(&image);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_without_absolute_percpu),
		cmocka_unit_test(test_types_and_long_names),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_wrong_banner),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
