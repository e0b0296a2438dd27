/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers of virtio-mmio, version 2 (virtio 1.2, 4.2.2), as state. Only
 * mmio.c and mmio_queue.c (what a driver does) and device.c (what a device does) use it.
 *
 * Locks: `lock` covers what the driver writes and is held through a whole
 * register access, also while the device's thread works for it. The device's
 * thread therefore never takes it. `config_lock` covers device->config,
 * generation and device->host against each other's change, for moments only.
 */
#ifndef RINGLET_VIRTIO_MMIO_H
#define RINGLET_VIRTIO_MMIO_H

#include "model.h"

/* A queue as its registers say. */
struct queue_registers {
	uint32_t num;
	bool ready;
	uint64_t desc, driver, device;	/* GPAs */
};

/* Where a queue's notifications arrive. */
struct kick {
	struct virtio_device *device;
	unsigned int index;
	struct loop_source source;	/* an eventfd */
};

struct transport {
	pthread_mutex_t lock;
	atomic_uint status;	/* VIRTIO_CONFIG_S_*; the device's thread sets
				   NEEDS_RESET, all else needs the lock */
	uint32_t offered_select, driver_select, queue_select;
	uint64_t driver_features;
	struct queue_registers queues[VIRTIO_QUEUES_MAX];

	pthread_mutex_t config_lock;
	uint32_t generation;

	struct kick kicks[VIRTIO_QUEUES_MAX];
};

/* All registers as after power-on, the device quiet. Takes the lock. */
void mmio_reset(struct virtio_device *device);

static inline unsigned int mmio_status(const struct virtio_device *device)
{
	return atomic_load(&device->transport->status);
}

/* The lock is held: the registers of the queue that QueueSel names; NULL: there is none. */
struct queue_registers *mmio_selected(struct virtio_device *device);

/* The lock is held. A write to one of those, or to no register at all. */
void mmio_write_queue(struct virtio_device *device, uint64_t offset,
		      uint32_t value);

#endif
