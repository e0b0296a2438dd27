/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Split virtqueues, the device's side (virtio 1.2, 2.7). This is the only code
 * that reads a ring, and it takes all it reads for hostile: each descriptor
 * and index is copied once and the copy checked. A rule broken by the driver
 * breaks the device (2.1.2): virtio_break() in model.h, after which ring_pop()
 * gives nothing until the guest resets it.
 *
 * One thread at a time (the device's) uses a ring.
 *
 * The usual way to serve a notification:
 *
 *	do {
 *		ring_quiet(ring);
 *		while (ring_pop(ring, &chain)) {
 *			... chain.out, chain.in ...
 *			ring_push(ring, chain.head, bytes_written);
 *		}
 *		ring_publish(ring);
 *	} while (ring_listen(ring));
 *
 * A device with requests in flight keeps the chains, and pushes and publishes
 * when they complete, in any order. At most ring->size chains are popped and
 * not yet pushed at any time, whatever the guest does: so many request slots
 * are enough.
 */
#ifndef RINGLET_VIRTIO_RING_H
#define RINGLET_VIRTIO_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "iov.h"

struct virtio_device;

/* The largest queue that any device offers. */
#define RING_SIZE_MAX	1024

/*
 * A chain of descriptors as pieces of the launcher's memory. The caller gives
 * iov and room (before the first ring_pop(), which leaves them alone). A
 * chain with more pieces breaks the device, so room should be what the device
 * told the driver (seg_max and so on) and some: RING_SIZE_MAX is always enough
 * where guest memory is one region (two, if it has two).
 *
 * out: what the driver wrote and the device reads; in: what the device writes.
 * Both point into iov, out first. Empty pieces are left out.
 */
struct ring_chain {
	struct iovec *iov;
	unsigned int room;
	uint64_t *gpa;		/* NULL, or room for the address of each piece,
				   in the order of iov */
	uint16_t head;		/* for ring_push() */
	struct iovec *out, *in;
	unsigned int out_count, in_count;
	uint64_t out_bytes, in_bytes;	/* sums; below 2^48 */
};

struct virtio_ring {
	struct virtio_device *device;
	unsigned int index;	/* queue number */
	bool ready;		/* the driver set it up: usable */
	bool event_idx;		/* negotiated */
	bool indirect;
	uint16_t size;		/* of the queue, 0 while not ready */
	unsigned int in_flight;	/* popped, not yet pushed */

	/* The rest is ring.c's own. */
	const volatile void *desc;
	volatile uint16_t *avail;	/* flags, idx, ring[], used_event */
	volatile uint16_t *used;	/* flags, idx, ring[], avail_event */
	uint16_t next_avail;	/* the next avail entry to look at */
	uint16_t used_idx;	/* where the next used entry goes */
	uint16_t published;	/* used_idx as the guest knows it */
};

/* Where a driver says that its queue is, and how long. */
struct ring_setup {
	uint64_t desc, driver, device;	/* GPAs */
	uint32_t size;
	bool event_idx, indirect;
};

/*
 * Make it usable. device and index are set already. 0, or -EINVAL (size,
 * alignment) and -EFAULT (not in memory): it stays not ready.
 */
int ring_start(struct virtio_ring *ring, const struct ring_setup *setup);
void ring_stop(struct virtio_ring *ring);
/* The driver is ready: the device may write to the ring from now on. */
void ring_activate(struct virtio_ring *ring);

/*
 * The next available chain. False: none, or the ring is not ready, or the
 * device is not activated, or broken.
 */
bool ring_pop(struct virtio_ring *ring, struct ring_chain *chain);
/* Forget the last count pops, newest first, as if they had not been. */
void ring_undo(struct virtio_ring *ring, unsigned int count);
/* Are there chains? A hint: only ring_pop() checks them. */
bool ring_has_more(const struct virtio_ring *ring);

/*
 * Give a chain back, with the count of bytes written to its in pieces (from
 * their start on). The guest sees this with the next ring_publish(), which
 * shows all pushed so far at once and interrupts the guest if it wants that.
 * A ring that was stopped ignores both.
 */
void ring_push(struct virtio_ring *ring, uint16_t head, uint32_t written);
void ring_publish(struct virtio_ring *ring);

/*
 * Ask the guest to notify us no more (a hint), and to notify us again.
 * ring_listen() returns true where chains came in between: serve them, no
 * notification will come for these.
 */
void ring_quiet(struct virtio_ring *ring);
bool ring_listen(struct virtio_ring *ring);

#endif
