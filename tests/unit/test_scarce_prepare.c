// SPDX-License-Identifier: GPL-2.0
/*
 * A host that has run out of something while a kernel is prepared, found in the
 * cache, or loaded: as test_scarce.c has it for devices. Each time another one of the
 * calls that may fail does, until none of them is left. Whatever was refused: what is
 * said to be there is whole, what is not has a line that says why, nothing half made
 * stays in the cache, and no file stays open.
 *
 * And calls that are merely interrupted, or do a part, which nobody may notice.
 *
 * And a signal that comes at one of them.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "kernel_folder.h"
#include "launcher/budget.h"
#include "launcher/prepare.h"
#include "scarce.h"

#define MEMORY	(FAKE_DATA_GPA + FAKE_DATA_MEMORY + 0x10000)

WRAP(void *, calloc, (size_t n, size_t size), (n, size), ENOMEM, NULL)
WRAP(void *, malloc, (size_t size), (size), ENOMEM, NULL)
WRAP(void *, realloc, (void *old, size_t size), (old, size), ENOMEM, NULL)
WRAP(char *, strdup, (const char *text), (text), ENOMEM, NULL)
WRAP_ASPRINTF
WRAP(char *, realpath, (const char *path, char *to), (path, to), EACCES, NULL)
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), EMFILE,
     NULL)
WRAP(DIR *, opendir, (const char *path), (path), EMFILE, NULL)
WRAP(int, scandir, (const char *path, struct dirent ***list,
		    int (*wanted)(const struct dirent *),
		    int (*order)(const struct dirent **,
				 const struct dirent **)),
     (path, list, wanted, order), ENOMEM, -1)
WRAP(char *, mkdtemp, (char *path), (path), ENOSPC, NULL)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), ENOSPC, -1)
WRAP(int, chmod, (const char *path, mode_t mode), (path, mode), EPERM, -1)
WRAP(int, rename, (const char *from, const char *to), (from, to), EXDEV, -1)
WRAP(int, fstat, (int fd, struct stat *status), (fd, status), EIO, -1)
WRAP(int, stat, (const char *path, struct stat *status), (path, status), EACCES,
     -1)
WRAP(int, lstat, (const char *path, struct stat *status), (path, status),
     EACCES, -1)
WRAP(int, fflush, (FILE *f), (f), ENOSPC, EOF)
WRAP(size_t, fwrite, (const void *data, size_t size, size_t count, FILE *f),
     (data, size, count, f), ENOSPC, 0)
WRAP(void *, mmap, (void *at, size_t size, int rights, int flags, int fd,
		    off_t offset),
     (at, size, rights, flags, fd, offset), ENOMEM, MAP_FAILED)
WRAP(char *, getcwd, (char *to, size_t size), (to, size), ENOENT, NULL)

/* What was to be written is lost, and the file is closed. */
int __real_fclose(FILE *f);
int __wrap_fclose(FILE *f);
int __wrap_fclose(FILE *f)
{
	if (!refuse(ENOSPC))
		return __real_fclose(f);
	__real_fclose(f);
	errno = ENOSPC;
	return EOF;
}

WRAP_OPEN

/* --- calls that are interrupted, or do a part --- */

#define WRAP_TRANSFER(type, name, parameters, arguments, part)		\
type __real_##name parameters;						\
type __wrap_##name parameters;						\
type __wrap_##name parameters						\
{									\
	if (interrupt() || refuse(EIO))					\
		return -1;						\
	/* Only of what the callers repeat: a part of it. */		\
	return interrupts && size > 1000 ? __real_##name part :		\
					   __real_##name arguments;	\
}

WRAP_TRANSFER(ssize_t, write, (int fd, const void *data, size_t size),
	      (fd, data, size), (fd, data, size / 2))
WRAP_TRANSFER(ssize_t, pread, (int fd, void *data, size_t size, off_t at),
	      (fd, data, size, at), (fd, data, size / 2, at))

ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size)
{
	if (interrupt() || refuse(EIO))
		return -1;
	return __real_read(fd, data, size);
}

/* --- what is done, and what must hold --- */

static int prepare(struct prepared *prepared)
{
	const struct prepare_options options = {
		.cache_dir = cache, .layer = layer,
	};

	return prepare_kernel(kernel, &options, prepared);
}

static uint8_t *memory;

static void assert_loads(const struct prepared *prepared)
{
	uint64_t end;

	assert_int_equal(prepared_load(prepared, memory, MEMORY, &end), 0);
	assert_int_equal(end, FAKE_DATA_GPA + FAKE_DATA_MEMORY);
}

