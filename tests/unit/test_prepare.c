// SPDX-License-Identifier: GPL-2.0
/* Kernels that cannot be used, linking, the cache, and loading. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "abi/guest.h"
#include "capture_log.h"
#include "fake_image.h"
#include "files.h"
#include "launcher/budget.h"
#include "launcher/cache.h"
#include "launcher/compact.h"
#include "launcher/kernel.h"
#include "launcher/link.h"
#include "launcher/prepare.h"

#define MEMORY	(FAKE_DATA_GPA + FAKE_DATA_MEMORY + 0x10000)
#define KEY	"11223344556677881122334455667788" \
		"11223344556677881122334455667788"
#define LAYER	"99aabbccddeeff0099aabbccddeeff00" \
		"99aabbccddeeff0099aabbccddeeff00"

static char folder[64];
static uint8_t *file;
static struct image image;
static struct kernel kernel;

static int set_up(void **state)
{
	(void)state;
	log_forget();
	budget_begin("FILE", BUDGET_STEPS);
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

static int open_fake(const struct fake_kernel *how)
{
	memset(&image, 0, sizeof(image));
	file = fake_kernel(how, &image.elf_size);
	image.elf = file;
	image.file = "FILE";
	return kernel_open(&kernel, &image);
}

static void close_fake(void)
{
	kernel_close(&kernel);
	free(file);
}

static void test_kernel(void **state)
{
	struct fake_kernel how = { 0 };

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	assert_string_equal(kernel.release, FAKE_RELEASE);
	assert_string_equal(kernel.build_id, FAKE_BUILD_ID);
	assert_int_equal(kernel.init_top_pgt, FAKE_DATA_GPA);
	assert_int_equal(kernel.fixmap, FAKE_DATA_GPA + 0x1000);
	assert_non_null(kernel.btf);
	close_fake();
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

/* An object with undefined symbols, as `ld -r` leaves it. */
static int write_symbols(const char *const *names, const bool *weak, int count,
			 char *script, size_t size)
{
	Elf64_Sym symbols[8] = { { 0 } };
	struct elf_view view;
	char strings[512] = "", path[128];
	size_t used = 1, object_size;
	struct fake_section sections[] = {
		{ ".symtab", SHT_SYMTAB, 2, symbols, sizeof(symbols[0]) },
		{ ".strtab", SHT_STRTAB, 0, strings, sizeof(strings) },
	};
	uint8_t *object;
	int ret;
	FILE *f;

	for (int i = 0; i < count; i++) {
		symbols[i + 1].st_name = used;
		symbols[i + 1].st_info = ELF64_ST_INFO(weak[i] ? STB_WEAK :
						       STB_GLOBAL, STT_NOTYPE);
		strcpy(strings + used, names[i]);
		used += strlen(names[i]) + 1;
		sections[0].size += sizeof(symbols[0]);
	}
	object = fake_elf(ET_REL, 0, NULL, 0, sections, 2, &object_size);
	assert_null(elf_open(&view, object, object_size, ET_REL));
	snprintf(path, sizeof(path), "%s/script", folder);
	ret = link_write_symbols(&view, kernel.symbols, path);
	f = fopen(path, "r");
	assert_non_null(f);
	script[fread(script, 1, size - 1, f)] = '\0';
	fclose(f);
	elf_close(&view);
	free(object);
	return ret;
}

static void test_link_symbols(void **state)
{
	static const char *const names[] = {
		"pv_ops", "fake_percpu", "rl_own", "absent",
	};
	const bool weak[] = { false, true, false, true };
	struct fake_kernel how = { 0 };
	char script[512];

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	assert_int_equal(write_symbols(names, weak, 4, script, 512), 0);
	assert_string_equal(script, "pv_ops = 0xffffffff82002000;\n"
				    "fake_percpu = 0x1234;\n");
	close_fake();
}

static void test_link_refused(void **state)
{
	static const char *const names[] = { "absent", "_text", "missing" };
	static const char *const two[] = { "_text", "twice" };
	const bool weak[3] = { false };
	struct fake_kernel how = { 0 };
	char script[512];

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	assert_int_equal(write_symbols(names, weak, 3, script, 512), -ENOEXEC);
	assert_logged("lacks 2 symbols that the layer needs: absent, missing");
	assert_int_equal(write_symbols(two, weak, 2, script, 512), -ENOEXEC);
	assert_logged("twice (2 times)");
	close_fake();
}

