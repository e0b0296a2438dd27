/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio devices, seen from who writes one: the struct that a device fills,
 * the functions that it offers, and the helpers that it may call.
 *
 * A device embeds struct virtio_device as its first member, fills the first
 * part and calls virtio_init() in its kind's create function:
 *
 *	struct rng { struct virtio_device device; ... };
 *
 *	static const struct virtio_ops rng_ops = { .notify = rng_notify, ... };
 *
 *	rng->device.id = VIRTIO_ID_RNG;
 *	rng->device.ops = &rng_ops;
 *	rng->device.queue_count = 1;
 *	rng->device.queue_size = 64;
 *	snprintf(rng->device.name, ..., "rng%u", setup->order);
 *	error = virtio_init(&rng->device);
 *
 * All ops run on the device's thread, one at a time (with no thread in unit
 * tests: on the caller's). They may use device->loop to watch fds.
 */
#ifndef RINGLET_VIRTIO_MODEL_H
#define RINGLET_VIRTIO_MODEL_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>

#include "device.h"
#include "loop.h"
#include "ring.h"

#define VIRTIO_QUEUES_MAX	64
#define VIRTIO_CONFIG_MAX	256	/* bytes */
#define VIRTIO_NAME_MAX		16

#define VIRTIO_BIT(feature)	(1ull << (feature))

struct virtio_ops {
	/*
	 * The driver is ready (DRIVER_OK): device->features holds what was
	 * negotiated, the rings that the driver wants are ready (a driver may
	 * leave some out). Afterwards each ready queue is notified once, as
	 * the guest may have filled it before. May be NULL.
	 */
	void (*activate)(struct virtio_device *device);
	/*
	 * Back to the state before activate; may also come without one. When
	 * it returns nothing is in flight and nothing of the guest's memory is
	 * touched any more. The rings are stopped afterwards; pushing what was
	 * in flight is not needed. May be NULL.
	 */
	void (*reset)(struct virtio_device *device);
	/*
	 * The driver stops one queue of an activated device (4.2.2.1): when it
	 * returns, nothing of that queue is in flight and none of its buffers
	 * is touched any more. The ring is stopped afterwards. NULL: chains
	 * are never kept from one callback to the next, or not written to.
	 */
	void (*stop_queue)(struct virtio_device *device, unsigned int queue);
	/* The guest put chains into a ready queue of an activated device. */
	void (*notify)(struct virtio_device *device, unsigned int queue);
	/*
	 * May these features (a subset of the offered ones, VERSION_1 among
	 * them) go together? NULL: yes.
	 */
	bool (*check_features)(struct virtio_device *device,
			       uint64_t features);
	/*
	 * The guest wrote bytes (1, 2, 4 or 8) to its configuration space,
	 * inside of device->config_size. device->config still holds the old
	 * ones; the device decides with virtio_config_store() what becomes of
	 * it. Also before DRIVER_OK. NULL: all is read-only.
	 */
	void (*config_write)(struct virtio_device *device,
			     unsigned int offset, const void *data,
			     unsigned int bytes);
	/* virtio_counters' dropped, by any thread. NULL: nothing is. */
	uint64_t (*dropped)(const struct virtio_device *device);
	/* The last call: free all, the struct too. */
	void (*destroy)(struct virtio_device *device);
};

struct transport;

struct virtio_device {
	/* Filled by the device before virtio_init(), constant afterwards. */
	const struct virtio_ops *ops;
	uint32_t id;			/* VIRTIO_ID_* */
	uint64_t offered;		/* the device's own features; the ring's
					   and VERSION_1 are added */
	unsigned int queue_count;	/* 1 up to VIRTIO_QUEUES_MAX */
	uint16_t queue_size;		/* power of two, the most per queue */
	unsigned int config_size;	/* bytes of config that exist */
	/* First contents by the device; see virtio_config_store(). */
	uint8_t config[VIRTIO_CONFIG_MAX];
	char name[VIRTIO_NAME_MAX];	/* "disk0" */
	unsigned int needs;		/* VIRTIO_NEEDS_* */

	/* For the device to read, in ops. */
	const struct virtio_host *host;	/* NULL: no machine */
	struct loop *loop;		/* from virtio_init() on */
	uint64_t features;		/* negotiated; valid while active */
	bool active;			/* between activate and reset */
	struct virtio_ring rings[VIRTIO_QUEUES_MAX];

	/* The rest is the core's own. */
	struct transport *transport;
	atomic_ulong kicks, chains, interrupts, suppressed, breaks;
};

/* After the first part was filled. 0 or -errno (then nothing is to be undone). */
int virtio_init(struct virtio_device *device);
/* What virtio_init() made; for ops->destroy, and where create fails later. */
void virtio_fini(struct virtio_device *device);

static inline bool virtio_has(const struct virtio_device *device,
			      unsigned int feature)
{
	return device->features & VIRTIO_BIT(feature);
}

/*
 * Change the configuration space; nobody sees half of it (the generation
 * changes, 4.2.2.2). With notify, an activated guest is interrupted. Any
 * thread.
 */
void virtio_config_store(struct virtio_device *device, unsigned int offset,
			 const void *data, unsigned int bytes, bool notify);

/*
 * The driver broke a rule of the device's protocol so badly that nothing
 * sensible can follow (2.1.2): say why in the log, set DEVICE_NEEDS_RESET and
 * tell the guest. Rings give nothing until the reset. Where a request has a
 * status field, an error status there is better. On the device's thread.
 */
void virtio_break(struct virtio_device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool virtio_broken(const struct virtio_device *device);

/* A line for the user, begun with the device's name. */
void virtio_log(struct virtio_device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
