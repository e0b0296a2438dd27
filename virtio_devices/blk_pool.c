// SPDX-License-Identifier: GPL-2.0
/*
 * The engine of threads, for hosts that refuse io_uring: each thread takes the
 * next task, makes the system call, and puts the task on the list of the done.
 *
 * lock protects the two lists and stopping. The eventfd counts the done tasks
 * only roughly: reap() empties it first and the list after, so a task that
 * comes in between costs one needless wake-up and is never missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "blk_engine.h"

#define POOL_THREADS_MAX	64

struct pool {
	struct blk_engine engine;
	pthread_mutex_t lock;
	pthread_cond_t work;	/* todo has a task, or stopping */
	pthread_cond_t finished; /* done has a task */
	struct blk_task_list todo, done;
	bool stopping;
	unsigned int wanted, running;
	pthread_t threads[POOL_THREADS_MAX];
};

static ssize_t pool_call(const struct blk_task *task)
{
	ssize_t result = 0;

	switch (task->kind) {
	case BLK_TASK_READ:
		result = preadv(task->fd, task->iov, task->iov_count,
				task->offset);
		break;
	case BLK_TASK_WRITE:
		result = pwritev(task->fd, task->iov, task->iov_count,
				 task->offset);
		break;
	case BLK_TASK_SYNC:
		result = fdatasync(task->fd);
		break;
	case BLK_TASK_ALLOCATE:
		result = fallocate(task->fd, task->flags, task->offset,
				   task->bytes);
		break;
	}
	return result < 0 ? -errno : result;
}

static void pool_finish(struct pool *pool, struct blk_task *task)
{
	uint64_t one = 1;

	pthread_mutex_lock(&pool->lock);
	blk_task_append(&pool->done, task);
	pthread_cond_signal(&pool->finished);
	pthread_mutex_unlock(&pool->lock);
	/* Can only fail when it is readable 2^64 times over. */
	if (write(pool->engine.fd, &one, sizeof(one)) < 0)
		return;
}

static void *pool_thread(void *argument)
{
	struct pool *pool = argument;
	struct blk_task *task;

	for (;;) {
		pthread_mutex_lock(&pool->lock);
		while (!pool->todo.first && !pool->stopping)
			pthread_cond_wait(&pool->work, &pool->lock);
		task = blk_task_take(&pool->todo);
		pthread_mutex_unlock(&pool->lock);
		if (!task)
			return NULL;
		task->result = pool_call(task);
		pool_finish(pool, task);
	}
}

static void pool_stop(struct blk_engine *engine)
{
	struct pool *pool = (struct pool *)engine;

	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	while (pool->running)
		pthread_join(pool->threads[--pool->running], NULL);
}

static int pool_start(struct blk_engine *engine)
{
	struct pool *pool = (struct pool *)engine;
	sigset_t all, before;
	int error = 0;

	pool->stopping = false;
	/*
	 * Signals belong to the main thread. SIGXFSZ among them: where a file
	 * size limit is hit, blocked means EFBIG instead of death.
	 */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (pool->running < pool->wanted && !error) {
		error = pthread_create(&pool->threads[pool->running], NULL,
				       pool_thread, pool);
		if (!error)
			pool->running++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* Fewer than wanted are slower, but enough. */
	return pool->running ? 0 : -error;
}

static void pool_submit(struct blk_engine *engine, struct blk_task *task)
{
	struct pool *pool = (struct pool *)engine;

	/* Nobody would ever take it: start() has failed. */
	if (!pool->running) {
		task->result = -EIO;
		pool_finish(pool, task);
		return;
	}
	pthread_mutex_lock(&pool->lock);
	blk_task_append(&pool->todo, task);
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

static void pool_kick(struct blk_engine *engine)
{
	(void)engine;	/* submit() has already begun it */
}

static unsigned int pool_reap(struct blk_engine *engine, bool wait)
{
	struct pool *pool = (struct pool *)engine;
	struct blk_task_list done;
	struct blk_task *task;
	unsigned int count = 0;
	uint64_t times;

	if (read(engine->fd, &times, sizeof(times)) < 0 && errno != EAGAIN)
		return 0;
	blk_task_list_init(&done);
	pthread_mutex_lock(&pool->lock);
	while (wait && !pool->done.first)
		pthread_cond_wait(&pool->finished, &pool->lock);
	while ((task = blk_task_take(&pool->done)))
		blk_task_append(&done, task);
	pthread_mutex_unlock(&pool->lock);
	while ((task = blk_task_take(&done))) {
		task->done(task, task->result);
		count++;
	}
	return count;
}

static void pool_destroy(struct blk_engine *engine)
{
	struct pool *pool = (struct pool *)engine;

	pool_stop(engine);
	close(engine->fd);
	pthread_cond_destroy(&pool->finished);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static const struct blk_engine_ops pool_ops = {
	.start = pool_start,
	.stop = pool_stop,
	.submit = pool_submit,
	.kick = pool_kick,
	.reap = pool_reap,
	.destroy = pool_destroy,
};

int blk_pool_create(struct blk_engine **engine, unsigned int threads)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	int error;

	if (!pool)
		return -ENOMEM;
	pool->engine.ops = &pool_ops;
	pool->engine.name = "threads";
	pool->wanted = threads < POOL_THREADS_MAX ? threads : POOL_THREADS_MAX;
	blk_task_list_init(&pool->todo);
	blk_task_list_init(&pool->done);
	pool->engine.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (pool->engine.fd < 0) {
		error = -errno;
		free(pool);
		return error;
	}
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->finished, NULL);
	*engine = &pool->engine;
	return 0;
}
