// SPDX-License-Identifier: GPL-2.0
/*
 * Disks on an NBD server, by libnbd. So images in any format can be used while
 * no code that reads such formats lives in the launcher: `qemu-nbd` or
 * `nbdkit` does, a process of its own with what rights one likes.
 *
 * libnbd is loaded when the first such disk is asked for: it brings a dozen
 * libraries along, which all other launchers do without.
 *
 * The server's answers arrive in nbd_answered(), called by libnbd with its
 * lock held, so that nothing may be asked of it there. The io goes to the list
 * of the answered, which nbd_serve() works off afterwards.
 *
 * All data go through bounce buffers: the library takes one piece of memory,
 * and a copy costs little beside a socket.
 */
#include <dlfcn.h>
#include <errno.h>
#include <libnbd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "blk_medium.h"
#include "iov.h"

/* A server that says nothing for so long, while the guest waits for a reset. */
#define NBD_PATIENCE_MS	20000

#define NBD_FUNCTIONS(x) \
	x(create) x(close) x(get_error) x(connect_unix) x(get_size) \
	x(is_read_only) x(can_flush) x(can_fua) x(can_trim) x(can_zero) \
	x(get_block_size) x(aio_pread) x(aio_pwrite) x(aio_flush) \
	x(aio_trim) x(aio_zero) x(aio_get_fd) x(aio_get_direction) \
	x(aio_is_dead) x(aio_is_closed) x(poll)

static struct {
	void *library;
#define NBD_MEMBER(name) __typeof__(&nbd_##name) name;
	NBD_FUNCTIONS(NBD_MEMBER)
} libnbd;

enum nbd_stage {
	STAGE_FIRST,
	STAGE_SYNC,	/* the flush behind what must be durable */
};

struct nbd {
	struct blk_medium medium;
	struct nbd_handle *handle;
	struct blk_bounce bounce;
	struct blk_io *answered, **answered_last;
	bool can_flush, can_fua;
};

static void nbd_step(struct nbd *nbd, struct blk_io *io);

