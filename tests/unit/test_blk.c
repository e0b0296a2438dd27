// SPDX-License-Identifier: GPL-2.0
/*
 * Disks, from the guest's side, on real files; all with io_uring and with the
 * pool of threads.
 */
#include <linux/virtio_mmio.h>
#include <seccomp.h>

#include "test_blk.h"

/* What is put behind the file's name; the state of each test. */
#define MORE ((const char *)*state)

static void reads_and_writes(void **state)
{
	struct disk disk;
	struct sent sent;
	uint8_t back[8192];

	disk_start(&disk, MORE, ALL_FEATURES);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_IN, 40, 8192);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_int_equal(sent.written, 8193);
	assert_true(is_fresh(fake_at(&disk.guest, sent.data), 8192, 40));

	sent = send_request(&disk.guest, VIRTIO_BLK_T_OUT, 8, 8192);
	fill(&disk.guest, sent.data, 8192, 9);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_int_equal(sent.written, 1);
	assert_int_equal(pread(disk.fd, back, 8192, 8 * 512), 8192);
	assert_true(is_filled(back, 8192, 9));
	/* The neighbours are as they were. */
	assert_int_equal(pread(disk.fd, back, 512, 7 * 512), 512);
	assert_true(is_fresh(back, 512, 7));
	assert_int_equal(pread(disk.fd, back, 512, 24 * 512), 512);
	assert_true(is_fresh(back, 512, 24));

	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0),
			 VIRTIO_BLK_S_OK);
	disk_end(&disk);
}

static uint32_t config32(struct fake_driver *guest, size_t offset)
{
	return fake_read(guest, VIRTIO_MMIO_CONFIG + offset);
}

#define CONFIG(guest, field) \
	config32(guest, offsetof(struct virtio_blk_config, field))

static void tells_its_configuration(void **state)
{
	struct disk disk;

	disk_start(&disk, MORE, ALL_FEATURES);
	assert_int_equal(CONFIG(&disk.guest, capacity), DISK_BYTES / 512);
	assert_int_equal(CONFIG(&disk.guest, seg_max), 254);
	assert_int_equal(CONFIG(&disk.guest, blk_size), 512);
	assert_int_equal(CONFIG(&disk.guest, max_discard_seg), 16);
	assert_true(CONFIG(&disk.guest, max_write_zeroes_sectors) > 0);
	assert_int_equal(virtio_read(disk.device, VIRTIO_MMIO_CONFIG +
				     offsetof(struct virtio_blk_config, wce),
				     1), 1);
	/* 5.2.5.2 */
	assert_int_equal(CONFIG(&disk.guest, unused1[0]) & 0xff, 0);
	assert_int_equal(CONFIG(&disk.guest, wce) >> 8 & 0xff, 0);
	assert_int_equal(CONFIG(&disk.guest, write_zeroes_may_unmap) >> 8, 0);
	assert_true(virtio_has(disk.device, VIRTIO_BLK_F_FLUSH));
	assert_true(virtio_has(disk.device, VIRTIO_BLK_F_MQ));
	assert_false(virtio_has(disk.device, VIRTIO_BLK_F_RO));
	assert_string_equal(virtio_name(disk.device), "disk3");
	disk_end(&disk);
}

/* The header in 16 pieces, data in three, the status behind the data. */
static void takes_any_framing(void **state)
{
	struct fake_buffer b[20];
	struct disk disk;
	struct sent sent;
	uint64_t data, header;

	disk_start(&disk, MORE, ALL_FEATURES);
	header = put_header(&disk.guest, VIRTIO_BLK_T_IN, 5);
	data = fake_alloc(&disk.guest, 4096);
	for (int i = 0; i < 16; i++)
		b[i] = (struct fake_buffer) { header + i, 1 };
	b[16] = (struct fake_buffer) { data, 100 };
	b[17] = (struct fake_buffer) { data + 100, 901 };
	b[18] = (struct fake_buffer) { data + 1001, 23 + 1 };
	*(uint8_t *)fake_at(&disk.guest, data + 1024) = PENDING;
	sent.status = data + 1024;
	sent.head = fake_add(&disk.guest, 0, b, 16, 3);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_int_equal(sent.written, 1025);
	assert_true(is_fresh(fake_at(&disk.guest, data), 1024, 5));

	/* Header and data in one piece, and through an indirect table. */
	data = fake_alloc(&disk.guest, 16 + 512);
	memcpy(fake_at(&disk.guest, data), fake_at(&disk.guest, header), 16);
	*(uint32_t *)fake_at(&disk.guest, data) = VIRTIO_BLK_T_OUT;
	fill(&disk.guest, data + 16, 512, 77);
	sent.status = put_status(&disk.guest);
	b[0] = (struct fake_buffer) { data, 16 + 512 };
	b[1] = (struct fake_buffer) { sent.status, 1 };
	sent.head = fake_add_indirect(&disk.guest, 0, b, 1, 1);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 5, 512), 0);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_IN, 5, 512);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_true(is_filled(fake_at(&disk.guest, sent.data), 512, 77));
	disk_end(&disk);
}

