// SPDX-License-Identifier: GPL-2.0
/*
 * A disk that is a block device of the host: what it is asked for, and what
 * comes of the answers. There need not be one: a file says that it is one, and
 * the ioctls are answered here (WRAP_blk_device in the Makefile).
 */
#include <linux/fs.h>
#include <linux/virtio_mmio.h>
#include <sys/stat.h>

#include "test_blk.h"

int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);
int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument);

static struct {
	unsigned long long bytes;
	unsigned int logical, physical;
	unsigned long refused;	/* this request fails */
} answers;

int __wrap_fstat(int fd, struct stat *status)
{
	int result = __real_fstat(fd, status);

	status->st_mode = (status->st_mode & ~S_IFMT) | S_IFBLK;
	return result;
}

int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	if (request == answers.refused) {
		errno = ENOTTY;
		return -1;
	}
	switch (request) {
	case BLKGETSIZE64:
		*(unsigned long long *)argument = answers.bytes;
		return 0;
	case BLKSSZGET:
		*(unsigned int *)argument = answers.logical;
		return 0;
	case BLKPBSZGET:
		*(unsigned int *)argument = answers.physical;
		return 0;
	default:
		return __real_ioctl(fd, request, argument);
	}
}

static void start(struct disk *disk, const char *more)
{
	memset(disk, 0, sizeof(*disk));
	disk_file(disk, DISK_BYTES);
	answers.bytes = DISK_BYTES / 2;
	assert_int_equal(disk_create(disk, more, 1), 0);
	fake_driver_init(&disk->guest);
	assert_int_equal(fake_driver_start(&disk->guest, disk->device,
					   ALL_FEATURES), 15);
}

static uint32_t config(struct disk *disk, size_t offset)
{
	return fake_read(&disk->guest, VIRTIO_MMIO_CONFIG + offset);
}

/* The device's own size and blocks count, not those of its node. */
static void test_size_and_blocks(void **state)
{
	static const char *const more[] = { "", ",direct", ",readonly" };
	struct disk disk;
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		answers.logical = 4096;
		answers.physical = i ? 16384 : 0;	/* 0: not known */
		start(&disk, more[i]);
		assert_int_equal(config(&disk, 0), DISK_BYTES / 2 / 512);
		assert_int_equal(config(&disk, offsetof(
					struct virtio_blk_config, blk_size)),
				 4096);
		/* The exponent of physical blocks, in logical ones. */
		assert_int_equal(config(&disk, offsetof(
					struct virtio_blk_config,
					physical_block_exp)) & 0xff,
				 i ? 2 : 0);
		disk_end(&disk);
	}
}

static void test_unwilling(void **state)
{
	static const unsigned long requests[] = { BLKGETSIZE64, BLKSSZGET };
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *device;
	char message[512];
	struct disk disk;
	unsigned int i;

	(void)state;
	disk_file(&disk, 4096);
	answers.logical = 512;
	for (i = 0; i < 2; i++) {
		answers.refused = requests[i];
		assert_int_equal(blk_kind.create(disk.path, &setup, &device,
						 message, sizeof(message)),
				 -ENOTTY);
		assert_non_null(strstr(message, "cannot ask for its size"));
	}
	answers.refused = 0;
	close(disk.fd);
	unlink(disk.path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_and_blocks),
		cmocka_unit_test(test_unwilling),
	};

	return cmocka_run_group_tests_name("blk_device", tests, NULL, NULL);
}
