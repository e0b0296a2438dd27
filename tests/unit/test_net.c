// SPDX-License-Identifier: GPL-2.0
/* The network device: both ends of the cable are in this test. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_mmio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"
#include "virtio_devices/net.h"
#include "virtio_devices/net_backend.h"
#include "virtio_devices/net_offload.h"

#define HELLO		0x524c4e31u
#define RECEIVE		0
#define SEND		1
#define CONTROL		2
#define HEADER		12
#define MERGE		VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF)
#define CONTROLS	(VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ) | \
			 VIRTIO_BIT(VIRTIO_NET_F_CTRL_RX) | \
			 VIRTIO_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR))
#define ALL		(~0ull >> 28 & ~VIRTIO_BIT(VIRTIO_NET_F_MQ))

static struct fake_driver driver;
static struct virtio_device *device;
static int peer;	/* the other end of the cable */

static struct virtio_device *create(const char *text)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *made = NULL;
	char message[256] = "";

	assert_int_equal(net_kind.create(text, &setup, &made, message,
					 sizeof(message)), 0);
	return made;
}

static void start(const char *more, uint64_t features)
{
	char text[64];
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	peer = fds[0];
	snprintf(text, sizeof(text), "fd=%d%s", fds[1], more);
	device = fake_create(&driver, &net_kind, text, 1, features);
}

static void finish(void)
{
	fake_driver_end(&driver);
	virtio_destroy(device);
	if (peer >= 0)
		close(peer);
}

static uint8_t *pattern(size_t bytes)
{
	static uint8_t data[70000];
	size_t i;

	for (i = 0; i < bytes; i++)
		data[i] = i * 7 + i / 256;
	return data;
}

/* A whole read of the peer; 0 at the end. */
static size_t peer_read(void *buffer, size_t bytes)
{
	size_t all = 0;
	ssize_t got;

	while (all < bytes) {
		got = recv(peer, (char *)buffer + all, bytes - all,
			   MSG_DONTWAIT);
		if (got <= 0)
			break;
		all += got;
	}
	return all;
}

static void peer_frame(const void *header, const void *data, size_t bytes)
{
	uint32_t length = htonl(bytes + (header ? HEADER : 0));

	assert_int_equal(write(peer, &length, 4), 4);
	if (header)
		assert_int_equal(write(peer, header, HEADER), HEADER);
	assert_int_equal(write(peer, data, bytes), bytes);
	fake_run(&driver);
}

static void greet(void)
{
	uint32_t hello = htonl(HELLO), got = 0;

	assert_int_equal(write(peer, &hello, 4), 4);
	fake_run(&driver);
	assert_int_equal(peer_read(&got, 4), 4);
	assert_int_equal(got, hello);
}

/* The guest sends header and frame in two pieces. */
static void guest_send(const struct virtio_net_hdr_v1 *header,
		       const void *data, uint32_t bytes)
{
	uint64_t gpa = fake_alloc(&driver, HEADER + bytes);
	struct fake_buffer pieces[] = {
		{ gpa, HEADER }, { gpa + HEADER, bytes },
	};

	memcpy(fake_at(&driver, gpa), header, HEADER);
	memcpy(fake_at(&driver, gpa + HEADER), data, bytes);
	fake_add(&driver, SEND, pieces, 2, 0);
	fake_kick(&driver, SEND);
}

static uint64_t guest_buffer(uint32_t bytes)
{
	uint64_t gpa = fake_alloc(&driver, bytes);

	fake_add(&driver, RECEIVE, &(struct fake_buffer){ gpa, bytes }, 0, 1);
	fake_kick(&driver, RECEIVE);
	return gpa;
}

/*
 * More frames than one turn takes (128): what is left has its turn later,
 * after others had theirs, without another word of the guest or of the peer.
 */
static void test_bursts_of_frames(void **state)
{
	struct virtio_net_hdr_v1 none = { 0 };
	uint64_t gpa;
	uint32_t size = HEADER + 60;
	uint8_t got[4 + 60];
	unsigned int i;

	(void)state;
	start(",plain", ALL & ~MERGE);
	gpa = fake_alloc(&driver, size);
	memcpy(fake_at(&driver, gpa), &none, sizeof(none));
	for (i = 0; i < 200; i++)
		fake_add(&driver, SEND, &(struct fake_buffer){ gpa, size }, 1,
			 0);
	fake_write(&driver, VIRTIO_MMIO_QUEUE_NOTIFY, SEND);
	/* The kick's own turn. */
	while (!(i = fake_used_count(&driver, SEND)))
		loop_run_once(device->loop, 1000);
	assert_int_equal(i, 128);
	fake_run(&driver);
	assert_int_equal(fake_used_count(&driver, SEND), 72);
	for (i = 0; i < 200; i++)
		assert_int_equal(peer_read(got, sizeof(got)), sizeof(got));

	for (i = 0; i < 200; i++)
		fake_add(&driver, RECEIVE, &(struct fake_buffer){ gpa, size },
			 0, 1);
	memcpy(got, &(uint32_t){ htonl(60) }, 4);
	for (i = 0; i < 200; i++)
		assert_int_equal(write(peer, got, sizeof(got)), sizeof(got));
	while (!(i = fake_used_count(&driver, RECEIVE)))
		loop_run_once(device->loop, 1000);
	assert_int_equal(i, 128);
	fake_run(&driver);
	assert_int_equal(fake_used_count(&driver, RECEIVE), 72);
	finish();
}

