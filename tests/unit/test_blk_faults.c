// SPDX-License-Identifier: GPL-2.0
/*
 * Disks whose system calls fail, transfer too little, or take their time: an
 * engine that does what the test wants stands where io_uring would.
 */
#include <linux/falloc.h>
#include <linux/virtio_mmio.h>
#include <sys/eventfd.h>

#include "test_blk.h"

#define FAULTS	8
#define SEEN	64

/* What the next task of a kind comes to. */
struct fault {
	enum blk_task_kind kind;
	ssize_t result;		/* -errno; else transfer at most so many */
	bool used;
};

struct faulty {
	struct blk_engine engine;
	struct blk_task_list tasks;
	bool hold; /* reap() finds nothing, unless it waits */
	struct fault faults[FAULTS];
	unsigned int fault_count;
	/* What all tasks of a kind come to, where always_result is not 0. */
	enum blk_task_kind always;
	ssize_t always_result;
	struct blk_task seen[SEEN];	/* copies, in order */
	unsigned int seen_count;
};

static struct faulty faulty;

static int faulty_start(struct blk_engine *engine)
{
	(void)engine;
	return 0;
}

static void faulty_nothing(struct blk_engine *engine)
{
	(void)engine;
}

static void faulty_submit(struct blk_engine *engine, struct blk_task *task)
{
	if (faulty.seen_count < SEEN)
		faulty.seen[faulty.seen_count++] = *task;
	blk_task_append(&faulty.tasks, task);
	assert_int_equal(eventfd_write(engine->fd, 1), 0);
}

static ssize_t really(const struct blk_task *task, size_t most)
{
	struct iovec piece[64];
	size_t left = most;
	unsigned int i;

	if (task->kind == BLK_TASK_SYNC)
		return fdatasync(task->fd) ? -errno : 0;
	if (task->kind == BLK_TASK_ALLOCATE)
		return fallocate(task->fd, task->flags, task->offset,
				 task->bytes) ? -errno : 0;
	for (i = 0; i < task->iov_count && i < 64 && left; i++) {
		piece[i] = task->iov[i];
		if (piece[i].iov_len > left)
			piece[i].iov_len = left;
		left -= piece[i].iov_len;
	}
	return task->kind == BLK_TASK_READ ?
	       preadv(task->fd, piece, i, task->offset) :
	       pwritev(task->fd, piece, i, task->offset);
}

static ssize_t faulty_do(const struct blk_task *task)
{
	if (faulty.always_result && faulty.always == task->kind)
		return faulty.always_result;
	for (unsigned int i = 0; i < faulty.fault_count; i++) {
		struct fault *fault = &faulty.faults[i];

		if (fault->used || fault->kind != task->kind)
			continue;
		fault->used = true;
		return fault->result <= 0 ? fault->result :
					    really(task, fault->result);
	}
	return really(task, SIZE_MAX);
}

static unsigned int faulty_reap(struct blk_engine *engine, bool wait)
{
	struct blk_task_list now = faulty.tasks;
	struct blk_task *task;
	unsigned int count = 0;
	eventfd_t times;

	eventfd_read(engine->fd, &times);
	if ((faulty.hold && !wait) || !faulty.tasks.first)
		return 0;
	blk_task_list_init(&faulty.tasks);
	while ((task = blk_task_take(&now))) {
		task->done(task, faulty_do(task));
		count++;
	}
	return count;
}

static void faulty_destroy(struct blk_engine *engine)
{
	close(engine->fd);
}

static const struct blk_engine_ops faulty_ops = {
	.start = faulty_start,
	.stop = faulty_nothing,
	.submit = faulty_submit,
	.kick = faulty_nothing,
	.reap = faulty_reap,
	.destroy = faulty_destroy,
};

static void faulty_disk(struct disk *disk, uint64_t features,
			unsigned int align)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct blk_options options = { .id = 0 };
	struct blk_file_setup file = { .engine = &faulty.engine,
				       .memory_align = align,
				       .offset_align = align };
	struct blk_medium *medium;

	memset(disk, 0, sizeof(*disk));
	memset(&faulty, 0, sizeof(faulty));
	blk_task_list_init(&faulty.tasks);
	faulty.engine.ops = &faulty_ops;
	faulty.engine.fd = eventfd(0, EFD_NONBLOCK);
	disk_file(disk, DISK_BYTES);
	file.fd = dup(disk->fd);
	/* Not really O_DIRECT: only the code before it is looked at. */
	file.direct_fd = align ? dup(disk->fd) : -1;
	assert_int_equal(blk_file_create(&file, &medium), 0);
	medium->bytes = DISK_BYTES;
	medium->block_size = medium->physical_size = 512;
	medium->can_discard = medium->can_zero = true;
	assert_int_equal(blk_create_on(medium, &options, &setup,
				       &disk->device), 0);
	fake_driver_init(&disk->guest);
	assert_int_equal(fake_driver_start(&disk->guest, disk->device,
					   features), 15);
}

