/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's virtio driver in C, with a machine around it: some memory, the
 * host ops that a device needs, and the driver's side of split queues. Well
 * behaved by itself; a test that wants to misbehave writes what it likes into
 * the descriptors (fake_desc) and the registers.
 *
 *	fake_driver_init(&driver);
 *	status = fake_driver_start(&driver, device, features);
 *	buffer = fake_alloc(&driver, 512);
 *	head = fake_add(&driver, 0, (struct fake_buffer[]){ ... }, out, in);
 *	fake_kick(&driver, 0);		// the device works, here and now
 *	fake_used(&driver, 0, &head, &written)
 *	fake_driver_end(&driver);
 *
 * With fake_driver_start() the device has no thread: it works within
 * fake_kick() and fake_run().
 */
#ifndef RINGLET_TESTS_FAKE_DRIVER_H
#define RINGLET_TESTS_FAKE_DRIVER_H

#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtio_devices/device.h"
#include "virtio_devices/model.h"

#define FAKE_MEMORY	(8u << 20)
/*
 * A second region far up, after a hole; the first has two parts that follow
 * each other but are apart in the host, so that buffers may be split there.
 */
#define FAKE_SEAM	(4u << 20)
#define FAKE_HIGH	0x100000000ull
#define FAKE_HIGH_SIZE	(1u << 20)
#define FAKE_QUEUES	8

struct fake_queue {
	uint16_t size;		/* 0: not set up */
	uint64_t desc, driver, device;	/* GPAs */
	uint16_t next_free;	/* descriptor; they are taken round and round */
	uint16_t avail, used;	/* how far the driver is */
};

struct fake_driver {
	uint8_t *low, *seam, *high;	/* the regions */
	struct virtio_host host;
	struct virtio_device *device;
	struct fake_queue queues[FAKE_QUEUES];
	uint16_t queue_size;	/* wanted; 0: as much as offered */
	uint64_t allocated;	/* GPA of what is still free */
	bool event_idx;
	atomic_uint used_interrupts, config_interrupts;
	atomic_uint interrupt_status;	/* as a host keeps it */
	uint64_t discarded;	/* bytes, by the discard op */
	unsigned int lines;	/* logged */
	char line[256];		/* the last one */
	char line_before[256];
};

struct fake_buffer {
	uint64_t gpa;
	uint32_t bytes;
};

void fake_driver_init(struct fake_driver *driver);
/* Detaches the device, if one is there. The device itself stays. */
void fake_driver_end(struct fake_driver *driver);

/* The bytes at gpa; aborts where there are none. */
void *fake_at(struct fake_driver *driver, uint64_t gpa);
/* Zeroed memory, 4096-aligned where it is that large, else 16. */
uint64_t fake_alloc(struct fake_driver *driver, uint32_t bytes);

/*
 * Attach and do what 3.1.1 says, with these of the offered features (and
 * VERSION_1), all queues set up. The final status; 15 is success.
 */
unsigned int fake_driver_start(struct fake_driver *driver,
			       struct virtio_device *device,
			       uint64_t features);
/* The same with a thread for the device. */
unsigned int fake_driver_start_threaded(struct fake_driver *driver,
					struct virtio_device *device,
					uint64_t features);
/*
 * All from the option's text on: make a device of this kind, which must work,
 * fake_driver_init() and fake_driver_start(). fake_destroy() undoes it.
 */
struct virtio_device *fake_create(struct fake_driver *driver,
				  const struct virtio_kind *kind,
				  const char *text, unsigned int cpus,
				  uint64_t features);
void fake_destroy(struct fake_driver *driver);
/* The steps of it, once attached: FEATURES_OK is set; queues; DRIVER_OK. */
void fake_negotiate(struct fake_driver *driver, uint64_t features);
void fake_set_up_queue(struct fake_driver *driver, unsigned int queue);
unsigned int fake_status(struct fake_driver *driver);

/* InterruptStatus and InterruptACK are the machine's, as device.h has it. */
uint32_t fake_read(struct fake_driver *driver, uint64_t offset);
void fake_write(struct fake_driver *driver, uint64_t offset, uint32_t value);

struct vring_desc *fake_desc(struct fake_driver *driver, unsigned int queue,
			     unsigned int index);

/*
 * Make a chain available: out buffers that the device reads, then in buffers
 * that it writes. Its head. fake_add_indirect(): through a table.
 */
uint16_t fake_add(struct fake_driver *driver, unsigned int queue,
		  const struct fake_buffer *buffers, unsigned int out,
		  unsigned int in);
uint16_t fake_add_indirect(struct fake_driver *driver, unsigned int queue,
			   const struct fake_buffer *buffers,
			   unsigned int out, unsigned int in);
/* Make any head available, also one that was never filled. */
void fake_make_available(struct fake_driver *driver, unsigned int queue,
			 uint16_t head);

/* Notify, and let a device without a thread work until it has no more. */
void fake_kick(struct fake_driver *driver, unsigned int queue);
void fake_run(struct fake_driver *driver);
/* Does the device want to hear of what was added since count adds ago? */
bool fake_wants_kick(struct fake_driver *driver, unsigned int queue,
		     uint16_t count);

/* The next used chain; false: none yet. */
bool fake_used(struct fake_driver *driver, unsigned int queue, uint16_t *head,
	       uint32_t *written);
/* Takes all that are used by now: how many? */
unsigned int fake_used_count(struct fake_driver *driver, unsigned int queue);
/* Waits up to 10 s for it. */
bool fake_wait_used(struct fake_driver *driver, unsigned int queue,
		    uint16_t *head, uint32_t *written);

#endif
