/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inside of the console device, for vconsole.c (bytes, sizes, life) and
 * vconsole_control.c (what device and driver tell each other of the ports).
 * Everything belongs to the device's thread.
 */
#ifndef RINGLET_VIRTIO_VCONSOLE_DEVICE_H
#define RINGLET_VIRTIO_VCONSOLE_DEVICE_H

#include <linux/virtio_console.h>

#include "model.h"
#include "vconsole_port.h"

#define VCONSOLE_PIECES	256
#define VCONSOLE_CONTROL_IN	2	/* queues: to the guest */
#define VCONSOLE_CONTROL_OUT	3

/* What a guest is to hear of a port, in this order. */
enum {
	TELL_ADD = 1,
	TELL_CONSOLE = 2,
	TELL_NAME = 4,
	TELL_SIZE = 8,
	TELL_OPEN = 16,
	TELL_LAST = TELL_OPEN,
};

struct vconsole {
	struct virtio_device device;
	unsigned int ports;
	struct vconsole_port port[VCONSOLE_PORTS_MAX];
	char notice[VCONSOLE_PORTS_MAX][64];	/* the names of ptys */
	struct loop_source poll;	/* timerfd: have terminals been resized? */
	bool ready;			/* the driver said DEVICE_READY */
	struct iovec iov[VCONSOLE_PIECES];
};

static inline bool vconsole_is_multiport(const struct vconsole *console)
{
	return virtio_has(&console->device, VIRTIO_CONSOLE_F_MULTIPORT);
}

/* vconsole_control.c: what is pending of all ports, as far as there is room. */
void vconsole_tell(struct vconsole *console);
/* The guest has sent messages. */
void vconsole_hear(struct vconsole *console);

#endif