static void fault(enum blk_task_kind kind, ssize_t result)
{
	assert_true(faulty.fault_count < FAULTS);
	faulty.faults[faulty.fault_count++] =
		(struct fault) { .kind = kind, .result = result };
}

static unsigned int count_seen(enum blk_task_kind kind)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < faulty.seen_count; i++)
		count += faulty.seen[i].kind == kind;
	return count;
}

static void goes_on_after_short_transfers(void **state)
{
	uint8_t back[8192];
	struct disk disk;
	struct sent sent;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	fault(BLK_TASK_READ, 100);
	fault(BLK_TASK_READ, 4000);
	fault(BLK_TASK_READ, -EINTR);
	fault(BLK_TASK_READ, -EAGAIN);
	fault(BLK_TASK_READ, 1);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_IN, 6, 8192);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_true(is_fresh(fake_at(&disk.guest, sent.data), 8192, 6));
	assert_int_equal(count_seen(BLK_TASK_READ), 6);

	fault(BLK_TASK_WRITE, 511);
	fault(BLK_TASK_WRITE, 3);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_OUT, 2, 8192);
	fill(&disk.guest, sent.data, 8192, 60);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	assert_int_equal(pread(disk.fd, back, 8192, 1024), 8192);
	assert_true(is_filled(back, 8192, 60));
	disk_end(&disk);
}

static void tells_of_errors(void **state)
{
	struct disk disk;
	struct sent sent;
	uint8_t *data;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	fault(BLK_TASK_READ, 1000);
	fault(BLK_TASK_READ, -EIO);
	sent = send_request(&disk.guest, VIRTIO_BLK_T_IN, 0, 4096);
	data = fake_at(&disk.guest, sent.data);
	memset(data, 0x77, 4096);
	assert_int_equal(finish(&disk.guest, &sent), VIRTIO_BLK_S_IOERR);
	assert_int_equal(sent.written, 4097);
	assert_true(is_fresh(data, 1000, 0));
	assert_true(is_zero(data + 1000, 3096));

	fault(BLK_TASK_WRITE, -ENOSPC);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_IOERR);
	fault(BLK_TASK_WRITE, 256);
	fault(BLK_TASK_WRITE, 0);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_IOERR);
	/* The guest may try again. */
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0),
			 VIRTIO_BLK_S_OK);
	disk_end(&disk);
}

static uint8_t range(struct disk *disk, uint32_t type, uint64_t sector,
		     uint32_t sectors, uint32_t flags)
{
	struct sent sent = send_request(&disk->guest, type, 0, 16);
	struct virtio_blk_discard_write_zeroes *r =
		fake_at(&disk->guest, sent.data);

	r->sector = sector;
	r->num_sectors = sectors;
	r->flags = flags;
	return finish(&disk->guest, &sent);
}

