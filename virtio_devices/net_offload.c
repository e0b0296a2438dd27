// SPDX-License-Identifier: GPL-2.0
/* Unfinished frames. See net_offload.h. */
#include <endian.h>
#include <string.h>

#include "model.h"
#include "net_offload.h"

#define TCP_HEADER_MIN	20
#define TCP_HEADER_MAX 60

/*J: devices.net-offload
 * Most of a network's cost is per packet, not per byte. So a guest's TCP hands
 * over up to 64 KB as one frame that no wire could carry, and asks whoever
 * comes next to cut it into packets ("segmentation offload"). And since the
 * checksum of what is cut must be computed then anyway, it leaves that undone
 * too. Each frame travels with a small header that says what is missing.
 *
 * If the frame never meets a wire, as between two guests or guest and host,
 * nothing is ever cut and no checksum is ever computed: memory does not flip
 * bits the way a wire does. The one duty left is to distrust the header. Its
 * numbers say where in the frame somebody should write two bytes, and a guest
 * that lies about it must not make its neighbour or its host write elsewhere.
 :*/

struct net_offloads net_offloads_received(uint64_t features)
{
	return (struct net_offloads){
		.checksum = features & VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM),
		.tso4 = features & VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4),
		.tso6 = features & VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6),
		.ecn = features & VIRTIO_BIT(VIRTIO_NET_F_GUEST_ECN),
	};
}

struct net_offloads net_offloads_sent(uint64_t features)
{
	return (struct net_offloads){
		.checksum = features & VIRTIO_BIT(VIRTIO_NET_F_CSUM),
		.tso4 = features & VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4),
		.tso6 = features & VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6),
		.ecn = features & VIRTIO_BIT(VIRTIO_NET_F_HOST_ECN),
	};
}

static bool gso_allowed(uint8_t gso_type, struct net_offloads allowed)
{
	if (gso_type & VIRTIO_NET_HDR_GSO_ECN && !allowed.ecn)
		return false;
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return allowed.tso4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return allowed.tso6;
	default:
		return false;
	}
}

bool net_header_check(struct virtio_net_hdr_v1 *header, size_t bytes,
		      struct net_offloads allowed)
{
	size_t start = le16toh(header->csum_start);
	size_t at = start + le16toh(header->csum_offset);

	header->num_buffers = 0;
	header->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM |
			 VIRTIO_NET_HDR_F_DATA_VALID;
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if (start < NET_FRAME_MIN || at + 2 > bytes)
			return false;
	} else {
		header->csum_start = 0;
		header->csum_offset = 0;
	}
	if (!allowed.checksum)
		header->flags &= ~VIRTIO_NET_HDR_F_DATA_VALID;
	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		header->gso_size = 0;
		header->hdr_len = 0;
		return !(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) ||
		       allowed.checksum;
	}
	/*
	 * 5.1.6.2: only with a checksum to be done. The TCP header begins
	 * where the checksum does, and bytes to be cut up follow it. What the
	 * sender says in hdr_len is not to be relied on; the next one is told
	 * no less than there is of headers (5.1.6.4.1).
	 */
	header->hdr_len = htole16(start + TCP_HEADER_MAX < bytes
					  ? start + TCP_HEADER_MAX
					  : bytes);
	return gso_allowed(header->gso_type, allowed) &&
	       header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	       header->gso_size && start + TCP_HEADER_MIN < bytes;
}

/* The ones' complement sum (RFC 1071) of a frame's piece, big endian words. */
static uint32_t sum_words(const uint8_t *data, size_t bytes)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	if (bytes & 1)
		sum += (uint32_t)data[bytes - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

void net_checksum_finish(struct virtio_net_hdr_v1 *header, uint8_t *frame,
			 size_t bytes)
{
	size_t start = le16toh(header->csum_start);
	uint8_t *field = frame + start + le16toh(header->csum_offset);
	uint16_t sum;

	/* The sender left the pseudo header's sum in the field. */
	sum = ~sum_words(frame + start, bytes - start);
	/* UDP knows 0 as `no checksum`; the other zero means the same sum. */
	if (!sum)
		sum = 0xffff;
	field[0] = sum >> 8;
	field[1] = sum;
	header->flags &= ~VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->csum_start = 0;
	header->csum_offset = 0;
}
