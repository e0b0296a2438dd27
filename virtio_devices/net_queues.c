// SPDX-License-Identifier: GPL-2.0
/*
 * Frames between the guest's queues and the backend.
 *
 * Nothing blocks here. To the guest: a frame that finds no buffers stays where
 * it is, and the backend is not listened to until the guest has put some
 * there. From the guest: a frame that the backend does not take goes back into
 * the ring. After a burst of frames in one direction others get their turn,
 * so that a reset never waits long.
 *
 * A frame's header is copied out of guest memory before it is checked; the
 * frame itself may change while it is sent, which hurts only its sender.
 */
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/eventfd.h>

#include "net_device.h"
#include "net_offload.h"

#define NET_BURST	128	/* frames */
#define VLAN_BYTES 4
#define VLANS_MAX 2

static void net_put_off(struct net *net, bool *flag)
{
	*flag = true;
	eventfd_write(net->again.fd, 1);
}

/* --- to the guest --- */

enum delivery { DELIVERED, NO_BUFFERS };

/* Remember where in guest memory the header's last two bytes are. */
static void net_find_num_buffers(struct net_pair *pair,
				 const struct ring_chain *chain)
{
	size_t at = offsetof(struct virtio_net_hdr_v1, num_buffers);
	size_t before = 0;
	unsigned int i, found = 0;

	for (i = 0; i < chain->in_count && found < 2; i++) {
		while (found < 2 && at - before < chain->in[i].iov_len) {
			pair->num_buffers[found++] =
				(uint8_t *)chain->in[i].iov_base + at - before;
			at++;
		}
		before += chain->in[i].iov_len;
	}
}

static void net_copy_piece(struct net_pair *pair,
			   const struct ring_chain *chain)
{
	size_t skip = 0, done = 0;

	if (!pair->chains) {
		net_find_num_buffers(pair, chain);
		skip = iov_write(chain->in, chain->in_count, 0,
				 &pair->frame.header, NET_HEADER_BYTES);
	}
	done = iov_write(chain->in, chain->in_count, skip,
			 pair->frame.data + pair->copied,
			 pair->frame.bytes - pair->copied);
	pair->copied += done;
	pair->used[pair->chains].head = chain->head;
	pair->used[pair->chains].written = skip + done;
	pair->chains++;
}

/*
 * Is the chain fit for (the next part of) the pending frame? False: the frame
 * is lost or the device broken.
 */
static bool net_chain_fits(struct net *net, struct virtio_ring *ring,
			   struct net_pair *pair,
			   const struct ring_chain *chain)
{
	uint64_t least = pair->chains ? 1 : NET_HEADER_BYTES;

	if (chain->in_bytes < least || pair->chains == ring->size) {
		virtio_break(&net->device, "receive buffers of %u bytes are "
			     "too small for a frame",
			     (unsigned int)chain->in_bytes);
		return false;
	}
	if (virtio_has(&net->device, VIRTIO_NET_F_MRG_RXBUF) ||
	    chain->in_bytes >= NET_HEADER_BYTES + pair->frame.bytes)
		return true;
	ring_undo(ring, 1);
	net->drops.size++;
	return false;
}

/* Put the pending frame into the guest's buffers, or go on with it. */
static enum delivery net_deliver(struct net *net, struct virtio_ring *ring,
				 struct net_pair *pair)
{
	struct ring_chain chain = {
		.iov = net->iov + 1,
		.room = NET_PIECES,
	};
	unsigned int i;

	do {
		if (!ring_pop(ring, &chain))
			return NO_BUFFERS;
		if (!net_chain_fits(net, ring, pair, &chain))
			return DELIVERED;
		net_copy_piece(pair, &chain);
	} while (pair->copied < pair->frame.bytes);

	*pair->num_buffers[0] = pair->chains;
	*pair->num_buffers[1] = pair->chains >> 8;
	for (i = 0; i < pair->chains; i++)
		ring_push(ring, pair->used[i].head, pair->used[i].written);
	return DELIVERED;
}

/*
 * Make the frame one that the guest said it can take, or the first of several.
 * False: impossible.
 */
