// SPDX-License-Identifier: GPL-2.0
/*
 * Frames through a tap: an interface of the host whose other end is a file
 * descriptor, one for each queue pair. The tap takes and gives the virtio
 * header with each frame, and the host's kernel checks the guest's a second
 * time, so offloads cost nothing here.
 *
 * The interface is made beforehand (`ip tuntap add NAME mode tap user USER`,
 * with `multi_queue` for several pairs) and then needs no privilege; where it
 * does not exist and the launcher may, it is made, and goes with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "model.h"
#include "net_backend.h"
#include "net_link.h"

struct tap_queue {
	struct loop_source source;
	struct net_tap *tap;
	unsigned int pair;
	bool attached;		/* the kernel steers frames to it */
	/* What is waited for: each has its user, none speaks for the other. */
	bool wants_frames, wants_room;
	uint8_t buffer[NET_FRAME_MAX];
};

struct net_tap {
	struct net_backend backend;
	struct loop *loop;
	struct net_link link;
	bool gone;		/* the interface was deleted */
	struct tap_queue *queues[NET_PAIRS_MAX];
};

/* Without either still watched: the interface may be deleted. */
static int tap_watch(struct tap_queue *queue)
{
	struct net_tap *tap = queue->tap;

	if (tap->gone)
		return 0;
	return loop_watch(tap->loop, &queue->source,
			  (queue->wants_frames ? EPOLLIN : 0) |
				  (queue->wants_room ? EPOLLOUT : 0));
}

static int tap_receive(struct net_backend *backend, unsigned int pair,
		       struct net_frame *frame)
{
	struct tap_queue *queue = ((struct net_tap *)backend)->queues[pair];
	struct iovec iov[] = {
		{ &frame->header, sizeof(frame->header) },
		{ queue->buffer, sizeof(queue->buffer) },
	};
	ssize_t got = readv(queue->source.fd, iov, 2);

	if (got < (ssize_t)sizeof(frame->header))
		return 0;
	frame->data = queue->buffer;
	frame->bytes = got - sizeof(frame->header);
	return 1;
}

static int tap_send(struct net_backend *backend, unsigned int pair,
		    struct iovec *iov, unsigned int count, size_t bytes)
{
	struct tap_queue *queue = ((struct net_tap *)backend)->queues[pair];

	(void)bytes;
	if (writev(queue->source.fd, iov, count) >= 0)
		return 0;
	if (errno != EAGAIN)
		return -errno;
	/* The host's side is full (a limit was set with TUNSETSNDBUF). */
	queue->wants_room = true;
	tap_watch(queue);
	return -EAGAIN;
}

/* Down by the host's administrator, or gone, looks like a pulled cable. */
static void tap_set_link(struct net_tap *tap, bool up)
{
	if (up == tap->backend.link_up)
		return;
	tap->backend.link_up = up;
	net_link_changed(tap->backend.net);
}

/* The interface was deleted, and will not come back behind these fds. */
static void tap_is_gone(struct net_tap *tap)
{
	unsigned int i;

	if (tap->gone)
		return;
	tap->gone = true;
	for (i = 0; i < tap->backend.pairs; i++)
		loop_unwatch(tap->loop, &tap->queues[i]->source);
	tap_set_link(tap, false);
	net_log(tap->backend.net, "the tap is gone, the link is down");
}

static void tap_link_changed(void *argument)
{
	struct net_tap *tap = argument;

	if (tap->link.gone)
		tap_is_gone(tap);
	else
		tap_set_link(tap, tap->link.up && !tap->gone);
}

static void tap_event(void *argument, uint32_t events)
{
	struct tap_queue *queue = argument;
	struct net_tap *tap = queue->tap;

	if (events & EPOLLOUT) {
		queue->wants_room = false;
		tap_watch(queue);
		net_send_ready(tap->backend.net, queue->pair);
	}
	if (events & EPOLLIN)
		net_receive_ready(tap->backend.net, queue->pair);
	if (events & EPOLLERR)
		tap_is_gone(tap);
}

static void tap_listen(struct net_backend *backend, unsigned int pair,
		       bool wanted)
{
	struct tap_queue *queue = ((struct net_tap *)backend)->queues[pair];

	queue->wants_frames = wanted;
	tap_watch(queue);
}

static void tap_set_offloads(struct net_backend *backend, uint64_t features)
{
	struct net_tap *tap = (struct net_tap *)backend;
	unsigned long flags = 0;

	if (features & VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM))
		flags |= TUN_F_CSUM;
	if (features & VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4))
		flags |= TUN_F_TSO4;
	if (features & VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6))
		flags |= TUN_F_TSO6;
	if (features & VIRTIO_BIT(VIRTIO_NET_F_GUEST_ECN))
		flags |= TUN_F_TSO_ECN;
	if (ioctl(tap->queues[0]->source.fd, TUNSETOFFLOAD, flags))
		net_log(backend->net, "the tap refuses offloads: %s",
			strerror(errno));
}

/* Frames shall come only through queues that the guest looks at. */
static void tap_set_pairs(struct net_backend *backend, unsigned int pairs)
{
	struct net_tap *tap = (struct net_tap *)backend;
	struct ifreq request = { 0 };
	unsigned int i;

	for (i = 1; i < backend->pairs; i++) {
		if (tap->queues[i]->attached == (i < pairs))
			continue;
		request.ifr_flags = i < pairs ? IFF_ATTACH_QUEUE :
						IFF_DETACH_QUEUE;
		if (ioctl(tap->queues[i]->source.fd, TUNSETQUEUE, &request))
			net_log(backend->net, "the tap's queue %u: %s", i,
				strerror(errno));
		else
			tap->queues[i]->attached = i < pairs;
	}
}

