// SPDX-License-Identifier: GPL-2.0
/* Cutting up a TCP frame. See net_segment.h. */
#include <endian.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "net_segment.h"

#define VLAN_BYTES	4
#define VLANS_MAX	2
#define IPV4_BYTES	20	/* the least */
#define IPV6_BYTES	40
#define TCP_BYTES	20
#define TCP_FIN		0x01
#define TCP_PSH		0x08
#define TCP_CWR		0x80

static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint64_t sum(const uint8_t *data, size_t bytes)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i + 1 < bytes; i += 2)
		total += get16(data + i);
	if (bytes & 1)
		total += data[bytes - 1] << 8;
	return total;
}

static uint16_t fold(uint64_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return ~total;
}

/* Past the Ethernet header and VLAN tags; 0: no IP that we know. */
static size_t find_ip(const uint8_t *frame, size_t bytes, bool *is_ipv6)
{
	size_t at = ETH_HLEN;
	uint16_t type = get16(frame + 12);
	unsigned int tags;

	for (tags = 0; (type == ETH_P_8021Q || type == ETH_P_8021AD) &&
	     tags < VLANS_MAX && at + VLAN_BYTES <= bytes; tags++) {
		type = get16(frame + at + 2);
		at += VLAN_BYTES;
	}
	*is_ipv6 = type == ETH_P_IPV6;
	return type == ETH_P_IP || type == ETH_P_IPV6 ? at : 0;
}

/* Do the headers lie where they should, one behind the other? */
static bool headers_fit(const struct net_segmenter *s)
{
	size_t least = s->is_ipv6 ? IPV6_BYTES : IPV4_BYTES;

	if (!s->ip || s->ip + least > s->tcp || s->payload >= s->bytes ||
	    s->payload < s->tcp + TCP_BYTES)
		return false;
	if (s->is_ipv6)
		return s->frame[s->ip] >> 4 == 6;
	return s->frame[s->ip] >> 4 == 4 &&
	       s->ip + (s->frame[s->ip] & 0xf) * 4 == s->tcp &&
	       s->frame[s->ip + 9] == IPPROTO_TCP;
}

bool net_segment_begin(struct net_segmenter *s, const struct net_frame *frame)
{
	s->frame = NULL;
	s->bytes = frame->bytes;
	s->tcp = le16toh(frame->header.csum_start);
	/* The check of the header promised a TCP header's room there. */
	s->payload = s->tcp + (frame->data[s->tcp + 12] >> 4) * 4;
	s->ip = find_ip(frame->data, frame->bytes, &s->is_ipv6);
	s->piece = le16toh(frame->header.gso_size);
	s->next = s->payload;
	s->count = 0;
	s->frame = frame->data;
	if (headers_fit(s) && s->piece)
		return true;
	s->frame = NULL;
	return false;
}

/* The IP header of a segment: length, and what IPv4 has more. */
static void finish_ip(struct net_segmenter *s, size_t bytes)
{
	uint8_t *ip = s->out + s->ip;

	if (s->is_ipv6) {
		put16(ip + 4, bytes - s->ip - IPV6_BYTES);
		return;
	}
	put16(ip + 2, bytes - s->ip);
	put16(ip + 4, get16(ip + 4) + s->count);
	put16(ip + 10, 0);
	put16(ip + 10, fold(sum(ip, s->tcp - s->ip)));
}

/* Sequence number and flags; then the checksum with its pseudo header. */
static void finish_tcp(struct net_segmenter *s, size_t bytes, bool last)
{
	uint8_t *tcp = s->out + s->tcp, *ip = s->out + s->ip;
	uint64_t total = IPPROTO_TCP + (bytes - s->tcp);

	put32(tcp + 4, get32(tcp + 4) + (uint32_t)(s->next - s->payload));
	if (!last)
		tcp[13] &= ~(TCP_FIN | TCP_PSH);
	if (s->count)
		tcp[13] &= ~TCP_CWR;
	total += s->is_ipv6 ? sum(ip + 8, 32) : sum(ip + 12, 8);
	put16(tcp + 16, 0);
	put16(tcp + 16, fold(total + sum(tcp, bytes - s->tcp)));
}

bool net_segment_next(struct net_segmenter *s, struct net_frame *frame)
{
	size_t left = s->bytes - s->next, bytes;

	if (!s->frame)
		return false;
	if (!left) {
		s->frame = NULL;
		return false;
	}
	if (left > s->piece)
		left = s->piece;
	bytes = s->payload + left;
	memcpy(s->out, s->frame, s->payload);
	memcpy(s->out + s->payload, s->frame + s->next, left);
	finish_ip(s, bytes);
	finish_tcp(s, bytes, s->next + left == s->bytes);
	s->next += left;
	s->count++;
	memset(&frame->header, 0, sizeof(frame->header));
	frame->data = s->out;
	frame->bytes = bytes;
	return true;
}
