// SPDX-License-Identifier: GPL-2.0
/*
 * A disk's requests (virtio 1.2, 5.2.6): from a chain of descriptors to an
 * operation of the medium, and from its result to the status byte.
 *
 *	header (16 bytes) | data | status (1 byte)
 *
 * How the driver cuts this into descriptors is its own affair (2.7.4.1): only
 * the sums count. All that the header says is checked on a copy. Where there
 * is a status byte to tell of a wrong request, it is told there; a chain
 * without one breaks the device.
 *
 * A request that is in flight owns a struct blk_request. There are as many as
 * chains can be popped, so one is always free.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blk_device.h"

/*J: devices.hostile-driver
 * A device's code reads numbers that somebody else wrote, and that somebody may
 * be an attacker who owns the guest's kernel. Take the sector of a request. The
 * obvious check, "sector plus length is at most the capacity", is wrong: the
 * sum can overflow and come out small. So here the check subtracts: length is
 * at most the capacity, and sector at most what then remains.
 *
 * The other half of the art is *when* to look. The guest can change its memory
 * between our check and our use of a number. So the sixteen bytes of the header
 * are copied first, and checked and used from the copy. The data need no copy:
 * a guest that changes them while they are written spoils only its own disk.
 :*/

int blk_requests_init(struct blk *blk)
{
	unsigned int count = blk->device.queue_count * BLK_QUEUE_SIZE;

	blk->requests = calloc(count, sizeof(*blk->requests));
	if (!blk->requests)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++) {
		blk->requests[i].blk = blk;
		blk->requests[i].next = blk->free;
		blk->free = &blk->requests[i];
	}
	return 0;
}

/*
 * What was not read must not pass for data: a careless driver would find there
 * what the memory held before. Zeros go as far as any sane request; beyond, the
 * used length claims nothing (2.7.8.2). Bytes written, from the chain's start.
 */
static uint32_t request_zero_rest(const struct blk_request *request)
{
	uint64_t left = iov_size(request->rest, request->rest_count);
	uint64_t written;

	left -= iov_zero(request->rest, request->rest_count, 0, BLK_BYTES_MAX);
	/* The status byte is the last of all. */
	written = left ? request->in_bytes - 1 - left : request->in_bytes;
	return written < UINT32_MAX ? written : UINT32_MAX;
}

/* The guest gets its chain back; nothing touches its memory afterwards. */
static void request_end(struct blk_request *request, uint8_t status)
{
	struct blk *blk = request->blk;

	if (!blk->resetting) {
		uint32_t written = request_zero_rest(request);

		*(volatile uint8_t *)request->status = status;
		ring_push(&blk->device.rings[request->queue], request->head,
			  written);
		blk->dirty |= 1ull << request->queue;
	}
	request->next = blk->free;
	blk->free = request;
}

static void request_submit(struct blk_request *request)
{
	struct blk *blk = request->blk;

	request->io.durable = !blk->writeback;
	blk->in_flight++;
	blk->medium->ops->submit(blk->medium, &request->io);
}

/* The next range of a DISCARD or WRITE_ZEROES; false: there is none left. */
static bool request_next_range(struct blk_request *request)
{
	const struct virtio_blk_discard_write_zeroes *range;

	while (request->range < request->range_count) {
		range = &request->ranges[request->range++];
		if (!range->num_sectors)
			continue;
		request->io.offset = range->sector * BLK_SECTOR;
		request->io.bytes = range->num_sectors * BLK_SECTOR;
		request->io.may_unmap = range->flags &
			VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
		request_submit(request);
		return true;
	}
	return false;
}

