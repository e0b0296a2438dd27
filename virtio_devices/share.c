// SPDX-License-Identifier: GPL-2.0
/*
 * A folder of the host for the guest: a thin bridge between a virtio-9p ring
 * (virtio 1.2 gives the device the number 9 and no chapter; the configuration
 * space is that of linux/virtio_9p.h) and a server of 9P2000.L behind a socket.
 *
 * What is known of 9P is in share_9p.h: a reply has the tag of its request, Tattach
 * always gets our folder, and a Tflush's reply means that another request gets none.
 *
 * A request is copied before it is checked and sent, so the guest cannot change it
 * under the server.
 */
#include <errno.h>
#include <limits.h>
#include <linux/virtio_9p.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "share.h"
#include "share_9p.h"
#include "share_options.h"
#include "share_server.h"

#define QUEUE_SIZE	128	/* of Linux's driver, which sends as many pieces */
#define PIECES		(QUEUE_SIZE + 8)	/* regions of memory split some */
#define MESSAGE_MAX	(1u << 20)	/* bytes; Linux's driver: 500 KB */
#define DRAIN_MS	3000

struct request {
	struct ring_chain chain;
	struct iovec iov[PIECES];
	uint16_t tag, old_tag;	/* old_tag: of a Tflush */
	bool used, is_flush;
};

struct share {
	struct virtio_device device;
	struct loop_source socket;
	struct share_server server;
	bool lost;		/* the server is gone or talks nonsense */
	bool draining;		/* replies are for a guest that is gone */
	bool full;		/* the socket is, and watched for room */
	struct request requests[QUEUE_SIZE];
	unsigned int in_flight;
	size_t to_send, sent;	/* of out */
	size_t received;	/* of in */
	uint8_t out[MESSAGE_MAX + PATH_MAX], in[MESSAGE_MAX];
	char path[PATH_MAX];
};

/* --- giving requests back ------------------------------------------------------ */

/* The request is over, with these bytes for an answer. */
static void finish(struct share *share, struct request *r, const void *reply,
		   size_t bytes)
{
	r->used = false;
	share->in_flight--;
	if (share->draining)
		return;
	if (bytes > r->chain.in_bytes) {
		virtio_break(&share->device, "a reply of %zu bytes has room "
			     "for %llu", bytes,
			     (unsigned long long)r->chain.in_bytes);
		return;
	}
	iov_write(r->chain.in, r->chain.in_count, 0, reply, bytes);
	ring_push(&share->device.rings[0], r->chain.head, bytes);
}

static void finish_with_error(struct share *share, struct request *r, int error)
{
	uint8_t reply[P9_HEADER + 4];

	p9_put32(reply, sizeof(reply));
	reply[4] = P9_RLERROR;
	p9_put16(reply + 5, r->tag);
	p9_put32(reply + P9_HEADER, error);
	finish(share, r, reply, sizeof(reply));
}

/* From now on each request fails, as on a disk that was pulled out. */
static void lose_server(struct share *share, const char *why)
{
	if (share->lost)
		return;
	share->lost = true;
	loop_unwatch(share->device.loop, &share->socket);
	close(share->socket.fd);
	share->socket.fd = -1;
	waitpid(share->server.pid, NULL, WNOHANG);
	if (share->device.host)
		virtio_log(&share->device, "%s: %s; the guest gets I/O errors "
			   "there until it is started anew", share->path, why);
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		if (share->requests[i].used)
			finish_with_error(share, &share->requests[i], EIO);
	share->to_send = share->sent = share->received = 0;
}

/* --- towards the server ------------------------------------------------------------ */