static unsigned int link_status(void)
{
	return fake_read(&driver, VIRTIO_MMIO_CONFIG + 4) >> 16;
}

static void test_plain_both_ways(void **state)
{
	struct virtio_net_hdr_v1 none = { 0 }, *header;
	uint8_t got[200];
	uint32_t length, written;
	uint16_t head;
	uint64_t gpa;

	(void)state;
	start(",plain", ALL & ~MERGE);
	/* No header travels, so no offload may be offered. */
	assert_false(device->features & VIRTIO_BIT(VIRTIO_NET_F_CSUM));
	assert_int_equal(link_status(), VIRTIO_NET_S_LINK_UP);

	guest_send(&none, pattern(100), 100);
	assert_int_equal(fake_used_count(&driver, SEND), 1);
	assert_int_equal(peer_read(&length, 4), 4);
	assert_int_equal(ntohl(length), 100);
	assert_int_equal(peer_read(got, sizeof(got)), 100);
	assert_memory_equal(got, pattern(100), 100);

	gpa = guest_buffer(1600);
	peer_frame(NULL, pattern(150), 150);
	assert_true(fake_used(&driver, RECEIVE, &head, &written));
	assert_int_equal(written, HEADER + 150);
	header = fake_at(&driver, gpa);
	assert_int_equal(header->num_buffers, 1);
	assert_int_equal(header->flags, 0);
	assert_memory_equal(fake_at(&driver, gpa + HEADER), pattern(150), 150);
	finish();
}

static void test_merged_buffers(void **state)
{
	struct virtio_net_hdr_v1 *header;
	static const uint32_t expected[] = { 1500, 1500, 1024 };
	uint64_t gpa[3];
	uint8_t got[4012];
	uint32_t written;
	uint16_t head;
	int i;

	(void)state;
	start(",plain", MERGE);
	/* Two of three are there: the frame waits, and nothing is shown. */
	gpa[0] = guest_buffer(1500);
	gpa[1] = guest_buffer(1500);
	peer_frame(NULL, pattern(4012), 4012);
	assert_int_equal(fake_used_count(&driver, RECEIVE), 0);
	gpa[2] = guest_buffer(1500);
	for (i = 0; i < 3; i++) {
		assert_true(fake_used(&driver, RECEIVE, &head, &written));
		assert_int_equal(written, expected[i]);
	}
	header = fake_at(&driver, gpa[0]);
	assert_int_equal(header->num_buffers, 3);
	memcpy(got, fake_at(&driver, gpa[0] + HEADER), 1488);
	memcpy(got + 1488, fake_at(&driver, gpa[1]), 1500);
	memcpy(got + 2988, fake_at(&driver, gpa[2]), 1024);
	assert_memory_equal(got, pattern(4012), 4012);
	finish();
}

/* The header itself lies in tiny pieces, over the seam of two regions. */
static void test_scattered_header(void **state)
{
	uint64_t gpa = FAKE_SEAM - 11;
	struct fake_buffer pieces[] = {
		{ gpa, 5 }, { gpa + 5, 800 },
	};
	uint8_t got[HEADER + 60];
	uint32_t written;
	uint16_t head;
	int i;

	(void)state;
	start(",plain", MERGE);
	fake_add(&driver, RECEIVE, pieces, 0, 2);
	fake_kick(&driver, RECEIVE);
	peer_frame(NULL, pattern(60), 60);
	assert_true(fake_used(&driver, RECEIVE, &head, &written));
	for (i = 0; i < (int)sizeof(got); i++)
		got[i] = *(uint8_t *)fake_at(&driver, gpa + i);
	assert_int_equal(got[10] | got[11] << 8, 1);
	assert_memory_equal(got + HEADER, pattern(60), 60);
	finish();
}

