// SPDX-License-Identifier: GPL-2.0
/* Kernel files: the good ones, the broken ones, and what is said of them. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "fake_image.h"
#include "launcher/budget.h"
#include "launcher/image.h"

static const char *const formats[] = {
	"xz", "xz-bcj", "gzip", "zstd", "lz4", "none",
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static uint8_t *elf;
static size_t elf_size;

static int set_up(void **state)
{
	struct fake_kernel how = { 0 };

	(void)state;
	budget_begin("FILE", BUDGET_STEPS);
	elf = fake_kernel(&how, &elf_size);
	log_forget();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(elf);
	return 0;
}

/* Opens a copy of the file as it is given, unpacks, closes. */
static int try_image(const void *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct image image;
	int ret;

	budget_begin("FILE", BUDGET_STEPS);
	memcpy(copy, data, size);
	ret = image_set(&image, "FILE", copy, size);
	if (!ret)
		ret = image_unpack(&image);
	image_free(&image);
	return ret;
}

static void test_formats(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct image image;
		size_t size;
		uint8_t *file = fake_bzimage(elf, elf_size, formats[i], &size);

		assert_false(image_set(&image, "FILE", file, size));
		assert_int_equal(strlen(image.key), 64);
		assert_false(image_unpack(&image));
		assert_int_equal(image.elf_size, elf_size);
		assert_memory_equal(image.elf, elf, elf_size);
		image_free(&image);
	}
}

/* Relocations that the kernel's build puts behind the ELF file are cut off. */
static void test_relocations_cut(void **state)
{
	uint8_t *longer = malloc(elf_size + 5000), *file;
	struct image image;
	size_t size;

	(void)state;
	memcpy(longer, elf, elf_size);
	memset(longer + elf_size, 0x5a, 5000);
	file = fake_bzimage(longer, elf_size + 5000, "xz", &size);
	assert_false(image_set(&image, "FILE", file, size));
	assert_false(image_unpack(&image));
	assert_int_equal(image.elf_size, elf_size);
	image_free(&image);
	free(longer);
}

static void test_plain_elf(void **state)
{
	(void)state;
	assert_false(try_image(elf, elf_size));
}

static void test_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		size_t size;
		uint8_t *file = fake_bzimage(elf, elf_size, formats[i], &size);

		for (size_t n = 1; n < size - 16; n += 1 + n / 3) {
			assert_int_equal(try_image(file, n), -ENOEXEC);
			assert_int_equal(log_lines, 1);
			log_forget();
		}
		assert_int_equal(try_image(file, size - 17), -ENOEXEC);
		assert_logged("truncated");
		free(file);
	}
}

/* The payload ends early, though the file does not. */
static void test_short_payload(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS - 1; i++) {
		size_t size;
		uint8_t *file = fake_bzimage(elf, elf_size, formats[i], &size);
		uint32_t length, unpacked = elf_size;

		memcpy(&length, file + 0x24c, 4);
		length = length / 2;
		memcpy(file + 0x24c, &length, 4);
		memcpy(file + 5 * 512 + 0x300 + length - 4, &unpacked, 4);
		assert_int_equal(try_image(file, size), -ENOEXEC);
		assert_logged("cannot be unpacked");
		free(file);
	}
}

/* Formats with a check sum notice each changed byte. */
static void test_flipped_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t size, start = 5 * 512 + 0x300;
		uint8_t *file = fake_bzimage(elf, elf_size, formats[i], &size);

		for (size_t at = start + 12; at < size - 40; at += 41) {
			file[at] ^= 0x10;
			assert_int_equal(try_image(file, size), -ENOEXEC);
			assert_int_equal(log_lines, 1);
			log_forget();
			file[at] ^= 0x10;
		}
		assert_false(try_image(file, size));
		free(file);
	}
}