static int check_layout(const char *name, const char *member, uint32_t offset,
			uint32_t size)
{
	struct rl_layout layouts[2] = {
		{ "outer", "a", 0, 4 },
		{ .offset = offset, .size = size },
	};
	struct elf_view view;
	size_t layer_size;
	uint8_t *layer;
	int ret;

	strcpy(layouts[1].struct_name, name);
	strcpy(layouts[1].member, member);
	layer = fake_layer(NULL, 0, layouts, 2, &layer_size);
	assert_null(elf_open(&view, layer, layer_size, ET_EXEC));
	ret = link_check_layouts(&view, kernel.btf);
	elf_close(&view);
	free(layer);
	return ret;
}

static void test_layouts(void **state)
{
	struct fake_kernel how = { 0 }, no_btf = { .no_btf = true };

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	assert_int_equal(check_layout("outer", "in[1].y", 56, 4), 0);
	assert_int_equal(check_layout("outer", "b", 8, 16), -ENOEXEC);
	assert_logged("outer.b is at 8, 24 bytes, in the kernel, and at 8, 16");
	assert_int_equal(check_layout("outer", "b", 9, 24), -ENOEXEC);
	assert_logged("(1 layouts differ)");
	assert_int_equal(check_layout("outer", "z", 9, 24), -ENOEXEC);
	assert_logged("it has no outer.z");
	assert_int_equal(check_layout("outest", "", 0, 8), -ENOEXEC);
	assert_logged("it has no struct outest");
	close_fake();
	assert_int_equal(open_fake(&no_btf), 0);
	assert_int_equal(check_layout("outer", "b", 8, 24), -ENOEXEC);
	assert_logged("CONFIG_DEBUG_INFO_BTF");
	close_fake();
}

/* The fake kernel and a layer with one patch, as an entry of the cache. */
static void make_entry(struct prepared *prepared)
{
	struct fake_kernel how = { 0 };
	struct rl_patch patch = {
		.gva = FAKE_FUNCTION + 5, .target = RL_LAYER_GVA + 16,
		.kind = RL_PATCH_JUMP, .len = 6,
	};
	char path[256], *work = cache_begin(folder);
	size_t size;
	uint8_t *layer = fake_layer(&patch, 1, NULL, 0, &size);

	assert_non_null(work);
	assert_int_equal(open_fake(&how), 0);
	snprintf(path, sizeof(path), "%s/vmlinux", work);
	assert_int_equal(compact_write(&kernel.elf, path), 0);
	put_file(work, "layer.elf", layer, size);
	memset(prepared, 0, sizeof(*prepared));
	strcpy(prepared->build_id, kernel.build_id);
	strcpy(prepared->release, kernel.release);
	prepared->entry = RL_LAYER_GVA;
	prepared->cr3 = kernel.init_top_pgt;
	prepared->fixmap = kernel.fixmap;
	assert_int_equal(cache_publish(folder, work, KEY, LAYER, prepared), 0);
	free(work);
	free(layer);
}

static void test_cache(void **state)
{
	struct prepared made, found;

	(void)state;
	assert_int_equal(cache_find(folder, KEY, LAYER, &found), -ENOENT);
	make_entry(&made);
	assert_int_equal(cache_find(folder, KEY, LAYER, &found), 0);
	assert_true(found.cached);
	assert_string_equal(found.dir, made.dir);
	assert_string_equal(found.release, FAKE_RELEASE);
	assert_string_equal(found.build_id, FAKE_BUILD_ID);
	assert_int_equal(found.entry, RL_LAYER_GVA);
	assert_int_equal(found.cr3, FAKE_DATA_GPA);
	assert_int_equal(found.fixmap, FAKE_DATA_GPA + 0x1000);
	prepared_free(&found);
	/* Any layer will do where the source is not known. */
	assert_int_equal(cache_find(folder, KEY, NULL, &found), 0);
	prepared_free(&found);
	assert_int_equal(cache_find(folder, LAYER, LAYER, &found), -ENOENT);
	assert_int_equal(cache_find(folder, KEY, KEY, &found), -ENOENT);
	assert_int_equal(log_lines, 0);
	prepared_free(&made);
	close_fake();
}

/* A damaged entry is not found, and making it again replaces it. */
static void test_cache_damaged(void **state)
{
	struct prepared made, found;

	(void)state;
	make_entry(&made);
	close_fake();
	assert_int_equal(truncate(made.vmlinux, 5000), 0);
	assert_int_equal(cache_find(folder, KEY, LAYER, &found), -ENOENT);
	prepared_free(&made);
	make_entry(&made);
	assert_int_equal(cache_find(folder, KEY, LAYER, &found), 0);
	prepared_free(&found);
	/* Two at once: the second finds the first's and keeps it. */
	prepared_free(&made);
	close_fake();
	make_entry(&made);
	assert_int_equal(cache_find(folder, KEY, LAYER, &found), 0);
	prepared_free(&found);
	prepared_free(&made);
	close_fake();
}