static void test_too_long_for_buffer(void **state)
{
	uint32_t written;
	uint16_t head;

	(void)state;
	start(",plain", 0);
	guest_buffer(500);
	peer_frame(NULL, pattern(600), 600);
	assert_int_equal(fake_used_count(&driver, RECEIVE), 0);
	/* The frame is lost, the buffer is not. */
	peer_frame(NULL, pattern(60), 60);
	assert_true(fake_used(&driver, RECEIVE, &head, &written));
	assert_int_equal(written, HEADER + 60);
	finish();
}

static void test_tiny_buffers_break(void **state)
{
	(void)state;
	start(",plain", MERGE);
	guest_buffer(HEADER - 1);
	peer_frame(NULL, pattern(60), 60);
	assert_true(fake_status(&driver) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(driver.lines, 1);
	/* And a reset mends it. */
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	fake_negotiate(&driver, MERGE);
	fake_set_up_queue(&driver, RECEIVE);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
	guest_buffer(1500);
	peer_frame(NULL, pattern(60), 60);
	assert_int_equal(fake_used_count(&driver, RECEIVE), 1);
	finish();
}

static void test_headers_travel(void **state)
{
	struct virtio_net_hdr_v1 header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 0xffff, .gso_size = 1448,
		.csum_start = 34, .csum_offset = 16,
	}, *received;
	static uint8_t got[70000];
	uint64_t gpa;
	uint32_t length;

	(void)state;
	start("", ALL);
	greet();
	guest_send(&header, pattern(65000), 65000);
	assert_int_equal(peer_read(&length, 4), 4);
	assert_int_equal(ntohl(length), HEADER + 65000);
	assert_int_equal(peer_read(got, HEADER + 65000), HEADER + 65000);
	/* hdr_len is not to be relied on: it becomes the most that can be. */
	header.hdr_len = 34 + 60;
	assert_memory_equal(got, &header, 10);
	assert_memory_equal(got + HEADER, pattern(65000), 65000);

	gpa = guest_buffer(1 << 17);
	header.hdr_len = 0;
	peer_frame(&header, pattern(9000), 9000);
	header.hdr_len = 34 + 60;
	received = fake_at(&driver, gpa);
	assert_memory_equal(received, &header, 10);
	assert_int_equal(received->num_buffers, 1);
	assert_memory_equal(fake_at(&driver, gpa + HEADER), pattern(9000),
			    9000);
	finish();
}

/* Headers that lie: from the guest and from the other side, dropped. */
static void test_lying_headers(void **state)
{
	static const struct virtio_net_hdr_v1 wrong[] = {
		{ .flags = 1, .csum_start = 34, .csum_offset = 200 },
		{ .flags = 1, .csum_start = 199, .csum_offset = 0 },
		{ .flags = 1, .csum_start = 65535, .csum_offset = 65535 },
		{ .flags = 1, .csum_start = 2, .csum_offset = 4 },
		{ .gso_type = 1, .gso_size = 100, .hdr_len = 54 },
		{ .flags = 1,
		  .gso_type = 1,
		  .csum_start = 34,
		  .csum_offset = 16,
		  .gso_size = 0,
		  .hdr_len = 54 },
		{ .flags = 1,
		  .gso_type = 1,
		  .csum_start = 180,
		  .csum_offset = 16,
		  .gso_size = 10,
		  .hdr_len = 54 },
		{ .flags = 1,
		  .gso_type = 3,
		  .csum_start = 34,
		  .csum_offset = 16,
		  .gso_size = 10,
		  .hdr_len = 54 },
		{ .flags = 1,
		  .gso_type = 0x77,
		  .csum_start = 34,
		  .csum_offset = 16,
		  .gso_size = 10,
		  .hdr_len = 54 },
	};
	unsigned int i, count = sizeof(wrong) / sizeof(wrong[0]);
	struct virtio_net_hdr_v1 right = { 0 };
	uint8_t got[300];

	(void)state;
	start("", ALL);
	greet();
	guest_buffer(1500);
	for (i = 0; i < count; i++) {
		guest_send(&wrong[i], pattern(200), 200);
		peer_frame(&wrong[i], pattern(200), 200);
	}
	assert_int_equal(fake_used_count(&driver, SEND), count);
	assert_int_equal(fake_used_count(&driver, RECEIVE), 0);
	assert_int_equal(peer_read(got, sizeof(got)), 0);
	assert_int_equal(driver.lines, 1);
	guest_send(&right, pattern(200), 200);
	assert_int_equal(peer_read(got, sizeof(got)), 216);
	peer_frame(&right, pattern(200), 200);
	assert_int_equal(fake_used_count(&driver, RECEIVE), 1);
	finish();
}

