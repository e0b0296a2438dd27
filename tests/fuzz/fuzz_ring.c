// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: virtqueues, through a device that copies what it reads to
 * what it may write, keeps some chains for later, gives others back unused.
 * The first two bytes say how it behaves and what was negotiated.
 */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define ROOM		24	/* pieces: less than a hostile chain may have */
#define KEEP_MAX	MACHINE_QUEUE_SIZE

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct mirror {
	struct virtio_device device;
	struct ring_chain chains[KEEP_MAX];
	struct iovec iov[KEEP_MAX][ROOM];
	unsigned int kept;
	bool keeps, undoes;
};

/* Touches every byte that the ring says is ours. */
static uint32_t serve(const struct ring_chain *chain)
{
	uint64_t done = 0;
	size_t bytes;
	char data[512];

	if (iov_size(chain->out, chain->out_count) != chain->out_bytes ||
	    iov_size(chain->in, chain->in_count) != chain->in_bytes)
		abort();
	while (done < chain->out_bytes || done < chain->in_bytes) {
		bytes = iov_read(chain->out, chain->out_count, done, data,
				 sizeof(data));
		memset(data + bytes, 0x5a, sizeof(data) - bytes);
		iov_write(chain->in, chain->in_count, done, data,
			  sizeof(data));
		done += sizeof(data);
	}
	return chain->in_bytes;
}

static void give_back(struct mirror *mirror, struct virtio_ring *ring)
{
	while (mirror->kept) {
		struct ring_chain *chain = &mirror->chains[--mirror->kept];

		ring_push(ring, chain->head, serve(chain));
	}
	ring_publish(ring);
}

static void mirror_notify(struct virtio_device *device, unsigned int queue)
{
	struct mirror *mirror = (struct mirror *)device;
	struct virtio_ring *ring = &device->rings[queue];
	struct ring_chain *chain;
	int rounds = 0;

	do {
		ring_quiet(ring);
		if (ring->in_flight > ring->size)
			abort();
		while (mirror->kept < KEEP_MAX) {
			chain = &mirror->chains[mirror->kept];
			chain->iov = mirror->iov[mirror->kept];
			chain->room = ROOM;
			if (!ring_pop(ring, chain))
				break;
			mirror->kept++;
		}
		if (mirror->undoes && mirror->kept > 1) {
			ring_undo(ring, 1);
			mirror->kept--;
		}
		if (!mirror->keeps || mirror->kept > 3)
			give_back(mirror, ring);
	} while (ring_listen(ring) && ++rounds < 4);
}

static void mirror_reset(struct virtio_device *device)
{
	((struct mirror *)device)->kept = 0;
}

static void mirror_destroy(struct virtio_device *device)
{
	virtio_fini(device);
	free(device);
}

static const struct virtio_ops mirror_ops = {
	.notify = mirror_notify,
	.reset = mirror_reset,
	.destroy = mirror_destroy,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mirror *mirror;

	if (size < 2)
		return 0;
	mirror = calloc(1, sizeof(*mirror));
	machine_init();
	mirror->device.ops = &mirror_ops;
	mirror->device.id = VIRTIO_ID_RNG;
	mirror->device.queue_count = 1;
	mirror->device.queue_size = MACHINE_QUEUE_SIZE;
	mirror->keeps = data[0] & 1;
	mirror->undoes = data[0] & 2;
	if (virtio_init(&mirror->device))
		abort();
	virtio_attach_inline(&mirror->device, machine_host());
	machine_start(&mirror->device, (uint64_t)data[1] << 28);
	machine_play(&mirror->device, data + 2, size - 2);
	virtio_destroy(&mirror->device);
	return 0;
}
