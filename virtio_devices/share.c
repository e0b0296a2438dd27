// SPDX-License-Identifier: GPL-2.0
/*
 * A folder of the host for the guest: a thin bridge between a virtio-9p ring
 * (virtio 1.2 gives the device the number 9 and no chapter; the configuration
 * space is that of linux/virtio_9p.h) and a server of 9P2000.L behind a socket.
 *
 * What is known of 9P here: each message begins with its size (4 bytes, little
 * endian, itself included), a type (1) and a tag (2), and a reply has the tag of
 * its request. Three messages are looked at more closely: Tattach, which chooses a
 * folder of the server's and always gets ours; Tflush, whose reply means that
 * another request gets none; and Tlopen, which may want what only a file's owner may.
 *
 * A request is copied before it is checked and sent, so the guest cannot change it
 * under the server.
 */
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/virtio_9p.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "share.h"
#include "share_server.h"
#include "words.h"

#define QUEUE_SIZE	128	/* of Linux's driver, which sends as many pieces */
#define PIECES		(QUEUE_SIZE + 8)	/* regions of memory split some */
#define MESSAGE_MAX	(1u << 20)	/* bytes; Linux's driver: 500 KB */
#define HEADER		7u		/* size, type, tag */
#define TAG_MAX		(VIRTIO_CONFIG_MAX - 2)
#define DRAIN_MS	3000

/* Types of messages (diod's protocol.md and linux/include/net/9p/9p.h). */
#define RLERROR		7
#define TLOPEN		12
#define TATTACH		104
#define TFLUSH		108
#define RFLUSH		109
#define NOATIME		01000000u	/* P9_DOTL_NOATIME */

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

static uint16_t get16(const uint8_t *at)
{
	return at[0] | at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value;
	at[1] = value >> 8;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value);
	put16(at + 2, value >> 16);
}

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
	uint8_t reply[HEADER + 4];

	put32(reply, sizeof(reply));
	reply[4] = RLERROR;
	put16(reply + 5, r->tag);
	put32(reply + HEADER, error);
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

/*
 * Tattach: fid[4] afid[4] uname[s] aname[s] n_uname[4], a string being its length
 * (2 bytes) and its bytes. aname becomes the shared folder, and n_uname, unless
 * root serves, who the launcher is: diod's own mapping of users (allsquash) needs
 * to look them up. False: no Tattach.
 */
static bool set_folder(struct share *share)
{
	size_t size = share->to_send, at = HEADER + 8, path = strlen(share->path);
	size_t name, rest;

	if (size < at + 2)
		return false;
	at += 2 + get16(share->out + at);
	if (size < at + 2)
		return false;
	name = get16(share->out + at);
	rest = at + 2 + name;
	if (size < rest || size - rest != 4)
		return false;
	memmove(share->out + at + 2 + path, share->out + rest, 4);
	put16(share->out + at, path);
	memcpy(share->out + at + 2, share->path, path);
	at += 2 + path;
	if (geteuid())
		put32(share->out + at, geteuid());
	share->to_send = at + 4;
	put32(share->out, share->to_send);
	return true;
}

/*
 * Tlopen: fid[4] flags[4]. Linux's overlayfs opens what is below it with O_NOATIME,
 * which the host refuses (EPERM) to who does not own the file.
 */
static void set_flags(uint8_t *message, size_t bytes)
{
	uint8_t *flags = message + HEADER + 4;

	if (message[4] == TLOPEN && bytes == HEADER + 8)
		put32(flags, get32(flags) & ~NOATIME);
}

/* A request of the guest's is taken: what becomes of it? */
static void start(struct share *share, struct request *r)
{
	size_t bytes = r->chain.out_bytes;

	if (bytes < HEADER || bytes > MESSAGE_MAX) {
		virtio_break(&share->device, "a request of %zu bytes", bytes);
		return;
	}
	iov_read(r->chain.out, r->chain.out_count, 0, share->out, bytes);
	if (get32(share->out) != bytes) {
		virtio_break(&share->device, "a request of %zu bytes says that "
			     "it has %u", bytes, get32(share->out));
		return;
	}
	r->used = true;
	share->in_flight++;
	r->tag = get16(share->out + 5);
	r->is_flush = share->out[4] == TFLUSH && bytes == HEADER + 2;
	r->old_tag = r->is_flush ? get16(share->out + HEADER) : 0;
	share->to_send = bytes;
	set_flags(share->out, bytes);
	if (share->lost) {
		finish_with_error(share, r, EIO);
	} else if (share->out[4] == TATTACH && !set_folder(share)) {
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
	struct request *r = find(share, get16(share->in + 5)), *old;

	if (!r) {
		lose_server(share, "the server answered what nobody asked");
		return;
	}
	/* The flushed request got no reply, and now never will: its buffers go
	   back empty, which Linux's driver takes for that. */
	if (r->is_flush && share->in[4] == RFLUSH) {
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
		want = share->received < 4 ? 4 : get32(share->in);
		if (want < (share->received < 4 ? 4 : HEADER) ||
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
		if (share->received >= HEADER &&
		    share->received == get32(share->in)) {
			share->received = 0;
			take_reply(share, get32(share->in));
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

struct share_options {
	char path[PATH_MAX], tag[TAG_MAX + 1];
	bool readonly;
};

static int parse(const char *text, unsigned int order,
		 struct share_options *options, char *message, size_t size)
{
	struct words words = { .rest = NULL };

	memset(options, 0, sizeof(*options));
	snprintf(options->tag, sizeof(options->tag), "share%u", order);
	words.rest = words_path(text, options->path, sizeof(options->path));
	while (words.rest && words_next(&words)) {
		if (!strcmp(words.key, "readonly") && !words.value) {
			options->readonly = true;
		} else if (!strcmp(words.key, "tag") && words.value &&
			   *words.value && strlen(words.value) <= TAG_MAX) {
			snprintf(options->tag, sizeof(options->tag), "%s",
				 words.value);
		} else {
			snprintf(message, size, "--share: `%s` is not known; "
				 "there are readonly and tag=T of up to %u "
				 "bytes (a comma in a folder's name is written "
				 "twice)", words.key, (unsigned int)TAG_MAX);
			return -EINVAL;
		}
	}
	if (words.rest && !words.too_long && *options->path)
		return 0;
	snprintf(message, size, "--share: %s", *options->path ?
		 "a word is too long" : "no folder is named");
	return -EINVAL;
}

/* The folder by its real and absolute name. */
static int find_folder(struct share *share, const char *path, char *message,
		       size_t size)
{
	struct stat info;
	char *real = realpath(path, NULL);

	if (!real || stat(real, &info) || !S_ISDIR(info.st_mode)) {
		int error = real ? -ENOTDIR : -errno;

		snprintf(message, size, "--share %s: %s", path,
			 strerror(-error));
		free(real);
		return error;
	}
	snprintf(share->path, sizeof(share->path), "%s", real);
	free(real);
	return 0;
}

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
	put16(device->config, strlen(o->tag));
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
	int error = parse(text, setup->order, &options, message, message_size);

	if (error)
		return error;
	share = calloc(1, sizeof(*share));
	if (!share)
		return -ENOMEM;
	error = find_folder(share, options.path, message, message_size);
	if (error)
		goto free_share;
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
