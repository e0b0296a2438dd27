// SPDX-License-Identifier: GPL-2.0
/*
 * Disks on an NBD server, by libnbd. So images in any format can be used while
 * no code that reads such formats lives in the launcher: `qemu-nbd` or
 * `nbdkit` does, a process of its own with what rights one likes.
 *
 * The server's answers arrive in nbd_answered(), called by libnbd with its
 * lock held, so that nothing may be asked of it there. The io goes to the list
 * of the answered, which nbd_serve() works off afterwards.
 *
 * All data go through bounce buffers: the library takes one piece of memory,
 * and a copy costs little beside a socket.
 *
 * A server that goes away may come back. What was not answered waits for it,
 * for some seconds, and is sent again. But what *was* answered and not flushed
 * may have been in that server's memory alone, so then no flush succeeds any
 * more, as after one that failed (blk_sync.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "blk_nbd.h"
#include "iov.h"

enum nbd_stage {
	STAGE_FIRST,
	STAGE_SYNC,	/* the flush behind what must be durable */
};

struct nbd {
	struct blk_medium medium;
	struct nbd_link link;
	char path[sizeof(((struct blk_options *)0)->path)];
	struct blk_bounce bounce;
	struct blk_io *answered, **answered_last;
	struct blk_io *parked; /* until there is a connection */
	struct blk_io flush; /* the one in flight */
	uint64_t written; /* writes that the server said it did */
	uint64_t flushing, flushed; /* of these: with this flush, and so far */
	bool can_flush, can_fua;
	bool refused; /* said why a new connection is no good */
};

static void nbd_step(struct nbd *nbd, struct blk_io *io);

static void nbd_finish(struct nbd *nbd, struct blk_io *io, int error)
{
	struct blk_io *next = NULL;

	if (io->bounce)
		next = blk_bounce_put(&nbd->bounce, io);
	io->done(io, error);
	if (next)
		nbd_step(nbd, next);
}

/* error: 0 or a positive errno. 1: libnbd may forget the command. */
static int nbd_answered(void *argument, int *error)
{
	struct blk_io *io = argument;
	struct nbd *nbd = (struct nbd *)io->medium;

	if (!*error && io == &nbd->flush)
		nbd->flushed = nbd->flushing;
	else if (!*error && (io->op == BLK_OP_WRITE || io->op == BLK_OP_ZERO))
		nbd->written++;
	io->error = -*error;
	io->next = NULL;
	*nbd->answered_last = io;
	nbd->answered_last = &io->next;
	return 1;
}

static nbd_completion_callback nbd_callback(struct blk_io *io)
{
	return (nbd_completion_callback) { .callback = nbd_answered,
					   .user_data = io };
}

/*
 * FUA only where there is no flush to follow: of several at the same time, a
 * server with one open file tells one of them what all of them lost.
 */
static uint32_t nbd_flags(const struct nbd *nbd, const struct blk_io *io)
{
	return io->durable && !nbd->can_flush && nbd->can_fua
		       ? LIBNBD_CMD_FLAG_FUA
		       : 0;
}

static int64_t nbd_transfer(struct nbd *nbd, struct blk_io *io)
{
	nbd_completion_callback callback = nbd_callback(io);
	uint32_t flags = nbd_flags(nbd, io);

	io->step = io->bytes < BLK_BOUNCE_BYTES ? io->bytes : BLK_BOUNCE_BYTES;
	if (io->op == BLK_OP_READ)
		return libnbd.aio_pread(nbd->link.handle, io->bounce, io->step,
					io->offset, callback, 0);
	iov_read(io->iov, io->iov_count, 0, io->bounce, io->step);
	return libnbd.aio_pwrite(nbd->link.handle, io->bounce, io->step,
				 io->offset, callback, flags);
}

/* Send one command; negative: not sent. */
static int64_t nbd_command(struct nbd *nbd, struct blk_io *io)
{
	nbd_completion_callback callback = nbd_callback(io);
	uint32_t flags = nbd_flags(nbd, io);

	if (io == &nbd->flush) {
		nbd->flushing = nbd->written;
		return libnbd.aio_flush(nbd->link.handle, callback, 0);
	}
	if (io->op == BLK_OP_READ || io->op == BLK_OP_WRITE)
		return nbd_transfer(nbd, io);
	io->step = io->bytes;
	if (io->op == BLK_OP_DISCARD)
		return libnbd.aio_trim(nbd->link.handle, io->bytes, io->offset,
				       callback, flags);
	if (!io->may_unmap)
		flags |= LIBNBD_CMD_FLAG_NO_HOLE;
	return libnbd.aio_zero(nbd->link.handle, io->bytes, io->offset,
			       callback, flags);
}

static void nbd_park(struct nbd *nbd, struct blk_io *io)
{
	bool lost = io == &nbd->flush && nbd->medium.sync.error;

	if (lost || nbd_link_hopeless(&nbd->link)) {
		nbd_finish(nbd, io, -EIO);
		return;
	}
	io->next = nbd->parked;
	nbd->parked = io;
}

