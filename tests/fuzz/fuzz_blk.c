// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: a disk's requests. The first byte of the input chooses the
 * medium, the second seeds what goes wrong with it; the rest is the guest.
 *
 *	bit 0	a file in memory, by the real code and an engine that fails;
 *		else a medium that checks what blk_medium.h promises to media
 *	bit 1	readonly
 *	bit 2	answers come later
 *	bit 3	things fail, transfers are short
 *	bit 4	two queues
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "machine.h"
#include "virtio_devices/blk_device.h"
#include "virtio_devices/blk_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICE_FILE	1
#define CHOICE_READONLY	2
#define CHOICE_LATER	4
#define CHOICE_FAILS	8
#define CHOICE_QUEUES	16
#define DISK_BYTES	(64u << 10)

static unsigned int choice;
static uint32_t luck;
static unsigned int in_flight;

static void check(bool promise)
{
	if (!promise)
		abort();
}

/* A number below most; the same for the same input. */
static uint32_t roll(uint32_t most)
{
	luck = luck * 1103515245 + 12345;
	return (luck >> 16) % most;
}

static bool fails(void)
{
	return choice & CHOICE_FAILS && !roll(4);
}

/* --- a medium that looks closely --- */

struct strict {
	struct blk_medium medium;
	struct blk_io *first, **last;
	uint8_t bytes[DISK_BYTES];
};

static struct strict strict;

static int strict_start(struct blk_medium *medium)
{
	(void)medium;
	return fails() ? -ENOMEM : 0;
}

static void strict_stop(struct blk_medium *medium)
{
	(void)medium;
	check(!in_flight);
}

static void strict_check(const struct blk_io *io)
{
	bool data = io->op == BLK_OP_READ || io->op == BLK_OP_WRITE;

	check(io->done);
	check(io->op == BLK_OP_READ || io->op == BLK_OP_FLUSH ||
	      !strict.medium.readonly);
	if (io->op == BLK_OP_FLUSH)
		return;
	check(io->bytes && !(io->bytes % BLK_SECTOR) &&
	      !(io->offset % BLK_SECTOR));
	check(io->bytes <= DISK_BYTES && io->offset <= DISK_BYTES - io->bytes);
	if (data)
		check(iov_size(io->iov, io->iov_count) == io->bytes);
}

static void strict_do(struct blk_io *io)
{
	int error = fails() ? -EIO : 0;
	/* Of a failed read some may have arrived. */
	size_t bytes = error ? roll(io->bytes + 1) : io->bytes;
	uint64_t offset = io->offset;

	if (io->op == BLK_OP_READ)
		iov_write(io->iov, io->iov_count, 0, strict.bytes + offset,
			  bytes);
	else if (io->op == BLK_OP_WRITE)
		iov_read(io->iov, io->iov_count, 0, strict.bytes + offset,
			 bytes);
	else if (io->op == BLK_OP_ZERO)
		memset(strict.bytes + offset, 0, bytes);
	blk_io_advance(io, bytes);
	in_flight--;
	io->done(io, error);
}

static void strict_submit(struct blk_medium *medium, struct blk_io *io)
{
	strict_check(io);
	in_flight++;
	if (!(choice & CHOICE_LATER)) {
		strict_do(io);
		return;
	}
	io->next = NULL;
	*strict.last = io;
	strict.last = &io->next;
	check(!eventfd_write(medium->fd, 1));
}

static void strict_kick(struct blk_medium *medium)
{
	(void)medium;
}

static void strict_reap(struct blk_medium *medium, bool wait)
{
	struct blk_io *io, *next = strict.first;
	eventfd_t times;

	(void)wait;
	eventfd_read(medium->fd, &times);
	strict.first = NULL;
	strict.last = &strict.first;
	while ((io = next)) {
		next = io->next;
		strict_do(io);
	}
}

static uint32_t strict_events(struct blk_medium *medium)
{
	(void)medium;
	return EPOLLIN;
}

static void strict_close(struct blk_medium *medium)
{
	check(!in_flight);
	close(medium->fd);
}

static const struct blk_medium_ops strict_ops = {
	.start = strict_start,
	.stop = strict_stop,
	.submit = strict_submit,
	.kick = strict_kick,
	.reap = strict_reap,
	.events = strict_events,
	.close = strict_close,
};