/* A buffer that lies in two regions of the guest's memory. */
static void crosses_a_seam(void **state)
{
	struct disk disk;
	struct sent sent;

	disk_start(&disk, MORE, ALL_FEATURES);
	sent = send_at(&disk.guest, VIRTIO_BLK_T_IN, 100, FAKE_SEAM - 300,
		       1024);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_true(is_fresh(disk.guest.low + FAKE_SEAM - 300, 300, 100));
	assert_int_equal(disk.guest.seam[0], disk_byte(100, 300));
	assert_int_equal(disk.guest.seam[723], disk_byte(101, 511));
	disk_end(&disk);
}

static void identifies_itself(void **state)
{
	struct disk disk;
	struct sent sent;
	char more[64];

	snprintf(more, sizeof(more), "%s,serial=exactly-20-letters-x", MORE);
	disk_start(&disk, more, ALL_FEATURES);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_GET_ID, 0, 20);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_memory_equal(fake_at(&disk.guest, sent.data),
			    "exactly-20-letters-x", 20);
	/* Less room, and more. */
	sent = send_request(&disk.guest, VIRTIO_BLK_T_GET_ID, 0, 7);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_memory_equal(fake_at(&disk.guest, sent.data), "exactly\0", 8);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_GET_ID, 0, 64);
	memset(fake_at(&disk.guest, sent.data), 0xff, 64);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_true(is_zero((uint8_t *)fake_at(&disk.guest, sent.data) + 20,
			    44));
	disk_end(&disk);
}

static void put_range(struct fake_driver *guest, uint64_t gpa, uint64_t sector,
		      uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes *range = fake_at(guest, gpa);

	range->sector = sector;
	range->num_sectors = sectors;
	range->flags = flags;
}

static void discards_and_zeroes(void **state)
{
	uint8_t back[64 * 512];
	struct disk disk;
	struct sent sent;

	disk_start(&disk, MORE, ALL_FEATURES);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_WRITE_ZEROES, 0, 48);
	put_range(&disk.guest, sent.data, 1, 3, 0);
	put_range(&disk.guest, sent.data + 16, 9, 0, 0);
	put_range(&disk.guest, sent.data + 32, 16, 8,
		  VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_int_equal(pread(disk.fd, back, sizeof(back), 0), sizeof(back));
	assert_true(is_fresh(back, 512, 0));
	assert_true(is_zero(back + 512, 3 * 512));
	assert_true(is_fresh(back + 4 * 512, 12 * 512, 4));
	assert_true(is_zero(back + 16 * 512, 8 * 512));
	assert_true(is_fresh(back + 24 * 512, 512, 24));

	sent = send_request(&disk.guest, VIRTIO_BLK_T_DISCARD, 0, 16);
	put_range(&disk.guest, sent.data, 32, 16, 0);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	/* The file has not changed its size. */
	assert_int_equal(lseek(disk.fd, 0, SEEK_END), DISK_BYTES);
	disk_end(&disk);
}

static uint8_t one_range(struct disk *disk, uint32_t type, uint64_t sector,
			 uint32_t sectors, uint32_t flags)
{
	struct sent sent = send_request(&disk->guest, type, 0, 16);

	put_range(&disk->guest, sent.data, sector, sectors, flags);
	return finish(&disk->guest, &sent);
}

