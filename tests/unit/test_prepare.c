// SPDX-License-Identifier: GPL-2.0
/*
 * A linked layer, and the cache. (Linking: test_link.c; kernels: test_kernel.c; loading:
 * test_load.c.)
 */
#include <elf.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "fake_entry.h"
#include "launcher/link.h"
#include "launcher/patch.h"

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

/* A layer whose patches are of another version, or whose code could be written. */
static void test_layer_of_another_version(void **state)
{
	struct rl_patch patch = {
		.gva = FAKE_FUNCTION + 5, .target = RL_LAYER_GVA,
		.kind = RL_PATCH_JUMP, .len = 6,
	};
	struct fake_kernel how = { 0 };
	struct elf_view view;
	struct rl_patch *patches;
	size_t size, count;
	uint8_t *layer = fake_layer(&patch, 1, NULL, 0, &size);

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	assert_null(elf_open(&view, layer, size, ET_EXEC));
	for (size_t i = 0; i < view.header.e_shnum; i++)
		view.sections[i].sh_size -= view.sections[i].sh_size == sizeof(patch);
	assert_int_equal(patch_read(&view, &patches, &count), -ENOEXEC);
	assert_null(patches);
	assert_int_equal(count, 0);
	assert_logged("the layer's patches are not of this version");
	assert_int_equal(link_check_layer(&view), 0);
	view.segments[0].p_flags |= PF_W;
	assert_int_equal(link_check_layer(&view), -ENOEXEC);
	assert_logged("a segment that is writable and executable");
	elf_close(&view);
	free(layer);
	close_fake();
}

/* A full disk is ENOSPC, not EIO. */
static void test_disk_full(void **state)
{
	struct fake_kernel how = { 0 };

	(void)state;
	assert_int_equal(open_fake(&how), 0);
	assert_int_equal(compact_write(&kernel.elf, "/dev/full"), -ENOSPC);
	assert_int_equal(compact_write(&kernel.elf, folder), -EISDIR);
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
		T(test_cache),
		T(test_cache_damaged),
		T(test_cache_of_strangers),
		T(test_cache_known),
		T(test_cache_second),
		T(test_cache_without_home),
		T(test_layer_segments),
		T(test_layer_of_another_version),
		T(test_disk_full),
		T(test_compact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
