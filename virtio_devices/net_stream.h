/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames through a stream socket, as passt and QEMU's `-netdev stream` send
 * them: four bytes of length, big endian, then the frame. What all backends of
 * this sort share.
 *
 * Between two ringlet guests the virtio header travels with the frame (and is
 * counted in the length), so that segmentation and checksums can be left
 * undone. Since this is not what others expect, such a stream opens in both
 * directions with NET_STREAM_HELLO, which is no length that anybody sends.
 */
#ifndef RINGLET_VIRTIO_NET_STREAM_H
#define RINGLET_VIRTIO_NET_STREAM_H

#include "net_backend.h"

#define NET_STREAM_HELLO	0x524c4e31u	/* "RLN1" */
#define NET_STREAM_IN		(256 << 10)
#define NET_STREAM_OUT		(4 + NET_HEADER_BYTES + NET_FRAME_MAX)

struct net_stream {
	struct net_backend backend;
	struct loop *loop;
	struct loop_source source;	/* fd -1: not connected */
	bool headers;
	bool greeted;		/* the peer's hello has come, or none is due */
	bool listening;		/* net.c wants frames */
	bool send_waits;	/* net.c waits for net_send_ready() */
	/* Called when the connection is lost, after it was closed. */
	void (*lost)(struct net_stream *stream, const char *why);
	/* Received, not yet given away: in[in_start, in_end). */
	size_t in_start, in_end;
	/* The rest of a frame that the socket took in part. */
	size_t out_start, out_end;
	uint8_t in[NET_STREAM_IN];
	uint8_t out[NET_STREAM_OUT];
};

/* fd -1; the ops are those of a stream, but for close. */
void net_stream_init(struct net_stream *stream, bool headers);
/* A connected socket, from now on the stream's. Before start() or after. */
void net_stream_connect(struct net_stream *stream, int fd);
/* Close it, if it is open, without calling lost. */
void net_stream_disconnect(struct net_stream *stream);

/* The ops, for backends that add their own start() and close(). */
int net_stream_start(struct net_backend *backend, struct loop *loop);
int net_stream_receive(struct net_backend *backend, unsigned int pair,
		       struct net_frame *frame);
void net_stream_listen(struct net_backend *backend, unsigned int pair,
		       bool wanted);
int net_stream_send(struct net_backend *backend, unsigned int pair,
		    struct iovec *iov, unsigned int count, size_t bytes);
void net_stream_set_offloads(struct net_backend *backend, uint64_t features);

#endif