static void refuses_wrong_ranges(void **state)
{
	const uint64_t end = DISK_BYTES / 512;
	uint8_t back[512];
	struct disk disk;
	struct sent sent;

	disk_start(&disk, MORE, ALL_FEATURES);
	assert_int_equal(one_range(&disk, VIRTIO_BLK_T_DISCARD, end, 1, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(one_range(&disk, VIRTIO_BLK_T_DISCARD,
				   UINT64_MAX, 2, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(one_range(&disk, VIRTIO_BLK_T_DISCARD, 0,
				   UINT32_MAX, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(one_range(&disk, VIRTIO_BLK_T_DISCARD, 0, 1, 1),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(one_range(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 2),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_DISCARD, 0, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_DISCARD, 0, 24),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_DISCARD, 0, 272),
			 VIRTIO_BLK_S_IOERR);
	/* One wrong range, and none is carried out. */
	sent = send_request(&disk.guest, VIRTIO_BLK_T_WRITE_ZEROES, 0, 32);
	put_range(&disk.guest, sent.data, 0, 1, 0);
	put_range(&disk.guest, sent.data + 16, end, 1, 0);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_IOERR);
	assert_int_equal(pread(disk.fd, back, 512, 0), 512);
	assert_true(is_fresh(back, 512, 0));
	disk_end(&disk);
}

static void refuses_wrong_requests(void **state)
{
	const uint64_t end = DISK_BYTES / 512;
	static const struct {
		uint32_t type;
		uint64_t sector;
		uint32_t bytes;
		uint8_t status;
	} cases[] = {
		{ VIRTIO_BLK_T_IN, end, 512, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, end - 1, 1024, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, end - 1, 512, VIRTIO_BLK_S_OK },
		{ VIRTIO_BLK_T_IN, UINT64_MAX, 512, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, UINT64_MAX / 512 + 1, 512,
		  VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, 0, 511, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, 0, 0, VIRTIO_BLK_S_OK },
		{ VIRTIO_BLK_T_OUT, end, 512, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_OUT, UINT64_MAX - 1, 1024, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_OUT, 0, 513, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_SECURE_ERASE, 0, 16, VIRTIO_BLK_S_UNSUPP },
		{ VIRTIO_BLK_T_SCSI_CMD, 0, 512, VIRTIO_BLK_S_UNSUPP },
		{ 0x80000000, 0, 512, VIRTIO_BLK_S_UNSUPP },
		{ 10, 0, 512, VIRTIO_BLK_S_UNSUPP },
	};
	struct disk disk;

	disk_start(&disk, MORE, ALL_FEATURES);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(request(&disk.guest, cases[i].type,
					 cases[i].sector, cases[i].bytes),
				 cases[i].status);
	assert_int_equal(fake_status(&disk.guest), 15);
	/* Nothing was written anywhere, nor did the file grow. */
	assert_int_equal(lseek(disk.fd, 0, SEEK_END), DISK_BYTES);
	disk_end(&disk);
}

/*
 * A chain of more bytes than any request may have: zeros are written up to a
 * limit, and no byte behind it is claimed to be.
 */
static void claims_no_more_than_it_wrote(void **state)
{
	enum {
		PIECES = 90
	};
	const uint32_t piece = 3u << 20;
	struct fake_buffer b[PIECES + 2];
	struct disk disk;
	struct sent sent;

	disk_start(&disk, MORE, ALL_FEATURES);
	b[0] = (struct fake_buffer){
		put_header(&disk.guest, VIRTIO_BLK_T_IN, 0), 16
	};
	for (int i = 1; i <= PIECES; i++)
		b[i] = (struct fake_buffer){ FAKE_SEAM, piece };
	sent.status = put_status(&disk.guest);
	b[PIECES + 1] = (struct fake_buffer){ sent.status, 1 };
	sent.head = fake_add(&disk.guest, 0, b, 1, PIECES + 1);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_IOERR);
	assert_int_equal(sent.written, BLK_BYTES_MAX);
	disk_end(&disk);
}

static void survives_wrong_chains(void **state)
{
	struct fake_buffer b[2];
	struct disk disk;
	struct sent sent;

	disk_start(&disk, MORE, ALL_FEATURES);
	/* A header of 15 bytes, and none at all. */
	b[0] = (struct fake_buffer) {
		put_header(&disk.guest, VIRTIO_BLK_T_IN, 0), 15 };
	sent.status = put_status(&disk.guest);
	b[1] = (struct fake_buffer) { sent.status, 1 };
	sent.head = fake_add(&disk.guest, 0, b, 1, 1);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_IOERR);
	*(uint8_t *)fake_at(&disk.guest, sent.status) = PENDING;
	sent.head = fake_add(&disk.guest, 0, b + 1, 0, 1);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_IOERR);
	/* No status byte: nobody can be told. */
	b[0].bytes = 16;
	fake_add(&disk.guest, 0, b, 1, 0);
	fake_kick(&disk.guest, 0);
	assert_true(fake_status(&disk.guest) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_non_null(strstr(disk.guest.line, "status byte"));
	/* The reset cures it. */
	fake_negotiate(&disk.guest, ALL_FEATURES);
	fake_set_up_queue(&disk.guest, 0);
	fake_write(&disk.guest, VIRTIO_MMIO_STATUS, 15);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512),
			 VIRTIO_BLK_S_OK);
	disk_end(&disk);
}

