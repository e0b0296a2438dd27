/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The disk's two halves, for each other and for tests: blk.c is the device
 * (features, configuration, life), blk_request.c serves its queues.
 */
#ifndef RINGLET_VIRTIO_BLK_DEVICE_H
#define RINGLET_VIRTIO_BLK_DEVICE_H

#include <linux/virtio_blk.h>

#include "blk_medium.h"
#include "model.h"

#define BLK_QUEUE_SIZE	256
/* A request has a header and a status byte besides these pieces of data. */
#define BLK_SEG_MAX	(BLK_QUEUE_SIZE - 2)
#define BLK_SIZE_MAX	(1u << 20)	/* bytes of a piece */
/* No request that keeps to both has more. */
#define BLK_BYTES_MAX	((uint64_t)BLK_SIZE_MAX * BLK_QUEUE_SIZE)
/* Any chain fits: no longer than the queue, cut once at a region's end. */
#define BLK_PIECES	(BLK_QUEUE_SIZE + 4)
#define BLK_RANGES	16	/* of one DISCARD or WRITE_ZEROES */
#define BLK_DISCARD_SECTORS	(1u << 22)
#define BLK_ZERO_SECTORS	(1u << 16)

struct blk;

struct blk_request {
	struct blk *blk;
	struct blk_request *next;	/* free */
	unsigned int queue;
	uint16_t head;
	uint64_t in_bytes; /* of the chain, with the status byte */
	struct iovec *rest;	/* of these, nothing has been written to */
	unsigned int rest_count;
	uint8_t *status;	/* in guest memory */
	struct blk_io io;
	/* DISCARD, WRITE_ZEROES: the copies that were checked. */
	struct virtio_blk_discard_write_zeroes ranges[BLK_RANGES];
	unsigned int range, range_count;
	struct iovec iov[BLK_PIECES];
};

struct blk {
	struct virtio_device device;
	struct blk_medium *medium;
	char serial[VIRTIO_BLK_ID_BYTES];	/* NUL padded, not terminated */
	struct loop_source source;	/* medium->fd */
	struct loop_source tick; /* timerfd: has the medium grown? */
	uint32_t watched;		/* the events asked for */
	bool writeback;			/* else each write is durable */
	bool resetting;			/* the rings are to be left alone */
	bool verbose;			/* say how it works */
	bool lost; /* said that writes may be lost */
	unsigned int in_flight;
	uint64_t dirty;			/* bit n: ring n was pushed to */
	struct blk_request *requests, *free;
};

/* All requests of all queues. 0 or -ENOMEM. */
int blk_requests_init(struct blk *blk);
/* Serve a queue: model.h's notify. */
void blk_notify(struct virtio_device *device, unsigned int queue);
/* Tell the guest of all that has been pushed. */
void blk_publish(struct blk *blk);
/* Say what is new about the medium, to the guest and to the user. */
void blk_look(struct blk *blk);
/* Wait for all in flight. */
void blk_drain(struct blk *blk);
/* Poll the medium for what it now waits for. */
void blk_watch(struct blk *blk);

/*
 * A disk on a medium, which belongs to the device, also after an error.
 * 0 or -errno.
 */
int blk_create_on(struct blk_medium *medium, const struct blk_options *options,
		  const struct virtio_setup *setup,
		  struct virtio_device **device);

#endif
