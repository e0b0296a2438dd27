/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's console. Output goes straight to standard output; input waits in
 * a ring until the guest asks for it.
 *
 * The ring has one writer (the event loop) and one reader (a vCPU thread) and
 * is guarded by a lock. It outlives a reboot of the guest: what was typed
 * meanwhile is for the next kernel.
 */
#ifndef RINGLET_LAUNCHER_CONSOLE_H
#define RINGLET_LAUNCHER_CONSOLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CONSOLE_RING_SIZE 4096

struct console {
	pthread_mutex_t lock;
	unsigned char ring[CONSOLE_RING_SIZE];
	size_t first;		/* index of the oldest byte */
	size_t used;		/* bytes in the ring */
	atomic_uint size;	/* of the terminal: rows << 16 | columns, or 0 */
	int room_fd;		/* eventfd: a full ring has room again */
};

/* 0 or -errno. */
int console_init(struct console *console);
void console_destroy(struct console *console);

/*
 * Look what size the terminal at standard output, or else input, has. True:
 * another one than before.
 */
bool console_look_at_size(struct console *console);

/* Bytes that console_put() would take now. */
size_t console_room(struct console *console);

/* Returns how many of the bytes were taken. */
size_t console_put(struct console *console, const void *bytes, size_t count);

/* Move up to count bytes to to; *more tells whether others are left. */
size_t console_take(struct console *console, void *to, size_t count,
		    bool *more);

/*
 * Write all of data to fd, however slow its reader is. Ends early when *stop
 * becomes true (whoever sets it interrupts the thread by a signal, again and
 * again). Returns the bytes written, or -errno when not even one was.
 */
ssize_t console_write(int fd, const void *data, size_t count,
		      const atomic_bool *stop);

#endif