static void keeps_readonly_disks(void **state)
{
	struct disk disk;
	char more[64];
	uint8_t back[512];

	snprintf(more, sizeof(more), "%s,readonly", MORE);
	disk_start(&disk, more, ALL_FEATURES);
	assert_true(virtio_has(disk.device, VIRTIO_BLK_F_RO));
	assert_false(virtio_has(disk.device, VIRTIO_BLK_F_DISCARD));
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(one_range(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(pread(disk.fd, back, 512, 0), 512);
	assert_true(is_fresh(back, 512, 0));
	disk_end(&disk);
}

/* Somebody on the host makes the file smaller, or deletes it. */
static void survives_a_shrinking_file(void **state)
{
	struct disk disk;
	struct sent sent;

	disk_start(&disk, MORE, ALL_FEATURES);
	assert_int_equal(ftruncate(disk.fd, 4096 + 512), 0);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_IN, 8, 4096);
	memset(fake_at(&disk.guest, sent.data), 0x55, 4096);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_IOERR);
	/* One sector was still there; the rest is no old memory. */
	assert_true(is_fresh(fake_at(&disk.guest, sent.data), 512, 8));
	assert_true(is_zero((uint8_t *)fake_at(&disk.guest, sent.data) + 512,
			    4096 - 512));
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 4000, 512),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 4096),
			 VIRTIO_BLK_S_OK);
	unlink(disk.path);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 4096),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0),
			 VIRTIO_BLK_S_OK);
	disk_end(&disk);
}

static uint64_t capacity(struct disk *disk)
{
	return virtio_read(disk->device, 0x100, 8);
}

/* `truncate -s +1M` on the host, while the guest runs. */
static void sees_its_file_grow(void **state)
{
	const uint64_t sectors = DISK_BYTES / 512;
	struct disk disk;

	disk_start(&disk, MORE, ALL_FEATURES);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, sectors, 512),
			 VIRTIO_BLK_S_IOERR);
	/* A part of a sector is not there for the guest. */
	assert_int_equal(ftruncate(disk.fd, DISK_BYTES + 4096 + 500), 0);
	for (int i = 0; i < 100 && capacity(&disk) == sectors; i++)
		loop_run_once(disk.device->loop, 100);
	assert_int_equal(capacity(&disk), sectors + 8);
	assert_int_equal(atomic_load(&disk.guest.config_interrupts), 1);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, sectors + 7,
				 512),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, sectors + 8,
				 512),
			 VIRTIO_BLK_S_IOERR);
	disk_end(&disk);
}

#define MANY 80

