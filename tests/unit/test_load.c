// SPDX-License-Identifier: GPL-2.0
/* Loading an entry of the cache into a guest's memory, and entries that are damaged. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "fake_entry.h"

#define MEMORY	(FAKE_DATA_GPA + FAKE_DATA_MEMORY + 0x10000)

static uint8_t *new_memory(void)
{
	uint8_t *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/* Memory holds what the ELF file says, but for the hook and the patch. */
static void check_kernel(const uint8_t *memory)
{
	uint64_t code = FAKE_FUNCTION - FAKE_TEXT;
	uint8_t *want = calloc(1, FAKE_DATA_MEMORY);

	memcpy(want, elf_at(&kernel.elf, FAKE_TEXT, 0x8000), 0x8000);
	/* At +5: a jump from +10 to 0x10 behind the layer's start. */
	want[code + 5] = 0xe9;
	want[code + 6] = 0x06;
	want[code + 7] = 0xff;
	want[code + 8] = 0xff;
	want[code + 9] = 0x3e;
	want[code + 10] = 0x90;
	assert_memory_equal(memory + FAKE_TEXT_GPA, want, 0x8000);
	memset(want, 0, 0x8000);
	memcpy(want, elf_at(&kernel.elf, FAKE_DATA, 0x40000), 0x40000);
	want[0x1000] = 0x23;
	want[0x1002] = RL_LAYER_PT_GPA >> 16;
	assert_memory_equal(memory + FAKE_DATA_GPA, want, FAKE_DATA_MEMORY);
	free(want);
}

static void check_layer(const uint8_t *memory)
{
	const uint8_t *table = memory + RL_LAYER_PT_GPA;
	const uint64_t nx = 1ull << 63;

	assert_memory_equal(memory + RL_LAYER_GPA, "\xf4\1\2\0", 4);
	assert_memory_equal(memory + RL_LAYER_GPA + 4096, "\7\x8\x9\0", 4);
	assert_int_equal(memory[RL_LAYER_GPA + 2 * 4096 - 1], 0);
	/* Code: present, not writable, executable. Data: writable, NX. */
	assert_int_equal(get64(table), RL_LAYER_GPA | 0x61);
	assert_true(get64(table + 8) == ((RL_LAYER_GPA + 0x1000) | 0x63 | nx));
	assert_true(get64(table + 16) == ((RL_LAYER_GPA + 0x2000) | 0x63 | nx));
	for (size_t i = 3; i < 512; i++)
		assert_int_equal(get64(table + 8 * i), 0);
}

static void test_load(void **state)
{
	struct prepared prepared;
	uint64_t end = 0;

	(void)state;
	make_entry(&prepared);
	/* Twice: what a guest writes stays its own, a reboot finds the file as it was. */
	for (int i = 0; i < 2; i++) {
		uint8_t *memory = new_memory();

		assert_int_equal(prepared_load(&prepared, memory, MEMORY, &end),
				 0);
		assert_int_equal(end, FAKE_DATA_GPA + FAKE_DATA_MEMORY);
		check_kernel(memory);
		check_layer(memory);
		memset(memory + FAKE_TEXT_GPA, 0x5a, 0x8000);
		memset(memory + FAKE_DATA_GPA, 0x5a, FAKE_DATA_MEMORY);
		munmap(memory, MEMORY);
	}
	assert_int_equal(log_lines, 0);
	prepared_free(&prepared);
	close_fake();
}

static void test_load_too_small(void **state)
{
	static const uint64_t sizes[] = {
		0, 4096, 0x100000, FAKE_TEXT_GPA + 0x1000, FAKE_DATA_GPA,
		FAKE_DATA_GPA + FAKE_DATA_MEMORY - 4096,
	};
	struct prepared prepared;
	uint8_t *memory = new_memory();
	uint64_t end;

	(void)state;
	make_entry(&prepared);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(prepared_load(&prepared, memory, sizes[i],
					       &end), -ENOMEM);
		assert_logged("needs 33 MB of memory");
	}
	munmap(memory, MEMORY);
	prepared_free(&prepared);
	close_fake();
}

/* Each segment of a stock kernel is in memory as the whole file has it. */
static void compare_segments(const struct elf_view *view,
			     const uint8_t *memory)
{
	for (size_t i = 0; i < view->header.e_phnum; i++) {
		const Elf64_Phdr *p = &view->segments[i];

		if (p->p_type != PT_LOAD)
			continue;
		/* The hook is the one difference, and put back by the test. */
		assert_memory_equal(memory + p->p_paddr,
				    view->data + p->p_offset, p->p_filesz);
		for (size_t at = p->p_filesz; at < p->p_memsz; at++)
			assert_int_equal(memory[p->p_paddr + at], 0);
	}
}

