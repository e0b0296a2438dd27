// SPDX-License-Identifier: GPL-2.0
/*
 * A network device with several pairs of queues and an MTU. The backend is this
 * test's: net_tap_open() here stands for that of net_tap.c.
 */
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"
#include "virtio_devices/net.h"
#include "virtio_devices/net_backend.h"

#define HEADER 12
#define PAIRS 2
#define CONTROL (2 * PAIRS)
#define WAITING 8
#define MTU 1500
#define BASE \
	(VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF) | VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ))

/* Frames that wait in the backend for the guest, for each pair. */
struct fake_net {
	struct net_backend backend;
	struct net_frame frames[PAIRS][WAITING];
	unsigned int have[PAIRS], taken[PAIRS];
	unsigned int sent[PAIRS], pairs;
	uint8_t data[9100];
};

static struct fake_net *net;
static struct fake_driver driver;
static struct virtio_device *device;

static int fake_start(struct net_backend *backend, struct loop *loop)
{
	(void)backend;
	(void)loop;
	return 0;
}

static int fake_receive(struct net_backend *backend, unsigned int pair,
			struct net_frame *frame)
{
	(void)backend;
	if (net->taken[pair] == net->have[pair])
		return 0;
	*frame = net->frames[pair][net->taken[pair]++];
	return 1;
}

static void fake_listen(struct net_backend *backend, unsigned int pair,
			bool wanted)
{
	(void)backend;
	(void)pair;
	(void)wanted;
}

static int fake_send(struct net_backend *backend, unsigned int pair,
		     struct iovec *iov, unsigned int count, size_t bytes)
{
	(void)backend;
	(void)iov;
	(void)count;
	(void)bytes;
	net->sent[pair]++;
	return 0;
}

static void fake_set_offloads(struct net_backend *backend, uint64_t features)
{
	(void)backend;
	(void)features;
}

static void fake_set_pairs(struct net_backend *backend, unsigned int pairs)
{
	(void)backend;
	net->pairs = pairs;
}

static void fake_close(struct net_backend *backend)
{
	(void)backend;
	free(net);
}

static const struct net_backend_ops fake_ops = {
	.start = fake_start,
	.receive = fake_receive,
	.listen = fake_listen,
	.send = fake_send,
	.set_offloads = fake_set_offloads,
	.set_pairs = fake_set_pairs,
	.close = fake_close,
};

int net_tap_open(const struct net_options *options, unsigned int cpus,
		 struct net_backend **backend, char *message, size_t size)
{
	(void)cpus;
	(void)message;
	(void)size;
	net = calloc(1, sizeof(*net));
	net->backend = (struct net_backend){
		.ops = &fake_ops,
		.pairs = PAIRS,
		.offloads = true,
		.link_up = true,
		.mtu = options->mtu,
	};
	*backend = &net->backend;
	return 0;
}

static void start(uint64_t features)
{
	device = fake_create(&driver, &net_kind, "tap=fake,mtu=1500", PAIRS,
			     features);
}

static void finish(void)
{
	fake_destroy(&driver);
}

/* A frame comes for a pair; the device looks whether it can deliver it. */
static void arrive(unsigned int pair, size_t bytes,
		   struct virtio_net_hdr_v1 header)
{
	assert_true(net->have[pair] < WAITING);
	net->frames[pair][net->have[pair]++] = (struct net_frame){
		.header = header, .data = net->data, .bytes = bytes
	};
	net_receive_ready((struct net *)device, pair);
	assert_int_equal(net->taken[pair], net->have[pair]);
}

static void give_buffer(unsigned int pair, uint32_t bytes)
{
	struct fake_buffer buffer = { fake_alloc(&driver, bytes), bytes };

	fake_add(&driver, 2 * pair, &buffer, 0, 1);
	fake_kick(&driver, 2 * pair);
}

static uint8_t set_pairs(uint16_t pairs)
{
	uint64_t gpa = fake_alloc(&driver, 16);
	struct fake_buffer pieces[] = { { gpa, 4 }, { gpa + 8, 1 } };
	uint8_t *at = fake_at(&driver, gpa);

	at[0] = VIRTIO_NET_CTRL_MQ;
	at[1] = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;
	memcpy(at + 2, &pairs, 2);
	fake_add(&driver, CONTROL, pieces, 1, 1);
	fake_kick(&driver, CONTROL);
	assert_int_equal(fake_used_count(&driver, CONTROL), 1);
	return at[8];
}