static void has_many_in_flight(void **state)
{
	struct sent sent[MANY];
	struct disk disk;
	uint16_t head;
	uint32_t written;

	disk_start(&disk, MORE, ALL_FEATURES);
	for (unsigned int i = 0; i < MANY; i++) {
		sent[i] = send_request(&disk.guest, i % 2 ? VIRTIO_BLK_T_OUT :
			       VIRTIO_BLK_T_IN, i * 16, 8192);
		if (i % 2)
			fill(&disk.guest, sent[i].data, 8192, i);
	}
	fake_kick(&disk.guest, 0);
	for (unsigned int i = 0; i < MANY; i++)
		wait_used(&disk.guest, &head, &written);
	for (unsigned int i = 0; i < MANY; i++) {
		uint8_t back[8192];

		assert_int_equal(status_of(&disk.guest, &sent[i]),
				 VIRTIO_BLK_S_OK);
		assert_int_equal(pread(disk.fd, back, 8192, i * 8192), 8192);
		if (i % 2)
			assert_true(is_filled(back, 8192, i));
		else
			assert_true(is_fresh(fake_at(&disk.guest,
						     sent[i].data), 8192,
					     i * 16));
	}
	assert_false(fake_used(&disk.guest, 0, &head, &written));
	disk_end(&disk);
}

