// SPDX-License-Identifier: GPL-2.0
/*
 * The control queue: how the guest changes the device while it runs (virtio
 * 1.2, 5.1.6.5). Each chain is a class, a command, its data, and one byte for
 * the answer.
 *
 * Filters (promiscuous, multicast and MAC tables) are accepted and not used:
 * 5.1.6.5.1 allows a device to deliver more than was asked for.
 */
#include <endian.h>
#include <linux/if_ether.h>
#include <string.h>

#include "net_device.h"

#define NET_COMMAND_DATA	16	/* bytes, more than any that counts */

/* Offload bits that the guest may switch: those that it negotiated. */
static uint64_t switchable(const struct net *net)
{
	return net->device.features &
	       (VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM) |
		VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4) |
		VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6) |
		VIRTIO_BIT(VIRTIO_NET_F_GUEST_ECN));
}

static bool control_offloads(struct net *net, const uint8_t *data,
			     size_t bytes)
{
	uint64_t features;

	if (bytes != sizeof(features) ||
	    !virtio_has(&net->device, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		return false;
	memcpy(&features, data, sizeof(features));
	features = le64toh(features);
	if (features & ~switchable(net))
		return false;
	net_set_offloads(net, features);
	return true;
}

static bool control_pairs(struct net *net, const uint8_t *data, size_t bytes)
{
	uint16_t pairs;

	if (bytes != sizeof(pairs) ||
	    !virtio_has(&net->device, VIRTIO_NET_F_MQ))
		return false;
	memcpy(&pairs, data, sizeof(pairs));
	pairs = le16toh(pairs);
	if (pairs < VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN ||
	    pairs > net->backend->pairs)
		return false;
	net_set_pairs(net, pairs);
	return true;
}

static bool control_mac(struct net *net, uint8_t command, const uint8_t *data,
			size_t bytes)
{
	switch (command) {
	case VIRTIO_NET_CTRL_MAC_TABLE_SET:
		return virtio_has(&net->device, VIRTIO_NET_F_CTRL_RX);
	case VIRTIO_NET_CTRL_MAC_ADDR_SET:
		/* A group address is nobody's own. */
		if (bytes != ETH_ALEN || data[0] & 1 ||
		    !virtio_has(&net->device, VIRTIO_NET_F_CTRL_MAC_ADDR))
			return false;
		virtio_config_store(&net->device,
				    offsetof(struct virtio_net_config, mac),
				    data, ETH_ALEN, false);
		return true;
	default:
		return false;
	}
}

static bool control_command(struct net *net, struct virtio_net_ctrl_hdr header,
			    const uint8_t *data, size_t bytes)
{
	switch (header.class) {
	case VIRTIO_NET_CTRL_RX:
		return virtio_has(&net->device, VIRTIO_NET_F_CTRL_RX) &&
		       header.cmd <= VIRTIO_NET_CTRL_RX_ALLMULTI && bytes == 1;
	case VIRTIO_NET_CTRL_MAC:
		return control_mac(net, header.cmd, data, bytes);
	case VIRTIO_NET_CTRL_MQ:
		return header.cmd == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET &&
		       control_pairs(net, data, bytes);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return header.cmd == VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET &&
		       control_offloads(net, data, bytes);
	default:
		return false;
	}
}

static uint8_t control_chain(struct net *net, const struct ring_chain *chain)
{
	struct virtio_net_ctrl_hdr header;
	uint8_t data[NET_COMMAND_DATA] = { 0 };

	if (iov_read(chain->out, chain->out_count, 0, &header,
		     sizeof(header)) < sizeof(header))
		return VIRTIO_NET_ERR;
	iov_read(chain->out, chain->out_count, sizeof(header), data,
		 sizeof(data));
	return control_command(net, header, data,
			       chain->out_bytes - sizeof(header)) ?
	       VIRTIO_NET_OK : VIRTIO_NET_ERR;
}

void net_control(struct net *net)
{
	struct virtio_ring *ring = &net->device.rings[net_control_queue(net)];
	struct ring_chain chain = { .iov = net->iov, .room = NET_PIECES };
	uint8_t answer;

	do {
		ring_quiet(ring);
		while (ring_pop(ring, &chain)) {
			answer = control_chain(net, &chain);
			ring_push(ring, chain.head,
				  iov_write(chain.in, chain.in_count, 0,
					    &answer, sizeof(answer)));
		}
		ring_publish(ring);
	} while (ring_listen(ring));
}
