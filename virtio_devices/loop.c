// SPDX-License-Identifier: GPL-2.0
/*
 * The loop of a device's thread. See loop.h.
 *
 * Calls from other threads stand in a list under the lock; an eventfd wakes
 * the loop to look there. The lock also covers `running` and `stopping`.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "loop.h"

#define BATCH 16	/* events taken by one epoll_wait(2) */

struct call {
	struct call *next;
	void (*function)(void *argument);
	void *argument;
	bool done;
};

struct loop {
	int epoll_fd;
	struct loop_source wake;	/* an eventfd */
	/* What the current round still has to serve; NULL: unwatched since. */
	struct loop_source *ready[BATCH];
	const char *name;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t done;	/* some call's done became true */
	struct call *calls;	/* waiting ones, oldest first */
	bool running;		/* there is a thread */
	bool stopping;
};

/* Serve what other threads asked for. */
static void run_calls(void *argument, uint32_t events)
{
	struct loop *loop = argument;
	struct call *call;
	eventfd_t count;

	(void)events;
	eventfd_read(loop->wake.fd, &count);
	pthread_mutex_lock(&loop->lock);
	while ((call = loop->calls)) {
		loop->calls = call->next;
		pthread_mutex_unlock(&loop->lock);
		call->function(call->argument);
		pthread_mutex_lock(&loop->lock);
		call->done = true;
		pthread_cond_broadcast(&loop->done);
	}
	pthread_mutex_unlock(&loop->lock);
}

int loop_create(struct loop **result)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int error;

	if (!loop)
		return -ENOMEM;
	loop->wake.callback = run_calls;
	loop->wake.argument = loop;
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->done, NULL);
	loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->wake.fd < 0 || loop->epoll_fd < 0)
		error = -errno;
	else
		error = loop_watch(loop, &loop->wake, EPOLLIN);
	if (error) {
		loop_destroy(loop);
		return error;
	}
	*result = loop;
	return 0;
}

void loop_destroy(struct loop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->wake.fd >= 0)
		close(loop->wake.fd);
	pthread_cond_destroy(&loop->done);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

int loop_watch(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };
	int operation = source->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (epoll_ctl(loop->epoll_fd, operation, source->fd, &event))
		return -errno;
	source->watched = true;
	return 0;
}

void loop_unwatch(struct loop *loop, struct loop_source *source)
{
	if (!source->watched)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->watched = false;
	/* Its event may have been fetched already, along with others. */
	for (int i = 0; i < BATCH; i++)
		if (loop->ready[i] == source)
			loop->ready[i] = NULL;
}

int loop_run_once(struct loop *loop, int timeout)
{
	struct epoll_event events[BATCH];
	int count = epoll_wait(loop->epoll_fd, events, BATCH, timeout);
	struct loop_source *source;
	int called = 0;

	for (int i = 0; i < count; i++)
		loop->ready[i] = events[i].data.ptr;
	for (int i = 0; i < count; i++) {
		source = loop->ready[i];
		loop->ready[i] = NULL;
		if (!source)
			continue;
		source->callback(source->argument, events[i].events);
		called++;
	}
	return called;
}

static bool is_stopping(struct loop *loop)
{
	bool stopping;

	pthread_mutex_lock(&loop->lock);
	stopping = loop->stopping;
	pthread_mutex_unlock(&loop->lock);
	return stopping;
}

static void *loop_thread(void *argument)
{
	struct loop *loop = argument;

	prctl(PR_SET_NAME, loop->name);
	while (!is_stopping(loop))
		loop_run_once(loop, -1);
	return NULL;
}

int loop_start(struct loop *loop, const char *thread_name)
{
	sigset_t all, old;
	int error;

	loop->name = thread_name;
	loop->stopping = false;
	/* A thread inherits the mask: signals are the launcher's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&loop->thread, NULL, loop_thread, loop);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		return -error;
	pthread_mutex_lock(&loop->lock);
	loop->running = true;
	pthread_mutex_unlock(&loop->lock);
	return 0;
}

void loop_stop(struct loop *loop)
{
	if (!loop->running)
		return;
	pthread_mutex_lock(&loop->lock);
	loop->stopping = true;
	pthread_mutex_unlock(&loop->lock);
	eventfd_write(loop->wake.fd, 1);
	pthread_join(loop->thread, NULL);
	pthread_mutex_lock(&loop->lock);
	loop->running = false;
	pthread_mutex_unlock(&loop->lock);
}

void loop_call(struct loop *loop, void (*function)(void *argument),
	       void *argument)
{
	struct call call = { .function = function, .argument = argument };
	struct call **end = &loop->calls;

	pthread_mutex_lock(&loop->lock);
	if (!loop->running || pthread_equal(loop->thread, pthread_self())) {
		pthread_mutex_unlock(&loop->lock);
		function(argument);
		return;
	}
	while (*end)
		end = &(*end)->next;
	*end = &call;
	eventfd_write(loop->wake.fd, 1);
	while (!call.done)
		pthread_cond_wait(&loop->done, &loop->lock);
	pthread_mutex_unlock(&loop->lock);
}
