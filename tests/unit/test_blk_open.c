// SPDX-License-Identifier: GPL-2.0
/* --disk: what is understood, and what is refused, with a helpful sentence. */
#include <sys/file.h>
#include <sys/stat.h>

#include "test_blk.h"

static char message[512];

static int parse(const char *text, struct blk_options *options)
{
	memset(message, 0, sizeof(message));
	return blk_options_parse(text, 5, options, message, sizeof(message));
}

static void understands_options(void **state)
{
	struct blk_options o;

	(void)state;
	assert_int_equal(parse("a.img", &o), 0);
	assert_string_equal(o.path, "a.img");
	assert_string_equal(o.serial, "ringlet-disk5");
	assert_false(o.readonly || o.direct || o.nbd || o.threads);
	assert_int_equal(o.block, 0);
	assert_int_equal(parse("a.img,queues=16", &o), 0);
	assert_int_equal(o.queues, 16);
	assert_int_equal(parse("a.img,block=512", &o), 0);
	assert_int_equal(o.queues, 0);
	assert_int_equal(o.block, 512);
	assert_int_equal(parse("nbd:unix:/s,block=4096", &o), 0);
	assert_int_equal(o.block, 4096);

	assert_int_equal(parse("/x/a b,readonly,direct,serial=S-1,id=7,threads",
			       &o), 0);
	assert_string_equal(o.path, "/x/a b");
	assert_string_equal(o.serial, "S-1");
	assert_int_equal(o.id, 7);
	assert_true(o.readonly && o.direct && o.threads);

	assert_int_equal(parse("a,,b=c,id=2", &o), 0);
	assert_string_equal(o.path, "a,b=c");
	assert_string_equal(o.serial, "ringlet-disk2");

	assert_int_equal(parse("nbd:unix:/run/s.sock,readonly", &o), 0);
	assert_string_equal(o.path, "/run/s.sock");
	assert_true(o.nbd && o.readonly);
	assert_int_equal(parse("./nbd:file", &o), 0);
	assert_false(o.nbd);
}

static void refuses_wrong_options(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "", "no file is named" },
		{ ",readonly", "no file is named" },
		{ "a,readnly", "`readnly` is not known" },
		{ "a,readonly=1", "`readonly` is not known" },
		{ "a,serial", "serial= takes" },
		{ "a,serial=", "serial= takes" },
		{ "a,serial=123456789012345678901", "serial= takes" },
		{ "a,serial=a b", "serial= takes" },
		{ "a,queues", "queues= takes" },
		{ "a,queues=0", "queues= takes" },
		{ "a,queues=17", "queues= takes" },
		{ "a,block", "block= takes" },
		{ "a,block=", "block= takes" },
		{ "a,block=1024", "block= takes" },
		{ "a,block=0512", "block= takes" },
		{ "a,id=", "id= takes" },
		{ "a,id=1000", "id= takes" },
		{ "a,id=-1", "id= takes" },
		{ "nbd:/run/sock", "nbd:unix:SOCKET" },
		{ "nbd:unix:", "nbd:unix:SOCKET" },
		{ "nbd:unix:/s,direct", "options" /* of the server */ },
	};
	struct blk_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(parse(cases[i].text, &o), -EINVAL);
		if (i + 1 < sizeof(cases) / sizeof(*cases))
			assert_non_null(strstr(message, cases[i].said));
		assert_non_null(strstr(message, "--disk"));
		assert_null(strchr(message, '\n'));
	}
}

static int try_open(const char *text, struct virtio_device **device)
{
	struct virtio_setup setup = { .cpus = 1 };

	memset(message, 0, sizeof(message));
	return blk_kind.create(text, &setup, device, message,
			       sizeof(message));
}

static void expect_refusal(const char *text, int error, const char *said)
{
	struct virtio_device *device = NULL;

	assert_int_equal(try_open(text, &device), error);
	if (!strstr(message, said))
		fail_msg("`%s` does not say `%s`", message, said);
	assert_null(strchr(message, '\n'));
}

static void refuses_what_is_no_disk(void **state)
{
	struct disk disk = { 0 };
	char more[300];

	(void)state;
	expect_refusal("/var/tmp/there/is/none", -ENOENT, "no such file");
	expect_refusal("/var/tmp", -EISDIR, "Is a directory");
	expect_refusal("/var/tmp,readonly", -EISDIR, "folder");
	expect_refusal("/dev/null", -EINVAL, "neither a file nor");

	disk_file(&disk, 0);
	expect_refusal(disk.path, -EINVAL, "empty");
	assert_int_equal(ftruncate(disk.fd, 1000), 0);
	expect_refusal(disk.path, -EINVAL, "not a multiple of 512");
	unlink(disk.path);
	assert_int_equal(mkfifo(disk.path, 0600), 0);
	expect_refusal(disk.path, -EINVAL, "neither a file nor");
	unlink(disk.path);
	close(disk.fd);

	snprintf(more, sizeof(more), "nbd:unix:%s", disk.path);
	expect_refusal(more, -ECONNREFUSED, disk.path);
}