/*
 * Bits that nobody knows, a checksum field where no checksum is wanted, and a
 * promise that nobody here has checked.
 */
static void test_header_says_too_much(void **state)
{
	struct virtio_net_hdr_v1 header = { .flags = 0xfe,
					    .csum_start = 0xffff,
					    .csum_offset = 0xffff };
	static const uint8_t zeros[10];
	uint8_t got[4 + HEADER + 60];
	uint64_t gpa;

	(void)state;
	start("", ALL);
	greet();
	guest_send(&header, pattern(60), 60);
	assert_int_equal(peer_read(got, sizeof(got)), sizeof(got));
	assert_memory_equal(got + 4, zeros, 10);
	gpa = guest_buffer(1500);
	peer_frame(&header, pattern(60), 60);
	assert_int_equal(fake_used_count(&driver, RECEIVE), 1);
	assert_memory_equal(fake_at(&driver, gpa), zeros, 10);
	finish();
}

/* Frames of no legal size, and chains with nothing to read. */
static void test_wrong_sizes(void **state)
{
	struct virtio_net_hdr_v1 none = { 0 };
	uint64_t gpa;
	uint8_t got[16];

	(void)state;
	start(",plain", ALL);
	guest_send(&none, pattern(13), 13);
	guest_send(&none, pattern(NET_FRAME_MAX + 1), NET_FRAME_MAX + 1);
	gpa = fake_alloc(&driver, 64);
	fake_add(&driver, SEND, &(struct fake_buffer){ gpa, 11 }, 1, 0);
	fake_add(&driver, SEND, &(struct fake_buffer){ gpa, 12 }, 1, 0);
	fake_add(&driver, SEND, &(struct fake_buffer){ gpa, 64 }, 0, 1);
	fake_kick(&driver, SEND);
	assert_int_equal(fake_used_count(&driver, SEND), 5);
	assert_int_equal(peer_read(got, sizeof(got)), 0);
	assert_int_equal(fake_status(&driver), 15);
	finish();
}

/* A guest that computes its checksums itself must not be given half of one. */
static void test_checksum_is_finished(void **state)
{
	struct virtio_net_hdr_v1 header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = 34, .csum_offset = 6,
	}, *received;
	uint8_t *frame;
	uint32_t sum = 0;
	uint64_t gpa;
	int i;

	(void)state;
	start("", MERGE);
	greet();
	gpa = guest_buffer(1500);
	peer_frame(&header, pattern(101), 101);
	received = fake_at(&driver, gpa);
	assert_int_equal(received->flags, 0);
	assert_int_equal(received->csum_start, 0);
	/* Field included, a right sum is all ones; the field held seed bytes. */
	frame = fake_at(&driver, gpa + HEADER);
	for (i = 34; i < 101; i++)
		sum += i == 40 || i == 41 ? 0 :
		       i & 1 ? frame[i] : frame[i] << 8;
	sum += pattern(101)[40] << 8 | pattern(101)[41];
	sum += frame[40] << 8 | frame[41];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
	/* What cannot be made fit is dropped: this is no TCP. */
	header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	header.gso_size = 100;
	guest_buffer(1500);
	peer_frame(&header, pattern(1000), 1000);
	assert_int_equal(fake_used_count(&driver, RECEIVE), 1);
	finish();
}

/* The sum of big endian words, folded; all ones where a checksum is right. */
static uint32_t words(const uint8_t *data, size_t bytes, uint32_t sum)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		sum += i & 1 ? data[i] : data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* A TCP frame, 54 or 74 bytes of headers and 2500 of payload. */
static size_t make_tcp(uint8_t *frame, bool is_ipv6)
{
	size_t ip = 14, tcp = ip + (is_ipv6 ? 40 : 20), payload = tcp + 20;

	memset(frame, 0x22, tcp);
	frame[12] = is_ipv6 ? 0x86 : 0x08;
	frame[13] = is_ipv6 ? 0xdd : 0x00;
	frame[ip] = is_ipv6 ? 0x60 : 0x45;
	if (!is_ipv6)
		frame[ip + 9] = 6;
	memset(frame + tcp, 0, 20);
	frame[tcp + 4] = 0xff;		/* sequence: wraps into the next byte */
	frame[tcp + 5] = frame[tcp + 6] = frame[tcp + 7] = 0xff;
	frame[tcp + 12] = 0x50;
	frame[tcp + 13] = 0x80 | 0x10 | 0x08 | 0x01;
	memcpy(frame + payload, pattern(2500), 2500);
	return payload + 2500;
}