/* A file system that cannot zero a range: zeros are written. */
static void zeroes_by_hand(void **state)
{
	static uint8_t back[4000 * 512];
	struct disk disk;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	fault(BLK_TASK_ALLOCATE, -EOPNOTSUPP);
	assert_int_equal(range(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 1, 4000, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(faulty.seen[0].flags,
			 FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
	assert_int_equal(pread(disk.fd, back, sizeof(back), 512),
			 sizeof(back));
	assert_true(is_zero(back, sizeof(back)));
	assert_int_equal(pread(disk.fd, back, 512, 0), 512);
	assert_true(is_fresh(back, 512, 0));
	assert_int_equal(pread(disk.fd, back, 512, 4001 * 512), 512);
	assert_true(is_fresh(back, 512, 4001));

	/* A discard is a hint; a real error is an error. */
	fault(BLK_TASK_ALLOCATE, -EOPNOTSUPP);
	assert_int_equal(range(&disk, VIRTIO_BLK_T_DISCARD, 0, 8, 0),
			 VIRTIO_BLK_S_OK);
	fault(BLK_TASK_ALLOCATE, -EIO);
	assert_int_equal(range(&disk, VIRTIO_BLK_T_DISCARD, 0, 8, 0),
			 VIRTIO_BLK_S_IOERR);
	fault(BLK_TASK_ALLOCATE, -ENOSPC);
	assert_int_equal(range(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0),
			 VIRTIO_BLK_S_IOERR);
	disk_end(&disk);
}

static void expect_durable(struct disk *disk, bool durable)
{
	faulty.seen_count = 0;
	assert_int_equal(request(&disk->guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_OK);
	/* A sync of ours follows before the answer, none is in the write. */
	assert_int_equal(faulty.seen[0].flags, 0);
	assert_int_equal(count_seen(BLK_TASK_SYNC), durable);
	faulty.seen_count = 0;
	assert_int_equal(range(disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(count_seen(BLK_TASK_SYNC), durable);
	faulty.seen_count = 0;
	assert_int_equal(range(disk, VIRTIO_BLK_T_DISCARD, 0, 8, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(count_seen(BLK_TASK_SYNC), durable);
	/* Zeros that are written by hand are no less durable. */
	faulty.seen_count = 0;
	fault(BLK_TASK_ALLOCATE, -EOPNOTSUPP);
	assert_int_equal(range(disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(faulty.seen[1].kind, BLK_TASK_WRITE);
	assert_int_equal(count_seen(BLK_TASK_SYNC), durable);
	assert_int_equal(faulty.seen_count, durable ? 3 : 2);
}

static void set_writeback(struct disk *disk, uint8_t value)
{
	virtio_write(disk->device, 0x100 +
		     offsetof(struct virtio_blk_config, wce), 1, value);
}

static void keeps_the_negotiated_mode(void **state)
{
	uint64_t flush = VIRTIO_BIT(VIRTIO_BLK_F_FLUSH);
	uint64_t choice = VIRTIO_BIT(VIRTIO_BLK_F_CONFIG_WCE);
	struct disk disk;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	expect_durable(&disk, false);
	/* To writethrough: what was written before gets there first. */
	faulty.seen_count = 0;
	set_writeback(&disk, 0);
	assert_int_equal(count_seen(BLK_TASK_SYNC), 1);
	expect_durable(&disk, true);
	set_writeback(&disk, 1);
	expect_durable(&disk, false);
	disk_end(&disk);

	faulty_disk(&disk, ALL_FEATURES & ~flush & ~choice, 0);
	expect_durable(&disk, true);
	disk_end(&disk);
	faulty_disk(&disk, ALL_FEATURES & ~flush, 0);
	expect_durable(&disk, true);
	disk_end(&disk);
	/* 5.2.5.2: such a driver may look as soon as features are agreed on. */
	faulty_disk(&disk, ALL_FEATURES, 0);
	fake_negotiate(&disk.guest, ALL_FEATURES & ~flush);
	assert_int_equal(
		virtio_read(disk.device,
			    0x100 + offsetof(struct virtio_blk_config, wce), 1),
		0);
	fake_negotiate(&disk.guest, ALL_FEATURES);
	assert_int_equal(
		virtio_read(disk.device,
			    0x100 + offsetof(struct virtio_blk_config, wce), 1),
		1);
	disk_end(&disk);
	/* The field is not for those who did not ask for it. */
	faulty_disk(&disk, ALL_FEATURES & ~choice, 0);
	set_writeback(&disk, 0);
	expect_durable(&disk, false);
	disk_end(&disk);
}

static uint8_t flush(struct disk *disk)
{
	return request(&disk->guest, VIRTIO_BLK_T_FLUSH, 0, 0);
}

/* A medium that lost what it was given is not whole again by being asked. */
static void remembers_a_failed_flush(void **state)
{
	struct disk disk;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512), 0);
	fault(BLK_TASK_SYNC, -EIO);
	assert_int_equal(flush(&disk), VIRTIO_BLK_S_IOERR);
	assert_non_null(strstr(disk.guest.line, "may be lost"));
	assert_int_equal(flush(&disk), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512), 0);
	assert_int_equal(flush(&disk), VIRTIO_BLK_S_IOERR);
	/* Not by a reset, either, nor by another machine. */
	fake_driver_end(&disk.guest);
	fake_driver_init(&disk.guest);
	assert_int_equal(
		fake_driver_start(&disk.guest, disk.device, ALL_FEATURES), 15);
	assert_int_equal(flush(&disk), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512), 0);
	/* To writethrough: each write is told what the flush was. */
	set_writeback(&disk, 0);
	assert_int_equal(count_seen(BLK_TASK_SYNC), 1);
	disk_end(&disk);
}

static void remembers_a_failed_write_through(void **state)
{
	uint64_t flush_feature = VIRTIO_BIT(VIRTIO_BLK_F_FLUSH);
	struct disk disk;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES & ~flush_feature, 0);
	fault(BLK_TASK_SYNC, -EIO);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 8, 512),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(&disk, VIRTIO_BLK_T_DISCARD, 0, 8, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512), 0);
	disk_end(&disk);
}

/*
 * The kernel reports a loss to one sync of an open file: with one for each of
 * two parallel writes, the one whose data are lost may get the other's success.
 */
static void shares_one_sync_among_durable_writes(void **state)
{
	uint64_t flush_feature = VIRTIO_BIT(VIRTIO_BLK_F_FLUSH);
	struct sent sent[3];
	struct disk disk;
	uint32_t written;
	uint16_t head;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES & ~flush_feature, 0);
	for (int i = 0; i < 3; i++)
		sent[i] =
			send_request(&disk.guest, VIRTIO_BLK_T_OUT, i * 8, 512);
	fault(BLK_TASK_SYNC, 1);
	fault(BLK_TASK_SYNC, -EIO);
	fake_kick(&disk.guest, 0);
	for (int i = 0; i < 3; i++)
		wait_used(&disk.guest, &head, &written);
	/* The first write's sync began before the others were written. */
	assert_int_equal(status_of(&disk.guest, &sent[0]), VIRTIO_BLK_S_OK);
	assert_int_equal(status_of(&disk.guest, &sent[1]), VIRTIO_BLK_S_IOERR);
	assert_int_equal(status_of(&disk.guest, &sent[2]), VIRTIO_BLK_S_IOERR);
	assert_int_equal(count_seen(BLK_TASK_SYNC), 2);
	disk_end(&disk);
}

/* The mode does not change, the driver can see it, and FLUSH tells it again. */
static void keeps_writeback_where_its_flush_fails(void **state)
{
	const unsigned int field =
		0x100 + offsetof(struct virtio_blk_config, wce);
	struct disk disk;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512), 0);
	fault(BLK_TASK_SYNC, -EIO);
	set_writeback(&disk, 0);
	assert_int_equal(virtio_read(disk.device, field, 1), 1);
	assert_int_equal(flush(&disk), VIRTIO_BLK_S_IOERR);
	disk_end(&disk);
}