static void request_done(struct blk_io *io, int error)
{
	struct blk_request *request = (struct blk_request *)
		((char *)io - offsetof(struct blk_request, io));

	request->blk->in_flight--;
	if (!error && !request->blk->resetting && request_next_range(request))
		return;
	if (io->op == BLK_OP_READ) {
		request->rest = io->iov;
		request->rest_count = io->iov_count;
	}
	request_end(request, error ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
}

static bool request_in_range(const struct blk *blk, uint64_t sector,
			     uint64_t sectors)
{
	uint64_t capacity = blk->medium->bytes / BLK_SECTOR;

	return sectors <= capacity && sector <= capacity - sectors;
}

/* Each function below submits the request, or says how it ends at once. */
#define REQUEST_SUBMITTED	-1

static int request_transfer(struct blk_request *request, enum blk_op op,
			    uint64_t sector, struct iovec *iov,
			    unsigned int count, uint64_t bytes)
{
	struct blk *blk = request->blk;

	if (bytes % BLK_SECTOR || bytes > BLK_BYTES_MAX ||
	    !request_in_range(blk, sector, bytes / BLK_SECTOR))
		return VIRTIO_BLK_S_IOERR;
	if (op == BLK_OP_WRITE && blk->medium->readonly)
		return VIRTIO_BLK_S_IOERR;
	if (!bytes)
		return VIRTIO_BLK_S_OK;
	request->io.op = op;
	request->io.iov = iov;
	request->io.iov_count = count;
	request->io.offset = sector * BLK_SECTOR;
	request->io.bytes = bytes;
	request_submit(request);
	return REQUEST_SUBMITTED;
}

static int request_flush(struct blk_request *request)
{
	/* Nothing can be dirty by us; some servers refuse a flush then. */
	if (request->blk->medium->readonly)
		return VIRTIO_BLK_S_OK;
	request->io.op = BLK_OP_FLUSH;
	request->io.offset = 0;
	request->io.bytes = 0;
	request_submit(request);
	return REQUEST_SUBMITTED;
}

/* The serial number, cut or padded with zeros to what the guest has room for. */
static int request_identify(struct blk_request *request)
{
	size_t used = iov_write(request->rest, request->rest_count, 0,
				request->blk->serial, VIRTIO_BLK_ID_BYTES);

	iov_trim_front(&request->rest, &request->rest_count, used);
	return VIRTIO_BLK_S_OK;
}

static int request_check_range(const struct blk *blk, enum blk_op op,
			       const struct virtio_blk_discard_write_zeroes *r)
{
	uint32_t known = op == BLK_OP_ZERO ?
		VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;
	uint32_t most = op == BLK_OP_ZERO ? BLK_ZERO_SECTORS :
					    BLK_DISCARD_SECTORS;

	if (r->flags & ~known)
		return VIRTIO_BLK_S_UNSUPP;
	if (r->num_sectors > most ||
	    !request_in_range(blk, r->sector, r->num_sectors))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

/* All ranges are checked before the first is carried out (5.2.6.2). */
static int request_ranges(struct blk_request *request, enum blk_op op,
			  const struct ring_chain *chain)
{
	size_t bytes = chain->out_bytes;
	int status;

	if (request->blk->medium->readonly)
		return VIRTIO_BLK_S_IOERR;
	if (!bytes || bytes % sizeof(request->ranges[0]) ||
	    bytes > sizeof(request->ranges))
		return VIRTIO_BLK_S_IOERR;
	iov_read(chain->out, chain->out_count, 0, request->ranges, bytes);
	request->range = 0;
	request->range_count = bytes / sizeof(request->ranges[0]);
	for (unsigned int i = 0; i < request->range_count; i++) {
		status = request_check_range(request->blk, op,
					     &request->ranges[i]);
		if (status != VIRTIO_BLK_S_OK) {
			request->range_count = 0;
			return status;
		}
	}
	request->io.op = op;
	return request_next_range(request) ? REQUEST_SUBMITTED :
					     VIRTIO_BLK_S_OK;
}

/* chain: without header and status. */
static int request_dispatch(struct blk_request *request,
			    const struct virtio_blk_outhdr *header,
			    struct ring_chain *chain)
{
	const struct virtio_device *device = &request->blk->device;

	switch (header->type) {
	case VIRTIO_BLK_T_IN:
		return request_transfer(request, BLK_OP_READ, header->sector,
					chain->in, chain->in_count,
					chain->in_bytes);
	case VIRTIO_BLK_T_OUT:
		return request_transfer(request, BLK_OP_WRITE, header->sector,
					chain->out, chain->out_count,
					chain->out_bytes);
	case VIRTIO_BLK_T_FLUSH:
		return request_flush(request);
	case VIRTIO_BLK_T_GET_ID:
		return request_identify(request);
	case VIRTIO_BLK_T_DISCARD:
		if (!virtio_has(device, VIRTIO_BLK_F_DISCARD))
			return VIRTIO_BLK_S_UNSUPP;
		return request_ranges(request, BLK_OP_DISCARD, chain);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		if (!virtio_has(device, VIRTIO_BLK_F_WRITE_ZEROES))
			return VIRTIO_BLK_S_UNSUPP;
		return request_ranges(request, BLK_OP_ZERO, chain);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* The last byte of the chain, taken off it; NULL: there is none. */
static uint8_t *request_take_status(struct ring_chain *chain)
{
	const struct iovec *last;
	uint8_t *status;

	if (!chain->in_count)
		return NULL;
	last = &chain->in[chain->in_count - 1];
	status = (uint8_t *)last->iov_base + last->iov_len - 1;
	iov_trim_back(chain->in, &chain->in_count, 1);
	chain->in_bytes--;
	return status;
}

/* False: the device is broken, the request was not begun. */
static bool request_start(struct blk_request *request,
			  struct ring_chain *chain)
{
	struct virtio_blk_outhdr header;
	int status = VIRTIO_BLK_S_IOERR;

	request->head = chain->head;
	request->in_bytes = chain->in_bytes;
	request->status = request_take_status(chain);
	if (!request->status) {
		virtio_break(&request->blk->device, "a request without a "
			     "status byte");
		return false;
	}
	memset(&request->io, 0, sizeof(request->io));
	request->io.done = request_done;
	request->rest = chain->in;
	request->rest_count = chain->in_count;
	request->range = request->range_count = 0;
	if (iov_read(chain->out, chain->out_count, 0, &header,
		     sizeof(header)) == sizeof(header)) {
		chain->out_bytes -= iov_trim_front(&chain->out,
						   &chain->out_count,
						   sizeof(header));
		status = request_dispatch(request, &header, chain);
	}
	if (status != REQUEST_SUBMITTED)
		request_end(request, status);
	return true;
}

/*
 * dirty is cleared first: publishing does not push, but what is pushed after
 * it wants another publish.
 */
void blk_publish(struct blk *blk)
{
	uint64_t dirty = blk->dirty;

	blk->dirty = 0;
	for (unsigned int i = 0; dirty; i++, dirty >>= 1)
		if (dirty & 1)
			ring_publish(&blk->device.rings[i]);
}

void blk_notify(struct virtio_device *device, unsigned int queue)
{
	struct blk *blk = (struct blk *)device;
	struct virtio_ring *ring = &device->rings[queue];
	struct blk_request *request;
	struct ring_chain chain;

	do {
		ring_quiet(ring);
		while ((request = blk->free)) {
			chain = (struct ring_chain) { .iov = request->iov,
						      .room = BLK_PIECES };
			if (!ring_pop(ring, &chain))
				break;
			blk->free = request->next;
			request->queue = queue;
			if (request_start(request, &chain))
				continue;
			request->next = blk->free;
			blk->free = request;
			break;
		}
		blk->medium->ops->kick(blk->medium);
		blk_publish(blk);
	} while (ring_listen(ring) && !virtio_broken(device));
	blk_look(blk);
	blk_watch(blk);
}
