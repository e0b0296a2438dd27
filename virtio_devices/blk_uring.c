// SPDX-License-Identifier: GPL-2.0
/*
 * The io_uring engine. The kernel's submission and completion rings are the
 * same idea as the guest's virtqueue: two rings in shared memory, and a system
 * call only to say that there is something new.
 *
 * Never more tasks are given to the kernel than its completion ring holds, so
 * that it cannot overflow; the others wait in a list of ours.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "blk_engine.h"

#define URING_ENTRIES	256	/* of the submission ring; twice to complete */
#define URING_REAP	32	/* completions taken at once */
#define URING_REFUSALS 10

struct uring {
	struct blk_engine engine;
	struct io_uring ring;
	struct blk_task_list waiting;
	unsigned int in_flight;	/* prepared or with the kernel */
	unsigned int most;
	unsigned int refusals; /* by the kernel, one after the other */
};

/*J: devices.queues-below
 * A guest's request crosses two pairs of rings. The guest's driver and our
 * thread share the virtqueue; our thread and the host's kernel share an
 * io_uring. Between the two our thread only checks and translates: guest
 * addresses become pointers, sectors become file offsets. The data itself is
 * never copied, and nobody sleeps while a disk works: requests finish in
 * whatever order the medium likes.
 *
 * That freedom is why flush exists. A write that is *complete* is merely in
 * the host's page cache. What must survive a power failure the guest says by
 * FLUSH, and we may answer only when fdatasync() has returned.
 :*/

static void uring_prepare(struct uring *uring, struct io_uring_sqe *sqe,
			  struct blk_task *task)
{
	switch (task->kind) {
	case BLK_TASK_READ:
		io_uring_prep_readv(sqe, task->fd, task->iov, task->iov_count,
				    task->offset);
		break;
	case BLK_TASK_WRITE:
		io_uring_prep_writev(sqe, task->fd, task->iov, task->iov_count,
				     task->offset);
		break;
	case BLK_TASK_SYNC:
		io_uring_prep_fsync(sqe, task->fd, IORING_FSYNC_DATASYNC);
		break;
	case BLK_TASK_ALLOCATE:
		io_uring_prep_fallocate(sqe, task->fd, task->flags,
					task->offset, task->bytes);
		break;
	}
	io_uring_sqe_set_data(sqe, task);
	uring->in_flight++;
}

/* Move what waits into the submission ring, as far as there is room. */
static void uring_fill(struct uring *uring)
{
	struct io_uring_sqe *sqe;

	while (uring->waiting.first && uring->in_flight < uring->most) {
		sqe = io_uring_get_sqe(&uring->ring);
		if (!sqe) {
			if (io_uring_submit(&uring->ring) <= 0)
				return;
			continue;
		}
		uring_prepare(uring, sqe, blk_task_take(&uring->waiting));
	}
}

static void uring_submit(struct blk_engine *engine, struct blk_task *task)
{
	struct uring *uring = (struct uring *)engine;

	blk_task_append(&uring->waiting, task);
}

/*
 * Take back what the kernel has not taken, and let who gave it decide. It looks
 * at the submission ring only when it is called, so the ring is ours until then.
 */
static void uring_take_back(struct uring *uring, ssize_t error)
{
	struct io_uring_sq *sq = &uring->ring.sq;
	struct blk_task_list refused;
	struct blk_task *task;

	blk_task_list_init(&refused);
	for (unsigned int at = *sq->khead; at != sq->sqe_tail; at++) {
		task = (struct blk_task *)(uintptr_t)sq
			       ->sqes[at & sq->ring_mask]
			       .user_data;
		blk_task_append(&refused, task);
		uring->in_flight--;
	}
	sq->sqe_head = sq->sqe_tail = *sq->khead;
	*sq->ktail = *sq->khead;
	while ((task = blk_task_take(&refused)))
		task->done(task, error);
}

/*
 * Where the kernel takes nothing for the moment (EAGAIN, EBUSY), what is
 * prepared stays in the ring, and the eventfd brings us back here: at once,
 * where something is under way that will give room; else after a nap, and not
 * for ever.
 */
static void uring_refused(struct uring *uring, int error)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	uint64_t one = 1;

	if (uring->in_flight == io_uring_sq_ready(&uring->ring)) {
		nanosleep(&nap, NULL);
		if (++uring->refusals >= URING_REFUSALS) {
			uring->refusals = 0;
			uring_take_back(uring, error);
		}
	}
	if (write(uring->engine.fd, &one, sizeof(one)) < 0)
		return;
}

static void uring_kick(struct blk_engine *engine)
{
	struct uring *uring = (struct uring *)engine;
	int error;

	uring_fill(uring);
	if (!io_uring_sq_ready(&uring->ring))
		return;
	do {
		error = io_uring_submit(&uring->ring);
	} while (error == -EINTR);
	if (error < 0)
		uring_refused(uring, error);
	else
		uring->refusals = 0;
}

