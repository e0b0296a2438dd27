// SPDX-License-Identifier: GPL-2.0
/*
 * prepare_kernel() as a whole: a kernel file goes in, an entry of the cache comes out,
 * or one line that says why not.
 *
 * The kernel and the layer are kernel_folder.h's; a case puts others there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "kernel_folder.h"
#include "launcher/budget.h"
#include "launcher/prepare.h"

static int set_up(void **state)
{
	(void)state;
	log_forget();
	return make_folder();
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("RINGLET_LAYER");
	return remove_folder();
}

static int prepare(struct prepared *prepared)
{
	const struct prepare_options options = {
		.cache_dir = cache, .layer = layer,
	};

	return prepare_kernel(kernel, &options, prepared);
}

/* It fails so, with that line, and leaves nothing half made. */
static void assert_fails(int error, const char *said)
{
	struct prepared prepared;

	assert_int_equal(prepare(&prepared), error);
	assert_logged(said);
	assert_null(prepared.dir);
	assert_int_equal(count_of(".making*"), 0);
	assert_int_equal(count_of("*.*.*/*"), 0);
}

/* --- what goes well --- */

static void test_prepared(void **state)
{
	struct prepared made, found;

	(void)state;
	assert_int_equal(prepare(&made), 0);
	assert_false(made.cached);
	assert_string_equal(made.release, FAKE_RELEASE);
	assert_string_equal(made.build_id, FAKE_BUILD_ID);
	assert_int_equal(made.entry, RL_LAYER_GVA);
	assert_int_equal(made.cr3, FAKE_DATA_GPA);
	assert_int_equal(made.fixmap, FAKE_DATA_GPA + 0x1000);
	/* Kernel, layer and manifest. */
	assert_int_equal(count_of("*.*.*"), 1);
	assert_int_equal(count_of("*.*.*/*"), 3);
	assert_int_equal(count_of(".making*"), 0);
	assert_int_equal(access(made.vmlinux, R_OK), 0);
	assert_int_equal(access(made.layer, R_OK), 0);

	/* Again: from the cache, the image not even read. */
	assert_int_equal(count_of(".known.*"), 1);
	assert_int_equal(prepare(&found), 0);
	assert_true(found.cached);
	assert_string_equal(found.dir, made.dir);
	prepared_free(&found);

	/* A layer that changed is another one, and another entry. */
	put_open_layer("_text");
	assert_int_equal(prepare(&found), 0);
	assert_false(found.cached);
	assert_string_not_equal(found.dir, made.dir);
	assert_int_equal(count_of("*.*.*"), 2);
	prepared_free(&found);
	prepared_free(&made);
	assert_int_equal(log_lines, 0);
}

/* Another kernel under the same name is not taken for the one that was there. */
static void test_kernel_replaced(void **state)
{
	const struct fake_kernel how = { .new_order = true };
	struct prepared one, two;

	(void)state;
	assert_int_equal(prepare(&one), 0);
	put_kernel(&how);
	assert_int_equal(prepare(&two), 0);
	assert_false(two.cached);
	assert_string_not_equal(one.dir, two.dir);
	prepared_free(&one);
	prepared_free(&two);
}

/* Held, it can be loaded after its names are gone. */
static void test_hold(void **state)
{
	struct prepared prepared;
	char byte;

	(void)state;
	assert_int_equal(prepare(&prepared), 0);
	assert_int_equal(prepared_hold(&prepared), 0);
	cache_remove(cache);
	assert_int_equal(pread(prepared.vmlinux_fd, &byte, 1, 1), 1);
	assert_int_equal(byte, 'E');
	assert_int_equal(pread(prepared.layer_fd, &byte, 1, 1), 1);
	prepared_free(&prepared);

	assert_int_equal(prepare(&prepared), 0);
	assert_int_equal(unlink(prepared.layer), 0);
	assert_int_equal(prepared_hold(&prepared), -ENOENT);
	assert_logged("cannot open the prepared kernel in");
	prepared_free(&prepared);
}

/* --- what does not --- */

static void test_bad_layer(void **state)
{
	struct rl_patch patch = {
		.gva = FAKE_FUNCTION + 5, .target = RL_LAYER_GVA,
		.kind = RL_PATCH_JUMP, .len = 6,
	};

	(void)state;
	put_text(layer, "not a layer");
	assert_fails(-ENOEXEC, "the paravirt layer cannot be used, it is too short");
	put_text(layer, "");
	assert_fails(-ENOEXEC, "is not the paravirt layer");
	put_open_layer("absent");
	assert_fails(-ENOEXEC, "lacks 1 symbols that the layer needs: absent");
	put_layer(NULL, "pointer hooks.add v");
	assert_fails(-ENOEXEC, "pointer hooks.add v (it is 448)");
	patch.mask[0] = 0xff;
	put_layer(&patch, NULL);
	assert_fails(-ENOEXEC, "is not what the layer knows");
	patch.kind = 99;
	put_layer(&patch, NULL);
	assert_fails(-ENOEXEC, "the layer's patch 0 is wrong");
}

