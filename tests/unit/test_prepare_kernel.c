// SPDX-License-Identifier: GPL-2.0
/*
 * prepare_kernel() and `ringlet prepare` as a whole: a kernel file goes in, an entry
 * of the cache comes out, or one line that says why not.
 *
 * The kernel is fake_image.h's. The layer's makefile is the test's: it copies an
 * object and a layer that were put beside it, or does what a case wants.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#include "abi/guest.h"
#include "capture_log.h"
#include "fake_image.h"
#include "files.h"
#include "launcher/cache.h"
#include "launcher/cmd.h"
#include "launcher/budget.h"
#include "launcher/prepare.h"

static char folder[64], cache[128], source[128], headers[128], kernel[128];

/* The Makefile puts this before the C library's: files are a minute older. */
time_t __wrap_time(time_t *to);

time_t __wrap_time(time_t *to)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (to)
		*to = now.tv_sec + 60;
	return now.tv_sec + 60;
}

/* --- files --- */

static const char *in(const char *dir, const char *name)
{
	static char paths[4][512];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void put_text(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static const char *read_text(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* How many files of the cache match. */
static size_t count_of(const char *pattern)
{
	glob_t found;
	size_t count;

	glob(in(cache, pattern), 0, NULL, &found);
	count = found.gl_pathc;
	globfree(&found);
	return count;
}

static const char good_makefile[] =
	"$(OUT)/layer.o:\n"
	"	@cp guest_pv/object $@ && echo compiled\n"
	"$(OUT)/layer.elf:\n"
	"	@cp guest_pv/linked $@ && cp $(SYMS) guest_pv/script && echo linked\n";

/* The layer's object wants two symbols of the kernel. */
static void put_object(const char *second)
{
	Elf64_Sym symbols[3] = { { 0 } };
	char strings[64] = "\0pv_ops";
	struct fake_section sections[] = {
		{ ".symtab", SHT_SYMTAB, 2, symbols, sizeof(symbols) },
		{ ".strtab", SHT_STRTAB, 0, strings, sizeof(strings) },
	};
	uint8_t *object;
	size_t size;

	strcpy(strings + 8, second);
	symbols[1].st_name = 1;
	symbols[2].st_name = 8;
	symbols[1].st_info = symbols[2].st_info =
		ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE);
	object = fake_elf(ET_REL, 0, NULL, 0, sections, 2, &size);
	put_bytes(in(source, "object"), object, size);
	free(object);
}

static void put_layer(const struct rl_patch *patch,
		      const struct rl_layout *layout)
{
	size_t size;
	uint8_t *layer = fake_layer(patch, !!patch, layout, !!layout, &size);

	put_bytes(in(source, "linked"), layer, size);
	free(layer);
}

static void put_kernel(const struct fake_kernel *how)
{
	size_t size;
	uint8_t *data = fake_kernel(how, &size);

	put_bytes(kernel, data, size);
	free(data);
}

static int set_up(void **state)
{
	const struct fake_kernel how = { 0 };

	(void)state;
	log_forget();
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(cache, sizeof(cache), "%s/cache", folder);
	snprintf(source, sizeof(source), "%s/layer", folder);
	snprintf(headers, sizeof(headers), "%s/headers", folder);
	snprintf(kernel, sizeof(kernel), "%s/vmlinux", folder);
	if (mkdir(source, 0777) || mkdir(headers, 0777) ||
	    mkdir(in(headers, "include"), 0777) ||
	    mkdir(in(headers, "include/generated"), 0777))
		return -1;
	put_text(in(headers, "include/generated/utsrelease.h"),
		 "#define UTS_RELEASE \"" FAKE_RELEASE "\"\n");
	put_text(in(source, "layer.mk"), good_makefile);
	put_object("fake_function");
	put_layer(NULL, NULL);
	put_kernel(&how);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("RINGLET_CACHE");
	unsetenv("RINGLET_LAYER");
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

static int prepare(struct prepared *prepared)
{
	const struct prepare_options options = {
		.cache_dir = cache, .layer_dir = source,
		.headers_dir = headers,
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
	assert_string_equal(read_text(in(source, "script")),
			    "pv_ops = 0xffffffff82002000;\n"
			    "fake_function = 0xffffffff81000100;\n");
	/* Kernel, layer and manifest; the compiler's files are gone. */
	assert_int_equal(count_of("*.*.*"), 1);
	assert_int_equal(count_of("*.*.*/*"), 3);
	assert_int_equal(count_of(".making*"), 0);
	assert_int_equal(access(made.vmlinux, R_OK), 0);
	assert_int_equal(access(made.layer, R_OK), 0);

	/* Again: from the cache, the image not even read. */
	assert_int_equal(count_of(".known.*"), 1);
	put_text(in(source, "layer.mk.off"), "");
	assert_int_equal(prepare(&found), 0);
	assert_true(found.cached);
	assert_string_equal(found.dir, made.dir);
	prepared_free(&found);

	/* A source that changed is another layer, and another entry. */
	put_text(in(source, "more.h"), "");
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

static void test_build_fails(void **state)
{
	struct prepared prepared;
	char log[512];

	(void)state;
	put_text(in(source, "layer.mk"), "$(OUT)/layer.o:\n"
		 "	@echo no such header >&2; exit 1\n");
	assert_fails(-EIO, "the paravirt layer cannot be built for kernel "
			   FAKE_RELEASE ": see ");
	snprintf(log, sizeof(log), "%s/failed-" FAKE_RELEASE ".log", cache);
	assert_non_null(strstr(read_text(log), "no such header\n"));
	/* The log of what failed before goes when it is built. */
	put_text(in(source, "layer.mk"), good_makefile);
	assert_int_equal(prepare(&prepared), 0);
	assert_int_equal(access(log, F_OK), -1);
	prepared_free(&prepared);
}

/* Whoever saw it all on standard error is sent to no log. */
static void test_build_fails_verbose(void **state)
{
	const struct prepare_options options = {
		.cache_dir = cache, .layer_dir = source,
		.headers_dir = headers, .verbose = true,
	};
	struct prepared prepared;

	(void)state;
	put_text(in(source, "layer.mk"), "$(OUT)/layer.o:\n	@exit 1\n");
	assert_int_equal(prepare_kernel(kernel, &options, &prepared), -EIO);
	assert_null(strstr(logged, "see"));
	assert_logged("cannot be built for kernel " FAKE_RELEASE);
	assert_int_equal(count_of("failed*"), 0);
}

static void test_bad_object(void **state)
{
	(void)state;
	put_text(in(source, "object"), "not an object");
	assert_fails(-ENOEXEC, "layer.o cannot be used, it is too short");
	put_text(in(source, "object"), "");
	assert_fails(-ENOEXEC, "layer.o cannot be used, it is empty");
	put_object("absent");
	assert_fails(-ENOEXEC, "lacks 1 symbols that the layer needs: absent");
}

static void test_bad_layer(void **state)
{
	struct rl_patch patch = {
		.gva = FAKE_FUNCTION + 5, .target = RL_LAYER_GVA,
		.kind = RL_PATCH_JUMP, .len = 6,
	};
	struct rl_layout layout = { "outer", "a", 4, 4 };

	(void)state;
	put_text(in(source, "layer.mk"), "$(OUT)/layer.o:\n	@cp guest_pv/object $@\n"
		 "$(OUT)/layer.elf:\n	@true\n");
	assert_fails(-ENOEXEC, "layer.elf cannot be used, No such file or directory");
	put_text(in(source, "layer.mk"), good_makefile);
	put_text(in(source, "linked"), "\177ELF");
	assert_fails(-ENOEXEC, "layer.elf cannot be used, it is too short");
	put_layer(NULL, &layout);
	assert_fails(-ENOEXEC, "outer.a is at 0, 4 bytes");
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

static void test_no_headers(void **state)
{
	(void)state;
	assert_int_equal(unlink(in(headers, "include/generated/utsrelease.h")),
			 0);
	assert_fails(-ENOENT, "holds no kernel headers");
}

static void test_no_source(void **state)
{
	struct prepare_options options = { .cache_dir = cache };
	struct prepared prepared;

	(void)state;
	options.layer_dir = headers;
	assert_int_equal(prepare_kernel(kernel, &options, &prepared), -ENOENT);
	assert_logged("is not the source of the paravirt layer (it has no "
		      "layer.mk)");
	/* Not needed where the cache has the kernel, with whatever layer. */
	assert_int_equal(prepare(&prepared), 0);
	prepared_free(&prepared);
	setenv("RINGLET_LAYER", "/nonexistent", 1);
	options.layer_dir = NULL;
	assert_int_equal(prepare_kernel(kernel, &options, &prepared), 0);
	assert_true(prepared.cached);
	prepared_free(&prepared);
	cache_remove(cache);
	assert_int_equal(prepare_kernel(kernel, &options, &prepared), -ENOENT);
	assert_logged("is not in the cache");
	/* A source that cannot be read. */
	assert_int_equal(symlink("loop.c", in(source, "loop.c")), 0);
	assert_fails(-ELOOP, "cannot read the layer's source in");
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

/* It arrives while make runs: all is cleaned up, and then it acts. */
static void test_interrupted(void **state)
{
	static const char *const steps[] = {
		/* Make succeeds, or dies of it, too. */
		"$(OUT)/layer.o:\n	@cp guest_pv/object $@; kill -$$SIG $$TEST\n",
		"$(OUT)/layer.o:\n	@kill -$$SIG $$TEST; exit 1\n",
		"$(OUT)/layer.o:\n	@kill -TERM $$TEST $$PPID; sleep 60\n",
		"$(OUT)/layer.o:\n	@cp guest_pv/object $@\n"
		"$(OUT)/layer.elf:\n	@cp guest_pv/linked $@; kill -$$SIG $$TEST\n",
	};
	static const char *const names[] = { "INT", "TERM", "HUP", "TERM" };
	static const int numbers[] = { SIGINT, SIGTERM, SIGTERM, SIGTERM };
	char pid[16];

	(void)state;
	signal(SIGINT, count_signal);
	signal(SIGTERM, count_signal);
	signal(SIGHUP, count_signal);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("TEST", pid, 1);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		setenv("SIG", names[i], 1);
		put_text(in(source, "layer.mk"), steps[i]);
		signals = 0;
		assert_fails(-EINTR, "interrupted");
		/* Taken, for the caller to end with once all is removed. */
		assert_int_equal(signals, 0);
		assert_int_equal(budget_signal(), numbers[i]);
		assert_int_equal(count_of("failed*"), 0);
	}
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
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
		if (logged_errno != ENOSPC)
			assert_logged("there is no space left for");
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

/* The compiler's own output went before anybody could look for space. */
static void test_compiler_finds_disk_full(void **state)
{
	(void)state;
	put_text(in(source, "layer.mk"), "$(OUT)/layer.o:\n"
		 "	@echo 'as: x.o: No space left on device' >&2; exit 1\n");
	assert_fails(-EROFS, "there is no space left for");
	assert_int_equal(count_of("failed*"), 0);
}

/* --- `ringlet prepare` --- */

static char output[4096];

/* The exit status; what it printed is in `output`. */
static int command(const char *const *words)
{
	char *argv[16] = { "prepare" };
	int argc = 1, status, saved = dup(STDOUT_FILENO);
	int fd = memfd_create("output", MFD_CLOEXEC);

	while (*words)
		argv[argc++] = (char *)*words++;
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	status = cmd_prepare(argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	memset(output, 0, sizeof(output));
	assert_true(pread(fd, output, sizeof(output) - 1, 0) >= 0);
	close(fd);
	return status;
}

#define COMMAND(...) command((const char *const []){ __VA_ARGS__, NULL })

static void test_command(void **state)
{
	char first[512];

	(void)state;
	assert_int_equal(COMMAND("--cache", cache, "--layer", source,
				 "--headers", headers, kernel), 0);
	strcpy(first, output);
	assert_int_equal(strncmp(first, cache, strlen(cache)), 0);
	first[strlen(first) - 1] = '\0';
	assert_int_equal(access(in(first, "manifest"), R_OK), 0);
	setenv("RINGLET_CACHE", cache, 1);
	setenv("RINGLET_LAYER", source, 1);
	assert_int_equal(COMMAND("--verbose", kernel), 0);
	output[strlen(output) - 1] = '\0';
	assert_string_equal(output, first);
	assert_int_equal(log_lines, 0);
}

static void test_command_refused(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("--help"), 0);
	assert_non_null(strstr(output, "Usage: ringlet prepare"));
	assert_int_equal(COMMAND("--cache"), 2);
	assert_logged("--cache needs a value; see ringlet prepare --help");
	assert_int_equal(COMMAND("--caches", "x", kernel), 2);
	assert_logged("unknown option --caches");
	assert_int_equal(command((const char *const []){ NULL }), 2);
	assert_logged("which kernel?");
	assert_int_equal(COMMAND(kernel, kernel), 2);
	assert_logged("one kernel at a time");
	assert_int_equal(COMMAND("--cache", "/dev/null/x", kernel), 1);
	assert_logged("cannot be made in /dev/null");
	assert_int_equal(COMMAND("--cache", cache, "--layer", headers, kernel),
			 4);
	assert_logged("is not the source of the paravirt layer");
	assert_int_equal(COMMAND("--cache", cache, "--layer", source,
				 "/dev/null"), 4);
	assert_logged("is not a file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_prepared),
		T(test_kernel_replaced),
		T(test_hold),
		T(test_build_fails),
		T(test_build_fails_verbose),
		T(test_bad_object),
		T(test_bad_layer),
		T(test_bad_kernel),
		T(test_no_headers),
		T(test_no_source),
		T(test_interrupted),
		T(test_no_cache),
		T(test_cache_full),
		T(test_compiler_finds_disk_full),
		T(test_command),
		T(test_command_refused),
	};

	/* For a disk of our own that is full; whoever may not make one skips. */
	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		perror("no mounts of our own");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
