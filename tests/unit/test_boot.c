// SPDX-License-Identifier: GPL-2.0
/* The boot loader's pages, the memory map and the initrd's place. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "abi/guest.h"
#include "capture_log.h"
#include "launcher/boot.h"

#define MB (1ull << 20)

/* The first bytes of a bzImage of protocol 2.15, header and no more. */
static void make_bzimage(unsigned char *bytes, size_t size)
{
	struct setup_header *header = (void *)(bytes + 0x1f1);

	memset(bytes, 0xee, size);
	memset(header, 0, sizeof(*header));
	header->boot_flag = 0xaa55;
	header->header = 0x53726448;
	header->version = 0x20f;
	header->initrd_addr_max = 0x7fffffff;
	header->init_size = 0x1234567;
	header->kernel_info_offset = 0x89abcdef;
	/* Reaches to the end of the last field: 0x26c. */
	bytes[0x201] = 0x6a;
}

static void test_parse_bzimage(void **state)
{
	unsigned char bytes[1024];
	struct setup_header header;

	(void)state;
	make_bzimage(bytes, sizeof(bytes));
	assert_int_equal(boot_parse_header(bytes, sizeof(bytes), &header), 0);
	assert_int_equal(header.init_size, 0x1234567);
	assert_int_equal(header.kernel_info_offset, 0x89abcdef);
}

/* What the header does not cover is not taken from the code behind it. */
static void test_parse_short_header(void **state)
{
	unsigned char bytes[1024];
	struct setup_header header;

	(void)state;
	make_bzimage(bytes, sizeof(bytes));
	bytes[0x201] = 0x66;	/* ends before kernel_info_offset */
	assert_int_equal(boot_parse_header(bytes, sizeof(bytes), &header), 0);
	assert_int_equal(header.init_size, 0x1234567);
	assert_int_equal(header.kernel_info_offset, 0);
}

static void test_parse_long_header(void **state)
{
	unsigned char bytes[1024];
	struct {
		struct setup_header header;
		unsigned char behind[8];
	} out;

	(void)state;
	make_bzimage(bytes, sizeof(bytes));
	bytes[0x201] = 0xff;
	memset(&out, 0x55, sizeof(out));
	assert_int_equal(boot_parse_header(bytes, sizeof(bytes), &out.header),
			 0);
	assert_int_equal(out.behind[0], 0x55);
}

static void test_parse_refuses(void **state)
{
	unsigned char bytes[1024];
	struct setup_header header;

	(void)state;
	make_bzimage(bytes, sizeof(bytes));
	assert_int_equal(boot_parse_header(bytes, 0, &header), -ENOEXEC);
	assert_int_equal(boot_parse_header(bytes, 0x1f1, &header), -ENOEXEC);
	assert_int_equal(boot_parse_header(bytes, 0x200, &header), -ENOEXEC);
	bytes[0x1fe] = 0;
	assert_int_equal(boot_parse_header(bytes, sizeof(bytes), &header),
			 -ENOEXEC);
	make_bzimage(bytes, sizeof(bytes));
	bytes[0x202] = 'X';
	assert_int_equal(boot_parse_header(bytes, sizeof(bytes), &header),
			 -ENOEXEC);
	make_bzimage(bytes, sizeof(bytes));
	bytes[0x206] = 0x0b;	/* protocol 2.11 */
	assert_int_equal(boot_parse_header(bytes, sizeof(bytes), &header),
			 -ENOEXEC);
}

static void test_parse_elf(void **state)
{
	struct setup_header header;

	(void)state;
	assert_int_equal(boot_parse_header("\177ELF", 4, &header), 0);
	assert_int_equal(header.boot_flag, 0xaa55);
	assert_int_equal(header.loadflags, LOADED_HIGH);
}

static void test_command_line(void **state)
{
	char *words[] = { "quiet", "root=/dev/vda" };
	char *line = boot_command_line(false, "a b", words, 2);

	(void)state;
	/* Ours first: the user's word is the last one. */
	assert_memory_equal(line, "pti=off console=hvc0 ", 21);
	assert_string_equal(line + strlen(line) - 24,
			    " a b quiet root=/dev/vda");
	free(line);
	line = boot_command_line(false, "", NULL, 0);
	assert_int_not_equal(line[strlen(line) - 1], ' ');
	free(line);
}

/* Linux asks for a login there, and nobody sees it. */
static void test_console_that_is_not_there(void **state)
{
	static const char *const quiet[] = {
		"", "console=hvc0", "console=ttyS0 console=hvc0",
		"console=hvc0 noconsole=ttyS0", "console=ttynull", "console=",
	};
	static const char *const loud[] = {
		"console=ttyS0", "console=hvc0 console=ttyS0,115200n8 quiet",
		"console=hvc0  console=tty0",
	};
	unsigned int i;

	(void)state;
	log_forget();
	for (i = 0; i < sizeof(quiet) / sizeof(*quiet); i++)
		boot_check_console(false, quiet[i]);
	assert_int_equal(log_lines, 0);
	for (i = 0; i < sizeof(loud) / sizeof(*loud); i++) {
		boot_check_console(false, loud[i]);
		assert_logged("put console=hvc0 behind it");
	}
}

