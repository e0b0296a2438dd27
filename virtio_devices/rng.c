// SPDX-License-Identifier: GPL-2.0
/*
 * The entropy device (virtio 1.2, 5.4): the guest gives empty buffers, the
 * device fills them from getrandom(2).
 *
 * A guest that asks for a lot is given less than it asked for, which the
 * standard allows: so one request never holds the device's thread for long.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "model.h"
#include "rng.h"

#define RNG_QUEUE_SIZE	16
#define RNG_PIECES	64	/* of a chain; Linux sends one */
#define RNG_MOST	4096	/* bytes for one request */
#define RNG_RETRY_NS	50000000

struct rng {
	struct virtio_device device;
	struct iovec iov[RNG_PIECES];
	/* Armed while the host itself has no entropy yet (its early boot). */
	struct loop_source retry;
};

/*J: devices.rng
 * The smallest device there is shows the whole pattern. The guest's driver
 * puts an empty buffer into a queue and notifies; the device's thread wakes,
 * *pops* the buffer as a list of memory pieces, fills them, *pushes* the
 * buffer back with the count of bytes, and *publishes*, which interrupts the
 * guest if it wants to know.
 *
 * Why a guest needs this at all: what makes numbers unpredictable on a real
 * machine (interrupt times, mostly) is, in a virtual one, decided by the host
 * and by whoever else runs there. Two guests started from the same image would
 * make the same keys. So the host shares what it has gathered.
 :*/

static void rng_retry_later(struct rng *rng)
{
	struct itimerspec when = { .it_value.tv_nsec = RNG_RETRY_NS };

	timerfd_settime(rng->retry.fd, 0, &when, NULL);
}

/* Bytes written into the chain, or -errno. */
static ssize_t rng_fill(const struct ring_chain *chain)
{
	unsigned char bytes[RNG_MOST];
	size_t want = chain->in_bytes < RNG_MOST ? chain->in_bytes : RNG_MOST;
	ssize_t got = getrandom(bytes, want, GRND_NONBLOCK);

	if (got < 0)
		return -errno;
	got = iov_write(chain->in, chain->in_count, 0, bytes, got);
	explicit_bzero(bytes, sizeof(bytes));
	return got;
}

static void rng_notify(struct virtio_device *device, unsigned int queue)
{
	struct rng *rng = (struct rng *)device;
	struct virtio_ring *ring = &device->rings[queue];
	struct ring_chain chain = { .iov = rng->iov, .room = RNG_PIECES };
	ssize_t got;

	do {
		ring_quiet(ring);
		while (ring_pop(ring, &chain)) {
			got = rng_fill(&chain);
			if (got == -EAGAIN || got == -EINTR) {
				ring_undo(ring, 1);
				ring_publish(ring);
				rng_retry_later(rng);
				return;
			}
			ring_push(ring, chain.head, got < 0 ? 0 : got);
		}
		ring_publish(ring);
	} while (ring_listen(ring));
}

static void rng_retry(void *argument, uint32_t events)
{
	struct rng *rng = argument;
	uint64_t times;

	(void)events;
	if (read(rng->retry.fd, &times, sizeof(times)) == sizeof(times) &&
	    rng->device.active)
		rng_notify(&rng->device, 0);
}

static void rng_activate(struct virtio_device *device)
{
	struct rng *rng = (struct rng *)device;

	loop_watch(device->loop, &rng->retry, EPOLLIN);
}

static void rng_reset(struct virtio_device *device)
{
	struct rng *rng = (struct rng *)device;
	struct itimerspec never = { 0 };

	timerfd_settime(rng->retry.fd, 0, &never, NULL);
	loop_unwatch(device->loop, &rng->retry);
}

static void rng_destroy(struct virtio_device *device)
{
	struct rng *rng = (struct rng *)device;

	virtio_fini(device);
	close(rng->retry.fd);
	free(rng);
}

static const struct virtio_ops rng_ops = {
	.activate = rng_activate,
	.reset = rng_reset,
	.notify = rng_notify,
	.destroy = rng_destroy,
};

static int rng_create(const char *text, const struct virtio_setup *setup,
		      struct virtio_device **device, char *message,
		      size_t message_size)
{
	struct rng *rng;
	int error;

	if (*text) {
		snprintf(message, message_size, "--rng takes no value (%s)",
			 text);
		return -EINVAL;
	}
	rng = calloc(1, sizeof(*rng));
	if (!rng)
		return -ENOMEM;
	rng->device.ops = &rng_ops;
	rng->device.id = VIRTIO_ID_RNG;
	rng->device.queue_count = 1;
	rng->device.queue_size = RNG_QUEUE_SIZE;
	snprintf(rng->device.name, sizeof(rng->device.name), "rng%u",
		 setup->order);
	rng->retry.callback = rng_retry;
	rng->retry.argument = rng;
	rng->retry.fd = timerfd_create(CLOCK_MONOTONIC,
				       TFD_NONBLOCK | TFD_CLOEXEC);
	error = rng->retry.fd < 0 ? -errno : virtio_init(&rng->device);
	if (!error) {
		*device = &rng->device;
		return 0;
	}
	snprintf(message, message_size, "no random device: %s",
		 strerror(-error));
	if (rng->retry.fd >= 0)
		close(rng->retry.fd);
	free(rng);
	return error;
}

const struct virtio_kind rng_kind = {
	.option = "rng",
	.create = rng_create,
};
