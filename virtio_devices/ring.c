// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and answering split virtqueues. See ring.h.
 *
 * The three parts of a ring lie in guest memory: the descriptor table, the
 * available ring (written by the driver) and the used ring (written here).
 * Section numbers are those of virtio 1.2.
 *
 * Invariants: nothing is read twice to decide one thing; an index that came
 * from the guest is used only after it was compared with the queue's size; a
 * pointer comes from virtio_host.memory_at() alone, with the length that it
 * said. Every walk is bounded, whatever the guest writes meanwhile.
 */
#include <errno.h>

#include "model.h"

/*J: devices.ring
 * A virtqueue is three arrays in the guest's memory. In the first, the guest
 * describes buffers: address, length, may the device write it, and where the
 * chain goes on. In the second it lists which chains the device may take
 * now. In the third the device lists which ones it has done. Two counters that
 * only ever grow (modulo 65536) say how far each side has come; who is behind
 * has work to do.
 *
 * That is all there is, and since both sides see the same memory, no trap and
 * no copy is needed to use it. A disk request costs one notification, and with
 * luck not even this: each side tells the other up to which entry it does not
 * want to hear anything ("event index"), so that under load both just keep
 * working.
 *
 * The price of sharing is distrust. The guest's kernel may be broken or
 * hostile and may rewrite an entry while it is being read. So each descriptor
 * is copied into a local variable first, by loads that the compiler may not
 * repeat, and only the copy is checked and used. A chain that loops is cut by
 * counting; an address that is not RAM, or a next that points past the table,
 * ends the game: the device declares itself broken, and the guest's driver
 * has to reset it.
 :*/

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ring layout");

#define DESC_ALIGN	16	/* 2.7, the table of alignments */
#define DRIVER_ALIGN	2
#define DEVICE_ALIGN	4

/* Positions in the two index rings, counted in 16-bit words. */
#define RING_FLAGS	0
#define RING_INDEX	1
#define RING_ENTRIES	2
#define USED_WORDS	4	/* of one used entry: 32-bit id and length */

/* 2.7.5.1: no chain describes more than 2^32 bytes. */
#define CHAIN_BYTES_MAX	(1ull << 32)

