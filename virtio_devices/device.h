/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio devices, seen from whoever hosts them: the launcher, a unit test, a
 * fuzzer. (Who writes a device reads model.h.)
 *
 * A device knows nothing of launcher and module. What it needs of the machine
 * comes through struct virtio_host; what the machine needs of the device are
 * the functions below.
 *
 * A device's life:
 *
 *	kind->create()		options are checked, files and sockets opened
 *	virtio_attach()		a machine is there, the guest may come
 *	virtio_read/write()	the guest's register accesses, any thread
 *	virtio_detach()		the machine goes away; the guest rebooted
 *	...			attach and detach again, for each reboot
 *	virtio_destroy()
 *
 * Threads: one thread per device (loop.h), made by attach and ended by detach,
 * runs all of the device's own code. virtio_read() and virtio_write() may be
 * called by any number of vCPU threads at once; they wait for the device's
 * thread where an access must have taken effect when it returns (reset).
 */
#ifndef RINGLET_VIRTIO_DEVICE_H
#define RINGLET_VIRTIO_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtio_device;

/* The bits of InterruptStatus (virtio 1.2, 4.2.2). */
#define VIRTIO_INTERRUPT_USED	1u	/* a used buffer */
#define VIRTIO_INTERRUPT_CONFIG	2u	/* configuration or status changed */

/*
 * What a device may ask of its machine. All may be called by any thread
 * between attach and detach; context is handed back in each call.
 */
struct virtio_host {
	/*
	 * The bytes [gpa, gpa + bytes) of guest RAM, as far as they lie in one
	 * region: the pointer to the first, and in *got how many follow there
	 * (1 up to bytes). NULL: no RAM at gpa. bytes is not 0. The guest may
	 * write what is behind the pointer at any moment. The pointer holds
	 * until detach.
	 */
	void *(*memory_at)(void *context, uint64_t gpa, uint64_t bytes,
			   uint64_t *got);
	/* Set VIRTIO_INTERRUPT_* bits and raise the device's line. */
	void (*interrupt)(void *context, unsigned int bits);
	/* Clear InterruptStatus: the device was reset (4.2.2.1). */
	void (*clear_interrupt)(void *context);
	/*
	 * The guest needs the contents of these whole pages no more: give them
	 * back. They read as zeros, or as before. 0 or -errno (-EOPNOTSUPP:
	 * this machine keeps all memory). May be NULL, which means that.
	 */
	int (*discard)(void *context, uint64_t gpa, uint64_t bytes);
	/* One line for the user, without a newline; ASCII. Rate is limited. */
	void (*log)(void *context, const char *line);
	void *context;
};

/* What devices are made with, whatever their kind. */
struct virtio_setup {
	unsigned int cpus;	/* vCPUs: the most queues that make sense */
	unsigned int order;	/* how many of the kind there were before */
	bool verbose;		/* the user wants to know how, not only that */
};

/*
 * A kind of device, as a user asks for one: `--disk TEXT`.
 *
 * create: *device is set and 0 returned, or -errno and one line about what is
 * wrong in message: -EINVAL when text is, else the host (a file that cannot be
 * opened). message stays empty where the error alone says it (no memory). text is "" for an option without a value, and belongs to the
 * caller. A device that has not met a guest yet runs no thread.
 */
struct virtio_kind {
	const char *option;	/* "disk" */
	bool text_required;	/* else `--rng` alone will do */
	int (*create)(const char *text, const struct virtio_setup *setup,
		      struct virtio_device **device, char *message,
		      size_t message_size);
};

/* NULL terminated; kinds.c. */
extern const struct virtio_kind *const virtio_kinds[];
/* NULL: no such option. */
const struct virtio_kind *virtio_find_kind(const char *option);

/*
 * Give the device a machine and a thread of its own. host belongs to the
 * caller and stays until detach. 0 or -errno.
 */
int virtio_attach(struct virtio_device *device,
		  const struct virtio_host *host);
/*
 * The same without a thread, for tests and fuzzers: what the device's thread
 * would do happens within virtio_write() and in loop_run_once() (loop.h).
 */
void virtio_attach_inline(struct virtio_device *device,
			  const struct virtio_host *host);
/*
 * Resets the device, which waits for what is in flight, and ends its thread.
 * No virtio_read() or virtio_write() may be running or come later.
 */
void virtio_detach(struct virtio_device *device);
/* Detached devices only. */
void virtio_destroy(struct virtio_device *device);

/*
 * A guest's access to the register page: offset below 4096, bytes 1, 2, 4 or
 * 8. Nothing that a guest passes here can fail: what makes no sense reads as 0
 * and is ignored when written.
 */
uint64_t virtio_read(struct virtio_device *device, uint64_t offset,
		     unsigned int bytes);
void virtio_write(struct virtio_device *device, uint64_t offset,
		  unsigned int bytes, uint64_t value);

/*
 * Offsets of the registers that a host may serve without calling
 * virtio_write() and virtio_read(): a 4-byte write of queue number n to
 * VIRTIO_NOTIFY_OFFSET is the same as a signal on virtio_kick_fd(n); and the
 * host alone keeps InterruptStatus and InterruptACK (virtio_read() gives 0).
 */
#define VIRTIO_NOTIFY_OFFSET		0x050
#define VIRTIO_INTERRUPT_STATUS_OFFSET	0x060	/* ACK is 4 behind it */

/* Both are constant during a device's life; the fd belongs to the device. */
unsigned int virtio_queue_count(const struct virtio_device *device);
int virtio_kick_fd(const struct virtio_device *device, unsigned int queue);

/*
 * What a device will still do by name while its guest runs, for a sandbox to
 * allow: nothing, or the sum of these. Constant from create on.
 */
#define VIRTIO_NEEDS_CONNECT	1u	/* connect to an AF_UNIX socket */
#define VIRTIO_NEEDS_LISTEN	2u	/* bind one; it connects to try it */
#define VIRTIO_NEEDS_REMOVE	4u	/* remove its socket's name */
unsigned int virtio_needs(const struct virtio_device *device);

/* For messages and statistics: "disk0". */
const char *virtio_name(const struct virtio_device *device);

/* Work done since create, for the statistics. Any thread. */
struct virtio_counters {
	uint64_t kicks;		/* notifications from the guest */
	uint64_t chains;	/* buffers taken from all queues */
	uint64_t interrupts;	/* used-buffer interrupts sent */
	uint64_t suppressed;	/* and not sent, as the guest asked */
	uint64_t dropped;	/* frames, or bytes of a console, lost here */
	uint64_t broken;	/* times it needed a reset */
};
void virtio_get_counters(const struct virtio_device *device,
			 struct virtio_counters *counters);

#endif
