// SPDX-License-Identifier: GPL-2.0
/*
 * Disks on files and block devices of the host: a struct blk_io becomes one
 * or several system calls (tasks of an engine), one after the other.
 *
 *	submit -> file_step -> engine ... file_stepped -> file_step -> ...
 *	-> file_finish -> done
 *
 * What is not obvious:
 * - Transfers may be short. A read of 0 bytes means that the file has become
 *   smaller than it was, and a write of 0 that it cannot grow: I/O errors for
 *   the guest. The file is never mapped, so nothing of this is a signal.
 * - O_DIRECT wants aligned memory and offsets. Memory that is not goes through
 *   a bounce buffer. Offsets that are not go through the page cache, on a
 *   second fd: reading, changing and writing back a whole block here would
 *   race with other requests for the same block, and the kernel does keep the
 *   two ways coherent.
 * - What must be durable is written like everything else, and a sync follows
 *   before the answer. Why there is but one sync at a time, and none that
 *   succeeds after one that failed: blk_sync.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "blk_medium.h"
#include "iov.h"

#define ZERO_PIECES	(sizeof(((struct blk_io *)0)->piece) / \
			 sizeof(struct iovec))
#define ZERO_BYTES	(64u << 10)
#define FILE_TRIES 100

enum file_stage {
	STAGE_FIRST,
	STAGE_WRITE_ZEROS,	/* ZERO, where fallocate() does not do it */
	STAGE_SYNC,		/* the last of what must be durable */
};

struct file {
	struct blk_medium medium;
	struct blk_file_setup setup;
	struct blk_bounce bounce;
	struct blk_task sync;		/* the one fdatasync() in flight */
	unsigned int sync_tries;
};

/* Read only by us; write(2) takes no const. Aligned for O_DIRECT. */
static unsigned char zeros[ZERO_BYTES] __attribute__((aligned(4096)));

static void file_step(struct file *file, struct blk_io *io);

static void file_finish(struct file *file, struct blk_io *io, int error)
{
	struct blk_io *next = NULL;

	if (io->bounce)
		next = blk_bounce_put(&file->bounce, io);
	io->done(io, error);
	if (next)
		file_step(file, next);
}

/*
 * The kernel had no room for this, or was interrupted: worth another try, but
 * not for ever.
 */
static bool file_try_again(ssize_t result, unsigned int *tries)
{
	return (result == -EINTR || result == -EAGAIN) && ++*tries < FILE_TRIES;
}

static void file_sync_submit(struct file *file)
{
	file->setup.engine->ops->submit(file->setup.engine, &file->sync);
}

static void file_synced(struct blk_task *task, ssize_t result)
{
	struct file *file =
		(struct file *)((char *)task - offsetof(struct file, sync));

	if (file_try_again(result, &file->sync_tries))
		file_sync_submit(file);
	else
		blk_sync_done(&file->medium.sync, result < 0 ? (int)result : 0);
}

static void file_sync_start(struct blk_sync *sync)
{
	struct file *file = (struct file *)((char *)sync -
					    offsetof(struct file, medium.sync));

	file->sync_tries = 0;
	file->sync = (struct blk_task){
		.kind = BLK_TASK_SYNC,
		.fd = file->setup.fd,
		.done = file_synced,
	};
	file_sync_submit(file);
}

static void file_sync_finish(struct blk_io *io, int error)
{
	file_finish((struct file *)io->medium, io, error);
}

/* May these bytes of memory go straight to O_DIRECT? */
static bool file_memory_fits(const struct file *file, const struct blk_io *io)
{
	uintptr_t mask = file->setup.memory_align - 1;
	size_t unit = file->setup.offset_align - 1;

	for (unsigned int i = 0; i < io->iov_count; i++)
		if (((uintptr_t)io->iov[i].iov_base & mask) ||
		    (io->iov[i].iov_len & unit))
			return false;
	return true;
}

/* One fd and one list of memory for the next transfer of io. */
static bool file_prepare(struct file *file, struct blk_io *io)
{
	struct blk_task *task = &io->task;
	uint64_t unit = file->setup.offset_align - 1;

	task->fd = file->setup.fd;
	task->iov = io->iov;
	task->iov_count = io->iov_count;
	io->step = io->bytes;
	if (file->setup.direct_fd < 0 || (io->offset & unit) ||
	    (io->bytes & unit))
		return true;
	task->fd = file->setup.direct_fd;
	if (file_memory_fits(file, io))
		return true;
	if (!io->bounce && !blk_bounce_get(&file->bounce, io))
		return false;
	if (io->step > BLK_BOUNCE_BYTES)
		io->step = BLK_BOUNCE_BYTES;
	if (task->kind == BLK_TASK_WRITE)
		iov_read(io->iov, io->iov_count, 0, io->bounce, io->step);
	io->piece[0] = (struct iovec) { io->bounce, io->step };
	task->iov = io->piece;
	task->iov_count = 1;
	return true;
}

/* The next zeros of a ZERO, always through the page cache: one simple way. */
static void file_prepare_zeros(struct file *file, struct blk_io *io)
{
	struct blk_task *task = &io->task;
	uint64_t left = io->bytes;
	unsigned int count = 0;

	for (; left && count < ZERO_PIECES; count++) {
		size_t bytes = left < ZERO_BYTES ? left : ZERO_BYTES;

		io->piece[count] = (struct iovec) { zeros, bytes };
		left -= bytes;
	}
	io->step = io->bytes - left;
	task->fd = file->setup.fd;
	task->iov = io->piece;
	task->iov_count = count;
}

