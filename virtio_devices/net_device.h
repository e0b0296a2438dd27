/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inside of the network device, for net.c (life and configuration),
 * net_queues.c (frames) and net_control.c (the control queue).
 *
 * Queues: receive 0, transmit 0, receive 1, ..., then the control queue
 * (virtio 1.2, 5.1.2). Everything belongs to the device's thread.
 */
#ifndef RINGLET_VIRTIO_NET_DEVICE_H
#define RINGLET_VIRTIO_NET_DEVICE_H

#include "model.h"
#include "net_backend.h"
#include "net_segment.h"

#define NET_QUEUE_SIZE	256
/*
 * Pieces of one chain. Linux uses up to 19; the rest is for drivers with odd
 * habits. One more is kept free in front for our copy of the header.
 */
#define NET_PIECES	512

/* A receive queue, a transmit queue, and what is half done in them. */
struct net_pair {
	struct net_frame frame;
	struct net_segmenter segmenter;	/* of a frame that is too much */
	bool frame_pending;	/* frame is not yet (all) in the guest */
	/* Chains popped for it so far, and how many bytes of it went there. */
	unsigned int chains;
	size_t copied;
	struct {
		uint16_t head;
		uint32_t written;
	} used[NET_QUEUE_SIZE];
	/* Where the guest looks for num_buffers (two bytes, anywhere). */
	uint8_t *num_buffers[2];

	bool receive_blocked;	/* no receive buffers: backend not listened to */
	bool send_blocked;	/* the backend takes no more */
	bool receive_again;	/* more to do, after others had their turn */
	bool send_again;
};

/* Any thread reads them: the statistics. */
struct net_drops {
	atomic_ulong header;	/* a header that lies, or is not allowed */
	atomic_ulong size;	/* too short, too long for the buffers */
	atomic_ulong backend;	/* the backend lost it: link down and so on */
};

struct net {
	struct virtio_device device;
	struct net_backend *backend;
	uint8_t mac[6];		/* as created */
	unsigned int pairs;	/* that the guest uses */
	uint64_t offloads;	/* VIRTIO_NET_F_GUEST_* in force */
	struct net_pair pair[NET_PAIRS_MAX];
	struct net_drops drops;
	bool complained;	/* about drops.header, once per activation */
	struct loop_source again;	/* eventfd: a pair has more to do */
	struct iovec iov[1 + NET_PIECES];
};

static inline unsigned int net_receive_queue(unsigned int pair)
{
	return 2 * pair;
}

static inline unsigned int net_send_queue(unsigned int pair)
{
	return 2 * pair + 1;
}

/* The control queue's number depends on what was negotiated (5.1.2). */
static inline unsigned int net_control_queue(const struct net *net)
{
	return virtio_has(&net->device, VIRTIO_NET_F_MQ) ?
	       2 * net->backend->pairs : 2;
}

/* net.c */
/* On this backend, which is taken over, also where it fails. 0 or -errno. */
int net_create_on(struct net_backend *backend,
		  const struct net_options *options,
		  const struct virtio_setup *setup,
		  struct virtio_device **device);
void net_set_pairs(struct net *net, unsigned int pairs);
void net_set_offloads(struct net *net, uint64_t features);

/* net_queues.c */
void net_receive(struct net *net, unsigned int pair);
void net_send(struct net *net, unsigned int pair);
/* Serve what was put off; of net->again. */
void net_again(void *argument, uint32_t events);
/* Forget the half-done frames of pairs from first on: nobody wants them. */
void net_queues_forget(struct net *net, unsigned int first);

/* net_control.c */
void net_control(struct net *net);

#endif