/* One that takes no large frames gets it in pieces, each one complete. */
static void check_segments(bool is_ipv6)
{
	struct virtio_net_hdr_v1 header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = is_ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
				      VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 1000, .csum_offset = 16,
	};
	size_t ip = 14, tcp = ip + (is_ipv6 ? 40 : 20), payload = tcp + 20;
	static const uint8_t flags[] = { 0x90, 0x10, 0x19 };
	static uint8_t frame[4000];
	uint64_t gpa[3];
	uint32_t written, sequence;
	size_t bytes = make_tcp(frame, is_ipv6), piece;
	uint8_t *got;
	uint16_t head;
	int i;

	header.csum_start = tcp;
	header.hdr_len = payload;
	start("", MERGE);
	greet();
	gpa[0] = guest_buffer(1500);
	gpa[1] = guest_buffer(1500);
	peer_frame(&header, frame, bytes);
	gpa[2] = guest_buffer(1500);
	for (i = 0; i < 3; i++) {
		piece = i < 2 ? 1000 : 500;
		assert_true(fake_used(&driver, RECEIVE, &head, &written));
		assert_int_equal(written, HEADER + payload + piece);
		got = fake_at(&driver, gpa[i]);
		assert_int_equal(got[0] | got[1], 0);
		got += HEADER;
		assert_memory_equal(got + payload, pattern(2500) + 1000 * i,
				    piece);
		sequence = (uint32_t)got[tcp + 4] << 24 | got[tcp + 5] << 16 |
			   got[tcp + 6] << 8 | got[tcp + 7];
		assert_int_equal(sequence, (uint32_t)(i * 1000 - 1));
		assert_int_equal(got[tcp + 13], flags[i]);
		if (!is_ipv6) {
			assert_int_equal(words(got + ip, 20, 0), 0xffff);
			assert_int_equal(got[ip + 2] << 8 | got[ip + 3],
					 40 + piece);
		} else {
			assert_int_equal(got[ip + 4] << 8 | got[ip + 5],
					 20 + piece);
		}
		assert_int_equal(words(got + tcp, 20 + piece,
				       words(got + ip + (is_ipv6 ? 8 : 12),
					     is_ipv6 ? 32 : 8,
					     6 + 20 + piece)), 0xffff);
	}
	assert_int_equal(fake_used_count(&driver, RECEIVE), 0);
	finish();
}

static void test_segments(void **state)
{
	(void)state;
	check_segments(false);
	check_segments(true);
}

/* The other side does not read: the guest's frames stay in its ring. */
static void test_back_pressure(void **state)
{
	struct virtio_net_hdr_v1 none = { 0 };
	unsigned int sent, done, i, frame = 12000;
	static uint8_t got[12000];
	uint32_t length;

	(void)state;
	start(",plain", ALL);
	for (sent = 0; sent < 200; sent++) {
		memset(pattern(frame), sent, 1);
		guest_send(&none, pattern(frame), frame);
	}
	done = fake_used_count(&driver, SEND);
	assert_in_range(done, 1, 199);
	for (i = 0; i < sent; i++) {
		assert_int_equal(peer_read(&length, 4), 4);
		assert_int_equal(ntohl(length), frame);
		while (peer_read(got, 1) != 1)
			fake_run(&driver);
		for (length = 1; length < frame;) {
			length += peer_read(got + length, frame - length);
			fake_run(&driver);
		}
		assert_memory_equal(got + 1, pattern(frame) + 1, frame - 1);
	}
	assert_int_equal(done + fake_used_count(&driver, SEND), sent);
	finish();
}

/* Of test_slow_peer_stops_nothing(). */
#define SLOTS		32
#define SLOT		66000
#define SLOW_FRAMES	70000	/* more than an index counts */

struct slow {
	uint64_t gpa;		/* of the slots */
	unsigned int seed, sent, back, read;
	size_t have;		/* of the frame being read */
	uint16_t bytes[SLOW_FRAMES];	/* of each frame */
	uint8_t got[4 + NET_FRAME_MAX];
};

/* The guest fills its slots, and notifies only where that is asked for. */
static void slow_send(struct slow *slow)
{
	unsigned int bytes;
	uint64_t at;

	while (slow->sent < SLOW_FRAMES && slow->sent - slow->back < SLOTS) {
		at = slow->gpa + slow->sent % SLOTS * SLOT;
		/* Most are short, so that the ring's indices wrap soon. */
		bytes = rand_r(&slow->seed) % 64 ? 60 : 65500;
		bytes -= rand_r(&slow->seed) % 40;
		slow->bytes[slow->sent] = bytes;
		memcpy(fake_at(&driver, at + HEADER), pattern(bytes), bytes);
		memcpy(fake_at(&driver, at + HEADER), &slow->sent, 4);
		fake_add(&driver, SEND, (struct fake_buffer[]){
			 { at, HEADER }, { at + HEADER, bytes } }, 2, 0);
		slow->sent++;
		if (fake_wants_kick(&driver, SEND, 1))
			fake_kick(&driver, SEND);
	}
}

