/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine around a device for fuzzers, and a guest that does what the
 * fuzzer's bytes say: reads and writes registers and memory, makes chains
 * available, notifies. The device has no thread, so all is deterministic as
 * long as the device is.
 *
 *	machine_init();				// once for each input
 *	... make the device ...
 *	machine_play(device, data, size);	// attach, play, detach
 *	virtio_destroy(device);
 *
 * Guest memory, each region an allocation of its own so that ASan sees what
 * lies beside it:
 *
 *	0x0000-0x2000		rings: queue q has its own 0x400 bytes
 *	0x2000-0x8000		for tables and buffers
 *	0x8000-0xc000		follows it, but elsewhere in the host
 *	0x100000000-+0x4000	high memory
 */
#ifndef RINGLET_TESTS_FUZZ_MACHINE_H
#define RINGLET_TESTS_FUZZ_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "virtio_devices/model.h"

#define MACHINE_SEAM		0x8000
#define MACHINE_END		0xc000
#define MACHINE_HIGH		0x100000000ull
#define MACHINE_HIGH_SIZE	0x4000
#define MACHINE_QUEUES		8
#define MACHINE_QUEUE_SIZE	16
#define MACHINE_DEVICE_RINGS	0x400	/* bytes for each queue's rings */

/*
 * What the first byte of each step means; see machine.c for what follows. An
 * opcode is taken modulo MACHINE_STEPS.
 */
enum machine_step {
	STEP_REGISTER,	/* index, 32-bit value: a 4-byte write at 4 * index */
	STEP_WRITE,	/* 16-bit offset, width, 64-bit value */
	STEP_READ,	/* 16-bit offset, width */
	STEP_MEMORY,	/* 16-bit address, size, so many bytes */
	STEP_CHAIN,	/* queue, counts, buffers, size, bytes for them */
	STEP_INDIRECT,	/* the same through an indirect table */
	STEP_KICK,	/* queue */
	STEP_START,	/* 64-bit features: the whole dance, with good rings */
	STEP_RUN,	/* let the device work */
	MACHINE_STEPS
};

/* Memory as at power-on. */
void machine_init(void);
void machine_play(struct virtio_device *device, const uint8_t *data,
		  size_t size);

/* For targets that do it in their own way. */
const struct virtio_host *machine_host(void);
void *machine_at(uint64_t gpa);
void machine_start(struct virtio_device *device, uint64_t features);
void machine_run(struct virtio_device *device);

#endif