static void test_bad_kernel(void **state)
{
	const struct fake_kernel how = { .without = "pv_ops" };

	(void)state;
	put_kernel(&how);
	assert_fails(-ENOEXEC, "without PARAVIRT_XXL");
	put_text(kernel, "\177ELF but no more than that");
	assert_fails(-ENOEXEC, "cannot be used, it is too short");
	put_text(kernel, "text");
	assert_fails(-ENOEXEC, "is no Linux kernel for x86");
	assert_int_equal(unlink(kernel), 0);
	assert_fails(-ENOENT, "cannot read the kernel");
}

static void test_no_types(void **state)
{
	const struct fake_kernel how = { .no_btf = true };

	(void)state;
	put_kernel(&how);
	assert_fails(-ENOEXEC, "it needs CONFIG_DEBUG_INFO_BTF");
}

static void test_no_layer(void **state)
{
	struct prepare_options options = { .cache_dir = cache };
	struct prepared prepared;

	(void)state;
	options.layer = in(folder, "nothing");
	assert_int_equal(prepare_kernel(kernel, &options, &prepared), -ENOENT);
	assert_logged("cannot read the paravirt layer");
	/* Not needed where the cache has the kernel, with whatever layer. */
	assert_int_equal(prepare(&prepared), 0);
	prepared_free(&prepared);
	options.layer = NULL;
	setenv("RINGLET_LAYER", "/nonexistent", 1);
	assert_int_equal(prepare_kernel(kernel, &options, &prepared), -ENOENT);
	assert_logged("cannot read the paravirt layer /nonexistent");
	unsetenv("RINGLET_LAYER");
	assert_int_equal(prepare_kernel(kernel, &options, &prepared), 0);
	assert_true(prepared.cached);
	prepared_free(&prepared);
	cache_remove(cache);
	assert_int_equal(prepare_kernel(kernel, &options, &prepared), -ENOENT);
	assert_logged("is not in the cache");
	/* One that cannot be read. */
	assert_int_equal(unlink(layer), 0);
	assert_int_equal(mkdir(layer, 0700), 0);
	assert_fails(-ENOEXEC, "is not the paravirt layer");
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

/* Held back by the caller until it is asked for: nothing is made, and it is taken. */
static void test_interrupted(void **state)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t ends, old;

	(void)state;
	budget_signals(&ends);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		signal(numbers[i], count_signal);
		pthread_sigmask(SIG_BLOCK, &ends, &old);
		raise(numbers[i]);
		signals = 0;
		assert_fails(-EINTR, "interrupted");
		/* Taken, for the caller to end with once all is removed. */
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		assert_int_equal(signals, 0);
		assert_int_equal(budget_signal(), numbers[i]);
		signal(numbers[i], SIG_DFL);
	}
}

static void test_no_cache(void **state)
{
	(void)state;
	put_text(cache, "a file");
	assert_fails(-EROFS, "is not a folder: name another with --cache DIR");
	assert_int_equal(unlink(cache), 0);
	snprintf(cache, sizeof(cache), "/dev/null/cache");
	assert_fails(-EROFS, "cannot be made in /dev/null");
}

/*
 * Whatever the last file is that finds no space: it is the cache that cannot be used,
 * the line says why, and nothing half made stays. From 4 KB on, until it fits.
 */
static void test_cache_full(void **state)
{
	struct prepared prepared;
	unsigned int failed = 0, kb;
	char size[32];
	int ret = -1;

	(void)state;
	assert_int_equal(mkdir(cache, 0700), 0);
	if (mount("tmpfs", cache, "tmpfs", 0, "size=4k,mode=700")) {
		print_message("SKIPPED: no tmpfs can be mounted here (%s)\n",
			      strerror(errno));
		skip();
	}
	for (kb = 4; ret && kb < 1024; kb += 4) {
		snprintf(size, sizeof(size), "size=%uk,mode=700", kb);
		assert_int_equal(mount("tmpfs", cache, "tmpfs", MS_REMOUNT,
				       size), 0);
		ret = prepare(&prepared);
		if (!ret)
			break;
		if (ret != -EROFS)
			fail_msg("%d KB: %d, \"%s\"", kb, ret, logged);
		assert_int_equal(log_lines, 1);
		assert_int_equal(logged_errno, ENOSPC);
		assert_int_equal(count_of(".making*"), 0);
		assert_int_equal(count_of("*.*.*/*"), 0);
		log_forget();
		failed++;
	}
	assert_int_equal(ret, 0);
	assert_true(failed > 5);
	assert_int_equal(log_lines, 0);
	prepared_free(&prepared);
	assert_int_equal(umount(cache), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_prepared),
		T(test_kernel_replaced),
		T(test_hold),
		T(test_bad_layer),
		T(test_bad_kernel),
		T(test_no_types),
		T(test_no_layer),
		T(test_interrupted),
		T(test_no_cache),
		T(test_cache_full),
	};

	/* For a disk of our own that is full; whoever may not make one skips. */
	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		perror("no mounts of our own");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