static void test_command_line_limit(void **state)
{
	char *plain = boot_command_line(false, NULL, NULL, 0);
	size_t room = BOOT_CMDLINE_MAX - strlen(plain) - 1;
	char filler[BOOT_CMDLINE_MAX + 2] = "";
	char *words[] = { filler, filler };
	char *line;

	(void)state;
	free(plain);
	memset(filler, 'x', room);
	line = boot_command_line(false, filler, NULL, 0);
	assert_int_equal(strlen(line), BOOT_CMDLINE_MAX);
	free(line);
	filler[room] = 'x';
	assert_null(boot_command_line(false, filler, NULL, 0));
	assert_null(boot_command_line(false, NULL, words, 1));
	assert_null(boot_command_line(false, filler, words, 2));
}

/* What Linux would find on its search for pti= must be what a guest needs. */
static void test_command_line_contradiction(void **state)
{
	static const char *const refused[] = {
		"pti=on", "pti=auto", "pti=", "pti=offf", "pti=of", "a\tpti=on b",
		"-- pti=on", "x=\"a pti=on\"", "pti=on pti=off",
	};
	static const char *const allowed[] = {
		"pti=off", "nopti", "apti=on", "x=pti=on", "pti", "pti =on",
		"\"pti=on\"", "-- init",
	};
	char *word, *line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		word = (char *)refused[i];
		assert_null(boot_command_line(false, word, NULL, 0));
		assert_null(boot_command_line(false, "quiet", &word, 1));
	}
	for (i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		line = boot_command_line(false, allowed[i], NULL, 0);
		assert_non_null(line);
		free(line);
	}
}

/* In front of a -- of the user's, or init would get it. */
static void test_own_words_are_the_kernels(void **state)
{
	char *words[] = { "--", "single" };
	char *line = boot_command_line(false, "quiet", words, 2);

	(void)state;
	assert_non_null(line);
	assert_true(strstr(line, "pti=off") < strstr(line, " -- "));
	assert_string_equal(strstr(line, " quiet"), " quiet -- single");
	free(line);
}

static void test_place_initrd(void **state)
{
	struct setup_header low = { .initrd_addr_max = 0x7fffffff };
	struct setup_header high = low;
	uint64_t gpa;

	(void)state;
	high.xloadflags = XLF_CAN_BE_LOADED_ABOVE_4G;
	assert_int_equal(boot_place_initrd(&low, 512 * MB, 64 * MB, 5000, &gpa),
			 0);
	assert_int_equal(gpa, 512 * MB - 8192);
	/* Just fitting, and one byte more. */
	assert_int_equal(boot_place_initrd(&low, 128 * MB, 64 * MB, 64 * MB,
					   &gpa), 0);
	assert_int_equal(gpa, 64 * MB);
	assert_int_equal(boot_place_initrd(&low, 128 * MB, 64 * MB,
					   64 * MB + 1, &gpa), -ENOSPC);
	/* Alignment may push it into the kernel. */
	assert_int_equal(boot_place_initrd(&low, 128 * MB, 64 * MB + 1,
					   64 * MB - 1, &gpa), -ENOSPC);
	assert_int_equal(boot_place_initrd(&low, 128 * MB, 256 * MB, 1, &gpa),
			 -ENOSPC);
	assert_int_equal(boot_place_initrd(&low, 128 * MB, 64 * MB, UINT64_MAX,
					   &gpa), -ENOSPC);
	/* Never over the layer's megabyte, whatever the kernel's end is. */
	assert_int_equal(boot_place_initrd(&low, 2 * MB, 0, 2 * MB, &gpa),
			 -ENOSPC);
	/* Above 2 GB only for a kernel that reaches there. */
	assert_int_equal(boot_place_initrd(&low, 4096 * MB, 64 * MB, 4096,
					   &gpa), 0);
	assert_int_equal(gpa, 2048 * MB - 4096);
	assert_int_equal(boot_place_initrd(&high, 8192 * MB, 64 * MB, 4096,
					   &gpa), 0);
	assert_int_equal(gpa, 8192 * MB - 4096);
}

static void test_check_memory(void **state)
{
	(void)state;
	assert_int_equal(boot_check_memory(128 * MB, 64 * MB, 0), 0);
	assert_int_equal(boot_check_memory(64 * MB, 64 * MB, 0), -ENOSPC);
	assert_int_equal(boot_check_memory(128 * MB, 64 * MB, 64 * MB),
			 -ENOSPC);
}