/* Watch for room only while a message waits for it. */
static void watch(struct share *share, bool first)
{
	bool full = share->to_send;

	if (share->lost || (full == share->full && !first))
		return;
	share->full = full;
	loop_watch(share->device.loop, &share->socket,
		   full ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Sends what is in out, as far as the socket takes it. */
static void send_more(struct share *share)
{
	ssize_t sent;

	while (!share->lost && share->sent < share->to_send) {
		sent = write(share->socket.fd, share->out + share->sent,
			     share->to_send - share->sent);
		if (sent >= 0)
			share->sent += sent;
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			lose_server(share, "the server has ended");
	}
	share->to_send = share->sent = 0;
}

/* A request of the guest's is taken: what becomes of it? */
static void start(struct share *share, struct request *r)
{
	size_t bytes = r->chain.out_bytes;

	if (bytes < P9_HEADER || bytes > MESSAGE_MAX) {
		virtio_break(&share->device, "a request of %zu bytes", bytes);
		return;
	}
	iov_read(r->chain.out, r->chain.out_count, 0, share->out, bytes);
	if (p9_get32(share->out) != bytes) {
		virtio_break(&share->device, "a request of %zu bytes says that "
			     "it has %u", bytes, p9_get32(share->out));
		return;
	}
	r->used = true;
	share->in_flight++;
	r->tag = p9_get16(share->out + 5);
	r->is_flush = share->out[4] == P9_TFLUSH && bytes == P9_HEADER + 2;
	r->old_tag = r->is_flush ? p9_get16(share->out + P9_HEADER) : 0;
	share->to_send = bytes;
	p9_allow_open(share->out, bytes);
	if (share->lost) {
		finish_with_error(share, r, EIO);
	} else if (share->out[4] == P9_TATTACH &&
		   !p9_set_folder(share->out, &share->to_send, share->path)) {
		finish_with_error(share, r, EINVAL);
	} else {
		send_more(share);
		return;
	}
	share->to_send = 0;
}

/* There is always one: the ring holds no more chains than this. */
static struct request *free_request(struct share *share)
{
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		if (!share->requests[i].used)
			return &share->requests[i];
	return NULL;
}

static void share_notify(struct virtio_device *device, unsigned int queue)
{
	struct share *share = (struct share *)device;
	struct virtio_ring *ring = &device->rings[queue];
	struct request *r;

	do {
		ring_quiet(ring);
		/* One message at a time is on its way out. */
		while (!share->to_send && (r = free_request(share))) {
			r->chain.iov = r->iov;
			r->chain.room = PIECES;
			if (!ring_pop(ring, &r->chain))
				break;
			start(share, r);
		}
		ring_publish(ring);
	} while (!share->to_send && ring_listen(ring));
	watch(share, false);
}

/* --- from the server ------------------------------------------------------------------ */

static struct request *find(struct share *share, uint16_t tag)
{
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		if (share->requests[i].used && share->requests[i].tag == tag)
			return &share->requests[i];
	return NULL;
}

static void take_reply(struct share *share, size_t bytes)
{
	struct request *r = find(share, p9_get16(share->in + 5)), *old;

	if (!r) {
		lose_server(share, "the server answered what nobody asked");
		return;
	}
	/* The flushed request got no reply, and now never will: its buffers go
	   back empty, which Linux's driver takes for that. */
	if (r->is_flush && share->in[4] == P9_RFLUSH) {
		old = find(share, r->old_tag);
		if (old && old != r)
			finish(share, old, NULL, 0);
	}
	finish(share, r, share->in, bytes);
}

/* Reads all there is. */
static void receive(struct share *share)
{
	size_t want;
	ssize_t got;

	while (!share->lost) {
		want = share->received < 4 ? 4 : p9_get32(share->in);
		if (want < (share->received < 4 ? 4 : P9_HEADER) ||
		    want > MESSAGE_MAX) {
			lose_server(share, "the server sent nonsense");
			return;
		}
		got = read(share->socket.fd, share->in + share->received,
			   want - share->received);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0) {
			lose_server(share, "the server has ended");
			return;
		}
		share->received += got;
		if (share->received >= P9_HEADER &&
		    share->received == p9_get32(share->in)) {
			share->received = 0;
			take_reply(share, p9_get32(share->in));
		}
	}
}

static void share_ready(void *argument, uint32_t events)
{
	struct share *share = argument;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(share);
	if (share->to_send)
		send_more(share);
	if (!share->to_send)
		share_notify(&share->device, 0);	/* publishes, too */
	else
		ring_publish(&share->device.rings[0]);
}

/* --- life -------------------------------------------------------------------------------- */

static void share_activate(struct virtio_device *device)
{
	struct share *share = (struct share *)device;

	watch(share, true);
	if (!share->server.confined)
		virtio_log(device, "this kernel has no Landlock: diod can reach "
			   "what its user can, not only %s", share->path);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * The server still works for a guest that is gone, and will answer. These replies
 * are awaited, or one of them would be taken for the next guest's.
 */
static void share_reset(struct virtio_device *device)
{
	struct share *share = (struct share *)device;
	long end = now_ms() + DRAIN_MS, left;

	share->draining = true;
	while (!share->lost && (share->in_flight || share->to_send)) {
		struct pollfd ready = {
			.fd = share->socket.fd,
			.events = share->to_send ? POLLIN | POLLOUT : POLLIN,
		};

		left = end - now_ms();
		if (left <= 0) {
			lose_server(share, "the server did not finish");
			break;
		}
		poll(&ready, 1, left);
		send_more(share);
		receive(share);
	}
	share->draining = false;
	loop_unwatch(device->loop, &share->socket);
}

/* The server ends when its socket is closed; reap it if it was quick. */
static void share_destroy(struct virtio_device *device)
{
	struct share *share = (struct share *)device;

	virtio_fini(device);
	if (share->socket.fd >= 0)
		close(share->socket.fd);
	waitpid(share->server.pid, NULL, WNOHANG);
	free(share);
}

static const struct virtio_ops share_ops = {
	.activate = share_activate,
	.reset = share_reset,
	.notify = share_notify,
	.destroy = share_destroy,
};

static void set_up_device(struct share *share, const struct share_options *o,
			  unsigned int order)
{
	struct virtio_device *device = &share->device;

	device->ops = &share_ops;
	device->id = VIRTIO_ID_9P;
	device->offered = VIRTIO_BIT(VIRTIO_9P_MOUNT_TAG);
	device->queue_count = 1;
	device->queue_size = QUEUE_SIZE;
	device->config_size = 2 + strlen(o->tag);
	p9_put16(device->config, strlen(o->tag));
	memcpy(device->config + 2, o->tag, strlen(o->tag));
	snprintf(device->name, sizeof(device->name), "share%u", order);
	share->socket.callback = share_ready;
	share->socket.argument = share;
}

static int share_create(const char *text, const struct virtio_setup *setup,
			struct virtio_device **device, char *message,
			size_t message_size)
{
	struct share_options options;
	struct share *share;
	int error = share_parse(text, setup->order, &options, message,
				message_size);

	if (error)
		return error;
	share = calloc(1, sizeof(*share));
	if (!share)
		return -ENOMEM;
	memcpy(share->path, options.path, sizeof(share->path));
	error = share_server_start(share->path, options.readonly,
				   &share->server, message, message_size);
	if (error)
		goto free_share;
	share->socket.fd = share->server.fd;
	set_up_device(share, &options, setup->order);
	error = virtio_init(&share->device);
	if (!error) {
		*device = &share->device;
		return 0;
	}
	close(share->socket.fd);
free_share:
	free(share);
	return error;
}

const struct virtio_kind share_kind = {
	.option = "share",
	.text_required = true,
	.create = share_create,
};