static void has_blocks_as_asked(void **state)
{
	static const struct {
		const char *more;
		unsigned int bytes;
	} cases[] = { { "", 512 },
		      { ",block=512", 512 },
		      { ",block=4096", 4096 },
		      { ",block=4096,direct", 4096 } };
	struct disk disk = { 0 };
	char text[300];

	(void)state;
	disk_file(&disk, 65536);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(disk_create(&disk, cases[i].more, 1), 0);
		fake_driver_init(&disk.guest);
		assert_int_equal(fake_driver_start(&disk.guest, disk.device,
						   ALL_FEATURES),
				 15);
		assert_int_equal(
			virtio_read(disk.device,
				    0x100 + offsetof(struct virtio_blk_config,
						     blk_size),
				    4),
			cases[i].bytes);
		/* A sector is 512 bytes all the same (5.2.4). */
		assert_int_equal(virtio_read(disk.device, 0x100, 8), 128);
		assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 120,
					 4096),
				 VIRTIO_BLK_S_OK);
		fake_driver_end(&disk.guest);
		virtio_destroy(disk.device);
	}
	assert_int_equal(ftruncate(disk.fd, 65536 + 512), 0);
	snprintf(text, sizeof(text), "%s,block=4096", disk.path);
	expect_refusal(text, -EINVAL, "multiple of its blocks");
	unlink(disk.path);
	close(disk.fd);
}

static void refuses_other_formats(void **state)
{
	struct disk disk = { 0 };
	struct virtio_device *device;

	(void)state;
	disk_file(&disk, 65536);
	assert_int_equal(pwrite(disk.fd, "QFI\xfb\0\0\0\3", 8, 0), 8);
	expect_refusal(disk.path, -EINVAL, "qemu-nbd -f qcow2");
	expect_refusal(disk.path, -EINVAL, "nbd:unix:");
	assert_int_equal(pwrite(disk.fd, "KDMV", 4, 0), 4);
	expect_refusal(disk.path, -EINVAL, "vmdk");
	assert_int_equal(pwrite(disk.fd, "\0\0\0\0", 4, 0), 4);
	assert_int_equal(try_open(disk.path, &device), 0);
	virtio_destroy(device);
	close(disk.fd);
	unlink(disk.path);
}

static void locks_images(void **state)
{
	struct virtio_device *first, *second, *third;
	struct disk disk = { 0 };
	struct flock lock = { .l_type = F_RDLCK, .l_start = 100, .l_len = 1 };
	char readonly[300];

	(void)state;
	disk_file(&disk, 65536);
	snprintf(readonly, sizeof(readonly), "%s,readonly", disk.path);

	assert_int_equal(try_open(disk.path, &first), 0);
	expect_refusal(disk.path, -EBUSY, "in use");
	expect_refusal(readonly, -EBUSY, "in use");
	virtio_destroy(first);

	/* Readers share, but not with a writer. */
	assert_int_equal(try_open(readonly, &first), 0);
	assert_int_equal(try_open(readonly, &second), 0);
	expect_refusal(disk.path, -EBUSY, "readonly");
	virtio_destroy(first);
	expect_refusal(disk.path, -EBUSY, "in use");
	virtio_destroy(second);
	assert_int_equal(try_open(disk.path, &third), 0);
	virtio_destroy(third);

	/* As QEMU does it. */
	assert_int_equal(fcntl(disk.fd, F_OFD_SETLK, &lock), 0);
	expect_refusal(disk.path, -EBUSY, "in use");
	close(disk.fd);
	unlink(disk.path);
}

/* A tmpfs has learned direct I/O late: both answers must fit the kernel's. */
static void says_when_direct_is_impossible(void **state)
{
	char text[64] = "/dev/shm/ringlet-disk-XXXXXX";
	struct virtio_device *device;
	int fd = mkstemp(text);
	int direct;

	(void)state;
	if (fd < 0) {
		print_message("no /dev/shm here\n");
		skip();
	}
	assert_int_equal(ftruncate(fd, 65536), 0);
	direct = open(text, O_RDWR | O_DIRECT);
	strcat(text, ",direct");
	if (direct < 0) {
		expect_refusal(text, -EINVAL, "no direct I/O");
	} else {
		assert_int_equal(try_open(text, &device), 0);
		virtio_destroy(device);
		close(direct);
	}
	*strchr(text, ',') = '\0';
	unlink(text);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understands_options),
		cmocka_unit_test(refuses_wrong_options),
		cmocka_unit_test(refuses_what_is_no_disk),
		cmocka_unit_test(has_blocks_as_asked),
		cmocka_unit_test(refuses_other_formats),
		cmocka_unit_test(locks_images),
		cmocka_unit_test(says_when_direct_is_impossible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
