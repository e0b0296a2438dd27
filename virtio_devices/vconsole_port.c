// SPDX-License-Identifier: GPL-2.0
/* The host's side of a console port. See vconsole_port.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "iov.h"
#include "vconsole_port.h"
#include "words.h"

/*
 * epoll tells of a hang-up whether it is asked or not, again and again. So
 * where nothing else is wanted, a source that was hung up is not watched; and
 * an output, whose reader may come back, only while it is full.
 */
static void port_watch(struct vconsole_port *port)
{
	uint32_t events = 0;

	if (!port->loop || port->source.fd < 0)
		return;
	if (port->wants_read && !port->write_only)
		events |= EPOLLIN;
	if (port->wants_write)
		events |= EPOLLOUT;
	if (events || !(port->hung_up || port->write_only))
		loop_watch(port->loop, &port->source, events);
	else
		loop_unwatch(port->loop, &port->source);
}

/* Who comes while another's last bytes are unread waits in the backlog. */
static void port_watch_listener(struct vconsole_port *port)
{
	if (!port->loop || port->listener.fd < 0)
		return;
	if (port->hung_up)
		loop_unwatch(port->loop, &port->listener);
	else
		loop_watch(port->loop, &port->listener, EPOLLIN);
}

/* The other side has gone, for good or until somebody else comes. */
static void port_hang_up(struct vconsole_port *port)
{
	if (port->source.fd < 0)
		return;
	if (port->loop)
		loop_unwatch(port->loop, &port->source);
	close(port->source.fd);
	port->source.fd = -1;
	port->connected = false;
	port->wants_write = false;
	port->hung_up = false;
	port_watch_listener(port);
	vconsole_connection(port->console, port->index);
	/* What the guest still has for it is lost, and its buffers free. */
	vconsole_writable(port->console, port->index);
}

/* Has the other side, before it went, left something to be read? */
static bool port_has_input(const struct vconsole_port *port)
{
	struct pollfd ready = { .fd = port->source.fd, .events = POLLIN };
	int bytes = 0;

	return poll(&ready, 1, 0) == 1 && ready.revents & POLLIN &&
	       !ioctl(port->source.fd, FIONREAD, &bytes) && bytes > 0;
}

static void port_event(void *argument, uint32_t events)
{
	struct vconsole_port *port = argument;
	bool gone = events & (EPOLLHUP | EPOLLERR);

	/* Whoever cannot be written to any more takes what there is. */
	if (events & EPOLLOUT || (gone && port->wants_write)) {
		port->wants_write = false;
		port_watch(port);
		vconsole_writable(port->console, port->index);
	}
	if (events & EPOLLIN) {
		vconsole_readable(port->console, port->index);
	} else if (gone && !port->write_only) {
		if (port_has_input(port)) {
			/* The end comes behind it, when the guest reads. */
			port->hung_up = true;
			port_watch(port);
			port_watch_listener(port);
		} else {
			port_hang_up(port);
		}
	}
}

static void port_accept(void *argument, uint32_t events)
{
	struct vconsole_port *port = argument;
	int fd = accept4(port->listener.fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (port->source.fd >= 0) {
		close(fd);	/* one at a time */
		return;
	}
	port->source.fd = fd;
	port->connected = true;
	port_watch(port);
	vconsole_connection(port->console, port->index);
}

size_t vconsole_port_read(struct vconsole_port *port, struct iovec *iov,
			  unsigned int count)
{
	ssize_t got;

	if (port->source.fd < 0 || port->write_only)
		return 0;
	/* Nothing read into nothing is not the end. */
	if (!iov_size(iov, count))
		return 0;
	got = readv(port->source.fd, iov, count > IOV_MAX ? IOV_MAX : count);
	if (got > 0)
		return got;
	if (!got || (errno != EAGAIN && errno != EINTR))
		port_hang_up(port);
	return 0;
}

size_t vconsole_port_write(struct vconsole_port *port,
			   const struct iovec *iov, unsigned int count,
			   bool patient)
{
	size_t bytes = iov_size(iov, count);
	ssize_t done;

	if (port->source.fd < 0)
		return bytes;
	if (count > IOV_MAX)
		count = IOV_MAX;
	done = writev(port->source.fd, iov, count);
	if (done > 0)
		return done;
	if (done < 0 && errno == EINTR)
		return 0;
	if (!patient || (done < 0 && errno != EAGAIN)) {
		/* A broken connection is noticed by its event; a full disk
		 * loses output, as a printer without paper does. */
		port->lost += bytes;
		return bytes;
	}
	port->wants_write = true;
	port_watch(port);
	return 0;
}

void vconsole_port_want(struct vconsole_port *port, bool read)
{
	if (port->wants_read == read)
		return;
	port->wants_read = read;
	port_watch(port);
}

bool vconsole_port_resized(struct vconsole_port *port)
{
	struct winsize now;

	if (!port->polls_size || ioctl(port->source.fd, TIOCGWINSZ, &now) ||
	    (now.ws_col == port->size.columns && now.ws_row == port->size.rows))
		return false;
	port->size.columns = now.ws_col;
	port->size.rows = now.ws_row;
	return true;
}

void vconsole_port_start(struct vconsole_port *port, struct loop *loop)
{
	port->loop = loop;
	port_watch_listener(port);
	port_watch(port);
}

void vconsole_port_close(struct vconsole_port *port)
{
	if (port->source.fd >= 0) {
		if (port->loop)
			loop_unwatch(port->loop, &port->source);
		close(port->source.fd);
	}
	if (port->listener.fd >= 0) {
		if (port->loop)
			loop_unwatch(port->loop, &port->listener);
		close(port->listener.fd);
	}
	named_socket_close(&port->name_of_socket);
	if (port->slave_fd >= 0)
		close(port->slave_fd);
}

/* --- opening --- */

/*
 * The slave stays open here, so that the master sees no hang-up when nobody
 * else has it open. Raw: the guest's terminal layer does the editing.
 */
static int open_pty(struct vconsole_port *port, char *notice, size_t size)
{
	struct termios raw;
	char name[64];

	if (openpty(&port->source.fd, &port->slave_fd, NULL, NULL, NULL))
		return -errno;
	if (!tcgetattr(port->slave_fd, &raw)) {
		cfmakeraw(&raw);
		tcsetattr(port->slave_fd, TCSANOW, &raw);
	}
	fcntl(port->source.fd, F_SETFD, FD_CLOEXEC);
	fcntl(port->slave_fd, F_SETFD, FD_CLOEXEC);
	if (ttyname_r(port->slave_fd, name, sizeof(name)))
		return -errno;
	snprintf(notice, size, "%s", name);
	port->polls_size = true;
	return 0;
}

static int open_socket(struct vconsole_port *port, const char *path)
{
	int error = named_socket_open(&port->name_of_socket, path);

	if (error)
		return error;
	port->listener.fd = named_socket_listen(&port->name_of_socket, 1);
	return port->listener.fd < 0 ? port->listener.fd : 0;
}

static int open_file(struct vconsole_port *port, const char *path)
{
	port->source.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
			       O_NONBLOCK, 0666);
	port->write_only = true;
	return port->source.fd < 0 ? -errno : 0;
}

