// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the registers and the configuration space, through a
 * device with several queues that checks what the core promises to devices.
 */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct strict {
	struct virtio_device device;
	bool active;
};

static void check(bool promise)
{
	if (!promise)
		abort();
}

static void strict_activate(struct virtio_device *device)
{
	struct strict *strict = (struct strict *)device;

	check(!strict->active);
	check(device->active);
	check(!(device->features & ~device->offered));
	check(virtio_has(device, VIRTIO_F_VERSION_1));
	strict->active = true;
}

static void strict_reset(struct virtio_device *device)
{
	((struct strict *)device)->active = false;
}

static void strict_notify(struct virtio_device *device, unsigned int queue)
{
	struct virtio_ring *ring = &device->rings[queue];
	struct iovec iov[8];
	struct ring_chain chain = { .iov = iov, .room = 8 };

	check(((struct strict *)device)->active);
	check(queue < device->queue_count);
	check(ring->ready);
	check(!virtio_broken(device));
	while (ring_pop(ring, &chain))
		ring_push(ring, chain.head, 0);
	ring_publish(ring);
}

/* The four lowest features exclude each other. */
static bool strict_check(struct virtio_device *device, uint64_t features)
{
	(void)device;
	return __builtin_popcountll(features & 0xf) < 2;
}

static void strict_config_write(struct virtio_device *device,
				unsigned int offset, const void *data,
				unsigned int bytes)
{
	check(bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
	check(offset + bytes <= device->config_size);
	virtio_config_store(device, offset, data, bytes, offset & 1);
}

static void strict_destroy(struct virtio_device *device)
{
	check(!((struct strict *)device)->active);
	virtio_fini(device);
	free(device);
}

static const struct virtio_ops strict_ops = {
	.activate = strict_activate,
	.reset = strict_reset,
	.notify = strict_notify,
	.check_features = strict_check,
	.config_write = strict_config_write,
	.destroy = strict_destroy,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strict *strict = calloc(1, sizeof(*strict));

	machine_init();
	strict->device.ops = &strict_ops;
	strict->device.id = VIRTIO_ID_BLOCK;
	strict->device.offered = 0xff;
	strict->device.queue_count = 3;
	strict->device.queue_size = MACHINE_QUEUE_SIZE;
	strict->device.config_size = 24;
	check(!virtio_init(&strict->device));
	machine_play(&strict->device, data, size);
	virtio_destroy(&strict->device);
	return 0;
}