/* A reset with a full queue: afterwards nobody writes to these buffers. */
static void resets_in_flight(void **state)
{
	uint64_t data[MANY];
	struct disk disk;

	memset(&disk, 0, sizeof(disk));
	disk_file(&disk, DISK_BYTES);
	assert_int_equal(disk_create(&disk, MORE, 1), 0);
	fake_driver_init(&disk.guest);
	assert_int_equal(fake_driver_start_threaded(&disk.guest, disk.device,
						    ALL_FEATURES), 15);
	for (int round = 0; round < 20; round++) {
		disk.guest.allocated = 0x100000;
		for (unsigned int i = 0; i < MANY; i++)
			data[i] = send_request(&disk.guest, VIRTIO_BLK_T_IN, i,
				       16384).data;
		fake_write(&disk.guest, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		if (round % 2)
			usleep(round * 20);
		fake_write(&disk.guest, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(fake_status(&disk.guest), 0);
		for (unsigned int i = 0; i < MANY; i++)
			memset(fake_at(&disk.guest, data[i]), 0xa5, 16384);
		usleep(1000);
		for (unsigned int i = 0; i < MANY; i++)
			for (unsigned int j = 0; j < 16384; j++)
				assert_int_equal(((uint8_t *)fake_at(
					&disk.guest, data[i]))[j], 0xa5);
		fake_negotiate(&disk.guest, ALL_FEATURES);
		fake_set_up_queue(&disk.guest, 0);
		fake_write(&disk.guest, VIRTIO_MMIO_STATUS, 15);
	}
	disk_end(&disk);
}

static void has_a_queue_per_cpu(void **state)
{
	struct disk disk;
	uint32_t written;
	uint16_t head;

	memset(&disk, 0, sizeof(disk));
	disk_file(&disk, DISK_BYTES);
	assert_int_equal(disk_create(&disk, MORE, 4), 0);
	assert_int_equal(virtio_queue_count(disk.device), 4);
	fake_driver_init(&disk.guest);
	disk.guest.queue_size = 64;
	assert_int_equal(fake_driver_start_threaded(&disk.guest, disk.device,
						    ALL_FEATURES), 15);
	assert_int_equal(CONFIG(&disk.guest, wce) >> 16, 4);
	for (unsigned int queue = 0; queue < 4; queue++) {
		uint64_t status = put_status(&disk.guest);
		uint64_t data = fake_alloc(&disk.guest, 512);
		struct fake_buffer b[] = {
			{ put_header(&disk.guest, VIRTIO_BLK_T_IN, queue),
			  16 }, { data, 512 }, { status, 1 } };

		fake_add(&disk.guest, queue, b, 1, 2);
		fake_write(&disk.guest, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
		assert_true(fake_wait_used(&disk.guest, queue, &head,
					   &written));
		assert_true(is_fresh(fake_at(&disk.guest, data), 512, queue));
	}
	disk_end(&disk);
}

/* Memory and offsets that O_DIRECT does not take by itself. */
static void aligns_direct_io(void **state)
{
	uint8_t back[1536];
	struct disk disk;
	struct sent sent;
	char more[64];
	uint64_t area;

	snprintf(more, sizeof(more), "%s,direct", MORE);
	disk_start(&disk, more, ALL_FEATURES);
	area = fake_alloc(&disk.guest, 3u << 20);
	sent = send_at(&disk.guest, VIRTIO_BLK_T_IN, 8, area, 8192);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_true(is_fresh(fake_at(&disk.guest, area), 8192, 8));
	/* More than one bounce buffer holds. */
	sent = send_at(&disk.guest, VIRTIO_BLK_T_IN, 8, area + 13, 1u << 20);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_true(is_fresh(fake_at(&disk.guest, area + 13), 1u << 20, 8));
	fill(&disk.guest, area + 5, 8192, 3);
	sent = send_at(&disk.guest, VIRTIO_BLK_T_OUT, 16, area + 5, 8192);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	/* Sectors in the middle of a block. */
	fill(&disk.guest, area + 1, 512, 100);
	sent = send_at(&disk.guest, VIRTIO_BLK_T_OUT, 17, area + 1, 512);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	sent = send_at(&disk.guest, VIRTIO_BLK_T_IN, 16, area, 8192);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_true(is_filled(fake_at(&disk.guest, area), 512, 3));
	assert_true(is_filled(fake_at(&disk.guest, area + 512), 512, 100));
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0), 0);
	assert_int_equal(pread(disk.fd, back, 1536, 16 * 512), 1536);
	assert_true(is_filled(back, 512, 3));
	assert_true(is_filled(back + 512, 512, 100));
	disk_end(&disk);
}

/* The guest reboots: the same device meets another machine. */
static void attaches_again(void **state)
{
	struct disk disk;
	struct sent sent;

	disk_start(&disk, MORE, ALL_FEATURES);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512);
	fill(&disk.guest, sent.data, 512, 1);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	/* Some are in flight when the machine goes away. */
	for (int i = 0; i < 20; i++)
		send_request(&disk.guest, VIRTIO_BLK_T_IN, i, 4096);
	fake_write(&disk.guest, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	loop_run_once(disk.device->loop, 0);
	fake_driver_end(&disk.guest);

	fake_driver_init(&disk.guest);
	assert_int_equal(fake_driver_start_threaded(&disk.guest, disk.device,
						    ALL_FEATURES), 15);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512);
	fake_write(&disk.guest, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_true(fake_wait_used(&disk.guest, 0, &sent.head,
				   &sent.written));
	assert_true(is_filled(fake_at(&disk.guest, sent.data), 512, 1));
	disk_end(&disk);
}

/*
 * A host that refuses io_uring, as many do for containers. The last test: the
 * filter cannot be taken off again.
 */
static void falls_back_to_threads(void **state)
{
	struct virtio_setup setup = { .cpus = 1, .verbose = true };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct disk disk = { 0 };
	char message[512];

	(void)state;
	assert_non_null(filter);
	assert_int_equal(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
					  SCMP_SYS(io_uring_setup), 0), 0);
	assert_int_equal(seccomp_load(filter), 0);
	seccomp_release(filter);
	disk_file(&disk, DISK_BYTES);
	assert_int_equal(blk_kind.create(disk.path, &setup, &disk.device,
					 message, sizeof(message)), 0);
	fake_driver_init(&disk.guest);
	assert_int_equal(fake_driver_start(&disk.guest, disk.device,
					   ALL_FEATURES), 15);
	assert_non_null(strstr(disk.guest.line, "threads"));
	assert_non_null(strstr(disk.guest.line, "refuses io_uring"));
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 4096),
			 VIRTIO_BLK_S_OK);
	disk_end(&disk);
}

#define BOTH(name) \
	{ #name " (io_uring)", name, NULL, NULL, (void *)"" }, \
	{ #name " (threads)", name, NULL, NULL, (void *)",threads" }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(reads_and_writes),
		BOTH(tells_its_configuration),
		BOTH(takes_any_framing),
		BOTH(crosses_a_seam),
		BOTH(identifies_itself),
		BOTH(discards_and_zeroes),
		BOTH(refuses_wrong_ranges),
		BOTH(refuses_wrong_requests),
		BOTH(claims_no_more_than_it_wrote),
		BOTH(survives_wrong_chains),
		BOTH(keeps_readonly_disks),
		BOTH(survives_a_shrinking_file),
		BOTH(sees_its_file_grow),
		BOTH(has_many_in_flight),
		BOTH(resets_in_flight),
		BOTH(has_a_queue_per_cpu),
		BOTH(aligns_direct_io),
		BOTH(attaches_again),
		cmocka_unit_test(falls_back_to_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
