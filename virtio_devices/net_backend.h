/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands behind a network device: a tap, or a stream to passt or to
 * another guest. net.c sees these functions only; a backend sees net.c through
 * the net_*_ready() functions at the end.
 *
 * All of it runs on the device's thread, and nothing in it blocks: a backend
 * that cannot take a frame says so and calls net_send_ready() when it can;
 * net.c meanwhile leaves the guest's buffers in the ring. The other way round,
 * net.c stops a backend whose guest has no receive buffers.
 */
#ifndef RINGLET_VIRTIO_NET_BACKEND_H
#define RINGLET_VIRTIO_NET_BACKEND_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "loop.h"

#define NET_PAIRS_MAX		8
#define NET_FORWARDS_MAX	16
#define NET_HEADER_BYTES	sizeof(struct virtio_net_hdr_v1)
/* An Ethernet header, 64 KB that were segmented elsewhere, VLAN tags. */
#define NET_FRAME_MIN		14
#define NET_FRAME_MAX		(65535 + 14 + 8)

/* A frame on its way to the guest. */
struct net_frame {
	struct virtio_net_hdr_v1 header;
	uint8_t *data;		/* the backend's, until its next receive() */
	size_t bytes;
};

struct net_backend;
struct net;

struct net_backend_ops {
	/* The device and its loop are there: watch what is to be watched. */
	int (*start)(struct net_backend *backend, struct loop *loop);
	/*
	 * The next frame for the guest: 1, or 0 where none is there. The
	 * header is as hostile as the frame.
	 */
	int (*receive)(struct net_backend *backend, unsigned int pair,
		       struct net_frame *frame);
	/* Call net_receive_ready() when there are frames, or do not. */
	void (*listen)(struct net_backend *backend, unsigned int pair,
		       bool wanted);
	/*
	 * A frame from the guest: iov[0] is a struct virtio_net_hdr_v1, which
	 * net.c has checked, and which the backend may replace; the rest, bytes
	 * long, is guest memory. At most IOV_MAX pieces. -EAGAIN: not now,
	 * net_send_ready() will be called. 0 or another error: done with it.
	 */
	int (*send)(struct net_backend *backend, unsigned int pair,
		    struct iovec *iov, unsigned int count, size_t bytes);
	/* Offload only these of VIRTIO_NET_F_GUEST_* on receive. */
	void (*set_offloads)(struct net_backend *backend, uint64_t features);
	/* So many pairs are in use by the guest. May be NULL. */
	void (*set_pairs)(struct net_backend *backend, unsigned int pairs);
	/* The last call: free all. */
	void (*close)(struct net_backend *backend);
};

struct net_backend {
	const struct net_backend_ops *ops;
	struct net *net;	/* set before start() */
	unsigned int pairs;	/* 1 up to NET_PAIRS_MAX */
	bool offloads;		/* headers travel with the frames */
	bool link_up;		/* see net_link_changed() */
	uint16_t mtu;		/* to advise the guest, or 0 */
	unsigned int needs;	/* VIRTIO_NEEDS_*, for the device */
};

/* What the user wants; pointers are into the option's text. */
struct net_options {
	enum { NET_NONE, NET_TAP, NET_USER, NET_UNIX, NET_FD } how;
	char name[108];		/* of the tap, or the socket's path */
	int fd;
	bool plain;		/* no headers in the stream */
	bool verbose;		/* passt may speak on standard error */
	bool has_mac;
	uint8_t mac[6];
	unsigned int queues;	/* 0: as many as there are CPUs */
	uint16_t mtu;		/* 0: the backend's choice */
	struct net_forward {
		bool udp;
		uint16_t host, guest;
	} forwards[NET_FORWARDS_MAX];
	unsigned int forward_count;
};

/* 0, or -EINVAL and what is wrong with text in message. */
int net_options_parse(const char *text, struct net_options *options,
		      char *message, size_t message_size);

/*
 * Open one. 0, or -errno and a line in message. cpus: the most pairs that make
 * sense.
 */
int net_tap_open(const struct net_options *options, unsigned int cpus,
		 struct net_backend **backend, char *message,
		 size_t message_size);
/*
 * A tap's queue that is open already, with virtio headers; or, for tests, a
 * socket that keeps frames apart. Its link is up.
 */
int net_tap_on(int fd, struct net_backend **backend);
int net_passt_open(const struct net_options *options,
		   struct net_backend **backend, char *message,
		   size_t message_size);
int net_unix_open(const struct net_options *options,
		  struct net_backend **backend, char *message,
		  size_t message_size);
int net_fd_open(const struct net_options *options,
		struct net_backend **backend, char *message,
		size_t message_size);

/* For backends to call. */
void net_receive_ready(struct net *net, unsigned int pair);
void net_send_ready(struct net *net, unsigned int pair);
/* backend->link_up is another now. */
void net_link_changed(struct net *net);
/* A line for the user. */
void net_log(struct net *net, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
