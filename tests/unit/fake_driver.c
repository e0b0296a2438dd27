// SPDX-License-Identifier: GPL-2.0
/* See fake_driver.h. */
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_driver.h"

static void *region(struct fake_driver *driver, uint64_t gpa, uint64_t *got)
{
	uint64_t start, size;
	uint8_t *base;

	if (gpa < FAKE_SEAM) {
		base = driver->low;
		start = 0;
		size = FAKE_SEAM;
	} else if (gpa < FAKE_MEMORY) {
		base = driver->seam;
		start = FAKE_SEAM;
		size = FAKE_MEMORY - FAKE_SEAM;
	} else {
		base = driver->high;
		start = FAKE_HIGH;
		size = FAKE_HIGH_SIZE;
	}
	if (gpa < start || gpa - start >= size)
		return NULL;
	*got = size - (gpa - start);
	return base + (gpa - start);
}

static void *memory_at(void *context, uint64_t gpa, uint64_t bytes,
		       uint64_t *got)
{
	void *place;

	if (!bytes)
		abort();	/* the contract */
	place = region(context, gpa, got);
	if (place && *got > bytes)
		*got = bytes;
	return place;
}

static void interrupt(void *context, unsigned int bits)
{
	struct fake_driver *driver = context;

	atomic_fetch_or(&driver->interrupt_status, bits);
	if (bits & VIRTIO_INTERRUPT_USED)
		atomic_fetch_add(&driver->used_interrupts, 1);
	if (bits & VIRTIO_INTERRUPT_CONFIG)
		atomic_fetch_add(&driver->config_interrupts, 1);
}

static void clear_interrupt(void *context)
{
	struct fake_driver *driver = context;

	atomic_store(&driver->interrupt_status, 0);
}

static int discard(void *context, uint64_t gpa, uint64_t bytes)
{
	struct fake_driver *driver = context;
	uint64_t got;
	void *place = region(driver, gpa, &got);

	if (!place || got < bytes)
		return -EFAULT;
	memset(place, 0, bytes);
	driver->discarded += bytes;
	return 0;
}

static void log_line(void *context, const char *line)
{
	struct fake_driver *driver = context;

	driver->lines++;
	memcpy(driver->line_before, driver->line, sizeof(driver->line));
	snprintf(driver->line, sizeof(driver->line), "%s", line);
}

void fake_driver_init(struct fake_driver *driver)
{
	memset(driver, 0, sizeof(*driver));
	/* Apart, so that ASan sees an access over an end. */
	driver->low = calloc(1, FAKE_SEAM);
	driver->seam = calloc(1, FAKE_MEMORY - FAKE_SEAM);
	driver->high = calloc(1, FAKE_HIGH_SIZE);
	driver->allocated = 0x10000;
	driver->host = (struct virtio_host){
		.memory_at = memory_at,
		.interrupt = interrupt,
		.clear_interrupt = clear_interrupt,
		.discard = discard,
		.log = log_line,
		.context = driver,
	};
}

void fake_driver_end(struct fake_driver *driver)
{
	if (driver->device)
		virtio_detach(driver->device);
	driver->device = NULL;
	free(driver->low);
	free(driver->seam);
	free(driver->high);
}

void *fake_at(struct fake_driver *driver, uint64_t gpa)
{
	uint64_t got;
	void *place = region(driver, gpa, &got);

	if (!place)
		abort();
	return place;
}

uint64_t fake_alloc(struct fake_driver *driver, uint32_t bytes)
{
	uint64_t align = bytes >= 4096 ? 4096 : 16;
	uint64_t gpa = (driver->allocated + align - 1) & ~(align - 1);

	if (gpa + bytes > FAKE_SEAM)
		abort();
	driver->allocated = gpa + bytes;
	memset(fake_at(driver, gpa), 0, bytes);
	return gpa;
}

uint32_t fake_read(struct fake_driver *driver, uint64_t offset)
{
	if (offset == VIRTIO_INTERRUPT_STATUS_OFFSET)
		return atomic_load(&driver->interrupt_status);
	return virtio_read(driver->device, offset, 4);
}

void fake_write(struct fake_driver *driver, uint64_t offset, uint32_t value)
{
	if (offset == VIRTIO_INTERRUPT_STATUS_OFFSET + 4)
		atomic_fetch_and(&driver->interrupt_status, ~value);
	else
		virtio_write(driver->device, offset, 4, value);
}

unsigned int fake_status(struct fake_driver *driver)
{
	return fake_read(driver, VIRTIO_MMIO_STATUS);
}