static uint16_t load(const volatile uint16_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void store(volatile uint16_t *word, uint16_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static unsigned int driver_event(const struct virtio_ring *ring)
{
	return RING_ENTRIES + ring->size;
}

static unsigned int device_event(const struct virtio_ring *ring)
{
	return RING_ENTRIES + USED_WORDS * ring->size;
}

/* One part of a ring: aligned, and in one piece of guest memory. */
static int map(struct virtio_ring *ring, uint64_t gpa, uint64_t bytes,
	       unsigned int align, volatile void **result)
{
	const struct virtio_host *host = ring->device->host;
	uint64_t got;
	void *place;

	if (gpa % align)
		return -EINVAL;
	place = host->memory_at(host->context, gpa, bytes, &got);
	if (!place || got < bytes)
		return -EFAULT;
	*result = place;
	return 0;
}

int ring_start(struct virtio_ring *ring, const struct ring_setup *setup)
{
	uint64_t entries = setup->size;
	volatile void *desc, *avail, *used;
	int error;

	ring_stop(ring);
	/* 2.7: a power of two. 4.2.2.2: not above what QueueNumMax says. */
	if (!entries || entries & (entries - 1) ||
	    entries > ring->device->queue_size)
		return -EINVAL;
	error = map(ring, setup->desc, sizeof(struct vring_desc) * entries,
		    DESC_ALIGN, &desc);
	if (!error)	/* flags, index, entries, event */
		error = map(ring, setup->driver, 6 + 2 * entries, DRIVER_ALIGN,
			    &avail);
	if (!error)
		error = map(ring, setup->device, 6 + 8 * entries, DEVICE_ALIGN,
			    &used);
	if (error)
		return error;
	ring->desc = desc;
	ring->avail = avail;
	ring->used = used;
	ring->size = entries;
	ring->event_idx = setup->event_idx;
	ring->indirect = setup->indirect;
	ring->ready = true;
	return 0;
}

void ring_stop(struct virtio_ring *ring)
{
	ring->ready = false;
	ring->size = 0;
	ring->in_flight = 0;
	ring->next_avail = 0;
	ring->used_idx = 0;
	ring->published = 0;
}

/* 2.7.10: the flags are 0 or 1; always 0 with event indices. */
void ring_activate(struct virtio_ring *ring)
{
	if (ring->ready)
		store(&ring->used[RING_FLAGS], 0);
}

/* The copy that is checked: each field is loaded once, here. */
static struct vring_desc copy_desc(const volatile void *table,
				   unsigned int index)
{
	const volatile struct vring_desc *from = table;
	struct vring_desc copy;

	from += index;
	copy.addr = __atomic_load_n(&from->addr, __ATOMIC_RELAXED);
	copy.len = __atomic_load_n(&from->len, __ATOMIC_RELAXED);
	copy.flags = __atomic_load_n(&from->flags, __ATOMIC_RELAXED);
	copy.next = __atomic_load_n(&from->next, __ATOMIC_RELAXED);
	return copy;
}

/* Append a buffer to the chain's pieces. NULL, or what is wrong with it. */
static const char *add_buffer(struct virtio_ring *ring,
			      struct ring_chain *chain,
			      const struct vring_desc *desc)
{
	const struct virtio_host *host = ring->device->host;
	bool in = desc->flags & VRING_DESC_F_WRITE;
	uint64_t gpa = desc->addr, left = desc->len, got;
	struct iovec *piece;

	/* 2.7.4.2: what the device writes comes last. */
	if (!in && chain->in_bytes)
		return "a readable buffer follows a writable one";
	if (gpa + left < gpa)
		return "a buffer's address wraps";
	if (chain->in_bytes + chain->out_bytes + left > CHAIN_BYTES_MAX)
		return "a chain is longer than 4 GB";
	for (; left; gpa += got, left -= got) {
		if (chain->out_count + chain->in_count == chain->room)
			return "a chain has too many pieces";
		piece = chain->iov + chain->out_count + chain->in_count;
		piece->iov_base = host->memory_at(host->context, gpa, left,
						  &got);
		if (!piece->iov_base || !got || got > left)
			return "a buffer is not in memory";
		piece->iov_len = got;
		if (chain->gpa)
			chain->gpa[piece - chain->iov] = gpa;
		if (in) {
			chain->in_count++;
			chain->in_bytes += got;
		} else {
			chain->out_count++;
			chain->out_bytes += got;
		}
	}
	return NULL;
}

/*
 * Follow descriptors of one table (of count entries) from index on, until the
 * chain ends or, in the queue's own table, goes over to an indirect one: that
 * descriptor is left in *last.
 */
static const char *walk_table(struct virtio_ring *ring,
			      struct ring_chain *chain,
			      const volatile void *table, unsigned int count,
			      unsigned int index, bool is_indirect,
			      struct vring_desc *last)
{
	unsigned int steps = 0;
	const char *wrong;

	for (;;) {
		if (index >= count)
			return "a descriptor's next is outside of the table";
		/* No entry can be in a chain twice: more steps are a loop. */
		if (steps++ == count)
			return "a chain of descriptors loops";
		*last = copy_desc(table, index);
		if (last->flags & VRING_DESC_F_INDIRECT) {
			/* 2.7.5.3.1: not nested, and nothing after it. */
			if (is_indirect)
				return "an indirect table is in another one";
			if (!ring->indirect)
				return "an indirect table was not negotiated";
			if (last->flags & VRING_DESC_F_NEXT)
				return "a chain goes on after an indirect table";
			return NULL;
		}
		wrong = add_buffer(ring, chain, last);
		if (wrong)
			return wrong;
		if (!(last->flags & VRING_DESC_F_NEXT))
			return NULL;
		index = last->next;
	}
}

/*
 * The table that a descriptor refers to, then walked. A driver should not make
 * a chain longer than the queue (2.7.5.3.1), but Linux does so when it chose a
 * short queue, and nothing here depends on it: the bound is RING_SIZE_MAX.
 */
static const char *walk_indirect(struct virtio_ring *ring,
				 struct ring_chain *chain,
				 const struct vring_desc *where)
{
	const struct virtio_host *host = ring->device->host;
	uint32_t count = where->len / sizeof(struct vring_desc);
	struct vring_desc last;
	uint64_t got;
	void *table;

	if (!count || where->len % sizeof(struct vring_desc) ||
	    count > RING_SIZE_MAX)
		return "an indirect table has a strange size";
	table = host->memory_at(host->context, where->addr, where->len, &got);
	if (!table || got < where->len)
		return "an indirect table is not in memory";
	return walk_table(ring, chain, table, count, 0, true, &last);
}

static const char *gather(struct virtio_ring *ring, struct ring_chain *chain,
			  unsigned int head)
{
	struct vring_desc last;
	const char *wrong;

	chain->head = head;
	chain->out_count = chain->in_count = 0;
	chain->out_bytes = chain->in_bytes = 0;
	wrong = walk_table(ring, chain, ring->desc, ring->size, head, false,
			   &last);
	if (!wrong && last.flags & VRING_DESC_F_INDIRECT)
		wrong = walk_indirect(ring, chain, &last);
	chain->out = chain->iov;
	chain->in = chain->iov + chain->out_count;
	return wrong;
}

bool ring_pop(struct virtio_ring *ring, struct ring_chain *chain)
{
	const char *wrong = NULL;
	uint16_t index, waiting, head;

	/* 2.1.2: nothing is consumed before DRIVER_OK. */
	if (!ring->ready || !ring->device->active ||
	    virtio_broken(ring->device))
		return false;
	/* Acquire: the entries behind the index are read after it. */
	index = __atomic_load_n(&ring->avail[RING_INDEX], __ATOMIC_ACQUIRE);
	waiting = index - ring->next_avail;
	if (!waiting)
		return false;
	head = load(&ring->avail[RING_ENTRIES +
				 (ring->next_avail & (ring->size - 1))]);
	if (waiting > ring->size)
		wrong = "the available index jumped";
	else if (ring->in_flight >= ring->size)
		wrong = "more chains are available than the queue has";
	else
		wrong = gather(ring, chain, head);
	if (wrong) {
		virtio_break(ring->device, "queue %u: %s", ring->index, wrong);
		return false;
	}
	ring->next_avail++;
	ring->in_flight++;
	atomic_fetch_add_explicit(&ring->device->chains, 1,
				  memory_order_relaxed);
	return true;
}

void ring_undo(struct virtio_ring *ring, unsigned int count)
{
	if (count > ring->in_flight)
		return;
	ring->next_avail -= count;
	ring->in_flight -= count;
	atomic_fetch_sub_explicit(&ring->device->chains, count,
				  memory_order_relaxed);
}

/* Sequentially consistent: see ring_listen(). */
static bool differs(const struct virtio_ring *ring)
{
	return __atomic_load_n(&ring->avail[RING_INDEX], __ATOMIC_SEQ_CST) !=
	       ring->next_avail;
}

bool ring_has_more(const struct virtio_ring *ring)
{
	return ring->ready && !virtio_broken(ring->device) && differs(ring);
}

void ring_push(struct virtio_ring *ring, uint16_t head, uint32_t written)
{
	volatile uint32_t *entry;

	if (!ring->ready || !ring->in_flight)
		return;
	entry = (volatile uint32_t *)&ring->used[RING_ENTRIES + USED_WORDS *
			(ring->used_idx & (ring->size - 1u))];
	__atomic_store_n(&entry[0], head, __ATOMIC_RELAXED);
	__atomic_store_n(&entry[1], written, __ATOMIC_RELAXED);
	ring->used_idx++;
	ring->in_flight--;
}

/* 2.7.7: does the driver want to hear of used entries [old, now)? */
static bool wants_interrupt(const struct virtio_ring *ring, uint16_t old,
			    uint16_t now)
{
	uint16_t event;

	if (!ring->event_idx)
		return !(__atomic_load_n(&ring->avail[RING_FLAGS],
					 __ATOMIC_SEQ_CST) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	event = __atomic_load_n(&ring->avail[driver_event(ring)],
				__ATOMIC_SEQ_CST);
	return vring_need_event(event, now, old);
}

void ring_publish(struct virtio_ring *ring)
{
	struct virtio_device *device = ring->device;
	uint16_t old = ring->published;

	if (!ring->ready || old == ring->used_idx)
		return;
	/*
	 * 2.7.13: the entries, then the index, then look whether the driver
	 * wants an interrupt. The store and the load after it must not swap,
	 * or both sides would sleep: the driver stores its wish and looks at
	 * the index in the opposite order.
	 */
	ring->published = ring->used_idx;
	__atomic_store_n(&ring->used[RING_INDEX], ring->used_idx,
			 __ATOMIC_SEQ_CST);
	if (!wants_interrupt(ring, old, ring->published)) {
		atomic_fetch_add_explicit(&device->suppressed, 1,
					  memory_order_relaxed);
		return;
	}
	atomic_fetch_add_explicit(&device->interrupts, 1,
				  memory_order_relaxed);
	device->host->interrupt(device->host->context, VIRTIO_INTERRUPT_USED);
}

void ring_quiet(struct virtio_ring *ring)
{
	/* With event indices, the one that stands there is in the past. */
	if (ring->ready && !ring->event_idx)
		store(&ring->used[RING_FLAGS], VRING_USED_F_NO_NOTIFY);
}

bool ring_listen(struct virtio_ring *ring)
{
	if (!ring->ready || virtio_broken(ring->device))
		return false;
	/*
	 * 2.7.10: say from where on we want to hear, then look once more. In
	 * this order for all processors: the driver stores its index and then
	 * reads our wish.
	 */
	if (ring->event_idx)
		__atomic_store_n(&ring->used[device_event(ring)],
				 ring->next_avail, __ATOMIC_SEQ_CST);
	else
		__atomic_store_n(&ring->used[RING_FLAGS], 0, __ATOMIC_SEQ_CST);
	return differs(ring);
}
