/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cutting up a TCP frame for a guest that does not take whole ones, as its
 * peer's hardware would have done.
 */
#ifndef RINGLET_VIRTIO_NET_SEGMENT_H
#define RINGLET_VIRTIO_NET_SEGMENT_H

#include "net_backend.h"

struct net_segmenter {
	const uint8_t *frame;	/* NULL: nothing to be cut */
	size_t bytes;		/* of it */
	size_t ip, tcp, payload;	/* where these begin */
	bool is_ipv6;
	size_t piece;		/* bytes of payload in each segment */
	size_t next;		/* offset of the next piece */
	unsigned int count;	/* of segments made */
	uint8_t out[NET_FRAME_MAX];
};

/*
 * The frame's header has been checked (net_offload.h) and asks for
 * segmentation. The frame must stay until the last segment was made. False:
 * what it says about itself is not true.
 */
bool net_segment_begin(struct net_segmenter *segmenter,
		       const struct net_frame *frame);
/* The next segment, complete with checksums. False: that was all. */
bool net_segment_next(struct net_segmenter *segmenter,
		      struct net_frame *frame);

#endif
