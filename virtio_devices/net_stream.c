// SPDX-License-Identifier: GPL-2.0
/* Frames through a stream socket. See net_stream.h. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "iov.h"
#include "net_stream.h"

static void stream_watch(struct net_stream *stream)
{
	uint32_t events = 0;

	if (!stream->loop || stream->source.fd < 0)
		return;
	if (stream->listening)
		events |= EPOLLIN;
	if (stream->send_waits || stream->out_start < stream->out_end)
		events |= EPOLLOUT;
	/* Even with no events wanted, the end of the stream is noticed. */
	loop_watch(stream->loop, &stream->source, events);
}

void net_stream_disconnect(struct net_stream *stream)
{
	if (stream->source.fd < 0)
		return;
	if (stream->loop)
		loop_unwatch(stream->loop, &stream->source);
	close(stream->source.fd);
	stream->source.fd = -1;
	stream->backend.link_up = false;
	/* A frame that net.c still holds stays readable in `in`. */
	stream->in_start = stream->in_end = 0;
	stream->out_start = stream->out_end = 0;
}

static void stream_lost(struct net_stream *stream, const char *why)
{
	bool waits = stream->send_waits;

	net_stream_disconnect(stream);
	net_link_changed(stream->backend.net);
	stream->send_waits = false;
	/* Let it drop what it kept. */
	if (waits)
		net_send_ready(stream->backend.net, 0);
	stream->lost(stream, why);
}

/* --- receiving --- */

/* Is the length (or the hello) at the buffer's start one that can be? */
static const char *stream_check_length(struct net_stream *stream,
				       uint32_t length)
{
	size_t least = NET_FRAME_MIN, most = NET_FRAME_MAX;

	if (!stream->greeted)
		return length == NET_STREAM_HELLO ? NULL :
		       "the other side sends frames without headers; say "
		       "`plain` here";
	if (stream->headers) {
		least += NET_HEADER_BYTES;
		most += NET_HEADER_BYTES;
	}
	if (length == NET_STREAM_HELLO)
		return "the other side sends frames with headers; say `plain` "
		       "there";
	if (length < least || length > most)
		return "the other side does not speak the protocol";
	return NULL;
}

/* Frame at in_start, length bytes, complete. */
static void stream_take_frame(struct net_stream *stream, uint32_t length,
			      struct net_frame *frame)
{
	uint8_t *data = stream->in + stream->in_start;

	stream->in_start += length;
	memset(&frame->header, 0, sizeof(frame->header));
	if (stream->headers) {
		memcpy(&frame->header, data, NET_HEADER_BYTES);
		/* 5.1.6.4.1: that it is valid, only who looked may say. */
		frame->header.flags &= ~VIRTIO_NET_HDR_F_DATA_VALID;
		data += NET_HEADER_BYTES;
		length -= NET_HEADER_BYTES;
	}
	frame->data = data;
	frame->bytes = length;
}

/* 1: a frame; 0: more bytes are needed; -1: the connection is lost. */
static int stream_parse(struct net_stream *stream, struct net_frame *frame)
{
	const char *wrong;
	uint32_t length;

	while (stream->in_end - stream->in_start >= sizeof(length)) {
		memcpy(&length, stream->in + stream->in_start, sizeof(length));
		length = be32toh(length);
		wrong = stream_check_length(stream, length);
		if (wrong) {
			stream_lost(stream, wrong);
			return -1;
		}
		if (stream->greeted) {
			if (stream->in_end - stream->in_start <
			    sizeof(length) + length)
				return 0;
			stream->in_start += sizeof(length);
			stream_take_frame(stream, length, frame);
			return 1;
		}
		stream->in_start += sizeof(length);
		stream->greeted = true;
	}
	return 0;
}

/* More bytes into the buffer, which has room for any frame's rest. */
static bool stream_read(struct net_stream *stream)
{
	ssize_t got;

	stream->in_end -= stream->in_start;
	memmove(stream->in, stream->in + stream->in_start, stream->in_end);
	stream->in_start = 0;
	got = recv(stream->source.fd, stream->in + stream->in_end,
		   sizeof(stream->in) - stream->in_end, MSG_DONTWAIT);
	if (got > 0) {
		stream->in_end += got;
		return true;
	}
	if (!got || (errno != EAGAIN && errno != EINTR))
		stream_lost(stream, got ? strerror(errno) :
			    "the other side has closed the connection");
	return false;
}