/* Sizes that lie: smaller and larger than the truth, and beyond all limits. */
static void test_bombs(void **state)
{
	const uint32_t sizes[] = {
		0, 1, 4095, 4096, elf_size - 1, elf_size + 1, 100 << 20,
		(1u << 30) + 1, 0x7fffffff, 0xffffffff,
	};

	(void)state;
	for (size_t i = 0; i < FORMATS - 1; i++) {
		size_t size;
		uint8_t *file = fake_bzimage(elf, elf_size, formats[i], &size);

		for (size_t j = 0; j < sizeof(sizes) / 4; j++) {
			memcpy(file + size - 16 - 4, &sizes[j], 4);
			assert_int_equal(try_image(file, size), -ENOEXEC);
			assert_int_equal(log_lines, 1);
			log_forget();
		}
		free(file);
	}
}

/* Zeros pack a thousandfold: what is claimed must limit what is unpacked. */
static void test_real_bomb(void **state)
{
	size_t big = 64 << 20, size;
	uint8_t *zeros = calloc(1, big);

	(void)state;
	for (size_t i = 0; i < FORMATS - 1; i++) {
		uint8_t *file = fake_bzimage(zeros, big, formats[i], &size);
		uint32_t claim = 8192;

		memcpy(file + size - 16 - 4, &claim, 4);
		assert_int_equal(try_image(file, size), -ENOEXEC);
		assert_int_equal(log_lines, 1);
		log_forget();
		free(file);
	}
	free(zeros);
}

static void set_bytes(uint8_t *file, size_t at, uint64_t value, size_t size)
{
	memcpy(file + at, &value, size);
}

static void test_boot_header(void **state)
{
	static const struct {
		size_t at, size;
		uint64_t value;
		const char *said;
	} cases[] = {
		{ 0x1fe, 2, 0, "no Linux kernel" },
		{ 0x202, 4, 0, "no Linux kernel" },
		{ 0x206, 2, 0x020b, "older than" },
		{ 0x248, 4, 0xffffffff, "truncated" },
		{ 0x24c, 4, 0xffffffff, "truncated" },
		{ 0x24c, 4, 0, "no kernel inside" },
		{ 0x248, 4, 0x301, "not xz, gzip, zstd or lz4" },
	};
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *file = fake_bzimage(elf, elf_size, "xz", &size);

		set_bytes(file, cases[i].at, cases[i].value, cases[i].size);
		assert_int_equal(try_image(file, size), -ENOEXEC);
		assert_logged(cases[i].said);
		free(file);
	}
}