static void test_load_real(void **state)
{
	char *path = real_kernel(), file_name[128];
	const size_t size = 256 << 20;
	struct prepared prepared = { 0 };
	uint8_t *memory, *layer;
	size_t layer_size;
	uint64_t end;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(image_read(&image, path), 0);
	assert_int_equal(image_unpack(&image), 0);
	assert_int_equal(kernel_open(&kernel, &image), 0);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	layer = fake_layer(NULL, 0, NULL, 0, &layer_size);
	put_file(folder, "layer.elf", layer, layer_size);
	snprintf(file_name, sizeof(file_name), "%s/vmlinux", folder);
	assert_int_equal(compact_write(&kernel.elf, file_name), 0);
	prepared.dir = folder;
	prepared.vmlinux = file_name;
	assert_true(asprintf(&prepared.layer, "%s/layer.elf", folder) > 0);
	prepared.cr3 = kernel.first_top;
	prepared.fixmap = kernel.fixmap;
	assert_int_equal(prepared_load(&prepared, memory, size, &end), 0);
	assert_int_equal(get64(memory + kernel.fixmap), RL_LAYER_PT_GPA | 0x23);
	memset(memory + kernel.fixmap, 0, 8);
	compare_segments(&kernel.elf, memory);
	free(prepared.layer);
	free(layer);
	munmap(memory, size);
	kernel_close(&kernel);
	image_free(&image);
	free(path);
}

/* A cache entry whose files do not belong together. */
static void test_load_mismatch(void **state)
{
	struct rl_patch patch = {
		.gva = FAKE_FUNCTION, .target = RL_LAYER_GVA, .len = 5,
		.kind = RL_PATCH_JUMP, .mask = { 0xff, 0xff },
	};
	uint8_t *memory = new_memory(), *layer;
	struct prepared prepared;
	uint64_t end;
	size_t size;

	(void)state;
	make_entry(&prepared);
	layer = fake_layer(&patch, 1, NULL, 0, &size);
	put_file(prepared.dir, "layer.elf", layer, size);
	assert_int_equal(prepared_load(&prepared, memory, MEMORY, &end), -EIO);
	assert_logged("do not fit together");
	put_file(prepared.dir, "layer.elf", "x", 1);
	assert_int_equal(prepared_load(&prepared, memory, MEMORY, &end), -EIO);
	assert_logged("damaged");
	put_file(prepared.dir, "layer.elf", "", 0);
	assert_int_equal(prepared_load(&prepared, memory, MEMORY, &end), -EIO);
	assert_logged("damaged, it is empty");
	assert_int_equal(unlink(prepared.vmlinux), 0);
	assert_int_equal(prepared_load(&prepared, memory, MEMORY, &end),
			 -ENOENT);
	assert_int_equal(logged_errno, ENOENT);
	assert_logged("cannot be read");
	free(layer);
	munmap(memory, MEMORY);
	prepared_free(&prepared);
	close_fake();
}

/* The entry's own numbers lead out of memory, or to no page. */
static void test_load_damaged_entry(void **state)
{
	static const uint64_t bad[] = {
		~0ull, MEMORY, MEMORY - 4095, FAKE_DATA_GPA + 8,
	};
	uint8_t *memory = new_memory();
	struct prepared prepared, damaged;
	uint64_t end;

	(void)state;
	make_entry(&prepared);
	for (size_t i = 0; i < 8; i++) {
		damaged = prepared;
		*(i < 4 ? &damaged.cr3 : &damaged.fixmap) = bad[i % 4];
		assert_int_equal(prepared_load(&damaged, memory, MEMORY, &end),
				 -EIO);
		assert_logged("is damaged: remove it");
	}
	munmap(memory, MEMORY);
	prepared_free(&prepared);
	close_fake();
}

/* Kernels that no cache of ours has: what lies below 1 MB is not theirs. */
static void test_load_strange_kernels(void **state)
{
	static const struct {
		struct fake_segment segments[2];
		size_t count;
		const char *said;
	} cases[] = {
		{ { { PT_LOAD, PF_R, FAKE_TEXT, 0x1000, "x", 1, 1 } }, 1,
		  "below 1 MB" },
		{ { { PT_LOAD, PF_R, FAKE_TEXT, FAKE_TEXT_GPA, "x", 1, 1 },
		    { PT_LOAD, PF_R, FAKE_DATA, 0xff000, "x", 1, 1 } }, 2,
		  "below 1 MB" },
		{ { { PT_NOTE, PF_R, 0, 0, "x", 1, 1 } }, 1, "has no contents" },
		{ { { PT_LOAD, PF_R, FAKE_TEXT, FAKE_TEXT_GPA, "x", 1, 1 } }, 1,
		  "do not fit together" },
	};
	uint8_t *memory = new_memory();
	struct prepared prepared;
	uint64_t end;

	(void)state;
	make_entry(&prepared);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t size;
		uint8_t *elf = fake_elf(ET_EXEC, 0, cases[i].segments,
					cases[i].count, NULL, 0, &size);

		put_bytes(prepared.vmlinux, elf, size);
		assert_true(prepared_load(&prepared, memory, MEMORY, &end) < 0);
		assert_logged(cases[i].said);
		free(elf);
	}
	assert_int_equal(unlink(prepared.vmlinux), 0);
	assert_int_equal(mkdir(prepared.vmlinux, 0700), 0);
	assert_int_equal(prepared_load(&prepared, memory, MEMORY, &end),
			 -ENODEV);
	assert_logged("cannot be read");
	munmap(memory, MEMORY);
	prepared_free(&prepared);
	close_fake();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_load),
		T(test_load_too_small),
		T(test_load_real),
		T(test_load_mismatch),
		T(test_load_damaged_entry),
		T(test_load_strange_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