static int open_fd(struct vconsole_port *port, const char *value)
{
	struct stat status;
	uint64_t fd;

	if (words_number(value, 0, INT_MAX, &fd) || fstat(fd, &status) ||
	    words_adopt_fd(fd))
		return -EBADF;
	port->source.fd = fd;
	port->write_only = S_ISREG(status.st_mode);
	port->polls_size = isatty(fd);
	return 0;
}

static int open_how(struct vconsole_port *port, const struct words *words,
		    char *notice, size_t notice_size)
{
	if (!strcmp(words->key, "pty") && !words->value)
		return open_pty(port, notice, notice_size);
	if (!words->value || !*words->value)
		return -EINVAL;
	if (!strcmp(words->key, "unix"))
		return open_socket(port, words->value);
	if (!strcmp(words->key, "file"))
		return open_file(port, words->value);
	if (!strcmp(words->key, "fd"))
		return open_fd(port, words->value);
	return -EINVAL;
}

static int set_word(struct vconsole_port *port, const struct words *words)
{
	uint64_t columns, rows;
	char *x;

	if (!strcmp(words->key, "rows-first") && !words->value) {
		port->rows_first = true;
		return 0;
	}
	if (!words->value)
		return -EINVAL;
	if (!strcmp(words->key, "name")) {
		if (!*words->value ||
		    strlen(words->value) >= sizeof(port->name) ||
		    strchr(words->value, '/'))
			return -EINVAL;
		strcpy(port->name, words->value);
		return 0;
	}
	/* value points into words->buffer, which is ours to cut. */
	x = strchr(words->value, 'x');
	if (strcmp(words->key, "size") || !x)
		return -EINVAL;
	*x = '\0';
	if (words_number(words->value, 1, 9999, &columns) ||
	    words_number(x + 1, 1, 9999, &rows))
		return -EINVAL;
	port->size.columns = columns;
	port->size.rows = rows;
	return 0;
}

int vconsole_port_open(struct vconsole_port *port, const char *text,
		       char *notice, size_t notice_size, char *message,
		       size_t message_size)
{
	struct words words = { .rest = text };
	int error = -EINVAL;

	port->source.fd = port->listener.fd = port->slave_fd = -1;
	port->source.callback = port_event;
	port->source.argument = port;
	port->listener.callback = port_accept;
	port->listener.argument = port;
	if (words_next(&words))
		error = open_how(port, &words, notice, notice_size);
	while (!error && words_next(&words))
		error = set_word(port, &words);
	if (!error && words.too_long)
		error = -EINVAL;
	if (!error && port->source.fd >= 0) {
		fcntl(port->source.fd, F_SETFL,
		      fcntl(port->source.fd, F_GETFL) | O_NONBLOCK);
		port->connected = true;
	}
	if (!error)
		return 0;
	if (error == -EINVAL)
		snprintf(message, message_size, "--console %s: say pty, "
			 "unix=PATH, file=PATH or fd=N, then name=NAME or "
			 "size=80x25", text);
	else
		snprintf(message, message_size, "--console %s: %s%s", text,
			 strerror(-error), error == -ENXIO ?
			 " (nobody reads this FIFO yet)" :
			 named_socket_advice(error));
	return error;
}