static void test_memory_at(void **state)
{
	struct guest_memory memory;

	(void)state;
	assert_int_equal(memory_create(&memory, 2 * MB), 0);
	assert_ptr_equal(memory_at(&memory, 0, 2 * MB), memory.hva);
	assert_ptr_equal(memory_at(&memory, 5, 1), (char *)memory.hva + 5);
	assert_non_null(memory_at(&memory, 2 * MB, 0));
	assert_null(memory_at(&memory, 2 * MB, 1));
	assert_null(memory_at(&memory, 2 * MB - 1, 2));
	assert_null(memory_at(&memory, UINT64_MAX, 1));
	assert_null(memory_at(&memory, 1, UINT64_MAX));
	assert_null(memory_at(&memory, UINT64_MAX, UINT64_MAX));
	assert_null(memory_at(&memory, RL_HIGH_MEMORY, 0));
	memory_destroy(&memory);
}

/* 4 GB: a part below the device registers, the rest above 4 GB. */
static void test_memory_hole(void **state)
{
	const uint64_t rest = RL_HIGH_MEMORY - RL_MMIO_BASE;
	struct boot_initrd none = { .fd = -1 };
	struct guest_memory memory;
	struct setup_header header;
	struct boot_params *params;

	(void)state;
	assert_int_equal(memory_create(&memory, 4096 * MB), 0);
	assert_int_equal(memory.low, RL_MMIO_BASE);
	assert_int_equal(memory.end, RL_HIGH_MEMORY + rest);
	assert_non_null(memory_at(&memory, RL_MMIO_BASE - 1, 1));
	assert_null(memory_at(&memory, RL_MMIO_BASE - 1, 2));
	assert_null(memory_at(&memory, RL_MMIO_BASE, 1));
	assert_null(memory_at(&memory, RL_HIGH_MEMORY - 1, 2));
	assert_null(memory_at(&memory, 0, 4096 * MB));
	assert_non_null(memory_at(&memory, RL_HIGH_MEMORY, rest));
	assert_null(memory_at(&memory, RL_HIGH_MEMORY, rest + 1));
	*(char *)memory_at(&memory, memory.end - 1, 1) = 1;
	boot_parse_header("\177ELF", 4, &header);
	boot_write_params(NULL, &memory, &header, &none, "");
	params = memory_at(&memory, RL_BOOT_PARAMS_GPA, sizeof(*params));
	assert_int_equal(params->e820_entries, 3);
	assert_int_equal(params->e820_table[1].size, RL_MMIO_BASE - MB);
	assert_int_equal(params->e820_table[2].addr, RL_HIGH_MEMORY);
	assert_int_equal(params->e820_table[2].size, rest);
	assert_int_equal(params->e820_table[2].type, 1);
	memory_destroy(&memory);
	/* Exactly up to the hole: nothing behind it. */
	assert_int_equal(memory_create(&memory, RL_MMIO_BASE), 0);
	assert_int_equal(memory.end, RL_MMIO_BASE);
	assert_null(memory_at(&memory, RL_HIGH_MEMORY, 0));
	memory_destroy(&memory);
}

static int make_file(char *path, const void *data, size_t size)
{
	int fd = mkstemp(path);

	assert_int_equal(write(fd, data, size), size);
	return fd;
}

static void test_initrd(void **state)
{
	struct setup_header header = { .initrd_addr_max = 0x7fffffff };
	char path[] = "/tmp/ringlet-test.XXXXXX";
	int fd = make_file(path, "initrd bytes", 12);
	struct guest_memory memory;
	struct boot_initrd initrd;

	(void)state;
	memory_create(&memory, 4 * MB);
	assert_int_equal(boot_open_initrd(path, &initrd), 0);
	assert_int_equal(initrd.size, 12);
	assert_int_equal(boot_load_initrd(&initrd, &header, &memory, 2 * MB),
			 0);
	assert_int_equal(initrd.gpa, 4 * MB - 4096);
	assert_memory_equal(memory_at(&memory, initrd.gpa, 13),
			    "initrd bytes\0", 13);
	/* It became shorter since it was opened. */
	assert_int_equal(ftruncate(fd, 5), 0);
	assert_int_equal(boot_load_initrd(&initrd, &header, &memory, 2 * MB),
			 -EIO);
	assert_int_equal(boot_load_initrd(&initrd, &header, &memory, 4 * MB),
			 -ENOSPC);
	boot_close_initrd(&initrd);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(boot_open_initrd(path, &initrd), -EINVAL);
	assert_int_equal(boot_open_initrd("/tmp", &initrd), -EINVAL);
	unlink(path);
	assert_int_equal(boot_open_initrd(path, &initrd), -ENOENT);
	assert_int_equal(boot_open_initrd(NULL, &initrd), 0);
	assert_int_equal(boot_load_initrd(&initrd, &header, &memory, 2 * MB),
			 0);
	close(fd);
	memory_destroy(&memory);
}