static void does_not_try_for_ever(void **state)
{
	struct disk disk;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	faulty.always = BLK_TASK_READ;
	faulty.always_result = -EAGAIN;
	assert_int_equal(request(&disk.guest, VIRTIO_BLK_T_IN, 0, 512),
			 VIRTIO_BLK_S_IOERR);
	faulty.always = BLK_TASK_ALLOCATE;
	faulty.always_result = -EINTR;
	assert_int_equal(range(&disk, VIRTIO_BLK_T_DISCARD, 0, 8, 0),
			 VIRTIO_BLK_S_IOERR);
	faulty.always = BLK_TASK_SYNC;
	faulty.always_result = -EAGAIN;
	assert_int_equal(flush(&disk), VIRTIO_BLK_S_IOERR);
	disk_end(&disk);
}

/* Flushes that come while one runs share the next, and its failure. */
static void coalesces_flushes(void **state)
{
	struct sent sent[5];
	struct disk disk;
	uint32_t written;
	uint16_t head;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	faulty.hold = true;
	for (int i = 0; i < 5; i++) {
		sent[i] = send_request(&disk.guest, VIRTIO_BLK_T_FLUSH, 0, 0);
		fake_kick(&disk.guest, 0);
	}
	assert_int_equal(count_seen(BLK_TASK_SYNC), 1);
	assert_false(fake_used(&disk.guest, 0, &head, &written));
	fault(BLK_TASK_SYNC, 1);
	fault(BLK_TASK_SYNC, -EIO);
	faulty.hold = false;
	eventfd_write(faulty.engine.fd, 1);
	for (int i = 0; i < 5; i++)
		wait_used(&disk.guest, &head, &written);
	assert_int_equal(count_seen(BLK_TASK_SYNC), 2);
	assert_int_equal(status_of(&disk.guest, &sent[0]), VIRTIO_BLK_S_OK);
	for (int i = 1; i < 5; i++)
		assert_int_equal(status_of(&disk.guest, &sent[i]),
				 VIRTIO_BLK_S_IOERR);
	disk_end(&disk);
}