static int nbd_load(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int error = 0;

	pthread_mutex_lock(&lock);
	if (!libnbd.library) {
		libnbd.library = dlopen("libnbd.so.0", RTLD_NOW | RTLD_LOCAL);
		error = libnbd.library ? 0 : -ENOPKG;
	}
#define NBD_LOAD(f) \
	if (!error) { \
		libnbd.f = dlsym(libnbd.library, "nbd_" #f); \
		error = libnbd.f ? 0 : -ENOPKG; \
	}
	NBD_FUNCTIONS(NBD_LOAD)
	pthread_mutex_unlock(&lock);
	return error;
}

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

static uint32_t nbd_flags(const struct nbd *nbd, const struct blk_io *io)
{
	return io->durable && nbd->can_fua ? LIBNBD_CMD_FLAG_FUA : 0;
}

static int64_t nbd_transfer(struct nbd *nbd, struct blk_io *io)
{
	nbd_completion_callback callback = nbd_callback(io);
	uint32_t flags = nbd_flags(nbd, io);

	io->step = io->bytes < BLK_BOUNCE_BYTES ? io->bytes : BLK_BOUNCE_BYTES;
	if (io->op == BLK_OP_READ)
		return libnbd.aio_pread(nbd->handle, io->bounce, io->step,
					io->offset, callback, 0);
	iov_read(io->iov, io->iov_count, 0, io->bounce, io->step);
	return libnbd.aio_pwrite(nbd->handle, io->bounce, io->step,
				 io->offset, callback, flags);
}

/* Send one command; negative: not sent. */
static int64_t nbd_command(struct nbd *nbd, struct blk_io *io)
{
	nbd_completion_callback callback = nbd_callback(io);
	uint32_t flags = nbd_flags(nbd, io);

	if (io->op == BLK_OP_FLUSH || io->stage == STAGE_SYNC)
		return libnbd.aio_flush(nbd->handle, callback, 0);
	if (io->op == BLK_OP_READ || io->op == BLK_OP_WRITE)
		return nbd_transfer(nbd, io);
	io->step = io->bytes;
	if (io->op == BLK_OP_DISCARD)
		return libnbd.aio_trim(nbd->handle, io->bytes, io->offset,
				       callback, flags);
	if (!io->may_unmap)
		flags |= LIBNBD_CMD_FLAG_NO_HOLE;
	return libnbd.aio_zero(nbd->handle, io->bytes, io->offset, callback,
			       flags);
}

static void nbd_step(struct nbd *nbd, struct blk_io *io)
{
	bool data = io->op == BLK_OP_READ || io->op == BLK_OP_WRITE;

	if (data && !io->bounce && !blk_bounce_get(&nbd->bounce, io))
		return;		/* goes on when a buffer is free */
	/* A server without flush has nothing that a flush could save. */
	if (!data && !nbd->can_flush &&
	    (io->op == BLK_OP_FLUSH || io->stage == STAGE_SYNC))
		nbd_finish(nbd, io, 0);
	else if (nbd_command(nbd, io) < 0)
		nbd_finish(nbd, io, -EIO);
}

static void nbd_stepped(struct nbd *nbd, struct blk_io *io)
{
	if (io->error || io->op == BLK_OP_FLUSH || io->stage == STAGE_SYNC) {
		nbd_finish(nbd, io, io->error);
		return;
	}
	if (io->op == BLK_OP_READ)
		iov_write(io->iov, io->iov_count, 0, io->bounce, io->step);
	blk_io_advance(io, io->step);
	if (!io->bytes && io->durable && io->op != BLK_OP_READ &&
	    !nbd->can_fua && nbd->can_flush)
		io->stage = STAGE_SYNC;
	else if (!io->bytes) {
		nbd_finish(nbd, io, 0);
		return;
	}
	nbd_step(nbd, io);
}

static void nbd_serve(struct nbd *nbd)
{
	struct blk_io *io;

	while ((io = nbd->answered)) {
		nbd->answered = io->next;
		if (!nbd->answered)
			nbd->answered_last = &nbd->answered;
		nbd_stepped(nbd, io);
	}
}

static bool nbd_dead(struct nbd *nbd)
{
	return libnbd.aio_is_dead(nbd->handle) ||
	       libnbd.aio_is_closed(nbd->handle);
}

static void nbd_submit(struct blk_medium *medium, struct blk_io *io)
{
	io->medium = medium;
	io->bounce = NULL;
	io->stage = STAGE_FIRST;
	nbd_step((struct nbd *)medium, io);
}

static void nbd_kick(struct blk_medium *medium)
{
	nbd_serve((struct nbd *)medium);
}

/*
 * With wait, a server that stays silent is given up: its socket is shut down,
 * upon which libnbd answers all that was asked with errors.
 */
static void nbd_reap(struct blk_medium *medium, bool wait)
{
	struct nbd *nbd = (struct nbd *)medium;
	int got;

	while (!nbd_dead(nbd)) {
		got = libnbd.poll(nbd->handle,
				  wait && !nbd->answered ? NBD_PATIENCE_MS : 0);
		if (got > 0)
			continue;
		if (!got && wait && !nbd->answered) {
			shutdown(medium->fd, SHUT_RDWR);
			continue;
		}
		break;
	}
	nbd_serve(nbd);
}

static uint32_t nbd_events(struct blk_medium *medium)
{
	struct nbd *nbd = (struct nbd *)medium;
	unsigned int direction;

	if (nbd_dead(nbd))
		return 0;
	direction = libnbd.aio_get_direction(nbd->handle);
	return (direction & LIBNBD_AIO_DIRECTION_READ ? EPOLLIN : 0) |
	       (direction & LIBNBD_AIO_DIRECTION_WRITE ? EPOLLOUT : 0);
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

	libnbd.close(nbd->handle);
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
	int64_t bytes = libnbd.get_size(nbd->handle);
	int64_t least = libnbd.get_block_size(nbd->handle, LIBNBD_SIZE_MINIMUM);
	int64_t best = libnbd.get_block_size(nbd->handle,
					     LIBNBD_SIZE_PREFERRED);

	*why = "its disk is empty, or its size no multiple of 512";
	if (bytes <= 0 || bytes % BLK_SECTOR)
		return -EINVAL;
	*why = "the server lets us only read; add `,readonly`";
	if (!options->readonly && libnbd.is_read_only(nbd->handle) != 0)
		return -EROFS;
	medium->ops = &nbd_ops;
	medium->fd = libnbd.aio_get_fd(nbd->handle);
	medium->bytes = bytes;
	medium->readonly = options->readonly;
	medium->can_discard = !options->readonly &&
			      libnbd.can_trim(nbd->handle) > 0;
	medium->can_zero = !options->readonly &&
			   libnbd.can_zero(nbd->handle) > 0;
	medium->block_size = least > (int64_t)BLK_SECTOR ?
			     (unsigned int)least : BLK_SECTOR;
	medium->physical_size = best > medium->block_size && best <= 65536 ?
				best : medium->block_size;
	nbd->can_flush = libnbd.can_flush(nbd->handle) > 0;
	nbd->can_fua = libnbd.can_fua(nbd->handle) > 0;
	return 0;
}

static int nbd_open(struct nbd *nbd, const struct blk_options *options,
		    const char **why)
{
	nbd->handle = libnbd.create();
	*why = "out of memory";
	if (!nbd->handle)
		return -ENOMEM;
	if (libnbd.connect_unix(nbd->handle, options->path) < 0) {
		*why = libnbd.get_error();
		return -ECONNREFUSED;
	}
	return nbd_ask(nbd, options, why);
}

int blk_nbd_open(const struct blk_options *options,
		 struct blk_medium **medium, char *message, size_t size)
{
	struct nbd *nbd;
	const char *why = "out of memory";
	int error;

	if (nbd_load()) {
		snprintf(message, size, "disk nbd:unix:%s: libnbd is not "
			 "installed; it is in the package libnbd0",
			 options->path);
		return -ENOPKG;
	}
	nbd = calloc(1, sizeof(*nbd));
	error = nbd ? blk_bounce_init(&nbd->bounce) : -ENOMEM;
	if (!error) {
		nbd->answered_last = &nbd->answered;
		error = nbd_open(nbd, options, &why);
	}
	if (!error) {
		*medium = &nbd->medium;
		return 0;
	}
	snprintf(message, size, "disk nbd:unix:%s: %s", options->path, why);
	if (nbd) {
		if (nbd->handle)
			libnbd.close(nbd->handle);
		blk_bounce_fini(&nbd->bounce);
	}
	free(nbd);
	return error;
}