static void nbd_step(struct nbd *nbd, struct blk_io *io)
{
	bool data = io->op == BLK_OP_READ || io->op == BLK_OP_WRITE;

	if (!nbd->link.up)
		nbd_park(nbd, io);
	else if (data && !io->bounce && !blk_bounce_get(&nbd->bounce, io))
		return;		/* goes on when a buffer is free */
	else if (nbd_command(nbd, io) >= 0)
		return;
	else if (nbd_link_ended(&nbd->link))
		nbd_park(nbd, io); /* nbd_serve() comes to it */
	else
		nbd_finish(nbd, io, -EIO);
}

/* io is carried out, but for a sync, if it wants one. */
static void nbd_sync(struct nbd *nbd, struct blk_io *io)
{
	/* A server without flush has nothing that a flush could save. */
	if (!nbd->can_flush) {
		nbd_finish(nbd, io, 0);
		return;
	}
	io->stage = STAGE_SYNC;
	blk_sync_join(&nbd->medium.sync, io);
}

static void nbd_sync_start(struct blk_sync *sync)
{
	struct nbd *nbd = (struct nbd *)((char *)sync -
					 offsetof(struct nbd, medium.sync));

	nbd_step(nbd, &nbd->flush);
}

static void nbd_sync_done(struct blk_io *io, int error)
{
	blk_sync_done(&io->medium->sync, error);
}

static void nbd_sync_finish(struct blk_io *io, int error)
{
	nbd_finish((struct nbd *)io->medium, io, error);
}

static void nbd_stepped(struct nbd *nbd, struct blk_io *io)
{
	if (io->error && !nbd->link.up) {
		nbd_park(nbd, io);
		return;
	}
	if (io->error || io == &nbd->flush) {
		nbd_finish(nbd, io, io->error);
		return;
	}
	if (io->op == BLK_OP_READ)
		iov_write(io->iov, io->iov_count, 0, io->bounce, io->step);
	blk_io_advance(io, io->step);
	if (io->bytes)
		nbd_step(nbd, io);
	else if (io->durable && io->op != BLK_OP_READ)
		nbd_sync(nbd, io);
	else
		nbd_finish(nbd, io, 0);
}

static void nbd_unpark(struct nbd *nbd)
{
	struct blk_io *io = nbd->parked, *next;

	nbd->parked = NULL;
	for (; io; io = next) {
		next = io->next;
		nbd_step(nbd, io);
	}
}

static void nbd_give_up(struct nbd *nbd)
{
	struct blk_io *io;

	while ((io = nbd->parked)) {
		nbd->parked = io->next;
		nbd_finish(nbd, io, -EIO);
	}
}

static void nbd_down(struct nbd *nbd)
{
	bool lost = nbd->can_flush && nbd->written != nbd->flushed;

	nbd_link_lost(&nbd->link);
	nbd->refused = false;
	nbd->medium.news = "the NBD server has gone; trying to connect again";
	if (lost && !nbd->medium.sync.error)
		nbd->medium.sync.error = -EIO;
}

static void nbd_serve(struct nbd *nbd)
{
	struct blk_io *io;

	/* Before its answers: those with errors wait for the next server. */
	if (nbd_link_ended(&nbd->link))
		nbd_down(nbd);
	while ((io = nbd->answered)) {
		nbd->answered = io->next;
		if (!nbd->answered)
			nbd->answered_last = &nbd->answered;
		nbd_stepped(nbd, io);
	}
}

static void nbd_submit(struct blk_medium *medium, struct blk_io *io)
{
	struct nbd *nbd = (struct nbd *)medium;

	io->medium = medium;
	io->bounce = NULL;
	io->stage = STAGE_FIRST;
	if (io->op == BLK_OP_FLUSH)
		nbd_sync(nbd, io);
	else
		nbd_step(nbd, io);
}

static void nbd_kick(struct blk_medium *medium)
{
	nbd_serve((struct nbd *)medium);
}

/* There is a server again. Is it the same disk, as far as one can tell? */
static bool nbd_same_disk(struct nbd *nbd)
{
	struct nbd_handle *handle = nbd->link.handle;
	int64_t bytes = libnbd.get_size(handle);

	if (bytes < (int64_t)nbd->medium.bytes || bytes % BLK_SECTOR ||
	    (!nbd->medium.readonly && libnbd.is_read_only(handle) != 0) ||
	    (nbd->can_flush && libnbd.can_flush(handle) <= 0))
		return false;
	nbd->medium.bytes = bytes;
	return true;
}

static void nbd_reconnect(struct nbd *nbd)
{
	if (!nbd_link_retry(&nbd->link)) {
		if (nbd_link_hopeless(&nbd->link))
			nbd_give_up(nbd);
		return;
	}
	if (nbd_same_disk(nbd)) {
		nbd_link_accept(&nbd->link);
		nbd->medium.news = "connected to the NBD server again";
		nbd_unpark(nbd);
		return;
	}
	nbd_link_refuse(&nbd->link);
	if (!nbd->refused)
		nbd->medium.news =
			"the NBD server now serves another disk "
			"(smaller, read-only, or without flush); waiting for "
			"the right one";
	nbd->refused = true;
}

