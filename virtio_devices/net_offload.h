/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames that are not finished: a checksum that somebody else is to fill in,
 * a TCP segment that somebody else is to cut up. The header in front of a
 * frame says what is missing (virtio 1.2, 5.1.6).
 */
#ifndef RINGLET_VIRTIO_NET_OFFLOAD_H
#define RINGLET_VIRTIO_NET_OFFLOAD_H

#include "net_backend.h"

/*
 * Who may leave work undone in its frames: what the VIRTIO_NET_F_GUEST_* of a
 * receiver mean, and the VIRTIO_NET_F_HOST_* and _CSUM of a sender.
 */
struct net_offloads {
	bool checksum, tso4, tso6, ecn;
};

struct net_offloads net_offloads_received(uint64_t features);
struct net_offloads net_offloads_sent(uint64_t features);

/*
 * Does the header fit a frame of so many bytes, and does it leave undone only
 * what is allowed? The header is cleaned of bits that mean nothing here, and hdr_len
 * becomes one that is true.
 */
bool net_header_check(struct virtio_net_hdr_v1 *header, size_t bytes,
		      struct net_offloads allowed);

/* Fill in the checksum that a checked header asks for, and clear the wish. */
void net_checksum_finish(struct virtio_net_hdr_v1 *header, uint8_t *frame,
			 size_t bytes);

#endif
