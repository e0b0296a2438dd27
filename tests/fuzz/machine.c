// SPDX-License-Identifier: GPL-2.0
/* See machine.h. */
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "machine.h"

#define STATUS_ALL 15	/* ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK */
/* A device that always has work to do shall not keep us for ever. */
#define ROUNDS_MAX 64

static uint8_t *low, *seam, *high;
static uint16_t next_desc[MACHINE_QUEUES], next_avail[MACHINE_QUEUES];
static uint64_t interrupts;

/* What is left of the fuzzer's bytes; behind their end are zeros. */
struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *input, unsigned int bytes)
{
	uint64_t value = 0;
	size_t here = bytes < input->left ? bytes : input->left;

	memcpy(&value, input->data, here);
	input->data += here;
	input->left -= here;
	return value;
}

static void *find(uint64_t gpa, uint64_t *got)
{
	if (gpa < MACHINE_SEAM) {
		*got = MACHINE_SEAM - gpa;
		return low + gpa;
	}
	if (gpa < MACHINE_END) {
		*got = MACHINE_END - gpa;
		return seam + (gpa - MACHINE_SEAM);
	}
	if (gpa >= MACHINE_HIGH && gpa < MACHINE_HIGH + MACHINE_HIGH_SIZE) {
		*got = MACHINE_HIGH + MACHINE_HIGH_SIZE - gpa;
		return high + (gpa - MACHINE_HIGH);
	}
	return NULL;
}

static void *memory_at(void *context, uint64_t gpa, uint64_t bytes,
		       uint64_t *got)
{
	void *place;

	(void)context;
	if (!bytes)
		abort();	/* the contract of virtio_host */
	place = find(gpa, got);
	if (place && *got > bytes)
		*got = bytes;
	return place;
}

static void interrupt(void *context, unsigned int bits)
{
	(void)context;
	if (!bits || bits & ~(VIRTIO_INTERRUPT_USED | VIRTIO_INTERRUPT_CONFIG))
		abort();
	interrupts++;
}

static void clear_interrupt(void *context)
{
	(void)context;
}

static int discard(void *context, uint64_t gpa, uint64_t bytes)
{
	uint64_t got;
	void *place = find(gpa, &got);

	(void)context;
	if (!place || got < bytes || gpa & 4095 || bytes & 4095)
		return -EINVAL;
	memset(place, 0, bytes);
	return 0;
}

static void log_line(void *context, const char *line)
{
	(void)context;
	if (!strlen(line))
		abort();
}

static const struct virtio_host host = {
	.memory_at = memory_at,
	.interrupt = interrupt,
	.clear_interrupt = clear_interrupt,
	.discard = discard,
	.log = log_line,
};

const struct virtio_host *machine_host(void)
{
	return &host;
}

void machine_init(void)
{
	if (!low) {
		low = malloc(MACHINE_SEAM);
		seam = malloc(MACHINE_END - MACHINE_SEAM);
		high = malloc(MACHINE_HIGH_SIZE);
	}
	memset(low, 0, MACHINE_SEAM);
	memset(seam, 0, MACHINE_END - MACHINE_SEAM);
	memset(high, 0, MACHINE_HIGH_SIZE);
	memset(next_desc, 0, sizeof(next_desc));
	memset(next_avail, 0, sizeof(next_avail));
}

void *machine_at(uint64_t gpa)
{
	uint64_t got;

	return find(gpa, &got);
}

void machine_run(struct virtio_device *device)
{
	for (int i = 0; i < ROUNDS_MAX && loop_run_once(device->loop, 0); i++)
		;
}

static void write32(struct virtio_device *device, uint64_t offset,
		    uint32_t value)
{
	virtio_write(device, offset, 4, value);
}

static uint64_t desc_gpa(unsigned int queue)
{
	return queue * MACHINE_DEVICE_RINGS;
}

static uint64_t avail_gpa(unsigned int queue)
{
	return desc_gpa(queue) + 0x100;
}

static uint64_t used_gpa(unsigned int queue)
{
	return desc_gpa(queue) + 0x200;
}

static void start_queue(struct virtio_device *device, unsigned int queue)
{
	uint32_t most;

	write32(device, VIRTIO_MMIO_QUEUE_SEL, queue);
	most = virtio_read(device, VIRTIO_MMIO_QUEUE_NUM_MAX, 4);
	write32(device, VIRTIO_MMIO_QUEUE_NUM,
		most < MACHINE_QUEUE_SIZE ? most : MACHINE_QUEUE_SIZE);
	write32(device, VIRTIO_MMIO_QUEUE_DESC_LOW, desc_gpa(queue));
	write32(device, VIRTIO_MMIO_QUEUE_AVAIL_LOW, avail_gpa(queue));
	write32(device, VIRTIO_MMIO_QUEUE_USED_LOW, used_gpa(queue));
	write32(device, VIRTIO_MMIO_QUEUE_READY, 1);
	next_desc[queue] = next_avail[queue] = 0;
}

