// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of one queue of virtio-mmio (virtio 1.2, 4.2.2): where its rings are,
 * and when it starts and stops.
 */
#include <linux/virtio_mmio.h>

#include "mmio.h"

struct queue_registers *mmio_selected(struct virtio_device *device)
{
	struct transport *transport = device->transport;

	if (transport->queue_select >= device->queue_count)
		return NULL;
	return &transport->queues[transport->queue_select];
}

struct queue_call {
	struct virtio_device *device;
	unsigned int index;
	const struct queue_registers *queue;
	int error;
};

/* On the device's thread, to which the rings belong. */
static void start_queue(void *argument)
{
	struct queue_call *call = argument;
	struct virtio_device *device = call->device;
	struct ring_setup setup = {
		.desc = call->queue->desc,
		.driver = call->queue->driver,
		.device = call->queue->device,
		.size = call->queue->num,
		.event_idx = virtio_has(device, VIRTIO_RING_F_EVENT_IDX),
		.indirect = virtio_has(device, VIRTIO_RING_F_INDIRECT_DESC),
	};

	call->error = ring_start(&device->rings[call->index], &setup);
	if (call->error)
		virtio_break(device, "queue %u is set up wrong (size %u)",
			     call->index, call->queue->num);
}

static void stop_queue(void *argument)
{
	struct queue_call *call = argument;
	struct virtio_device *device = call->device;

	if (device->active && device->ops->stop_queue)
		device->ops->stop_queue(device, call->index);
	ring_stop(&device->rings[call->index]);
}

static void write_queue_ready(struct virtio_device *device,
			      struct queue_registers *queue, uint32_t value)
{
	struct queue_call call = {
		.device = device,
		.index = device->transport->queue_select,
		.queue = queue,
	};
	unsigned int status = mmio_status(device);

	if (!value && queue->ready) {
		loop_call(device->loop, stop_queue, &call);
		queue->ready = false;
	}
	/* 3.1.1, step 7: between the features and DRIVER_OK, nowhere else. */
	if (value != 1 || queue->ready || virtio_broken(device) ||
	    !(status & VIRTIO_CONFIG_S_FEATURES_OK) ||
	    status & VIRTIO_CONFIG_S_DRIVER_OK)
		return;
	loop_call(device->loop, start_queue, &call);
	queue->ready = !call.error;
}

static void set_low(uint64_t *address, uint32_t value)
{
	*address = (*address & ~0xffffffffull) | value;
}

static void set_high(uint64_t *address, uint32_t value)
{
	*address = (uint32_t)*address | (uint64_t)value << 32;
}

void mmio_write_queue(struct virtio_device *device, uint64_t offset,
		      uint32_t value)
{
	struct queue_registers *queue = mmio_selected(device);

	if (!queue)
		return;
	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		write_queue_ready(device, queue, value);
		return;
	}
	/* 4.2.2.2: these hold still while the queue is in use. */
	if (queue->ready)
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		queue->num = value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		set_low(&queue->desc, value);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_high(&queue->desc, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
		set_low(&queue->driver, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_high(&queue->driver, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
		set_low(&queue->device, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_high(&queue->device, value);
		break;
	}
}