static struct blk_medium *make_strict(void)
{
	memset(&strict, 0, sizeof(strict));
	strict.last = &strict.first;
	strict.medium.ops = &strict_ops;
	strict.medium.fd = eventfd(0, EFD_NONBLOCK);
	return &strict.medium;
}

/* --- a real file, with an engine that is not reliable --- */

struct shaky {
	struct blk_engine engine;
	struct blk_task_list tasks;
};

static struct shaky shaky;

static int shaky_start(struct blk_engine *engine)
{
	(void)engine;
	return 0;
}

static void shaky_nothing(struct blk_engine *engine)
{
	(void)engine;
}

static void shaky_submit(struct blk_engine *engine, struct blk_task *task)
{
	in_flight++;
	blk_task_append(&shaky.tasks, task);
	check(!eventfd_write(engine->fd, 1));
}

static ssize_t shaky_do(const struct blk_task *task)
{
	static const int errors[] = { EIO, ENOSPC, EINTR, EOPNOTSUPP, 0 };
	unsigned int count = task->iov_count;
	ssize_t result = 0;

	if (fails()) {
		int error = errors[roll(5)];

		if (error || task->kind > BLK_TASK_WRITE)
			return -error;
		count = 1;	/* short */
	}
	if (task->kind == BLK_TASK_READ)
		result = preadv(task->fd, task->iov, count, task->offset);
	else if (task->kind == BLK_TASK_WRITE)
		result = pwritev(task->fd, task->iov, count, task->offset);
	else if (task->kind == BLK_TASK_ALLOCATE)
		result = fallocate(task->fd, task->flags, task->offset,
				   task->bytes);
	return result < 0 ? -errno : result;
}

static unsigned int shaky_reap(struct blk_engine *engine, bool wait)
{
	struct blk_task_list now;
	struct blk_task *task;
	eventfd_t times;

	(void)wait;
	eventfd_read(engine->fd, &times);
	blk_task_list_init(&now);
	while ((task = blk_task_take(&shaky.tasks)))
		blk_task_append(&now, task);
	while ((task = blk_task_take(&now))) {
		in_flight--;
		task->done(task, shaky_do(task));
	}
	return 1;
}

static void shaky_destroy(struct blk_engine *engine)
{
	check(!in_flight);
	close(engine->fd);
}

static const struct blk_engine_ops shaky_ops = {
	.start = shaky_start,
	.stop = shaky_nothing,
	.submit = shaky_submit,
	.kick = shaky_nothing,
	.reap = shaky_reap,
	.destroy = shaky_destroy,
};

static struct blk_medium *make_file(void)
{
	static int fd = -1;
	struct blk_file_setup setup = { .engine = &shaky.engine,
					.memory_align = 512,
					.offset_align = 1024 };
	struct blk_medium *medium = NULL;

	if (fd < 0) {
		fd = memfd_create("disk", 0);
		check(!ftruncate(fd, DISK_BYTES));
	}
	blk_task_list_init(&shaky.tasks);
	shaky.engine.ops = &shaky_ops;
	shaky.engine.fd = eventfd(0, EFD_NONBLOCK);
	setup.fd = dup(fd);
	setup.direct_fd = luck & 1 ? dup(fd) : -1;
	check(!blk_file_create(&setup, &medium));
	return medium;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct blk_options options = { .serial = "fuzz" };
	struct virtio_device *device;
	struct blk_medium *medium;

	if (size < 2)
		return 0;
	choice = data[0];
	luck = data[1];
	in_flight = 0;
	machine_init();
	medium = choice & CHOICE_FILE ? make_file() : make_strict();
	medium->bytes = DISK_BYTES;
	medium->readonly = choice & CHOICE_READONLY;
	medium->can_discard = medium->can_zero = !medium->readonly;
	medium->block_size = medium->physical_size = 512;
	setup.cpus += !!(choice & CHOICE_QUEUES);
	check(!blk_create_on(medium, &options, &setup, &device));
	machine_play(device, data + 2, size - 2);
	check(!in_flight);
	virtio_destroy(device);
	return 0;
}