/* An i386 kernel: other arguments, memory for real mode, and none for the shim. */
static void test_i386(void **state)
{
	static const unsigned char elf[8] = { 0x7f, 'E', 'L', 'F', 1 };
	struct boot_initrd none = { .fd = -1 };
	struct boot_i386 more = { .tsc_khz = 2000000, .devices = 2 };
	char *words[] = { "quiet" }, *line = boot_command_line(true, NULL, words, 1);
	struct setup_header header;
	struct guest_memory memory;
	struct boot_params *params;
	char *filler;

	(void)state;
	assert_non_null(strstr(line, " console=ttyS0 "));
	assert_null(strstr(line, "hvc0"));
	memory_create(&memory, 128 * MB);
	assert_int_equal(boot_parse_header(elf, sizeof(elf), &header), 0);
	assert_false(header.xloadflags & XLF_KERNEL_64);
	boot_write_params(&more, &memory, &header, &none, line);
	params = memory_at(&memory, RL_BOOT_PARAMS_GPA, sizeof(*params));
	assert_int_equal(strncmp(memory_at(&memory, RL_CMDLINE_GPA, 200),
				 "tsc_early_khz=2000000 pti=off ", 30), 0);
	assert_int_equal(params->e820_entries, 4);
	assert_int_equal(params->e820_table[1].addr, 0x70000);
	assert_int_equal(params->e820_table[1].type, 1);
	assert_int_equal(params->e820_table[2].type, 2);
	assert_int_equal(params->e820_table[3].addr, 2 * MB);
	assert_int_equal(params->e820_table[3].size, 126 * MB);
	memory_destroy(&memory);
	/* What comes in front later has its room. */
	filler = calloc(1, BOOT_CMDLINE_MAX + 1);
	memset(filler, 'x', BOOT_CMDLINE_MAX - strlen(line) - strlen("quiet"));
	filler[strlen(filler) - 10] = '\0';
	assert_null(boot_command_line(true, filler, NULL, 0));
	filler[strlen(filler) - 30] = '\0';
	free(line);
	line = boot_command_line(true, filler, NULL, 0);
	assert_non_null(line);
	free(line);
	free(filler);
	boot_check_console(true, "console=ttyS0,115200");
}

static void test_write_params(void **state)
{
	struct boot_initrd initrd = {
		.fd = -1, .size = 0x123456789, .gpa = 0x2fedcb000,
	};
	struct setup_header header;
	struct guest_memory memory;
	struct boot_params *params;

	(void)state;
	memory_create(&memory, 128 * MB);
	boot_parse_header("\177ELF", 4, &header);
	header.setup_data = 0x1234;
	boot_write_params(NULL, &memory, &header, &initrd, "console=hvc0");
	params = memory_at(&memory, RL_BOOT_PARAMS_GPA, sizeof(*params));
	assert_string_equal(memory_at(&memory, params->hdr.cmd_line_ptr, 13),
			    "console=hvc0");
	assert_int_equal(params->sentinel, 0);
	assert_int_equal(params->hdr.type_of_loader, 0xff);
	assert_int_equal(params->hdr.setup_data, 0);
	assert_int_equal(params->hdr.ramdisk_image, 0xfedcb000);
	assert_int_equal(params->ext_ramdisk_image, 2);
	assert_int_equal(params->hdr.ramdisk_size, 0x23456789);
	assert_int_equal(params->ext_ramdisk_size, 1);
	assert_int_equal(params->e820_entries, 2);
	assert_int_equal(params->e820_table[0].addr, 0);
	assert_int_equal(params->e820_table[0].size, MB);
	assert_int_equal(params->e820_table[0].type, 2);
	assert_int_equal(params->e820_table[1].addr, MB);
	assert_int_equal(params->e820_table[1].size, 127 * MB);
	assert_int_equal(params->e820_table[1].type, 1);
	memory_destroy(&memory);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_bzimage),
		cmocka_unit_test(test_parse_short_header),
		cmocka_unit_test(test_parse_long_header),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_elf),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_console_that_is_not_there),
		cmocka_unit_test(test_command_line_limit),
		cmocka_unit_test(test_command_line_contradiction),
		cmocka_unit_test(test_own_words_are_the_kernels),
		cmocka_unit_test(test_place_initrd),
		cmocka_unit_test(test_check_memory),
		cmocka_unit_test(test_memory_at),
		cmocka_unit_test(test_memory_hole),
		cmocka_unit_test(test_initrd),
		cmocka_unit_test(test_i386),
		cmocka_unit_test(test_write_params),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
