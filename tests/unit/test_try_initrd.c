// SPDX-License-Identifier: GPL-2.0
/*
 * The initrd of `ringlet try`: what is in it, what is kept of it and believed later,
 * and a machine that lacks something. That a guest starts from it: devices/try.
 *
 * Modules are below `folder`/lib/modules, init is `folder`/try-init.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "unit.h"

#include "abi/try.h"
#include "capture_log.h"
#include "files.h"
#include "launcher/cache.h"
#include "launcher/try.h"
#include "scarce.h"

#define RELEASE "1.2.3-test"

static char folder[64], cache[128], modules[128];

/* --- the machine's files are in `folder`, and calls may fail --- */

static const char *in_folder(const char *path, char *buffer, size_t size)
{
	const char *name = strrchr(path, '/');

	if (!strncmp(path, "/lib/modules/", 13))
		snprintf(buffer, size, "%s%s", folder, path);
	else if (name && !strcmp(name, "/try-init"))
		snprintf(buffer, size, "%s%s", folder, name);
	else
		return path;
	return buffer;
}

int __real_open(const char *path, int how, ...);
int __wrap_open(const char *path, int how, ...);
int __wrap_open(const char *path, int how, ...)
{
	char buffer[512];
	va_list list;
	mode_t mode;

	va_start(list, how);
	mode = va_arg(list, mode_t);
	va_end(list);
	if (refuse(EMFILE))
		return -1;
	return __real_open(in_folder(path, buffer, sizeof(buffer)), how, mode);
}

int __real_stat(const char *path, struct stat *status);
int __wrap_stat(const char *path, struct stat *status);
int __wrap_stat(const char *path, struct stat *status)
{
	char buffer[512];

	if (refuse(EACCES))
		return -1;
	return __real_stat(in_folder(path, buffer, sizeof(buffer)), status);
}

int __real_access(const char *path, int how);
int __wrap_access(const char *path, int how);
int __wrap_access(const char *path, int how)
{
	char buffer[512];

	if (refuse(EACCES))
		return -1;
	return __real_access(in_folder(path, buffer, sizeof(buffer)), how);
}

WRAP(void *, malloc, (size_t size), (size), ENOMEM, NULL)
WRAP(void *, realloc, (void *old, size_t size), (old, size), ENOMEM, NULL)
WRAP(char *, strndup, (const char *text, size_t size), (text, size), ENOMEM,
     NULL)
WRAP_ASPRINTF
WRAP(FILE *, open_memstream, (char **to, size_t *size), (to, size), ENOMEM,
     NULL)
WRAP(int, memfd_create, (const char *name, unsigned int flags), (name, flags),
     EMFILE, -1)
WRAP(int, fstat, (int fd, struct stat *status), (fd, status), EIO, -1)
WRAP(off_t, lseek, (int fd, off_t to, int from), (fd, to, from), EIO, -1)
WRAP(int, rename, (const char *from, const char *to), (from, to), EXDEV, -1)

ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size)
{
	return interrupt() || refuse(EIO) ? -1 : __real_read(fd, data, size);
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	if (interrupt() || refuse(ENOSPC))
		return -1;
	return __real_write(fd, data, interrupts && size > 1 ? size / 2 : size);
}

/* --- files --- */

