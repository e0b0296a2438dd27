// SPDX-License-Identifier: GPL-2.0
/*
 * A cable between two guests: a socket in the file system. Whoever comes first
 * listens there, the second connects; it does not matter which. When the one
 * that connected ends, the listener waits for another; when the listener ends,
 * the other side tries again, and so may become the listener.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "device.h"
#include "named_socket.h"
#include "net_stream.h"

#define UNIX_RETRY_NS	500000000
#define UNIX_BACKLOG	4

struct net_unix {
	struct net_stream stream;
	struct loop_source listener;	/* fd -1: we are not the listener */
	struct loop_source retry;	/* timerfd */
	struct named_socket name;
};

/* 1: connected; 0: nobody listens; -errno. */
static int unix_connect(struct net_unix *cable)
{
	const struct sockaddr_un *address = &cable->name.address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			0);
	int error;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address))) {
		net_stream_connect(&cable->stream, fd);
		return 1;
	}
	error = errno;
	close(fd);
	/* Refused: by a dead man's name, or by something that is no socket. */
	return error == ENOENT || error == ECONNREFUSED ? 0 : -error;
}

static int unix_listen(struct net_unix *cable)
{
	int fd = named_socket_listen(&cable->name, UNIX_BACKLOG);

	if (fd < 0)
		return fd;
	cable->listener.fd = fd;
	if (cable->stream.loop)
		return loop_watch(cable->stream.loop, &cable->listener,
				  EPOLLIN);
	return 0;
}

/* One side or the other. -EADDRINUSE: somebody was quicker to listen. */
static int unix_join(struct net_unix *cable)
{
	int error = unix_connect(cable);

	if (!error)
		error = unix_listen(cable);
	return error < 0 ? error : 0;
}

static void unix_retry_later(struct net_unix *cable)
{
	struct itimerspec when = { .it_value.tv_nsec = UNIX_RETRY_NS };

	timerfd_settime(cable->retry.fd, 0, &when, NULL);
}

static void unix_retry(void *argument, uint32_t events)
{
	struct net_unix *cable = argument;
	uint64_t times;

	(void)events;
	if (read(cable->retry.fd, &times, sizeof(times)) == sizeof(times) &&
	    cable->stream.source.fd < 0 && cable->listener.fd < 0 &&
	    unix_join(cable))
		unix_retry_later(cable);
}

static void unix_accept(void *argument, uint32_t events)
{
	struct net_unix *cable = argument;
	int fd = accept4(cable->listener.fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (cable->stream.source.fd >= 0)
		close(fd);	/* a cable has two ends */
	else
		net_stream_connect(&cable->stream, fd);
}

static void unix_lost(struct net_stream *stream, const char *why)
{
	struct net_unix *cable = (struct net_unix *)stream;

	net_log(stream->backend.net, "%s; the link is down", why);
	if (cable->listener.fd < 0)
		unix_retry_later(cable);
}

static int unix_start(struct net_backend *backend, struct loop *loop)
{
	struct net_unix *cable = (struct net_unix *)backend;
	int error = net_stream_start(backend, loop);

	if (!error)
		error = loop_watch(loop, &cable->retry, EPOLLIN);
	if (!error && cable->listener.fd >= 0)
		error = loop_watch(loop, &cable->listener, EPOLLIN);
	return error;
}

static void unix_close(struct net_backend *backend)
{
	struct net_unix *cable = (struct net_unix *)backend;

	net_stream_disconnect(&cable->stream);
	/* The name goes first: it must not lead to a socket that is closed. */
	named_socket_close(&cable->name);
	if (cable->listener.fd >= 0)
		close(cable->listener.fd);
	if (cable->retry.fd >= 0)
		close(cable->retry.fd);
	free(cable);
}

static const struct net_backend_ops unix_ops = {
	.start = unix_start,
	.receive = net_stream_receive,
	.listen = net_stream_listen,
	.send = net_stream_send,
	.set_offloads = net_stream_set_offloads,
	.close = unix_close,
};

static void unix_init(struct net_unix *cable,
		      const struct net_options *options)
{
	net_stream_init(&cable->stream, !options->plain);
	cable->stream.lost = unix_lost;
	cable->stream.backend.ops = &unix_ops;
	cable->stream.backend.mtu = options->mtu;
	/* It may change sides whenever the other end goes. */
	cable->stream.backend.needs = VIRTIO_NEEDS_CONNECT |
				      VIRTIO_NEEDS_LISTEN |
				      VIRTIO_NEEDS_REMOVE;
	cable->listener.fd = -1;
	cable->listener.callback = unix_accept;
	cable->listener.argument = cable;
	cable->retry.callback = unix_retry;
	cable->retry.argument = cable;
	cable->retry.fd = timerfd_create(CLOCK_MONOTONIC,
					 TFD_NONBLOCK | TFD_CLOEXEC);
}

int net_unix_open(const struct net_options *options,
		  struct net_backend **backend, char *message,
		  size_t message_size)
{
	struct net_unix *cable = calloc(1, sizeof(*cable));
	int error, tries = 3;

	if (!cable)
		return -ENOMEM;
	unix_init(cable, options);
	error = cable->retry.fd < 0 ? -EMFILE :
		named_socket_open(&cable->name, options->name);
	while (!error) {
		error = unix_join(cable);
		if (error != -EADDRINUSE || !tries--)
			break;
		error = 0;
	}
	if (!error) {
		*backend = &cable->stream.backend;
		return 0;
	}
	snprintf(message, message_size, "--net unix=%s: %s", options->name,
		 error == -EEXIST ?
		 "it is there and no socket; name another path" :
		 strerror(-error));
	unix_close(&cable->stream.backend);
	return error;
}