/* The peer takes a few bytes; false: there were none. */
static bool slow_read(struct slow *slow)
{
	uint32_t bytes = slow->bytes[slow->read], number, length;
	size_t want = 1 + rand_r(&slow->seed) % 20011;

	if (want > 4 + bytes - slow->have)
		want = 4 + bytes - slow->have;
	want = peer_read(slow->got + slow->have, want);
	slow->have += want;
	if (slow->have == 4 + bytes) {
		memcpy(&length, slow->got, 4);
		memcpy(&number, slow->got + 4, 4);
		assert_int_equal(ntohl(length), bytes);
		assert_int_equal(number, slow->read);
		assert_memory_equal(slow->got + 8, pattern(bytes) + 4,
				    bytes - 4);
		slow->have = 0;
		slow->read++;
	}
	return want;
}

/*
 * As test_back_pressure, for long: frames of all sizes, a peer that reads odd
 * pieces now and then, and a driver that need not notify. Whatever was cut or
 * waits goes on by itself, and the frames' order stays.
 */
static void test_slow_peer_stops_nothing(void **state)
{
	static struct slow slow;
	unsigned int idle = 0, pieces;

	(void)state;
	start(",plain", ALL);
	slow.gpa = fake_alloc(&driver, SLOTS * SLOT);
	while (slow.read < SLOW_FRAMES) {
		slow_send(&slow);
		idle++;
		for (pieces = rand_r(&slow.seed) % 40; pieces &&
		     slow.read < slow.sent && slow_read(&slow); pieces--)
			idle = 0;
		assert_true(idle < 1000);
		fake_run(&driver);
		slow.back += fake_used_count(&driver, SEND);
	}
	assert_int_equal(slow.back, SLOW_FRAMES);
	finish();
}

/* The guest has no buffers: the frames stay in the socket, and none is lost. */
static void test_no_receive_buffers(void **state)
{
	unsigned int i;

	(void)state;
	start(",plain", ALL);
	for (i = 0; i < 10; i++)
		peer_frame(NULL, pattern(60 + i), 60 + i);
	assert_int_equal(fake_used_count(&driver, RECEIVE), 0);
	for (i = 0; i < 10; i++) {
		uint32_t written;
		uint16_t head;

		guest_buffer(1500);
		assert_true(fake_used(&driver, RECEIVE, &head, &written));
		assert_int_equal(written, HEADER + 60 + i);
	}
	finish();
}

static void test_link_goes_down(void **state)
{
	struct virtio_net_hdr_v1 none = { 0 };

	(void)state;
	start(",plain", ALL);
	close(peer);
	peer = -1;
	fake_run(&driver);
	assert_int_equal(link_status(), 0);
	assert_int_equal(driver.config_interrupts, 1);
	/* Frames go nowhere, and the guest gets its buffers back. */
	guest_send(&none, pattern(100), 100);
	assert_int_equal(fake_used_count(&driver, SEND), 1);
	finish();
}

static void test_stream_garbage(void **state)
{
	static const uint32_t lengths[] = { 0, 13, NET_FRAME_MAX + 1,
					    0xffffffff, HELLO };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / 4; i++) {
		uint32_t length = htonl(lengths[i]);

		start(",plain", ALL);
		assert_int_equal(write(peer, &length, 4), 4);
		fake_run(&driver);
		assert_int_equal(link_status(), 0);
		assert_int_equal(driver.lines, 1);
		finish();
	}
	/* Frames without headers, where headers are due. */
	start("", ALL);
	peer_frame(NULL, pattern(60), 60);
	assert_int_equal(link_status(), 0);
	assert_non_null(strstr(driver.line, "plain"));
	finish();
}

/* A reset in the middle of a frame, then the driver comes again. */
static void test_reset_midway(void **state)
{
	uint32_t written;
	uint16_t head;

	(void)state;
	start(",plain", MERGE);
	guest_buffer(1000);
	peer_frame(NULL, pattern(3000), 3000);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	fake_negotiate(&driver, MERGE);
	fake_set_up_queue(&driver, RECEIVE);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
	guest_buffer(1000);
	peer_frame(NULL, pattern(70), 70);
	assert_true(fake_used(&driver, RECEIVE, &head, &written));
	assert_int_equal(written, HEADER + 70);
	finish();
}