/* One preparation, of which call `which` is refused. True: none was. */
static bool prepare_with(int which, bool from_cache)
{
	unsigned int before = open_files();
	struct prepared prepared;
	int ret;

	failed = false;
	log_forget();
	countdown = which;
	ret = prepare(&prepared);
	countdown = 0;
	if (ret > 0 || (ret && !failed) || (ret && !log_lines))
		fail_msg("call %d refused: %d, %d lines, \"%s\"", which, ret,
			 log_lines, logged);
	if (ret && prepared.dir)
		fail_msg("call %d refused: %d, and an entry", which, ret);
	if (interrupts && ret)
		fail_msg("call %d interrupted: %d, \"%s\"", which, ret, logged);
	if (!ret) {
		assert_loads(&prepared);
		prepared_free(&prepared);
	}
	if (open_files() != before)
		fail_msg("call %d refused: files stay open", which);
	if (count_of(".making*"))
		fail_msg("call %d refused: a folder stays", which);
	/* Where another entry was made, the first one was not found. */
	assert_in_range(count_of("*.*.*/manifest"), !ret || from_cache, 1);
	return !failed;
}

static void test_prepare(void **state)
{
	int which = 1;

	(void)state;
	for (; !prepare_with(which, false); which++)
		cache_remove(cache);
	assert_in_range(which, 50, 1000);
}

/* It is there already, and its hash is remembered. */
static void test_from_cache(void **state)
{
	struct prepared prepared;
	int which = 1;

	(void)state;
	assert_int_equal(prepare(&prepared), 0);
	prepared_free(&prepared);
	assert_int_equal(count_of(".known.*"), 1);
	while (!prepare_with(which, true))
		which++;
	assert_in_range(which, 10, 1000);
}

static void test_interrupted(void **state)
{
	int which = 1;

	(void)state;
	interrupts = true;
	for (; !prepare_with(which, false); which++)
		cache_remove(cache);
	interrupts = false;
	assert_in_range(which, 5, 1000);
}

static volatile sig_atomic_t signals_handled;

static void count_signal(int number)
{
	(void)number;
	signals_handled++;
}

/*
 * SIGTERM at each of the calls. Where it is held back nothing is made, and it is not
 * taken for a folder that cannot be written; elsewhere it acts at once.
 */
static void test_signals(void **state)
{
	unsigned int taken = 0;

	(void)state;
	signal(SIGTERM, count_signal);
	raises = true;
	for (int which = 1;; which++) {
		unsigned int before = open_files();
		struct prepared prepared;
		int ret;

		cache_remove(cache);
		log_forget();
		failed = false;
		signals_handled = 0;
		/* What the last round's ended with is not this one's. */
		budget_begin("FILE", BUDGET_STEPS);
		countdown = which;
		ret = prepare(&prepared);
		countdown = 0;
		if (!failed) {
			prepared_free(&prepared);
			break;
		}
		assert_true(ret == 0 || ret == -EINTR);
		assert_int_equal(signals_handled, !ret);
		assert_int_equal(open_files(), before);
		assert_int_equal(count_of(".making*"), 0);
		/* One that comes when all is done may leave what was done. */
		assert_in_range(count_of("*.*.*/manifest"), !ret, 1);
		if (ret) {
			assert_logged("interrupted");
			assert_int_equal(budget_signal(), SIGTERM);
			assert_null(prepared.dir);
			taken++;
		} else {
			prepared_free(&prepared);
		}
	}
	raises = false;
	signal(SIGTERM, SIG_DFL);
	assert_in_range(taken, 10, 200);
}

/* True: nothing was refused. */
static bool load_with(const struct prepared *prepared, int which)
{
	unsigned int before = open_files();
	uint64_t end;
	int ret;

	failed = false;
	log_forget();
	countdown = which;
	ret = prepared_load(prepared, memory, MEMORY, &end);
	countdown = 0;
	if (ret > 0 || (ret && (interrupts || !failed || log_lines != 1)) ||
	    (!ret && failed && !interrupts))
		fail_msg("call %d refused: %d, %d lines, \"%s\"", which, ret,
			 log_lines, logged);
	assert_int_equal(open_files(), before);
	return !failed;
}

/* The kernel's first segment ends within a page, which is then read. */
static void cut_a_page(const char *path)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	int fd = open(path, O_RDWR);

	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(pread(fd, &segment, sizeof(segment), header.e_phoff),
			 sizeof(segment));
	segment.p_filesz -= 100;
	assert_int_equal(pwrite(fd, &segment, sizeof(segment), header.e_phoff),
			 sizeof(segment));
	close(fd);
}

static void test_load(void **state)
{
	struct prepared prepared;
	int which = 1;

	(void)state;
	assert_int_equal(prepare(&prepared), 0);
	cut_a_page(prepared.vmlinux);
	while (!load_with(&prepared, which))
		which++;
	assert_in_range(which, 5, 100);
	/* As a guest's second boot does it. */
	assert_int_equal(prepared_hold(&prepared), 0);
	for (which = 1; !load_with(&prepared, which);)
		which++;
	interrupts = true;
	for (which = 1; !load_with(&prepared, which);)
		which++;
	interrupts = false;
	assert_in_range(which, 2, 100);
	prepared_free(&prepared);
}

static int set_up(void **state)
{
	(void)state;
	log_forget();
	interrupts = false;
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? -1 : make_folder();
}

static int tear_down(void **state)
{
	(void)state;
	munmap(memory, MEMORY);
	return remove_folder();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_prepare),
		T(test_from_cache),
		T(test_interrupted),
		T(test_signals),
		T(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