/*
 * An entry that says it was made of another kernel (a name is quickly changed), and
 * one that somebody else made, are not found; a folder that others can write is
 * refused, and one that we make is ours alone, whatever the umask.
 */
static void test_cache_of_strangers(void **state)
{
	struct prepared made, found;
	char path[512], other[512];
	struct stat st;
	mode_t mask;

	(void)state;
	make_entry(&made);
	close_fake();
	snprintf(other, sizeof(other), "%s/%s." LAYER "." LAYER, folder,
		 made.build_id);
	assert_int_equal(rename(made.dir, other), 0);
	assert_int_equal(cache_find(folder, LAYER, LAYER, &found), -ENOENT);
	assert_int_equal(rename(other, made.dir), 0);
	assert_int_equal(cache_find(folder, KEY, LAYER, &found), 0);
	prepared_free(&found);

	assert_int_equal(chmod(made.dir, 0775), 0);
	assert_int_equal(cache_find(folder, KEY, LAYER, &found), -ENOENT);
	assert_int_equal(chmod(made.dir, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(made.dir, 12345, 12345), 0);
		assert_int_equal(cache_find(folder, KEY, LAYER, &found),
				 -ENOENT);
		assert_int_equal(chown(made.dir, 0, 0), 0);
	} else {
		print_message("not root: no entry of another owner\n");
	}
	prepared_free(&made);

	snprintf(path, sizeof(path), "%s/not/there/yet", folder);
	assert_int_equal(cache_check(path), 0);
	assert_int_equal(cache_check("/dev/null/cache"), -EROFS);
	assert_int_equal(cache_check("/proc/cache"), geteuid() ? -EROFS : 0);
	log_forget();
	assert_int_equal(cache_check(folder), 0);
	assert_int_equal(chmod(folder, 0770), 0);
	assert_int_equal(cache_check(folder), -EROFS);
	assert_int_equal(log_lines, 1);
	assert_int_equal(chmod(folder, 0700), 0);

	snprintf(path, sizeof(path), "%s/new/cache", folder);
	mask = umask(0);
	free(cache_begin(path));
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

/* The system's cache counts where only root can write to it, and no --cache is given. */
static void test_cache_second(void **state)
{
	const char *real = cache_system;
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/system", folder);
	cache_system = path;
	assert_null(cache_second(NULL));
	put_file(folder, "system", path, 1);
	assert_null(cache_second(NULL));
	assert_int_equal(unlink(path), 0);
	free(cache_begin(path));
	if (geteuid() == 0) {
		assert_ptr_equal(cache_second(NULL), path);
		assert_null(cache_second("/tmp"));
		assert_int_equal(chmod(path, 0775), 0);
		assert_null(cache_second(NULL));
		assert_int_equal(chmod(path, 0757), 0);
		assert_null(cache_second(NULL));
		assert_int_equal(chmod(path, 0755), 0);
		assert_int_equal(chown(path, 12345, 0), 0);
		assert_null(cache_second(NULL));
	} else {
		assert_null(cache_second(NULL));
	}
	cache_system = real;
}

/* A service has no HOME. */
static void test_cache_without_home(void **state)
{
	const struct passwd *account = getpwuid(geteuid());
	char want[512], *old = getenv("HOME"), *path;

	(void)state;
	assert_non_null(account);
	unsetenv("HOME");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("RINGLET_CACHE");
	path = cache_path(NULL);
	snprintf(want, sizeof(want), "%s/.cache/ringlet", account->pw_dir);
	assert_string_equal(path, want);
	free(path);
	if (old)
		setenv("HOME", old, 1);
}

/* Only the very same file is known, and only once it has settled. */
static void test_cache_known(void **state)
{
	char path[256], key[DIGEST_SIZE];
	struct stat st, other;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", folder);
	put_file(folder, "file", (const uint8_t *)"contents", 8);
	assert_int_equal(stat(path, &st), 0);
	cache_remember(folder, &st, KEY);
	assert_false(cache_recall(folder, &st, key));
	st.st_ctim.tv_sec -= 10;
	cache_remember(folder, &st, KEY);
	assert_true(cache_recall(folder, &st, key));
	assert_string_equal(key, KEY);
	for (int i = 0; i < 6; i++) {
		other = st;
		other.st_dev += i == 0;
		other.st_ino += i == 1;
		other.st_size += i == 2;
		other.st_mtim.tv_nsec += i == 3;
		other.st_ctim.tv_sec += i == 4;
		other.st_ctim.tv_nsec += i == 5;
		assert_false(cache_recall(folder, &other, key));
	}
	/* Another one takes its place. */
	st.st_size = 9;
	cache_remember(folder, &st, LAYER);
	assert_true(cache_recall(folder, &st, key));
	assert_string_equal(key, LAYER);
}

static uint8_t *new_memory(int filler)
{
	uint8_t *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	if (filler)
		memset(memory, filler, MEMORY);
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
	for (int filler = 0; filler < 2; filler++) {
		uint8_t *memory = new_memory(filler * 0xa5);

		/* Twice: a reboot loads over what the guest left. */
		for (int i = 0; i < 2; i++) {
			assert_int_equal(prepared_load(&prepared, memory,
						       MEMORY, &end), 0);
			assert_int_equal(end, FAKE_DATA_GPA + FAKE_DATA_MEMORY);
			check_kernel(memory);
			check_layer(memory);
			memory[FAKE_DATA_GPA + FAKE_DATA_MEMORY - 1] = 1;
		}
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
	uint8_t *memory = new_memory(0);
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
	memset(memory + (40 << 20), 0x5a, 40 << 20);
	layer = fake_layer(NULL, 0, NULL, 0, &layer_size);
	put_file(folder, "layer.elf", layer, layer_size);
	snprintf(file_name, sizeof(file_name), "%s/vmlinux", folder);
	assert_int_equal(compact_write(&kernel.elf, file_name), 0);
	prepared.dir = folder;
	prepared.vmlinux = file_name;
	assert_true(asprintf(&prepared.layer, "%s/layer.elf", folder) > 0);
	prepared.cr3 = kernel.init_top_pgt;
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
	uint8_t *memory = new_memory(0), *layer;
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

/* Layers that must not be loaded. The second segment is at 64 + 56. */
static void test_layer_segments(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
		const char *said;
	} cases[] = {
		{ 64 + 56 + offsetof(Elf64_Phdr, p_vaddr),
		  RL_LAYER_GVA + RL_LAYER_SIZE - 4096, "does not fit" },
		{ 64 + 56 + offsetof(Elf64_Phdr, p_vaddr), RL_LAYER_GVA - 4096,
		  "does not fit" },
		{ 64 + 56 + offsetof(Elf64_Phdr, p_memsz), RL_LAYER_SIZE,
		  "does not fit" },
		{ 64 + 56 + offsetof(Elf64_Phdr, p_paddr), RL_LAYER_GPA,
		  "physical addresses" },
		{ offsetof(Elf64_Ehdr, e_entry), RL_LAYER_GVA + 4096,
		  "entry is not in its code" },
		{ 64 + offsetof(Elf64_Phdr, p_memsz), 4097, "share a page" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct elf_view view;
		size_t size;
		uint8_t *layer = fake_layer(NULL, 0, NULL, 0, &size);

		memcpy(layer + cases[i].at, &cases[i].value, 8);
		assert_null(elf_open(&view, layer, size, ET_EXEC));
		assert_int_equal(link_check_layer(&view), -ENOEXEC);
		assert_logged(cases[i].said);
		elf_close(&view);
		free(layer);
	}
}

/* A full disk is ENOSPC, not EIO. */
static void test_disk_full(void **state)
{
	struct elf_view view;
	struct fake_kernel how = { 0 };
	size_t size;
	uint8_t *layer = fake_layer(NULL, 0, NULL, 0, &size);

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	assert_int_equal(compact_write(&kernel.elf, "/dev/full"), -ENOSPC);
	assert_int_equal(compact_write(&kernel.elf, folder), -EISDIR);
	assert_null(elf_open(&view, layer, size, ET_EXEC));
	assert_int_equal(link_write_symbols(&view, kernel.symbols,
					    "/dev/null/x"), -ENOTDIR);
	assert_int_equal(logged_errno, ENOTDIR);
	assert_logged("cannot write /dev/null/x");
	elf_close(&view);
	free(layer);
	close_fake();
}

/* The cached kernel is smaller, by the zeros between its pieces. */
static void test_compact(void **state)
{
	struct fake_kernel how = { 0 };
	char path[128];
	struct stat st;

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	snprintf(path, sizeof(path), "%s/vmlinux", folder);
	assert_int_equal(compact_write(&kernel.elf, path), 0);
	assert_int_equal(stat(path, &st), 0);
	/* Of 0x48000 bytes, the pages with contents and one of headers. */
	assert_int_equal(st.st_size, 0x1000 + 0x8000 + 0x3000 + 0x1000);
	close_fake();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_kernel),
		T(test_unfit_kernels),
		T(test_link_symbols),
		T(test_link_refused),
		T(test_layouts),
		T(test_cache),
		T(test_cache_damaged),
		T(test_cache_of_strangers),
		T(test_cache_known),
		T(test_cache_second),
		T(test_cache_without_home),
		T(test_load),
		T(test_load_too_small),
		T(test_load_real),
		T(test_load_mismatch),
		T(test_layer_segments),
		T(test_disk_full),
		T(test_compact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