static unsigned int control(uint8_t class, uint8_t command, const void *data,
			    uint32_t bytes)
{
	uint64_t gpa = fake_alloc(&driver, bytes + 16);
	struct fake_buffer pieces[] = {
		{ gpa, 2 }, { gpa + 2, bytes }, { gpa + 2 + bytes, 1 },
	};
	uint8_t *at = fake_at(&driver, gpa);

	at[0] = class;
	at[1] = command;
	memcpy(at + 2, data, bytes);
	at[2 + bytes] = 0xee;
	fake_add(&driver, CONTROL, pieces, 2, 1);
	fake_kick(&driver, CONTROL);
	assert_int_equal(fake_used_count(&driver, CONTROL), 1);
	return at[2 + bytes];
}

static void test_control(void **state)
{
	static const uint8_t mac[] = { 2, 3, 4, 5, 6, 7 }, group[6] = { 1 };
	uint64_t offloads = VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM);
	uint16_t pairs = 2;
	uint8_t on = 1;

	(void)state;
	start("", ALL);
	assert_int_equal(control(0, 0, &on, 1), VIRTIO_NET_OK);
	assert_int_equal(control(0, 9, &on, 1), VIRTIO_NET_ERR);
	assert_int_equal(control(1, 1, mac, 6), VIRTIO_NET_OK);
	assert_memory_equal(device->config, mac, 6);
	assert_int_equal(control(1, 1, group, 6), VIRTIO_NET_ERR);
	assert_int_equal(control(1, 1, mac, 5), VIRTIO_NET_ERR);
	assert_memory_equal(device->config, mac, 6);
	assert_int_equal(control(4, 0, &pairs, 2), VIRTIO_NET_ERR);
	assert_int_equal(control(5, 0, &offloads, 8), VIRTIO_NET_OK);
	offloads |= VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF);
	assert_int_equal(control(5, 0, &offloads, 8), VIRTIO_NET_ERR);
	assert_int_equal(control(99, 0, &on, 1), VIRTIO_NET_ERR);
	/* What the guest made of its MAC ends with it. */
	fake_write(&driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(device->config[0], 2);
	assert_memory_not_equal(device->config, mac, 6);
	finish();
}

static void test_features_that_need_others(void **state)
{
	(void)state;
	start("", VIRTIO_BIT(VIRTIO_NET_F_CSUM));
	fake_negotiate(&driver, VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4));
	assert_false(fake_status(&driver) & VIRTIO_CONFIG_S_FEATURES_OK);
	fake_negotiate(&driver, VIRTIO_BIT(VIRTIO_NET_F_GUEST_ECN) |
		       VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM));
	assert_false(fake_status(&driver) & VIRTIO_CONFIG_S_FEATURES_OK);
	fake_negotiate(&driver, CONTROLS);
	assert_true(fake_status(&driver) & VIRTIO_CONFIG_S_FEATURES_OK);
	finish();
}

/* Two guests and a path; then the listener goes, and comes again. */
static void test_unix_cable(void **state)
{
	struct fake_driver other;
	struct virtio_device *left, *right;
	struct virtio_net_hdr_v1 none = { 0 };
	char path[] = "/tmp/ringlet-net.XXXXXX", text[64];
	uint32_t written;
	uint16_t head;
	uint64_t gpa;
	int i;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(text, sizeof(text), "unix=%s/cable", path);
	left = create(text);
	right = create(text);
	fake_driver_init(&driver);
	fake_driver_init(&other);
	assert_int_equal(fake_driver_start(&other, right, ALL), 15);
	assert_int_equal(fake_driver_start(&driver, left, ALL), 15);
	for (i = 0; i < 4; i++) {
		fake_run(&driver);
		fake_run(&other);
	}
	assert_int_equal(link_status(), VIRTIO_NET_S_LINK_UP);
	gpa = fake_alloc(&other, 4096);
	fake_add(&other, RECEIVE, &(struct fake_buffer){ gpa, 4096 }, 0, 1);
	guest_send(&none, pattern(777), 777);
	fake_kick(&other, RECEIVE);
	assert_true(fake_used(&other, RECEIVE, &head, &written));
	assert_int_equal(written, HEADER + 777);
	assert_memory_equal(fake_at(&other, gpa + HEADER), pattern(777), 777);

	/* left listened. right notices, and becomes the listener. */
	fake_driver_end(&driver);
	virtio_destroy(left);
	fake_run(&other);
	usleep(700000);
	fake_run(&other);
	left = create(text);
	fake_driver_init(&driver);
	assert_int_equal(fake_driver_start(&driver, left, ALL), 15);
	for (i = 0; i < 1200 && !link_status(); i++) {
		fake_run(&other);
		fake_run(&driver);
		usleep(50000);
	}
	assert_int_equal(link_status(), VIRTIO_NET_S_LINK_UP);
	fake_driver_end(&other);
	virtio_destroy(right);
	fake_driver_end(&driver);
	virtio_destroy(left);
	snprintf(text, sizeof(text), "%s/cable", path);
	assert_int_not_equal(access(text, F_OK), 0);
	assert_int_equal(rmdir(path), 0);
}

