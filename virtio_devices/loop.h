/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device's thread: wait for file descriptors, call what belongs to each.
 *
 * All callbacks run on the one thread that runs the loop, so what they share
 * needs no locks. Only loop_call() and loop_stop() are for other threads.
 */
#ifndef RINGLET_VIRTIO_LOOP_H
#define RINGLET_VIRTIO_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One watched fd. The caller owns the struct, which must stay where it is
 * while watched. A level: callback runs again as long as the fd is ready.
 */
struct loop_source {
	int fd;
	/* events: what epoll(7) says, EPOLLIN and so on. */
	void (*callback)(void *argument, uint32_t events);
	void *argument;
	bool watched;		/* the loop's */
};

struct loop;

/* No thread runs it yet. 0 or -errno. */
int loop_create(struct loop **loop);
/* The thread must have been stopped; sources still watched are forgotten. */
void loop_destroy(struct loop *loop);

/*
 * Watch source->fd for events (EPOLLIN, EPOLLOUT, or 0: only errors); on a
 * source already watched: change the events. On the loop's thread, or while
 * none runs. 0 or -errno.
 */
int loop_watch(struct loop *loop, struct loop_source *source,
	       uint32_t events);
/* Afterwards its callback is not called any more. Harmless when not watched. */
void loop_unwatch(struct loop *loop, struct loop_source *source);

/* Run it on a thread of its own, with all signals blocked. 0 or -errno. */
int loop_start(struct loop *loop, const char *thread_name);
void loop_stop(struct loop *loop);

/*
 * Run function on the loop's thread and wait until it has returned. Runs it
 * at once where there is no thread, or when called on it.
 */
void loop_call(struct loop *loop, void (*function)(void *argument),
	       void *argument);

/*
 * For tests and fuzzers, where no thread runs: serve what is ready now, or
 * becomes so within timeout ms. How many callbacks were run.
 */
int loop_run_once(struct loop *loop, int timeout);

#endif