static void uses_no_more_pairs_than_it_was_told(void **state)
{
	static const struct virtio_net_hdr_v1 none;

	(void)state;
	start(BASE | VIRTIO_BIT(VIRTIO_NET_F_MQ));
	assert_int_equal(net->pairs, 1);
	give_buffer(0, 2000);
	give_buffer(1, 2000);
	/* One pair until the driver says otherwise (5.1.6.5.6). */
	arrive(1, 100, none);
	assert_int_equal(fake_used_count(&driver, 2), 0);
	assert_int_equal(set_pairs(2), VIRTIO_NET_OK);
	assert_int_equal(net->pairs, 2);
	arrive(1, 100, none);
	arrive(0, 100, none);
	assert_int_equal(fake_used_count(&driver, 2), 1);
	assert_int_equal(fake_used_count(&driver, 0), 1);
	assert_int_equal(set_pairs(0), VIRTIO_NET_ERR);
	assert_int_equal(set_pairs(PAIRS + 1), VIRTIO_NET_ERR);
	/* Half of a frame is there when its pair goes. */
	give_buffer(1, 600);
	arrive(1, 1000, none);
	assert_int_equal(fake_used_count(&driver, 2), 0);
	assert_int_equal(set_pairs(1), VIRTIO_NET_OK);
	give_buffer(1, 600);
	arrive(1, 100, none);
	assert_int_equal(fake_used_count(&driver, 2), 0);
	/* Its buffers are all still there. */
	assert_int_equal(set_pairs(2), VIRTIO_NET_OK);
	arrive(1, 1000, none);
	assert_int_equal(fake_used_count(&driver, 2), 2);
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG + 8) & 0xffff,
			 PAIRS);
	/* A reset: one pair again. */
	fake_negotiate(&driver, BASE | VIRTIO_BIT(VIRTIO_NET_F_MQ));
	for (unsigned int i = 0; i <= CONTROL; i++)
		fake_set_up_queue(&driver, i);
	fake_write(&driver, VIRTIO_MMIO_STATUS, 15);
	assert_int_equal(net->pairs, 1);
	give_buffer(1, 2000);
	arrive(1, 100, none);
	assert_int_equal(fake_used_count(&driver, 2), 0);
	finish();
}

/* Queue 2 is the control queue then, and no frame shall come in there. */
static void has_one_pair_without_mq(void **state)
{
	static const struct virtio_net_hdr_v1 none;
	struct fake_buffer buffer;

	(void)state;
	start(BASE);
	buffer = (struct fake_buffer){ fake_alloc(&driver, 2000), 2000 };
	fake_add(&driver, 2, &buffer, 0, 1);
	arrive(1, 100, none);
	assert_int_equal(fake_used_count(&driver, 2), 0);
	/* Queue 3 is none at all. */
	fake_add(&driver, 3, &buffer, 1, 0);
	fake_kick(&driver, 3);
	assert_int_equal(net->sent[1], 0);
	assert_int_equal(fake_used_count(&driver, 3), 0);
	finish();
}

static bool delivers(size_t bytes, struct virtio_net_hdr_v1 header)
{
	net->have[0] = net->taken[0] = 0;
	arrive(0, bytes, header);
	return fake_used_count(&driver, 0);
}

static void guest_sends(uint32_t bytes)
{
	uint64_t gpa = fake_alloc(&driver, HEADER + bytes);
	struct fake_buffer buffer = { gpa, HEADER + bytes };

	fake_add(&driver, 1, &buffer, 1, 0);
	fake_kick(&driver, 1);
}

static void keeps_to_the_mtu(void **state)
{
	const uint64_t large = VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM) |
			       VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4);
	static const struct virtio_net_hdr_v1 none, whole = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 1448,
		.csum_start = 34,
		.csum_offset = 16,
	};

	(void)state;
	start(BASE | large | VIRTIO_BIT(VIRTIO_NET_F_MTU));
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG + 8) >> 16, MTU);
	for (int i = 0; i < 6; i++)
		give_buffer(0, 10000);
	guest_sends(MTU + 14);
	assert_int_equal(net->sent[0], 1);
	assert_true(delivers(MTU + 14, none));
	assert_false(delivers(MTU + 15, none));
	assert_false(delivers(9000, none));
	assert_true(delivers(9000, whole));
	/* With a VLAN tag, and with two. */
	net->data[12] = 0x81;
	assert_true(delivers(MTU + 18, none));
	assert_false(delivers(MTU + 19, none));
	net->data[12] = 0x88;
	net->data[13] = 0xa8;
	net->data[16] = 0x81;
	assert_true(delivers(MTU + 22, none));
	assert_false(delivers(MTU + 23, none));
	finish();
	/* A driver that knows nothing of it takes what comes. */
	start(BASE);
	give_buffer(0, 10000);
	assert_true(delivers(9000, none));
	finish();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(uses_no_more_pairs_than_it_was_told),
		cmocka_unit_test(has_one_pair_without_mq),
		cmocka_unit_test(keeps_to_the_mtu),
	};

	return cmocka_run_group_tests_name("net_pairs", tests, NULL, NULL);
}