static void put_module(const char *name, const char *text, bool packed)
{
	uint8_t bytes[512];
	z_stream s = { .next_in = (uint8_t *)text, .avail_in = strlen(text),
		       .next_out = bytes, .avail_out = sizeof(bytes) };

	if (!packed) {
		put_file(modules, name, text, strlen(text));
		return;
	}
	assert_int_equal(deflateInit2(&s, 9, Z_DEFLATED, 15 + 16, 8,
				      Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
	put_file(modules, name, bytes, s.total_out);
	deflateEnd(&s);
}

static void put_list(const char *text)
{
	put_file(modules, "modules.dep", text, strlen(text));
}

static const char good_list[] =
	"virtio.ko:\nvirtio_mmio.ko: virtio.ko\nvirtio_console.ko: virtio.ko\n"
	"9pnet_virtio.ko: virtio.ko\n9p.ko.gz: 9pnet_virtio.ko\n"
	"virtio-rng.ko: virtio.ko\n";

static int set_up(void **state)
{
	(void)state;
	log_forget();
	countdown = 0;
	interrupts = false;
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(cache, sizeof(cache), "%s/cache", folder);
	snprintf(modules, sizeof(modules), "%s/lib", folder);
	if (mkdir(cache, 0700) || mkdir(modules, 0700))
		return -1;
	strcat(modules, "/modules");
	if (mkdir(modules, 0700))
		return -1;
	strcat(modules, "/" RELEASE);
	if (mkdir(modules, 0700))
		return -1;
	put_file(folder, "try-init", "the init", 8);
	put_list(good_list);
	put_file(modules, "modules.builtin", "kernel/overlay.ko\n", 18);
	put_module("virtio.ko", "virtio", false);
	put_module("virtio_mmio.ko", "mmio", false);
	put_module("virtio_console.ko", "console", false);
	put_module("9pnet_virtio.ko", "net", false);
	put_module("9p.ko.gz", "9p, which was packed", true);
	put_module("virtio-rng.ko", "rng", false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

/* The one file that is kept; NULL: there is none. For free(3). */
static char *kept(void)
{
	char pattern[192], *path;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/.try.*", cache);
	if (glob(pattern, 0, NULL, &found))
		return NULL;
	assert_int_equal(found.gl_pathc, 1);
	path = strdup(found.gl_pathv[0]);
	globfree(&found);
	return path;
}

/* --- what is in it --- */

static char data[65536];
static size_t size;

/* The initrd is `data` afterwards; or what refused it. */
static int open_initrd(void)
{
	int fd = try_initrd_open(RELEASE, cache, "request", 7);

	if (fd < 0)
		return fd;
	size = pread(fd, data, sizeof(data), 0);
	assert_in_range(size, 1, sizeof(data) - 1);
	close(fd);
	return 0;
}

static size_t number(const char *at)
{
	char digits[9] = { 0 };

	memcpy(digits, at, 8);
	return strtoul(digits, NULL, 16);
}

/* The next file of the archive at *at must be this one. */
static void assert_bytes(size_t *at, const char *name, const char *text,
			 size_t length_of_text)
{
	const char *head = data + *at;
	size_t bytes, length;

	assert_true(*at + 110 < size);
	assert_memory_equal(head, "070701", 6);
	bytes = number(head + 6 + 6 * 8);
	length = number(head + 6 + 11 * 8);
	assert_string_equal(head + 110, name);
	*at = (*at + 110 + length + 3) & ~3ul;
	if (bytes != length_of_text || memcmp(data + *at, text, bytes))
		fail_msg("%s is \"%.*s\", not \"%s\"", name, (int)bytes,
			 data + *at, text);
	*at = (*at + bytes + 3) & ~3ul;
}

static void assert_file(size_t *at, const char *name, const char *text)
{
	assert_bytes(at, name, text, strlen(text));
}

static void assert_whole(void)
{
	/* A record for each. */
	static const char order[] = "o/modules/virtio.ko\0"
		"o/modules/virtio_mmio.ko\0o/modules/virtio_console.ko\0"
		"o/modules/9pnet_virtio.ko\0o/modules/9p.ko\0"
		"o/modules/virtio-rng.ko\0";
	size_t at = 0;

	assert_file(&at, "init", "the init");
	assert_file(&at, "modules", "");
	assert_file(&at, "modules/virtio.ko", "virtio");
	assert_file(&at, "modules/virtio_mmio.ko", "mmio");
	assert_file(&at, "modules/virtio_console.ko", "console");
	assert_file(&at, "modules/9pnet_virtio.ko", "net");
	assert_file(&at, "modules/9p.ko", "9p, which was packed");
	assert_file(&at, "modules/virtio-rng.ko", "rng");
	assert_bytes(&at, "modules/order", order, sizeof(order) - 1);
	assert_file(&at, "TRAILER!!!", "");
	assert_file(&at, "request", "request");
	assert_file(&at, "TRAILER!!!", "");
	assert_int_equal(at, size);
}

static void test_whole(void **state)
{
	char *path;
	struct stat st;

	(void)state;
	assert_int_equal(open_initrd(), 0);
	assert_whole();
	/* Kept is what does not depend on the request, for the user alone. */
	path = kept();
	assert_non_null(path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true((size_t)st.st_size < size);
	assert_int_equal(open_initrd(), 0);
	assert_whole();
	assert_int_equal(log_lines, 0);
	free(path);
}

/* The next time it comes from the cache; but not from a stranger's file there. */
static void test_kept(void **state)
{
	char *path;

	(void)state;
	assert_int_equal(open_initrd(), 0);
	path = kept();
	assert_non_null(path);
	put_bytes(path, "kept", 4);
	assert_int_equal(open_initrd(), 0);
	assert_memory_equal(data, "kept070701", 10);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(open_initrd(), 0);
	assert_whole();
	/* It took the other's place. */
	assert_int_equal(open_initrd(), 0);
	assert_whole();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(open_initrd(), 0);
	assert_whole();
	free(path);
}

/* What it was made of has changed: it is made again. */
static void test_changed(void **state)
{
	char *path;

	(void)state;
	assert_int_equal(open_initrd(), 0);
	path = kept();
	put_bytes(path, "kept", 4);
	put_module("virtio_mmio.ko", "larger", false);
	assert_int_equal(open_initrd(), 0);
	assert_memory_equal(data, "070701", 6);
	assert_int_equal(unlink(path), 0);
	put_module("virtio_mmio.ko", "mmio", false);
	free(path);
	path = kept();
	put_bytes(path, "kept", 4);
	put_file(folder, "try-init", "the ini2", 8);
	assert_int_equal(open_initrd(), 0);
	assert_memory_equal(data, "070701", 6);
	free(path);
}

/* A cache that is not there is made, but where that cannot be. */
static void test_no_cache(void **state)
{
	struct stat st;
	char *path;

	(void)state;
	strcat(cache, "/of/mine");
	assert_int_equal(open_initrd(), 0);
	assert_whole();
	path = kept();
	assert_non_null(path);
	free(path);
	assert_int_equal(stat(cache, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(cache, sizeof(cache), "%s/try-init/none", folder);
	assert_int_equal(open_initrd(), 0);
	assert_whole();
	assert_null(kept());
	assert_int_equal(log_lines, 0);
}

/* --- what a machine may lack --- */

static void assert_fails(int error, const char *said)
{
	assert_int_equal(open_initrd(), error);
	assert_logged(said);
	assert_null(kept());
}

static void test_lacking(void **state)
{
	char path[192];

	(void)state;
	put_list("virtio_mmio.ko:\nvirtio_console.ko:\n9p.ko.gz:\n");
	assert_fails(-ENOENT, "the kernel " RELEASE " has no module "
			      "9pnet_virtio, which a guest needs");
	put_list("virtio_mmio.ko: /etc/passwd\n");
	assert_fails(-EINVAL, "modules.dep is damaged: run `sudo depmod "
			      RELEASE "`");
	put_list(good_list);
	put_module("9p.ko.gz", "no gzip any more", false);
	put_module("virtio-rng.ko", "", false);
	put_file(modules, "9p.ko.gz", "\x1f\x8b\x08 damaged", 11);
	assert_fails(-EINVAL, "9p.ko.gz cannot be used");
	snprintf(path, sizeof(path), "%s/9p.ko.gz", modules);
	assert_int_equal(unlink(path), 0);
	assert_fails(-ENOENT, "cannot read the module 9p.ko.gz");
	snprintf(path, sizeof(path), "%s/modules.dep", modules);
	assert_int_equal(unlink(path), 0);
	assert_fails(-ENOENT, "install the package linux-image-" RELEASE);
	snprintf(path, sizeof(path), "%s/try-init", folder);
	assert_int_equal(unlink(path), 0);
	assert_fails(-ENOENT, "is not installed beside this program");
}

/* --- call after call refused --- */

/* True: none was. */
static bool open_with(int which)
{
	unsigned int before = open_files();
	int ret;

	failed = false;
	log_forget();
	countdown = which;
	ret = open_initrd();
	countdown = 0;
	if (ret > 0 || (ret && (!failed || interrupts || !log_lines)))
		fail_msg("call %d refused: %d, %d lines, \"%s\"", which, ret,
			 log_lines, logged);
	if (!ret)
		assert_whole();
	if (open_files() != before)
		fail_msg("call %d refused: files stay open", which);
	return !failed;
}

static void test_scarce(void **state)
{
	char *path;
	int which = 1;

	(void)state;
	/* virtio_rng is one that may be missing, so all of it is needed here. */
	for (; !open_with(which); which++) {
		path = kept();
		if (path)
			assert_int_equal(unlink(path), 0);
		free(path);
	}
	assert_in_range(which, 20, 1000);
	/* And with one that is kept. */
	for (which = 1; !open_with(which);)
		which++;
	assert_in_range(which, 10, 1000);
}

static void test_interrupted(void **state)
{
	char *path;
	int which = 1;

	(void)state;
	interrupts = true;
	for (; !open_with(which); which++) {
		path = kept();
		if (path)
			assert_int_equal(unlink(path), 0);
		free(path);
	}
	assert_in_range(which, 10, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_whole),
		T(test_kept),
		T(test_changed),
		T(test_no_cache),
		T(test_lacking),
		T(test_scarce),
		T(test_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