/* Nobody is answered before the medium is done. */
static void waits_for_the_medium(void **state)
{
	struct disk disk;
	uint32_t written;
	uint16_t head;
	struct sent sent;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	faulty.hold = true;
	sent = send_request(&disk.guest, VIRTIO_BLK_T_OUT, 0, 512);
	fake_kick(&disk.guest, 0);
	assert_int_equal(status_of(&disk.guest, &sent), PENDING);
	assert_false(fake_used(&disk.guest, 0, &head, &written));
	faulty.hold = false;
	eventfd_write(faulty.engine.fd, 1);
	wait_used(&disk.guest, &head, &written);
	assert_int_equal(status_of(&disk.guest, &sent), VIRTIO_BLK_S_OK);
	disk_end(&disk);
}

/* 4.2.2.1: when QueueReady reads 0, the buffers are the driver's again. */
static void leaves_the_memory_of_a_stopped_queue(void **state)
{
	struct disk disk;
	struct sent sent;
	uint8_t *data;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 0);
	faulty.hold = true;
	sent = send_request(&disk.guest, VIRTIO_BLK_T_IN, 6, 4096);
	data = fake_at(&disk.guest, sent.data);
	fake_kick(&disk.guest, 0);
	assert_int_equal(status_of(&disk.guest, &sent), PENDING);
	fake_write(&disk.guest, VIRTIO_MMIO_QUEUE_SEL, 0);
	fake_write(&disk.guest, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(fake_read(&disk.guest, VIRTIO_MMIO_QUEUE_READY), 0);
	memset(data, 0x55, 4096);
	*(uint8_t *)fake_at(&disk.guest, sent.status) = PENDING;
	faulty.hold = false;
	eventfd_write(faulty.engine.fd, 1);
	fake_run(&disk.guest);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(data[i], 0x55);
	assert_int_equal(status_of(&disk.guest, &sent), PENDING);
	disk_end(&disk);
}

/* More requests in need of bounce buffers than there are. */
static void shares_bounce_buffers(void **state)
{
	struct sent sent[40];
	struct disk disk;
	uint32_t written;
	uint16_t head;

	(void)state;
	faulty_disk(&disk, ALL_FEATURES, 512);
	for (int i = 0; i < 40; i++) {
		uint64_t data = fake_alloc(&disk.guest, 2049);

		sent[i] = send_at(&disk.guest, i & 1 ? VIRTIO_BLK_T_OUT :
				  VIRTIO_BLK_T_IN, i * 4, data + 1, 2048);
		if (i & 1)
			fill(&disk.guest, data + 1, 2048, i);
	}
	fault(BLK_TASK_READ, -EIO);
	fake_kick(&disk.guest, 0);
	for (int i = 0; i < 40; i++)
		wait_used(&disk.guest, &head, &written);
	assert_int_equal(status_of(&disk.guest, &sent[0]), VIRTIO_BLK_S_IOERR);
	for (int i = 1; i < 40; i++) {
		uint8_t back[2048];

		assert_int_equal(status_of(&disk.guest, &sent[i]), 0);
		assert_int_equal(pread(disk.fd, back, 2048, i * 2048), 2048);
		if (i & 1)
			assert_true(is_filled(back, 2048, i));
		else
			assert_true(is_fresh(fake_at(&disk.guest,
						     sent[i].data), 2048,
					     i * 4));
	}
	/* No task had memory that O_DIRECT refuses. */
	for (unsigned int i = 0; i < faulty.seen_count; i++)
		assert_int_equal((uintptr_t)faulty.seen[i].iov[0].iov_base %
				 512, 0);
	disk_end(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_after_short_transfers),
		cmocka_unit_test(tells_of_errors),
		cmocka_unit_test(zeroes_by_hand),
		cmocka_unit_test(keeps_the_negotiated_mode),
		cmocka_unit_test(remembers_a_failed_flush),
		cmocka_unit_test(remembers_a_failed_write_through),
		cmocka_unit_test(shares_one_sync_among_durable_writes),
		cmocka_unit_test(keeps_writeback_where_its_flush_fails),
		cmocka_unit_test(does_not_try_for_ever),
		cmocka_unit_test(coalesces_flushes),
		cmocka_unit_test(waits_for_the_medium),
		cmocka_unit_test(leaves_the_memory_of_a_stopped_queue),
		cmocka_unit_test(shares_bounce_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
