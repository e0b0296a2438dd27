/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Engines: who carries out file operations for a disk while the disk's thread
 * goes on. There are two, io_uring and a pool of threads, and unit tests have
 * one that fails on request.
 *
 * An engine knows nothing of disks: a task is one system call. Short transfers
 * and errors are told as they came; what follows from them is for the one who
 * gave the task (blk_file.c).
 *
 * Threads: all functions are called by one thread, the device's, and so are
 * the done functions, from within reap().
 */
#ifndef RINGLET_VIRTIO_BLK_ENGINE_H
#define RINGLET_VIRTIO_BLK_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum blk_task_kind {
	BLK_TASK_READ,		/* preadv(2) */
	BLK_TASK_WRITE, /* pwritev(2) */
	BLK_TASK_SYNC,		/* fdatasync(2) */
	BLK_TASK_ALLOCATE,	/* fallocate(2); flags: FALLOC_FL_* */
};

/*
 * The giver owns it and what iov points to, and leaves both alone from
 * submit() until done.
 */
struct blk_task {
	enum blk_task_kind kind;
	int fd;
	int flags; /* ALLOCATE only */
	struct iovec *iov;	/* READ, WRITE; at most 1024 pieces */
	unsigned int iov_count;
	uint64_t offset;	/* bytes, in the file */
	uint64_t bytes;		/* ALLOCATE only */
	/* Bytes transferred, or 0, or -errno. */
	void (*done)(struct blk_task *task, ssize_t result);

	/* The engine's own. */
	struct blk_task *next;
	ssize_t result;
};

struct blk_engine;

struct blk_engine_ops {
	/* Called before the first task, and again after each stop. 0, -errno */
	int (*start)(struct blk_engine *engine);
	/* No task is in flight: end all threads. */
	void (*stop)(struct blk_engine *engine);
	/* Take a task. It may wait for kick() before it begins. */
	void (*submit)(struct blk_engine *engine, struct blk_task *task);
	/* Begin all that was submitted. */
	void (*kick)(struct blk_engine *engine);
	/*
	 * Call done for what has finished; with wait, sleep until something
	 * has. How many. done may submit more.
	 */
	unsigned int (*reap)(struct blk_engine *engine, bool wait);
	void (*destroy)(struct blk_engine *engine);
};

struct blk_engine {
	const struct blk_engine_ops *ops;
	const char *name;
	int fd;			/* readable: reap() has something to do */
};

/* 0, or -errno where this host refuses io_uring. */
int blk_uring_create(struct blk_engine **engine);
/* Threads are made by start(). 0 or -ENOMEM and the like. */
int blk_pool_create(struct blk_engine **engine, unsigned int threads);

/* Tasks in the order in which they came. */
struct blk_task_list {
	struct blk_task *first, **last;
};

static inline void blk_task_list_init(struct blk_task_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static inline void blk_task_append(struct blk_task_list *list,
				   struct blk_task *task)
{
	task->next = NULL;
	*list->last = task;
	list->last = &task->next;
}

static inline struct blk_task *blk_task_take(struct blk_task_list *list)
{
	struct blk_task *task = list->first;

	if (!task)
		return NULL;
	list->first = task->next;
	if (!list->first)
		list->last = &list->first;
	return task;
}

#endif