/*
 * With wait, nobody waits for a server that is gone, and one that stays silent
 * is given up: its socket is shut down, upon which libnbd answers all that was
 * asked with errors.
 */
static void nbd_reap(struct blk_medium *medium, bool wait)
{
	struct nbd *nbd = (struct nbd *)medium;
	bool sleep = wait && nbd->link.up && !nbd->answered;

	if (sleep && !nbd_link_work(&nbd->link, nbd_patience_ms) &&
	    !nbd_link_ended(&nbd->link) && !nbd->answered)
		shutdown(libnbd.aio_get_fd(nbd->link.handle), SHUT_RDWR);
	while (nbd_link_work(&nbd->link, 0))
		;
	nbd_serve(nbd);
	if (!nbd->link.up)
		nbd_reconnect(nbd);
	if (!nbd->link.up && wait)
		nbd_give_up(nbd);
}

static uint32_t nbd_events(struct blk_medium *medium)
{
	nbd_link_watch(&((struct nbd *)medium)->link);
	return EPOLLIN;
}

static int nbd_start(struct blk_medium *medium)
{
	(void)medium;
	return 0;
}

static void nbd_stop(struct blk_medium *medium)
{
	(void)medium;
}

static void nbd_close_medium(struct blk_medium *medium)
{
	struct nbd *nbd = (struct nbd *)medium;

	nbd_link_close(&nbd->link);
	blk_bounce_fini(&nbd->bounce);
	free(nbd);
}

static const struct blk_medium_ops nbd_ops = {
	.start = nbd_start,
	.stop = nbd_stop,
	.submit = nbd_submit,
	.kick = nbd_kick,
	.reap = nbd_reap,
	.events = nbd_events,
	.close = nbd_close_medium,
};

/* What the server offers, into the medium. 0 or -errno and *why. */
static int nbd_ask(struct nbd *nbd, const struct blk_options *options,
		   const char **why)
{
	struct blk_medium *medium = &nbd->medium;
	int64_t bytes = libnbd.get_size(nbd->link.handle);
	int64_t least =
		libnbd.get_block_size(nbd->link.handle, LIBNBD_SIZE_MINIMUM);
	int64_t best =
		libnbd.get_block_size(nbd->link.handle, LIBNBD_SIZE_PREFERRED);

	*why = "its disk is empty, or its size no multiple of 512";
	if (bytes <= 0 || bytes % BLK_SECTOR)
		return -EINVAL;
	*why = "the server lets us only read; add `,readonly`";
	if (!options->readonly && libnbd.is_read_only(nbd->link.handle) != 0)
		return -EROFS;
	medium->ops = &nbd_ops;
	medium->fd = nbd->link.epoll_fd;
	medium->bytes = bytes;
	medium->readonly = options->readonly;
	medium->can_discard = !options->readonly &&
			      libnbd.can_trim(nbd->link.handle) > 0;
	medium->can_zero = !options->readonly &&
			   libnbd.can_zero(nbd->link.handle) > 0;
	medium->block_size = options->block		   ? options->block
			     : least > (int64_t)BLK_SECTOR ? (unsigned int)least
							   : BLK_SECTOR;
	*why = "its blocks are larger than block= says, or its size is no "
	       "multiple of that";
	if (least > (int64_t)medium->block_size || bytes % medium->block_size)
		return -EINVAL;
	medium->physical_size = best > medium->block_size && best <= 65536 ?
				best : medium->block_size;
	nbd->can_flush = libnbd.can_flush(nbd->link.handle) > 0;
	nbd->can_fua = libnbd.can_fua(nbd->link.handle) > 0;
	medium->sync.start = nbd_sync_start;
	medium->sync.finish = nbd_sync_finish;
	nbd->flush.op = BLK_OP_FLUSH;
	nbd->flush.medium = medium;
	nbd->flush.done = nbd_sync_done;
	return 0;
}

int blk_nbd_open(const struct blk_options *options,
		 struct blk_medium **medium, char *message, size_t size)
{
	struct nbd *nbd;
	const char *why = "out of memory";
	int error;

	if (nbd_link_load()) {
		snprintf(message, size, "disk nbd:unix:%s: libnbd is not "
			 "installed; it is in the package libnbd0",
			 options->path);
		return -ENOPKG;
	}
	nbd = calloc(1, sizeof(*nbd));
	if (!nbd || blk_bounce_init(&nbd->bounce)) {
		free(nbd);
		snprintf(message, size, "disk nbd:unix:%s: %s", options->path,
			 why);
		return -ENOMEM;
	}
	nbd->answered_last = &nbd->answered;
	snprintf(nbd->path, sizeof(nbd->path), "%s", options->path);
	error = nbd_link_open(&nbd->link, nbd->path, &why);
	if (!error)
		error = nbd_ask(nbd, options, &why);
	if (!error) {
		*medium = &nbd->medium;
		return 0;
	}
	snprintf(message, size, "disk nbd:unix:%s: %s", options->path, why);
	nbd_close_medium(&nbd->medium);
	return error;
}