static unsigned int uring_take(struct uring *uring)
{
	struct io_uring_cqe *cqes[URING_REAP];
	struct blk_task *tasks[URING_REAP];
	unsigned int count;

	count = io_uring_peek_batch_cqe(&uring->ring, cqes, URING_REAP);
	for (unsigned int i = 0; i < count; i++) {
		tasks[i] = io_uring_cqe_get_data(cqes[i]);
		tasks[i]->result = cqes[i]->res;
	}
	/* First give the entries back: done may submit. */
	io_uring_cq_advance(&uring->ring, count);
	uring->in_flight -= count;
	for (unsigned int i = 0; i < count; i++)
		tasks[i]->done(tasks[i], tasks[i]->result);
	return count;
}

static unsigned int uring_reap(struct blk_engine *engine, bool wait)
{
	struct uring *uring = (struct uring *)engine;
	unsigned int count = 0, more;
	struct io_uring_cqe *cqe;
	uint64_t times;

	if (read(engine->fd, &times, sizeof(times)) < 0 && errno != EAGAIN)
		return 0;
	uring_kick(engine);
	/* Do not sleep where the kernel has been given nothing. */
	if (wait && uring->in_flight > io_uring_sq_ready(&uring->ring))
		while (io_uring_wait_cqe(&uring->ring, &cqe) == -EINTR)
			;
	while ((more = uring_take(uring)))
		count += more;
	uring_kick(engine);
	return count;
}

static int uring_start(struct blk_engine *engine)
{
	(void)engine;
	return 0;
}

static void uring_stop(struct blk_engine *engine)
{
	(void)engine;	/* the kernel's workers are its own business */
}

static void uring_destroy(struct blk_engine *engine)
{
	struct uring *uring = (struct uring *)engine;

	io_uring_queue_exit(&uring->ring);
	close(engine->fd);
	free(uring);
}

static const struct blk_engine_ops uring_ops = {
	.start = uring_start,
	.stop = uring_stop,
	.submit = uring_submit,
	.kick = uring_kick,
	.reap = uring_reap,
	.destroy = uring_destroy,
};

/* All that a disk uses, which the oldest kernels with io_uring lack. */
static bool uring_can(struct io_uring *ring)
{
	static const int needed[] = { IORING_OP_READV, IORING_OP_WRITEV,
				      IORING_OP_FSYNC, IORING_OP_FALLOCATE };
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	bool can = probe;

	for (size_t i = 0; can && i < sizeof(needed) / sizeof(*needed); i++)
		can = io_uring_opcode_supported(probe, needed[i]);
	io_uring_free_probe(probe);
	return can;
}

/*
 * Only these operations, for as long as the ring lives: a ring could also open
 * files and sockets, past every filter of system calls.
 */
static int uring_restrict(struct io_uring *ring)
{
	static const uint8_t operations[] = {
		IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC,
		IORING_OP_FALLOCATE,
	};
	struct io_uring_restriction allowed[sizeof(operations)] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(operations); i++) {
		allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
		allowed[i].sqe_op = operations[i];
	}
	/* Debian 12's liburing has no functions for these two. */
	if (syscall(SYS_io_uring_register, ring->ring_fd,
		    IORING_REGISTER_RESTRICTIONS, allowed,
		    sizeof(operations)) ||
	    syscall(SYS_io_uring_register, ring->ring_fd,
		    IORING_REGISTER_ENABLE_RINGS, NULL, 0))
		return -errno;
	return 0;
}

static int uring_open(struct uring *uring)
{
	int error = io_uring_queue_init(URING_ENTRIES, &uring->ring,
					IORING_SETUP_R_DISABLED);

	if (error)
		return error;
	uring->most = *uring->ring.cq.kring_entries;
	uring->engine.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = uring->engine.fd < 0 ? -errno :
		!uring_can(&uring->ring) ? -EOPNOTSUPP :
		io_uring_register_eventfd(&uring->ring, uring->engine.fd);
	if (!error)
		error = uring_restrict(&uring->ring);
	if (!error)
		return 0;
	if (uring->engine.fd >= 0)
		close(uring->engine.fd);
	io_uring_queue_exit(&uring->ring);
	return error;
}

int blk_uring_create(struct blk_engine **engine)
{
	struct uring *uring = calloc(1, sizeof(*uring));
	int error;

	if (!uring)
		return -ENOMEM;
	uring->engine.ops = &uring_ops;
	uring->engine.name = "io_uring";
	blk_task_list_init(&uring->waiting);
	error = uring_open(uring);
	if (error) {
		free(uring);
		return error;
	}
	*engine = &uring->engine;
	return 0;
}
