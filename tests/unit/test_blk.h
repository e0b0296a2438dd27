/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of disks share: a file, a guest with a disk, requests. */
#ifndef RINGLET_TESTS_TEST_BLK_H
#define RINGLET_TESTS_TEST_BLK_H

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_driver.h"
#include "unit.h"
#include "virtio_devices/blk.h"
#include "virtio_devices/blk_device.h"
#include "virtio_devices/blk_options.h"

#define DISK_BYTES	(4u << 20)
#define PENDING		0xee	/* a status that no device writes */
#define ALL_FEATURES	(~0ull >> 1)

struct disk {
	char path[256];
	int fd;			/* of our own, to look at the file */
	struct virtio_device *device;
	struct fake_driver guest;
};

/* The bytes that sector n of a fresh disk has. */
static inline uint8_t disk_byte(uint64_t sector, unsigned int offset)
{
	return (uint8_t)(sector * 7 + offset * 3 + (offset >> 8));
}

static inline void disk_file(struct disk *disk, off_t bytes)
{
	uint8_t block[512];
	const char *folder = getenv("TEST_DIR");

	/* Not in /tmp, which may be a tmpfs: no O_DIRECT there. */
	snprintf(disk->path, sizeof(disk->path), "%s/ringlet-disk-XXXXXX",
		 folder ? folder : "/var/tmp");
	disk->fd = mkstemp(disk->path);
	assert_true(disk->fd >= 0);
	for (off_t at = 0; at < bytes; at += sizeof(block)) {
		for (unsigned int i = 0; i < sizeof(block); i++)
			block[i] = disk_byte(at / 512, i);
		assert_int_equal(pwrite(disk->fd, block, sizeof(block), at),
				 sizeof(block));
	}
}

static inline int disk_create(struct disk *disk, const char *more,
			      unsigned int cpus)
{
	struct virtio_setup setup = { .cpus = cpus, .order = 3 };
	char text[512], message[512] = "";
	int error;

	snprintf(text, sizeof(text), "%s%s", disk->path, more);
	error = blk_kind.create(text, &setup, &disk->device, message,
				sizeof(message));
	if (error)
		print_message("%s\n", message);
	return error;
}

/* A guest whose driver took these features of a disk made from `more`. */
static inline void disk_start(struct disk *disk, const char *more,
			      uint64_t features)
{
	memset(disk, 0, sizeof(*disk));
	disk_file(disk, DISK_BYTES);
	assert_int_equal(disk_create(disk, more, 1), 0);
	fake_driver_init(&disk->guest);
	assert_int_equal(fake_driver_start(&disk->guest, disk->device,
					   features), 15);
}

static inline void disk_end(struct disk *disk)
{
	fake_driver_end(&disk->guest);
	virtio_destroy(disk->device);
	close(disk->fd);
	unlink(disk->path);
}

/* A request that was made available, and where its parts are. */
struct sent {
	uint16_t head;
	uint64_t header, data, status;	/* GPAs */
	uint32_t bytes, written;
};

static inline uint64_t put_header(struct fake_driver *guest, uint32_t type,
				  uint64_t sector)
{
	uint64_t gpa = fake_alloc(guest, 16);
	struct virtio_blk_outhdr *header = fake_at(guest, gpa);

	header->type = type;
	header->sector = sector;
	return gpa;
}

static inline uint64_t put_status(struct fake_driver *guest)
{
	uint64_t gpa = fake_alloc(guest, 16);

	*(uint8_t *)fake_at(guest, gpa) = PENDING;
	return gpa;
}

static inline bool is_write(uint32_t type)
{
	return type == VIRTIO_BLK_T_OUT || type == VIRTIO_BLK_T_DISCARD ||
	       type == VIRTIO_BLK_T_WRITE_ZEROES;
}

/* Header, one piece of data (none where bytes is 0), status. No kick. */
static inline struct sent send_at(struct fake_driver *guest, uint32_t type,
				  uint64_t sector, uint64_t data,
				  uint32_t bytes)
{
	struct sent sent = { .data = data, .bytes = bytes };
	struct fake_buffer buffers[3];
	unsigned int out = 1, count = 0;

	sent.header = put_header(guest, type, sector);
	sent.status = put_status(guest);
	buffers[count++] = (struct fake_buffer) { sent.header, 16 };
	if (bytes) {
		buffers[count++] = (struct fake_buffer) { data, bytes };
		out += is_write(type);
	}
	buffers[count++] = (struct fake_buffer) { sent.status, 1 };
	sent.head = fake_add(guest, 0, buffers, out, count - out);
	return sent;
}

static inline struct sent send_request(struct fake_driver *guest, uint32_t type,
			       uint64_t sector, uint32_t bytes)
{
	return send_at(guest, type, sector,
		       bytes ? fake_alloc(guest, bytes) : 0, bytes);
}

static inline uint8_t status_of(struct fake_driver *guest,
				const struct sent *sent)
{
	return *(volatile uint8_t *)fake_at(guest, sent->status);
}

/* Let a device without a thread work until the next used chain is there. */
static inline void wait_used(struct fake_driver *guest, uint16_t *head,
			     uint32_t *written)
{
	for (int i = 0; i < 100; i++) {
		if (fake_used(guest, 0, head, written))
			return;
		loop_run_once(guest->device->loop, 100);
	}
	fail_msg("no answer within 10 s");
}

/* Notify, wait for the one request in flight; its status. */
static inline uint8_t finish(struct fake_driver *guest, struct sent *sent)
{
	uint16_t head;

	fake_kick(guest, 0);
	wait_used(guest, &head, &sent->written);
	assert_int_equal(head, sent->head);
	return status_of(guest, sent);
}

static inline uint8_t request(struct fake_driver *guest, uint32_t type,
			      uint64_t sector, uint32_t bytes)
{
	struct sent sent = send_request(guest, type, sector, bytes);

	return finish(guest, &sent);
}

static inline void fill(struct fake_driver *guest, uint64_t gpa,
			uint32_t bytes, unsigned int seed)
{
	uint8_t *place = fake_at(guest, gpa);

	for (uint32_t i = 0; i < bytes; i++)
		place[i] = (uint8_t)(seed + i * 5 + (i >> 8));
}

static inline bool is_filled(const uint8_t *place, uint32_t bytes,
			     unsigned int seed)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (place[i] != (uint8_t)(seed + i * 5 + (i >> 8)))
			return false;
	return true;
}

static inline bool is_fresh(const uint8_t *place, uint32_t bytes,
			    uint64_t sector)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (place[i] != disk_byte(sector + i / 512, i % 512))
			return false;
	return true;
}

static inline bool is_zero(const uint8_t *place, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (place[i])
			return false;
	return true;
}

#endif