/* The launcher's own sockets cannot be named by fd=N, nor one of them twice. */
static void test_fd_of_our_own_is_refused(void **state)
{
	const struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *one, *none;
	char text[64], message[128];
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    fds), 0);
	snprintf(text, sizeof(text), "fd=%d", fds[1]);
	assert_int_equal(net_kind.create(text, &setup, &none, message,
					 sizeof(message)), -EINVAL);
	assert_non_null(strstr(message, "handed over"));
	assert_int_equal(fcntl(fds[1], F_SETFD, 0), 0);
	one = create(text);
	assert_int_equal(net_kind.create(text, &setup, &none, message,
					 sizeof(message)), -EINVAL);
	virtio_destroy(one);
	close(fds[0]);
}

/* --net unix=PATH once deleted PATH, whatever it was. */
static void test_unix_keeps_a_file(void **state)
{
	char path[] = "/tmp/ringlet-net.XXXXXX", text[64], message[128];
	const struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *none;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	snprintf(text, sizeof(text), "unix=%s", path);
	assert_int_equal(net_kind.create(text, &setup, &none, message,
					 sizeof(message)), -EEXIST);
	assert_non_null(strstr(message, "no socket"));
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	close(fd);
}

static void test_options(void **state)
{
	static const char *const wrong[] = {
		"", "tap", "tap=", "bridge=x", "mac=02:00:00:00:00:01",
		"user,mac=01:00:00:00:00:01", "user,mac=2:0:0:0:0:1",
		"user,mac=02:00:00:00:00:0g", "user,mac", "user,queues=2",
		"user,forward=0:1", "user,forward=x", "user,forward=1:65536",
		"user,forward=1:2:3", "tap=a,queues=0", "tap=a,queues=99",
		"tap=a,forward=1:2", "tap=a,plain", "unix=/a,mtu=100",
		"tap=a,mtu=67", "tap=a,mtu=65536", "user,mtu=0",
		"fd=x", "fd", "user=1", "user,plain",
	};
	struct net_options options;
	char message[256];
	char big[800];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		*message = '\0';
		assert_int_equal(net_options_parse(wrong[i], &options, message,
						   sizeof(message)), -EINVAL);
		assert_true(strlen(message) > 10);
	}
	memset(big, 'x', sizeof(big));
	memcpy(big, "unix=", 5);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(net_options_parse(big, &options, message,
					   sizeof(message)), -EINVAL);
	assert_int_equal(net_options_parse(
		"user,forward=2222:22,forward=udp:53:5353,forward=80,"
		"mac=02:AB:cd:00:00:01,mtu=9000", &options, message,
		sizeof(message)), 0);
	assert_int_equal(options.how, NET_USER);
	assert_int_equal(options.forward_count, 3);
	assert_int_equal(options.forwards[0].host, 2222);
	assert_int_equal(options.forwards[0].guest, 22);
	assert_true(options.forwards[1].udp);
	assert_int_equal(options.forwards[1].guest, 5353);
	assert_int_equal(options.forwards[2].guest, 80);
	assert_int_equal(options.mac[1], 0xab);
	assert_int_equal(options.mtu, 9000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_bursts_of_frames),
		cmocka_unit_test(test_plain_both_ways),
		cmocka_unit_test(test_merged_buffers),
		cmocka_unit_test(test_scattered_header),
		cmocka_unit_test(test_too_long_for_buffer),
		cmocka_unit_test(test_tiny_buffers_break),
		cmocka_unit_test(test_headers_travel),
		cmocka_unit_test(test_lying_headers),
		cmocka_unit_test(test_header_says_too_much),
		cmocka_unit_test(test_wrong_sizes),
		cmocka_unit_test(test_checksum_is_finished),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_slow_peer_stops_nothing),
		cmocka_unit_test(test_no_receive_buffers),
		cmocka_unit_test(test_link_goes_down),
		cmocka_unit_test(test_stream_garbage),
		cmocka_unit_test(test_reset_midway),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_features_that_need_others),
		cmocka_unit_test(test_unix_cable),
		cmocka_unit_test(test_unix_keeps_a_file),
		cmocka_unit_test(test_fd_of_our_own_is_refused),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
