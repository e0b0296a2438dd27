// SPDX-License-Identifier: GPL-2.0
/* modules.dep, as depmod writes it and as nobody should; modules, packed and not. */
#include <errno.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "unit.h"

#include "capture_log.h"
#include "launcher/modules.h"

static char *shown;	/* the files that were found, a blank behind each */

static const char *files_of(struct modules *modules)
{
	size_t size;
	FILE *f = open_memstream(&shown, &size);

	for (size_t i = 0; i < modules->count; i++) {
		fprintf(f, "%s ", modules->files[i]);
		free(modules->files[i]);
	}
	fclose(f);
	modules->count = 0;
	return shown;
}

#define assert_files(modules, should) do {		\
	assert_string_equal(files_of(modules), should);	\
	free(shown);					\
} while (0)

static struct modules with(const char *dep, const char *builtin)
{
	struct modules modules = { .dep = (char *)dep,
				   .builtin = (char *)builtin };

	return modules;
}

static const char real[] =
	"kernel/net/9p/9pnet.ko:\n"
	"kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko "
	"kernel/drivers/virtio/virtio.ko.zst\n"
	"kernel/drivers/virtio/virtio.ko.zst:\n"
	"kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs.ko\n"
	"extra/some-thing.ko:\n";

static void test_order(void **state)
{
	struct modules modules = with(real, "kernel/fs/overlayfs/overlay.ko\n");

	(void)state;
	/* What is needed comes first, and once. */
	assert_int_equal(modules_add(&modules, "9pnet_virtio"), 0);
	assert_int_equal(modules_add(&modules, "9p"), 0);
	assert_int_equal(modules_add(&modules, "9p"), 0);
	assert_files(&modules, "kernel/drivers/virtio/virtio.ko.zst "
		     "kernel/net/9p/9pnet.ko kernel/net/9p/9pnet_virtio.ko.xz "
		     "kernel/fs/netfs.ko kernel/fs/9p/9p.ko ");
	assert_int_equal(modules_add(&modules, "some_thing"), 0);
	assert_files(&modules, "extra/some-thing.ko ");
	/* Built in: nothing to load. */
	assert_int_equal(modules_add(&modules, "overlay"), 0);
	assert_files(&modules, "");
}

static void test_missing(void **state)
{
	static const char *const none[] = {
		"", "9", "9pnet_", "9pnet_virt", "pnet", "net/9p/9pnet",
		"9pnet.ko", "kernel", "absent",
	};
	struct modules modules = with(real, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(modules_add(&modules, none[i]), -ENOENT);
	modules = with("", "");
	assert_int_equal(modules_add(&modules, "9p"), -ENOENT);
	modules = with("\n\n:::\n: :\nx", "\n");
	assert_int_equal(modules_add(&modules, "9p"), -ENOENT);
	assert_files(&modules, "");
}

static void test_hostile(void **state)
{
	static const char *const damaged[] = {
		/* no colon */
		"a/m.ko", "a/m.ko\n", "a/m.ko\nx: y\n",
		/* out of the folder */
		"/etc/m.ko:\n", "../m.ko:\n", "a/../../m.ko:\n", "a/m.ko: ..",
		"a/m.ko: /etc/shadow\n", "a/m.ko: b/.. c.ko\n",
		"a/m.ko: ../../../etc/shadow\n",
	};
	struct modules modules;
	char *many, *at;

	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		modules = with(damaged[i], "");
		assert_int_equal(modules_add(&modules, "m"), -EINVAL);
		free(strdup(files_of(&modules)));
		free(shown);
	}
	/* Odd, and no harm. */
	modules = with("a..b/m.ko:   x..ko   y.ko ", "");
	assert_int_equal(modules_add(&modules, "m"), 0);
	assert_files(&modules, "y.ko x..ko a..b/m.ko ");
	modules = with("m.ko.:\n", "");
	assert_int_equal(modules_add(&modules, "m"), 0);
	assert_files(&modules, "m.ko. ");
	/* More than one can want, and a name longer than any. */
	many = at = calloc(1, 1 << 20);
	at += sprintf(at, "m.ko:");
	for (int i = 0; i < MODULES_MAX; i++)
		at += sprintf(at, " d%d.ko", i);
	modules = with(many, "");
	assert_int_equal(modules_add(&modules, "m"), -E2BIG);
	assert_int_equal(modules.count, MODULES_MAX);
	files_of(&modules);
	free(shown);
	memset(many, 'y', 1 << 19);
	strcpy(many + (1 << 19), ":\nm.ko:\n");
	memcpy(many, "m.ko: ", 6);
	assert_int_equal(modules_add(&modules, "m"), -EINVAL);
	memset(many, 'y', 6);
	assert_int_equal(modules_add(&modules, "m"), 0);
	assert_files(&modules, "m.ko ");
	free(many);
}