void fake_negotiate(struct fake_driver *driver, uint64_t features)
{
	uint64_t offered;

	fake_write(driver, VIRTIO_MMIO_STATUS, 0);
	memset(driver->queues, 0, sizeof(driver->queues));
	fake_write(driver, VIRTIO_MMIO_STATUS, 1);
	fake_write(driver, VIRTIO_MMIO_STATUS, 3);
	fake_write(driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	offered = (uint64_t)fake_read(driver, VIRTIO_MMIO_DEVICE_FEATURES)
		  << 32;
	fake_write(driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	offered |= fake_read(driver, VIRTIO_MMIO_DEVICE_FEATURES);
	features = (features & offered) | VIRTIO_BIT(VIRTIO_F_VERSION_1);
	fake_write(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	fake_write(driver, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
	fake_write(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	fake_write(driver, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	fake_write(driver, VIRTIO_MMIO_STATUS, 11);
	driver->event_idx = features & VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX);
}

void fake_set_up_queue(struct fake_driver *driver, unsigned int queue)
{
	struct fake_queue *q = &driver->queues[queue];
	uint32_t most;

	fake_write(driver, VIRTIO_MMIO_QUEUE_SEL, queue);
	most = fake_read(driver, VIRTIO_MMIO_QUEUE_NUM_MAX);
	memset(q, 0, sizeof(*q));
	q->size = driver->queue_size && driver->queue_size < most ?
			  driver->queue_size : most;
	q->desc = fake_alloc(driver, 16 * q->size);
	q->driver = fake_alloc(driver, 6 + 2 * q->size);
	q->device = fake_alloc(driver, 6 + 8 * q->size);
	/* These flags are the device's: what was there does not matter. */
	*(uint16_t *)fake_at(driver, q->device) = 0xbeef;
	fake_write(driver, VIRTIO_MMIO_QUEUE_NUM, q->size);
	fake_write(driver, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)q->desc);
	fake_write(driver, VIRTIO_MMIO_QUEUE_DESC_HIGH, q->desc >> 32);
	fake_write(driver, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)q->driver);
	fake_write(driver, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, q->driver >> 32);
	fake_write(driver, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)q->device);
	fake_write(driver, VIRTIO_MMIO_QUEUE_USED_HIGH, q->device >> 32);
	fake_write(driver, VIRTIO_MMIO_QUEUE_READY, 1);
}

static unsigned int start(struct fake_driver *driver, uint64_t features)
{
	unsigned int queues = virtio_queue_count(driver->device);

	fake_negotiate(driver, features);
	if (!(fake_status(driver) & VIRTIO_CONFIG_S_FEATURES_OK))
		return fake_status(driver);
	for (unsigned int i = 0; i < queues && i < FAKE_QUEUES; i++)
		fake_set_up_queue(driver, i);
	fake_write(driver, VIRTIO_MMIO_STATUS, 15);
	return fake_status(driver);
}

unsigned int fake_driver_start(struct fake_driver *driver,
			       struct virtio_device *device,
			       uint64_t features)
{
	driver->device = device;
	virtio_attach_inline(device, &driver->host);
	return start(driver, features);
}

unsigned int fake_driver_start_threaded(struct fake_driver *driver,
					struct virtio_device *device,
					uint64_t features)
{
	driver->device = device;
	if (virtio_attach(device, &driver->host))
		abort();
	return start(driver, features);
}

struct virtio_device *fake_create(struct fake_driver *driver,
				  const struct virtio_kind *kind,
				  const char *text, unsigned int cpus,
				  uint64_t features)
{
	struct virtio_setup setup = { .cpus = cpus };
	struct virtio_device *device;
	char message[256] = "";

	if (kind->create(text, &setup, &device, message, sizeof(message))) {
		fprintf(stderr, "%s: %s\n", text, message);
		abort();
	}
	fake_driver_init(driver);
	if (fake_driver_start(driver, device, features) != 15)
		abort();
	fake_run(driver);
	return device;
}

void fake_destroy(struct fake_driver *driver)
{
	struct virtio_device *device = driver->device;

	fake_driver_end(driver);
	virtio_destroy(device);
}

struct vring_desc *fake_desc(struct fake_driver *driver, unsigned int queue,
			     unsigned int index)
{
	return (struct vring_desc *)fake_at(driver,
					    driver->queues[queue].desc) + index;
}

void fake_make_available(struct fake_driver *driver, unsigned int queue,
			 uint16_t head)
{
	struct fake_queue *q = &driver->queues[queue];
	uint16_t *words = fake_at(driver, q->driver);

	__atomic_store_n(&words[2 + (q->avail & (q->size - 1))], head,
			 __ATOMIC_RELAXED);
	q->avail++;
	__atomic_store_n(&words[1], q->avail, __ATOMIC_SEQ_CST);
}

/* Relaxed atomics: a device's thread may look at any of it. */
static void fill(struct vring_desc *desc, uint64_t gpa, uint32_t bytes,
		 uint16_t flags, uint16_t next)
{
	__atomic_store_n(&desc->addr, gpa, __ATOMIC_RELAXED);
	__atomic_store_n(&desc->len, bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&desc->flags, flags, __ATOMIC_RELAXED);
	__atomic_store_n(&desc->next, next, __ATOMIC_RELAXED);
}

uint16_t fake_add(struct fake_driver *driver, unsigned int queue,
		  const struct fake_buffer *buffers, unsigned int out,
		  unsigned int in)
{
	struct fake_queue *q = &driver->queues[queue];
	uint16_t head = q->next_free, here, next, flags;

	for (unsigned int i = 0; i < out + in; i++) {
		here = q->next_free;
		next = (here + 1) & (q->size - 1);
		flags = (i < out ? 0 : VRING_DESC_F_WRITE) |
			(i + 1 < out + in ? VRING_DESC_F_NEXT : 0);
		fill(fake_desc(driver, queue, here), buffers[i].gpa,
		     buffers[i].bytes, flags, next);
		q->next_free = next;
	}
	fake_make_available(driver, queue, head);
	return head;
}

uint16_t fake_add_indirect(struct fake_driver *driver, unsigned int queue,
			   const struct fake_buffer *buffers,
			   unsigned int out, unsigned int in)
{
	struct fake_queue *q = &driver->queues[queue];
	uint64_t table = fake_alloc(driver, 16 * (out + in));
	struct vring_desc *desc = fake_at(driver, table);
	uint16_t head = q->next_free;

	for (unsigned int i = 0; i < out + in; i++)
		fill(desc + i, buffers[i].gpa, buffers[i].bytes,
		     (i < out ? 0 : VRING_DESC_F_WRITE) |
		     (i + 1 < out + in ? VRING_DESC_F_NEXT : 0), i + 1);
	fill(fake_desc(driver, queue, head), table, 16 * (out + in),
	     VRING_DESC_F_INDIRECT, 0);
	q->next_free = (head + 1) & (q->size - 1);
	fake_make_available(driver, queue, head);
	return head;
}

void fake_run(struct fake_driver *driver)
{
	while (loop_run_once(driver->device->loop, 0))
		;
}

void fake_kick(struct fake_driver *driver, unsigned int queue)
{
	fake_write(driver, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	fake_run(driver);
}

bool fake_wants_kick(struct fake_driver *driver, unsigned int queue,
		     uint16_t count)
{
	struct fake_queue *q = &driver->queues[queue];
	uint16_t *used = fake_at(driver, q->device), flags;

	if (driver->event_idx)
		return vring_need_event(
			__atomic_load_n(&used[2 + 4 * q->size],
					__ATOMIC_SEQ_CST),
			q->avail, q->avail - count);
	flags = __atomic_load_n(&used[0], __ATOMIC_SEQ_CST);
	if (flags & ~VRING_USED_F_NO_NOTIFY)
		abort(); /* 2.7.10 */
	return !flags;
}

bool fake_used(struct fake_driver *driver, unsigned int queue, uint16_t *head,
	       uint32_t *written)
{
	struct fake_queue *q = &driver->queues[queue];
	uint16_t *words = fake_at(driver, q->device);
	uint32_t *entry;

	if (__atomic_load_n(&words[1], __ATOMIC_ACQUIRE) == q->used)
		return false;
	entry = (uint32_t *)&words[2 + 4 * (q->used & (q->size - 1))];
	*head = __atomic_load_n(&entry[0], __ATOMIC_RELAXED);
	*written = __atomic_load_n(&entry[1], __ATOMIC_RELAXED);
	q->used++;
	return true;
}

unsigned int fake_used_count(struct fake_driver *driver, unsigned int queue)
{
	unsigned int count = 0;
	uint32_t written;
	uint16_t head;

	while (fake_used(driver, queue, &head, &written))
		count++;
	return count;
}

bool fake_wait_used(struct fake_driver *driver, unsigned int queue,
		    uint16_t *head, uint32_t *written)
{
	for (int i = 0; i < 60000; i++) {
		if (fake_used(driver, queue, head, written))
			return true;
		usleep(1000);
	}
	return false;
}
