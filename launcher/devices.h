/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's virtio devices: made from the command line once, given to each
 * machine in turn. Device n has the registers at RL_MMIO_BASE + n *
 * RL_MMIO_STRIDE and the interrupt line RL_IRQ_DEVICE + n (abi/guest.h), in
 * the order of the command line.
 */
#ifndef RINGLET_LAUNCHER_DEVICES_H
#define RINGLET_LAUNCHER_DEVICES_H

#include "../abi/guest.h"
#include "../abi/ringlet.h"
#include "../virtio_devices/device.h"
#include "memory.h"

/* One `--disk TEXT` and so on. */
struct device_option {
	const struct virtio_kind *kind;
	const char *text;	/* belongs to argv; "" without a value */
};

struct devices;

/*
 * Opens what the options name. NULL: said what is wrong, and *status is what
 * to exit with (exit.h).
 */
struct devices *devices_create(const struct device_option *options,
			       unsigned int count, unsigned int cpus,
			       int *status);
/* Detached ones only; NULL is fine. */
void devices_destroy(struct devices *devices);

/*
 * Connect them to a VM whose vCPU does not run yet: eventfds are registered
 * with the module, each device starts its thread. Says what failed; 0 or
 * -errno (nothing is attached then). memory stays until detach.
 */
int devices_attach(struct devices *devices, int vm_fd,
		   const struct guest_memory *memory);
/* After the last vCPU ended: waits for what is in flight. */
void devices_detach(struct devices *devices);

/*
 * A guest's access to device registers, as the run page tells it. Where no
 * device is, registers read as 0, by which the guest knows, and take any
 * write. Any vCPU thread; devices may be NULL.
 */
void devices_access(struct devices *devices, struct rl_run *run);

/* For the statistics. NULL has none. */
/* What they all need of a sandbox: VIRTIO_NEEDS_*. */
unsigned int devices_needs(const struct devices *);
unsigned int devices_count(const struct devices *devices);
const struct virtio_device *devices_get(const struct devices *devices,
					unsigned int index);

#endif
