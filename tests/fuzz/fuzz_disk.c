// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: a disk as `--disk` opens it, on a real file, with a real
 * engine. (fuzz_blk.c has engines that fail and dawdle by the input.) Byte 0
 * of the input: bits 0 and 1, the engine and how it opens; bit 2, read-only;
 * bit 3, the file is one that is refused. The rest is the guest's (machine.h).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "virtio_devices/blk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DISK_BYTES	(256 << 10)
#define CHOICE_READONLY	4
#define CHOICE_ODD	8

static const char *const how[] = { "", ",threads", ",direct",
				   ",direct,threads" };

/* Not on a tmpfs, which knows no O_DIRECT. */
static const char *make_file(unsigned int choice)
{
	static char path[64];
	static int fd = -1;
	size_t bytes = DISK_BYTES + !!(choice & CHOICE_ODD);

	if (fd < 0) {
		snprintf(path, sizeof(path), "/var/tmp/ringlet-fuzz-disk.%d",
			 getpid());
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	}
	if (ftruncate(fd, bytes))
		abort();
	return path;
}

static void remove_file(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/var/tmp/ringlet-fuzz-disk.%d", getpid());
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *device;
	char text[128], message[512];
	static bool told;

	if (!size)
		return 0;
	if (!told)
		atexit(remove_file);
	told = true;
	snprintf(text, sizeof(text), "%s%s%s", make_file(data[0]),
		 how[data[0] & 3],
		 data[0] & CHOICE_READONLY ? ",readonly" : "");
	machine_init();
	if (blk_kind.create(text, &setup, &device, message,
			    sizeof(message))) {
		if (!(data[0] & CHOICE_ODD))
			abort();
		return 0;
	}
	machine_play(device, data + 1, size - 1);
	virtio_destroy(device);
	return 0;
}