/* Each field of the ELF headers with values that lead out of the file. */
static void test_elf_out_of_range(void **state)
{
	static const uint64_t values[] = {
		~0ull, 1ull << 63, 1ull << 40, ~0ull - 4095,
	};
	static const struct {
		size_t at, size;
	} fields[] = {
		{ offsetof(Elf64_Ehdr, e_phoff), 8 },
		{ offsetof(Elf64_Ehdr, e_shoff), 8 },
		{ offsetof(Elf64_Ehdr, e_phnum), 2 },
		{ offsetof(Elf64_Ehdr, e_shnum), 2 },
		{ offsetof(Elf64_Ehdr, e_phentsize), 2 },
		{ offsetof(Elf64_Ehdr, e_shentsize), 2 },
		{ 64 + offsetof(Elf64_Phdr, p_offset), 8 },
		{ 64 + offsetof(Elf64_Phdr, p_filesz), 8 },
		{ 64 + 56 + offsetof(Elf64_Phdr, p_offset), 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint8_t old[8];

		memcpy(old, elf + fields[i].at, fields[i].size);
		for (size_t j = 0; j < 4; j++) {
			uint64_t value = values[j];

			if (fields[i].size == 2 && !(value & 0xffff))
				continue;
			set_bytes(elf, fields[i].at, value, fields[i].size);
			assert_int_equal(try_image(elf, elf_size), -ENOEXEC);
			assert_logged("cannot be used");
		}
		memcpy(elf + fields[i].at, old, fields[i].size);
	}
	assert_false(try_image(elf, elf_size));
}

static void test_elf_wraps(void **state)
{
	size_t gpa = 64 + offsetof(Elf64_Phdr, p_paddr);
	size_t gva = 64 + offsetof(Elf64_Phdr, p_vaddr);

	(void)state;
	set_bytes(elf, gpa, ~0ull - 100, 8);
	assert_int_equal(try_image(elf, elf_size), -ENOEXEC);
	assert_logged("wraps");
	set_bytes(elf, gpa, FAKE_TEXT_GPA, 8);
	set_bytes(elf, gva, ~0ull - 100, 8);
	assert_int_equal(try_image(elf, elf_size), -ENOEXEC);
	assert_logged("wraps");
}

static void test_wrong_elf(void **state)
{
	(void)state;
	set_bytes(elf, offsetof(Elf64_Ehdr, e_machine), EM_386, 2);
	assert_int_equal(try_image(elf, elf_size), -ENOEXEC);
	assert_logged("32-bit (i386)");
	set_bytes(elf, offsetof(Elf64_Ehdr, e_machine), EM_AARCH64, 2);
	assert_int_equal(try_image(elf, elf_size), -ENOEXEC);
	assert_logged("not for 64-bit x86");
	set_bytes(elf, offsetof(Elf64_Ehdr, e_machine), EM_X86_64, 2);
	set_bytes(elf, offsetof(Elf64_Ehdr, e_type), ET_DYN, 2);
	assert_int_equal(try_image(elf, elf_size), -ENOEXEC);
	assert_logged("not a statically linked");
}

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

/* What a user may give by mistake: each is refused with one line. */
static void test_files(void **state)
{
	char folder[] = "/tmp/ringlet-test.XXXXXX", path[64], text[2000];
	struct image image;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/kernel", folder);
	assert_int_equal(image_read(&image, path), -ENOENT);
	assert_logged("cannot read");
	assert_int_equal(image_read(&image, folder), -EINVAL);
	assert_logged("is not a file");
	write_file(path, "", 0);
	assert_int_equal(image_read(&image, path), -EINVAL);
	assert_logged("is empty");
	memset(text, 'x', sizeof(text));
	write_file(path, text, sizeof(text));
	assert_int_equal(image_read(&image, path), -ENOEXEC);
	assert_logged("no Linux kernel");
	assert_false(truncate(path, (1ll << 30) + 1));
	assert_int_equal(image_read(&image, path), -EFBIG);
	assert_logged("larger than 1 GB");
	unlink(path);
	assert_false(mkfifo(path, 0600));
	assert_int_equal(image_read(&image, path), -EINVAL);
	assert_logged("is not a file");
	unlink(path);
	write_file(path, elf, elf_size);
	assert_false(image_read(&image, path));
	assert_false(image_unpack(&image));
	image_free(&image);
	unlink(path);
	assert_false(rmdir(folder));
}

/* The key of a file is its contents', wherever it lies. */
static void test_key(void **state)
{
	struct image one, two;
	uint8_t *copy = malloc(elf_size);

	(void)state;
	memcpy(copy, elf, elf_size);
	assert_false(image_set(&one, "FILE", copy, elf_size));
	copy = malloc(elf_size);
	memcpy(copy, elf, elf_size);
	copy[elf_size - 1] ^= 1;
	assert_false(image_set(&two, "OTHER", copy, elf_size));
	assert_int_not_equal(one.key, two.key);
	image_free(&one);
	image_free(&two);
}

/* Numbers that are the same in each run: failures can be repeated. */
static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Whatever the bytes, no sanitizer complains, and failures say one line. */
static void test_mutations(void **state)
{
	uint32_t seed = 20240229;

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		size_t size;
		uint8_t *file = fake_bzimage(elf, elf_size, formats[i], &size);
		uint8_t *copy = malloc(size);

		for (int round = 0; round < 300; round++) {
			size_t n = 1 + random_next(&seed) % 8;
			int ret;

			memcpy(copy, file, size);
			while (n--) {
				size_t range = random_next(&seed) % 2 ?
						       5 * 512 : size;

				copy[random_next(&seed) % range] =
					random_next(&seed);
			}
			ret = try_image(copy, size);
			assert_int_equal(log_lines, ret ? 1 : 0);
			log_forget();
		}
		free(copy);
		free(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_formats),
		T(test_relocations_cut),
		T(test_plain_elf),
		T(test_truncated),
		T(test_short_payload),
		T(test_flipped_bytes),
		T(test_bombs),
		T(test_real_bomb),
		T(test_boot_header),
		T(test_elf_out_of_range),
		T(test_elf_wraps),
		T(test_wrong_elf),
		T(test_files),
		T(test_key),
		T(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