void machine_start(struct virtio_device *device, uint64_t features)
{
	unsigned int queues = virtio_queue_count(device);

	if (queues > MACHINE_QUEUES)
		queues = MACHINE_QUEUES;
	features &= device->offered;
	features |= VIRTIO_BIT(VIRTIO_F_VERSION_1);
	write32(device, VIRTIO_MMIO_STATUS, 0);
	memset(low, 0, MACHINE_QUEUES * MACHINE_DEVICE_RINGS);
	write32(device, VIRTIO_MMIO_STATUS, 3);
	write32(device, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	write32(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	write32(device, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
	write32(device, VIRTIO_MMIO_STATUS, STATUS_ALL & ~4);
	for (unsigned int i = 0; i < queues; i++)
		start_queue(device, i);
	write32(device, VIRTIO_MMIO_STATUS, STATUS_ALL);
	machine_run(device);
}

static void make_available(unsigned int queue, uint16_t head)
{
	uint16_t *words = machine_at(avail_gpa(queue));

	words[2 + next_avail[queue]++ % MACHINE_QUEUE_SIZE] = head;
	words[1]++;
}

/* Buffers of the fuzzer's choice, most of them in memory. */
static unsigned int fill(struct input *input, struct vring_desc *table,
			 unsigned int first, unsigned int room,
			 struct vring_desc **first_out)
{
	unsigned int counts = take(input, 1);
	unsigned int out = counts & 7, in = counts >> 4 & 7;

	*first_out = out ? &table[first % room] : NULL;
	for (unsigned int i = 0; i < out + in; i++) {
		struct vring_desc *desc = &table[(first + i) % room];
		uint64_t gpa = take(input, 2);

		/* The upper quarter of 64 kB stands for high memory. */
		desc->addr = gpa < MACHINE_END ? gpa :
			     MACHINE_HIGH + (gpa - MACHINE_END);
		desc->len = take(input, 2);
		desc->flags = (i < out ? 0 : VRING_DESC_F_WRITE) |
			      (i + 1 < out + in ? VRING_DESC_F_NEXT : 0);
		desc->next = (first + i + 1) % room;
	}
	return out + in;
}

/* The device's request itself: bytes for the first readable buffer. */
static void fill_request(struct input *input, const struct vring_desc *out)
{
	unsigned int size = take(input, 1);
	uint64_t got;
	uint8_t *place = out ? find(out->addr, &got) : NULL;

	for (unsigned int i = 0; i < size; i++) {
		uint8_t byte = take(input, 1);

		if (place && i < got)
			place[i] = byte;
	}
}

static void step_chain(struct input *input, bool indirect)
{
	unsigned int queue = take(input, 1) % MACHINE_QUEUES;
	struct vring_desc *table = machine_at(desc_gpa(queue));
	struct vring_desc *out, last;
	unsigned int head = next_desc[queue] % MACHINE_QUEUE_SIZE, count;
	uint64_t inner = 0x2000 + queue * 0x100;

	if (!indirect) {
		count = fill(input, table, head, MACHINE_QUEUE_SIZE, &out);
		next_desc[queue] += count;
	} else {
		count = fill(input, machine_at(inner), 0, 16, &out);
		last = (struct vring_desc){ inner, count * 16,
					    VRING_DESC_F_INDIRECT, 0 };
		table[head] = last;
		next_desc[queue]++;
	}
	/* A copy: the request's bytes may fall upon the descriptors. */
	if (out) {
		last = *out;
		out = &last;
	}
	fill_request(input, out);
	make_available(queue, head);
}

static void step_memory(struct input *input)
{
	uint64_t gpa = take(input, 2), got;
	unsigned int size = take(input, 1);
	uint8_t *place;

	place = find(gpa < MACHINE_END ? gpa :
		     MACHINE_HIGH + (gpa - MACHINE_END), &got);
	for (unsigned int i = 0; i < size; i++) {
		uint8_t byte = take(input, 1);

		if (i < got)
			place[i] = byte;
	}
}

static void play_step(struct virtio_device *device, struct input *input)
{
	uint64_t offset;
	unsigned int bytes;

	switch (take(input, 1) % MACHINE_STEPS) {
	case STEP_REGISTER:
		offset = 4 * take(input, 1);
		write32(device, offset, take(input, 4));
		break;
	case STEP_WRITE:
		offset = take(input, 2) % 4096;
		bytes = 1u << (take(input, 1) & 3);
		virtio_write(device, offset, bytes, take(input, 8));
		break;
	case STEP_READ:
		offset = take(input, 2) % 4096;
		virtio_read(device, offset, 1u << (take(input, 1) & 3));
		break;
	case STEP_MEMORY:
		step_memory(input);
		break;
	case STEP_CHAIN:
		step_chain(input, false);
		break;
	case STEP_INDIRECT:
		step_chain(input, true);
		break;
	case STEP_KICK:
		write32(device, VIRTIO_MMIO_QUEUE_NOTIFY,
			take(input, 1) % MACHINE_QUEUES);
		machine_run(device);
		break;
	case STEP_START:
		machine_start(device, take(input, 8));
		break;
	case STEP_RUN:
		machine_run(device);
		break;
	}
}

void machine_play(struct virtio_device *device, const uint8_t *data,
		  size_t size)
{
	struct input input = { data, size };

	virtio_attach_inline(device, &host);
	while (input.left)
		play_step(device, &input);
	machine_run(device);
	virtio_detach(device);
}