static bool net_finish_frame(struct net *net, struct net_pair *pair)
{
	struct net_frame *frame = &pair->frame;
	struct net_offloads everything = { true, true, true, true };
	struct net_offloads allowed = net_offloads_received(net->offloads);

	if (frame->bytes < NET_FRAME_MIN || frame->bytes > NET_FRAME_MAX) {
		net->drops.size++;
		return false;
	}
	if (!net_header_check(&frame->header, frame->bytes, everything)) {
		net->drops.header++;
		return false;
	}
	if (frame->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    !allowed.checksum && !frame->header.gso_type)
		net_checksum_finish(&frame->header, frame->data, frame->bytes);
	if (net_header_check(&frame->header, frame->bytes, allowed))
		return true;
	if (frame->header.gso_type &&
	    net_segment_begin(&pair->segmenter, frame))
		return net_segment_next(&pair->segmenter, frame);
	net->drops.header++;
	return false;
}

/*
 * 5.1.4.1: with an MTU agreed on, no whole frame is longer than that and its
 * Ethernet header, of which VLAN tags are a part.
 */
static bool net_mtu_fits(const struct net *net, const struct net_frame *frame)
{
	size_t most = net->backend->mtu + ETH_HLEN, at = 12;

	if (!virtio_has(&net->device, VIRTIO_NET_F_MTU) ||
	    frame->header.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return true;
	for (unsigned int tags = 0; tags < VLANS_MAX;
	     tags++, at += VLAN_BYTES) {
		unsigned int type;

		if (frame->bytes < at + 2 + VLAN_BYTES)
			break;
		type = frame->data[at] << 8 | frame->data[at + 1];
		if (type != ETH_P_8021Q && type != ETH_P_8021AD)
			break;
		most += VLAN_BYTES;
	}
	return frame->bytes <= most;
}

/* The backend's frame, as far as anybody in the guest is there for it. */
static bool net_prepare_frame(struct net *net, unsigned int index)
{
	struct net_pair *pair = &net->pair[index];

	/*
	 * No driver, or none for this queue: the cable is out. The guest uses
	 * fewer pairs: what was on its way to the others is lost (5.1.6.5.6).
	 */
	return net->device.active && index < net->pairs &&
	       net->device.rings[net_receive_queue(index)].ready &&
	       net_finish_frame(net, pair);
}

/* The next frame that can be given to the guest. */
static bool net_next_frame(struct net *net, unsigned int index)
{
	struct net_pair *pair = &net->pair[index];

	if (net_segment_next(&pair->segmenter, &pair->frame))
		pair->frame_pending = true;
	else if (!net->backend->ops->receive(net->backend, index,
					     &pair->frame))
		return false;
	else
		pair->frame_pending = net_prepare_frame(net, index);
	if (pair->frame_pending && !net_mtu_fits(net, &pair->frame)) {
		pair->frame_pending = false;
		net->drops.size++;
	}
	/* 5.1.6.4: 1 unless buffers are merged; delivery says how many. */
	pair->frame.header.num_buffers = htole16(1);
	pair->chains = 0;
	pair->copied = 0;
	return true;
}

void net_receive(struct net *net, unsigned int index)
{
	struct net_pair *pair = &net->pair[index];
	struct virtio_ring *ring =
		&net->device.rings[net_receive_queue(index)];
	unsigned int burst;

	ring_quiet(ring);
	for (burst = 0; burst < NET_BURST; burst++) {
		if (!pair->frame_pending && !net_next_frame(net, index))
			break;
		while (pair->frame_pending) {
			if (net_deliver(net, ring, pair) == DELIVERED)
				pair->frame_pending = false;
			else if (!ring_listen(ring))
				break;
		}
		if (pair->frame_pending)
			break;
	}
	ring_publish(ring);
	if (pair->frame_pending != pair->receive_blocked) {
		pair->receive_blocked = pair->frame_pending;
		net->backend->ops->listen(net->backend, index,
					  !pair->receive_blocked);
	}
	if (burst == NET_BURST)
		net_put_off(net, &pair->receive_again);
}

void net_receive_ready(struct net *net, unsigned int index)
{
	net_receive(net, index);
}

/* --- from the guest --- */

/*
 * Take the header out of the chain, leaving iov[0] of the result free for it.
 * NULL: no frame.
 */
static struct iovec *net_take_header(struct net *net, struct ring_chain *chain,
				     struct virtio_net_hdr_v1 *header)
{
	size_t bytes;

	if (iov_read(chain->out, chain->out_count, 0, header,
		     NET_HEADER_BYTES) < NET_HEADER_BYTES)
		goto wrong_size;
	iov_trim_front(&chain->out, &chain->out_count, NET_HEADER_BYTES);
	bytes = chain->out_bytes - NET_HEADER_BYTES;
	if (bytes < NET_FRAME_MIN || bytes > NET_FRAME_MAX)
		goto wrong_size;
	if (!net_header_check(header, bytes,
			      net_offloads_sent(net->device.features))) {
		net->drops.header++;
		return NULL;
	}
	/* out lies behind iov[0], whatever was cut off. */
	return chain->out - 1;
wrong_size:
	net->drops.size++;
	return NULL;
}

/* -EAGAIN: not now. Else done with the chain. */
static int net_send_chain(struct net *net, unsigned int pair,
			  struct ring_chain *chain)
{
	struct virtio_net_hdr_v1 header;
	struct iovec *iov = net_take_header(net, chain, &header);
	int error;

	if (!iov) {
		if (!net->complained)
			net_log(net, "the guest sends frames that are wrong; "
				"they are dropped");
		net->complained = true;
		return 0;
	}
	header.flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	iov->iov_base = &header;
	iov->iov_len = sizeof(header);
	error = net->backend->ops->send(net->backend, pair, iov,
					chain->out_count + 1,
					chain->out_bytes - NET_HEADER_BYTES);
	if (error && error != -EAGAIN)
		net->drops.backend++;
	return error;
}

/* False: the backend is full. */
static bool net_send_burst(struct net *net, unsigned int pair,
			   struct virtio_ring *ring, unsigned int *burst)
{
	struct ring_chain chain = {
		.iov = net->iov + 1,
		.room = NET_PIECES,
	};

	while (*burst < NET_BURST && ring_pop(ring, &chain)) {
		if (net_send_chain(net, pair, &chain) == -EAGAIN) {
			ring_undo(ring, 1);
			return false;
		}
		ring_push(ring, chain.head, 0);
		(*burst)++;
	}
	return true;
}

void net_send(struct net *net, unsigned int index)
{
	struct net_pair *pair = &net->pair[index];
	struct virtio_ring *ring = &net->device.rings[net_send_queue(index)];
	unsigned int burst = 0;

	if (pair->send_blocked || pair->send_again)
		return;
	do {
		ring_quiet(ring);
		pair->send_blocked = !net_send_burst(net, index, ring, &burst);
		ring_publish(ring);
		/* Quiet until the backend, or our turn, calls again. */
		if (pair->send_blocked)
			return;
		if (burst >= NET_BURST) {
			net_put_off(net, &pair->send_again);
			return;
		}
	} while (ring_listen(ring));
}

void net_send_ready(struct net *net, unsigned int index)
{
	net->pair[index].send_blocked = false;
	if (net->device.active)
		net_send(net, index);
}

/* --- both --- */

void net_again(void *argument, uint32_t events)
{
	struct net *net = argument;
	struct net_pair *pair;
	eventfd_t count;
	unsigned int i;

	(void)events;
	eventfd_read(net->again.fd, &count);
	for (i = 0; i < net->backend->pairs; i++) {
		pair = &net->pair[i];
		if (pair->receive_again) {
			pair->receive_again = false;
			net_receive(net, i);
		}
		if (pair->send_again) {
			pair->send_again = false;
			if (net->device.active)
				net_send(net, i);
		}
	}
}

void net_queues_forget(struct net *net, unsigned int first)
{
	struct net_pair *pair;
	unsigned int i;

	for (i = first; i < net->backend->pairs; i++) {
		pair = &net->pair[i];
		/* Buffers that hold a part of it are the guest's as before. */
		if (pair->frame_pending)
			ring_undo(&net->device.rings[net_receive_queue(i)],
				  pair->chains);
		pair->frame_pending = false;
		pair->segmenter.frame = NULL;
		if (pair->receive_blocked)
			net->backend->ops->listen(net->backend, i, true);
		pair->receive_blocked = false;
	}
}