int net_stream_receive(struct net_backend *backend, unsigned int pair,
		       struct net_frame *frame)
{
	struct net_stream *stream = (struct net_stream *)backend;
	int found;

	(void)pair;
	while (stream->source.fd >= 0) {
		found = stream_parse(stream, frame);
		if (found > 0)
			return 1;
		if (found < 0 || !stream_read(stream))
			return 0;
	}
	return 0;
}

void net_stream_listen(struct net_backend *backend, unsigned int pair,
		       bool wanted)
{
	struct net_stream *stream = (struct net_stream *)backend;

	(void)pair;
	stream->listening = wanted;
	stream_watch(stream);
}

/* --- sending --- */

/* Keep what the socket did not take of the frame in iov. */
static void stream_keep_rest(struct net_stream *stream, struct iovec *iov,
			     unsigned int count, size_t taken)
{
	stream->out_start = 0;
	stream->out_end = iov_read(iov, count, taken, stream->out,
				   sizeof(stream->out));
	stream_watch(stream);
}

int net_stream_send(struct net_backend *backend, unsigned int pair,
		    struct iovec *iov, unsigned int count, size_t bytes)
{
	struct net_stream *stream = (struct net_stream *)backend;
	struct {
		uint32_t length;
		struct virtio_net_hdr_v1 header;
	} front;
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = count };
	ssize_t sent;

	(void)pair;
	if (stream->source.fd < 0)
		return -ENOTCONN;
	if (stream->out_start < stream->out_end) {
		stream->send_waits = true;
		return -EAGAIN;
	}
	memcpy(&front.header, iov[0].iov_base, sizeof(front.header));
	if (stream->headers)
		bytes += NET_HEADER_BYTES;
	front.length = htobe32(bytes);
	iov[0].iov_base = &front;
	iov[0].iov_len = stream->headers ? sizeof(front) :
					   sizeof(front.length);
	sent = sendmsg(stream->source.fd, &message,
		       MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
		stream->send_waits = true;
		stream_watch(stream);
		return -EAGAIN;
	}
	/* An end of the connection is dealt with by the event. */
	if (sent < 0)
		return -EPIPE;
	if ((size_t)sent < sizeof(front.length) + bytes)
		stream_keep_rest(stream, iov, count, sent);
	return 0;
}

static void stream_flush(struct net_stream *stream)
{
	ssize_t sent;

	if (stream->out_start < stream->out_end) {
		sent = send(stream->source.fd, stream->out + stream->out_start,
			    stream->out_end - stream->out_start,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0)
			stream->out_start += sent;
		if (stream->out_start < stream->out_end)
			return;
	}
	if (stream->send_waits) {
		stream->send_waits = false;
		net_send_ready(stream->backend.net, 0);
	}
	stream_watch(stream);
}

static void stream_event(void *argument, uint32_t events)
{
	struct net_stream *stream = argument;

	if (events & EPOLLOUT)
		stream_flush(stream);
	if (events & EPOLLIN)
		net_receive_ready(stream->backend.net, 0);
	else if (events & (EPOLLHUP | EPOLLERR))
		stream_lost(stream, "the other side has gone");
}

void net_stream_set_offloads(struct net_backend *backend, uint64_t features)
{
	/* The peer sends as it likes; net.c finishes or drops it. */
	(void)backend;
	(void)features;
}

/* --- life --- */

void net_stream_init(struct net_stream *stream, bool headers)
{
	stream->backend.pairs = 1;
	stream->backend.offloads = headers;
	stream->headers = headers;
	stream->listening = true;
	stream->source.fd = -1;
	stream->source.callback = stream_event;
	stream->source.argument = stream;
}

void net_stream_connect(struct net_stream *stream, int fd)
{
	uint32_t hello = htobe32(NET_STREAM_HELLO);
	int room = 1 << 20;

	/* Of use where the system allows so much; else nothing is lost. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	stream->source.fd = fd;
	stream->greeted = !stream->headers;
	stream->in_start = stream->in_end = 0;
	stream->out_start = stream->out_end = 0;
	if (stream->headers) {
		memcpy(stream->out, &hello, sizeof(hello));
		stream->out_end = sizeof(hello);
	}
	stream->backend.link_up = true;
	if (stream->loop)
		net_link_changed(stream->backend.net);
	stream_watch(stream);
}

int net_stream_start(struct net_backend *backend, struct loop *loop)
{
	struct net_stream *stream = (struct net_stream *)backend;

	stream->loop = loop;
	stream_watch(stream);
	return 0;
}