static int tap_start(struct net_backend *backend, struct loop *loop)
{
	struct net_tap *tap = (struct net_tap *)backend;
	unsigned int i;
	int error;

	tap->loop = loop;
	tap->link.changed = tap_link_changed;
	tap->link.argument = tap;
	error = net_link_start(&tap->link, loop);
	for (i = 0; !error && i < backend->pairs; i++) {
		tap->queues[i]->wants_frames = true;
		error = tap_watch(tap->queues[i]);
	}
	return error;
}

static void tap_close(struct net_backend *backend)
{
	struct net_tap *tap = (struct net_tap *)backend;
	unsigned int i;

	for (i = 0; i < backend->pairs; i++) {
		close(tap->queues[i]->source.fd);
		free(tap->queues[i]);
	}
	net_link_close(&tap->link);
	free(tap);
}

static const struct net_backend_ops tap_ops = {
	.start = tap_start,
	.receive = tap_receive,
	.listen = tap_listen,
	.send = tap_send,
	.set_offloads = tap_set_offloads,
	.set_pairs = tap_set_pairs,
	.close = tap_close,
};

/* An fd that is one queue of the interface, or -errno. */
static int tap_open_queue(const char *name, bool several)
{
	struct ifreq request = { 0 };
	int header = NET_HEADER_BYTES, little_endian = 1, error;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
			    (several ? IFF_MULTI_QUEUE : 0);
	memcpy(request.ifr_name, name, strlen(name));
	if (!ioctl(fd, TUNSETIFF, &request) &&
	    !ioctl(fd, TUNSETVNETHDRSZ, &header) &&
	    !ioctl(fd, TUNSETVNETLE, &little_endian))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static int tap_add_queue(struct net_tap *tap, int fd)
{
	struct tap_queue *queue = calloc(1, sizeof(*queue));

	if (!queue) {
		close(fd);
		return -ENOMEM;
	}
	queue->tap = tap;
	queue->pair = tap->backend.pairs;
	queue->attached = true;
	queue->source.fd = fd;
	queue->source.callback = tap_event;
	queue->source.argument = queue;
	tap->queues[tap->backend.pairs++] = queue;
	return 0;
}

/*
 * As many queues as are wanted; one, where the interface was made for one and
 * the user did not insist.
 */
static int tap_open_queues(struct net_tap *tap, const char *name,
			   unsigned int wanted, bool insist)
{
	bool several = wanted > 1;
	int fd = tap_open_queue(name, several);

	if (fd == -EINVAL && (!several || !insist)) {
		wanted = 1;
		several = !several;
		fd = tap_open_queue(name, several);
	}
	if (fd >= 0)
		fd = tap_add_queue(tap, fd);
	while (fd >= 0 && tap->backend.pairs < wanted) {
		fd = tap_open_queue(name, true);
		if (fd >= 0)
			fd = tap_add_queue(tap, fd);
	}
	return fd < 0 ? fd : 0;
}

static const char *tap_advice(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENODEV:
		return " (there is no /dev/net/tun: modprobe tun)";
	case -EPERM:
		return " (make it first, as root: ip tuntap add NAME mode tap "
		       "user USER)";
	case -EBUSY:
		return " (another program uses it)";
	case -EINVAL:
		return " (not a tap, or made without multi_queue)";
	default:
		return "";
	}
}

static struct net_tap *tap_make(uint16_t mtu)
{
	struct net_tap *tap = calloc(1, sizeof(*tap));

	if (!tap)
		return NULL;
	tap->backend.ops = &tap_ops;
	tap->backend.offloads = true;
	tap->backend.link_up = true;
	tap->backend.mtu = mtu;
	tap->link.source.fd = -1;
	tap->link.up = true;
	return tap;
}

int net_tap_on(int fd, struct net_backend **backend)
{
	struct net_tap *tap = tap_make(0);
	int error = tap ? tap_add_queue(tap, fd) : -ENOMEM;

	if (error)
		free(tap);
	else
		*backend = &tap->backend;
	return error;
}

int net_tap_open(const struct net_options *options, unsigned int cpus,
		 struct net_backend **backend, char *message,
		 size_t message_size)
{
	unsigned int wanted = options->queues ? options->queues : cpus;
	struct net_tap *tap;
	int error;

	if (strlen(options->name) >= IFNAMSIZ) {
		snprintf(message, message_size, "--net tap=%s: the name is "
			 "too long", options->name);
		return -EINVAL;
	}
	tap = tap_make(options->mtu);
	if (!tap)
		return -ENOMEM;
	if (wanted > NET_PAIRS_MAX)
		wanted = NET_PAIRS_MAX;
	if (!wanted)
		wanted = 1;
	error = tap_open_queues(tap, options->name, wanted, options->queues);
	if (!error)
		error = net_link_open(&tap->link, options->name);
	if (!error) {
		tap->backend.link_up = tap->link.up;
		*backend = &tap->backend;
		return 0;
	}
	snprintf(message, message_size, "--net tap=%s: %s%s", options->name,
		 strerror(-error), tap_advice(error));
	tap_close(&tap->backend);
	return error;
}