static int file_allocate_flags(const struct blk_io *io)
{
	if (io->op == BLK_OP_DISCARD || io->may_unmap)
		return FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	return FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
}

static void file_step(struct file *file, struct blk_io *io)
{
	struct blk_task *task = &io->task;

	task->flags = 0;
	task->offset = io->offset;
	if (io->op == BLK_OP_FLUSH || io->stage == STAGE_SYNC) {
		blk_sync_join(&file->medium.sync, io);
		return;
	}
	if (io->stage == STAGE_WRITE_ZEROS) {
		task->kind = BLK_TASK_WRITE;
		file_prepare_zeros(file, io);
	} else if (io->op == BLK_OP_DISCARD || io->op == BLK_OP_ZERO) {
		task->kind = BLK_TASK_ALLOCATE;
		task->fd = file->setup.fd;
		task->flags = file_allocate_flags(io);
		task->bytes = io->bytes;
	} else {
		task->kind = io->op == BLK_OP_READ ? BLK_TASK_READ
						   : BLK_TASK_WRITE;
		if (!file_prepare(file, io))
			return;	/* goes on when a buffer is free */
	}
	file->setup.engine->ops->submit(file->setup.engine, task);
}

/* fallocate() cannot do this on that file; it is no error of the medium. */
static bool file_cannot(ssize_t result)
{
	return result == -EOPNOTSUPP || result == -EINVAL ||
	       result == -ENODEV || result == -ENOSYS;
}

/* All of io is carried out; what must be durable still has to be synced. */
static void file_carried_out(struct file *file, struct blk_io *io)
{
	if (!io->durable || io->op == BLK_OP_READ) {
		file_finish(file, io, 0);
		return;
	}
	io->stage = STAGE_SYNC;
	file_step(file, io);
}

static void file_allocated(struct file *file, struct blk_io *io,
			   ssize_t result)
{
	if (file_cannot(result) && io->op == BLK_OP_ZERO) {
		io->stage = STAGE_WRITE_ZEROS;
		file_step(file, io);
	} else if (result < 0 && !file_cannot(result)) {
		file_finish(file, io, (int)result);
	} else {
		file_carried_out(file, io);
	}
}

static void file_stepped(struct blk_task *task, ssize_t result)
{
	struct blk_io *io = (struct blk_io *)((char *)task -
					      offsetof(struct blk_io, task));
	struct file *file = (struct file *)io->medium;

	if (file_try_again(result, &io->tries)) {
		file_step(file, io);
	} else if (task->kind == BLK_TASK_ALLOCATE) {
		file_allocated(file, io, result);
	} else if (result <= 0) {
		file_finish(file, io, result ? (int)result : -EIO);
	} else {
		if (io->op == BLK_OP_READ && task->iov == io->piece)
			iov_write(io->iov, io->iov_count, 0, io->bounce,
				  result);
		blk_io_advance(io, result);
		io->tries = 0;
		if (io->bytes)
			file_step(file, io);
		else
			file_carried_out(file, io);
	}
}

static void file_submit(struct blk_medium *medium, struct blk_io *io)
{
	io->medium = medium;
	io->bounce = NULL;
	io->stage = STAGE_FIRST;
	io->tries = 0;
	io->task.done = file_stepped;
	file_step((struct file *)medium, io);
}

static int file_start(struct blk_medium *medium)
{
	struct blk_engine *engine = ((struct file *)medium)->setup.engine;

	return engine->ops->start(engine);
}

static void file_stop(struct blk_medium *medium)
{
	struct blk_engine *engine = ((struct file *)medium)->setup.engine;

	engine->ops->stop(engine);
}

static void file_kick(struct blk_medium *medium)
{
	struct blk_engine *engine = ((struct file *)medium)->setup.engine;

	engine->ops->kick(engine);
}

static void file_reap(struct blk_medium *medium, bool wait)
{
	struct blk_engine *engine = ((struct file *)medium)->setup.engine;

	engine->ops->reap(engine, wait);
}

static uint32_t file_events(struct blk_medium *medium)
{
	(void)medium;
	return EPOLLIN;
}

/* A file that became smaller keeps its size here: what is cut off fails. */
static void file_measure(struct blk_medium *medium)
{
	off_t bytes = lseek(((struct file *)medium)->setup.fd, 0, SEEK_END);

	bytes -= bytes % (off_t)medium->block_size;
	if (bytes > 0 && (uint64_t)bytes > medium->bytes)
		medium->bytes = bytes;
}

static void file_close(struct blk_medium *medium)
{
	struct file *file = (struct file *)medium;

	file->setup.engine->ops->destroy(file->setup.engine);
	if (file->setup.direct_fd >= 0)
		close(file->setup.direct_fd);
	/* The lock goes with it. */
	close(file->setup.fd);
	blk_bounce_fini(&file->bounce);
	free(file);
}

static const struct blk_medium_ops file_ops = {
	.start = file_start,
	.stop = file_stop,
	.submit = file_submit,
	.kick = file_kick,
	.reap = file_reap,
	.events = file_events,
	.measure = file_measure,
	.close = file_close,
};

int blk_file_create(const struct blk_file_setup *setup,
		    struct blk_medium **medium)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file || blk_bounce_init(&file->bounce)) {
		free(file);
		setup->engine->ops->destroy(setup->engine);
		if (setup->direct_fd >= 0)
			close(setup->direct_fd);
		close(setup->fd);
		return -ENOMEM;
	}
	file->setup = *setup;
	file->medium.ops = &file_ops;
	file->medium.fd = setup->engine->fd;
	file->medium.sync.start = file_sync_start;
	file->medium.sync.finish = file_sync_finish;
	*medium = &file->medium;
	return 0;
}
