// SPDX-License-Identifier: GPL-2.0
/*
 * A die for the guest: it gives empty buffers, and gets throws.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dice.h"
#include "model.h"
#include "words.h"

#define DICE_QUEUE_SIZE	16
#define DICE_PIECES	64	/* of a chain */
#define DICE_MOST	4096	/* throws for one buffer */

struct dice {
	struct virtio_device device;	/* the first: ops get a pointer to it */
	struct iovec iov[DICE_PIECES];
};

/* Throws for each buffer of the queue. */
static void dice_notify(struct virtio_device *device, unsigned int queue)
{
	(void)device;
	(void)queue;
}

/* The machine begins to use the device, and no longer does. */
static void dice_activate(struct virtio_device *device)
{
	(void)device;
}

static void dice_reset(struct virtio_device *device)
{
	(void)device;
}

static void dice_destroy(struct virtio_device *device)
{
	virtio_fini(device);
	free(device);
}

static const struct virtio_ops dice_ops = {
	.activate = dice_activate,
	.reset = dice_reset,
	.notify = dice_notify,
	.destroy = dice_destroy,
};

/* The option's text becomes a device: 0, or -errno with a message. */
static int dice_create(const char *text, const struct virtio_setup *setup,
		       struct virtio_device **device, char *message,
		       size_t message_size)
{
	(void)setup;
	(void)device;
	(void)dice_ops;
	snprintf(message, message_size, "--dice %s: not written yet", text);
	return -ENOSYS;
}

const struct virtio_kind dice_kind = {
	.option = "dice",
	.create = dice_create,
};