static char path[] = "/tmp/test_modules.XXXXXX";

static void *read_back(const void *data, size_t size, size_t *got)
{
	FILE *f = fopen(path, "we");

	fwrite(data, 1, size, f);
	fclose(f);
	return modules_read(path, got);
}

/* 1 MB of zeros: far more than four times what they are packed. */
#define PLAIN	(1u << 20)

static void test_packed(void **state)
{
	static uint8_t plain[PLAIN] = "\177ELF", packed[PLAIN * 2];
	size_t size[3] = { 0, 0, 0 }, got;
	z_stream gz = { .next_in = plain, .avail_in = PLAIN,
			.next_out = packed, .avail_out = sizeof(packed) };
	uint8_t *back;

	(void)state;
	close(mkstemp(path));
	back = read_back(plain, 4096, &got);
	assert_int_equal(got, 4096);
	assert_memory_equal(back, plain, got);
	free(back);
	for (int how = 0; how < 3; how++) {
		if (how == 0) {
			lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL,
						plain, PLAIN, packed, &size[0],
						sizeof(packed));
		} else if (how == 1) {
			size[1] = ZSTD_compress(packed, sizeof(packed), plain,
						PLAIN, 3);
		} else {
			deflateInit2(&gz, 6, Z_DEFLATED, 15 + 16, 8, 0);
			deflate(&gz, Z_FINISH);
			size[2] = sizeof(packed) - gz.avail_out;
			deflateEnd(&gz);
		}
		assert_in_range(size[how], 20, PLAIN / 8);
		back = read_back(packed, size[how], &got);
		assert_non_null(back);
		assert_int_equal(got, PLAIN);
		assert_memory_equal(back, plain, PLAIN);
		free(back);
		/* Cut, and spoiled in its middle. */
		assert_null(read_back(packed, size[how] / 2, &got));
		assert_logged("cannot be used");
	}
	unlink(path);
	assert_null(modules_read(path, &got));
	assert_logged("cannot read the module");
}

/* 100 MB are no module: the reader stops, and says so. */
static void test_packed_too_large(void **state)
{
	size_t size = 100u << 20, got, room = 1u << 20;
	uint8_t *plain = calloc(1, size), *packed = malloc(room);

	(void)state;
	strcpy(path, "/tmp/test_modules.XXXXXX");
	close(mkstemp(path));
	room = ZSTD_compress(packed, room, plain, size, 1);
	assert_false(ZSTD_isError(room));
	assert_null(read_back(packed, room, &got));
	assert_logged("cannot be used");
	unlink(path);
	free(plain);
	free(packed);
}

static void test_no_kernel(void **state)
{
	struct modules modules;

	(void)state;
	assert_int_equal(modules_open(&modules, "0.0.0-none"), -ENOENT);
	assert_logged("install the package linux-image-0.0.0-none");
	assert_null(modules.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_packed_too_large),
		cmocka_unit_test(test_no_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
