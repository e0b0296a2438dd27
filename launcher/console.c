// SPDX-License-Identifier: GPL-2.0
/* The console's input ring and its output. See console.h. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "console.h"

int console_init(struct console *console)
{
	console->first = 0;
	console->used = 0;
	console->size = 0;
	console_look_at_size(console);
	console->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (console->room_fd < 0)
		return -errno;
	return -pthread_mutex_init(&console->lock, NULL);
}

void console_destroy(struct console *console)
{
	close(console->room_fd);
	pthread_mutex_destroy(&console->lock);
}

bool console_look_at_size(struct console *console)
{
	struct winsize size = { 0 };
	unsigned int now;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) &&
	    ioctl(STDIN_FILENO, TIOCGWINSZ, &size))
		return false;
	now = (size.ws_row & 0x7fffu) << 16 | size.ws_col;
	return atomic_exchange(&console->size, now) != now;
}

size_t console_room(struct console *console)
{
	size_t room;

	pthread_mutex_lock(&console->lock);
	room = CONSOLE_RING_SIZE - console->used;
	pthread_mutex_unlock(&console->lock);
	return room;
}

size_t console_put(struct console *console, const void *bytes, size_t count)
{
	const unsigned char *from = bytes;
	size_t done;

	pthread_mutex_lock(&console->lock);
	for (done = 0; done < count && console->used < CONSOLE_RING_SIZE;
	     done++, console->used++)
		console->ring[(console->first + console->used) %
			      CONSOLE_RING_SIZE] = from[done];
	pthread_mutex_unlock(&console->lock);
	return done;
}

size_t console_take(struct console *console, void *to, size_t count,
		    bool *more)
{
	unsigned char *out = to;
	bool was_full;
	size_t done;

	pthread_mutex_lock(&console->lock);
	was_full = console->used == CONSOLE_RING_SIZE;
	for (done = 0; done < count && console->used; done++) {
		out[done] = console->ring[console->first];
		console->first = (console->first + 1) % CONSOLE_RING_SIZE;
		console->used--;
	}
	*more = console->used > 0;
	pthread_mutex_unlock(&console->lock);
	/* The event loop stops looking at standard input for a full ring. */
	if (was_full && done)
		eventfd_write(console->room_fd, 1);
	return done;
}

/* Wait until fd takes bytes again. The interrupting signal ends it too. */
static void wait_writable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	poll(&poll_fd, 1, -1);
}

ssize_t console_write(int fd, const void *data, size_t count,
		      const atomic_bool *stop)
{
	const char *from = data;
	size_t done = 0;
	ssize_t got;

	while (done < count && !atomic_load(stop)) {
		got = write(fd, from + done, count - done);
		if (got >= 0) {
			done += got;
			continue;
		}
		/*
		 * Standard output may be non-blocking without our doing: it
		 * shares that property with every process that has it open.
		 */
		if (errno == EAGAIN)
			wait_writable(fd);
		else if (errno != EINTR)
			return done ? (ssize_t)done : -errno;
	}
	return done;
}
