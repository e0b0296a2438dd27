// SPDX-License-Identifier: GPL-2.0
/*
 * The register page of virtio-mmio: what each access of a driver means. State
 * and locks are in mmio.h; sections are those of virtio 1.2.
 *
 * A driver may do anything in any order. The rule here: what section 3.1.1
 * does not allow at that moment has no effect. Only a queue that cannot be
 * used as the driver set it up breaks the device, so that the driver learns.
 */
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "mmio.h"

/*J: devices.registers
 * How does a driver find its device's rings? By a page of registers at an
 * address where no memory is. Each access to it is a page fault that the host
 * module turns into a message to the launcher, and the launcher calls the two
 * functions at the end of this file.
 *
 * That is slow, and it does not matter: a driver reads the magic number and
 * the features, writes the addresses of its rings, says "ready", and then
 * hardly ever comes back. The one register in daily use is QueueNotify, and
 * for that one the module does not even wake us: it knows the address and
 * signals an eventfd that the device's thread waits for. The way back is the
 * same trick reversed: the device writes to an eventfd, and the module raises
 * the interrupt line.
 *
 * The setting up is a little dance of status bits (section 3.1.1): I have seen
 * you, I know how to drive you, these features I want, do we agree? then go.
 * A hostile guest dances out of step. So each bit counts only after the one
 * before it, and features cannot change once they were agreed on.
 :*/

#define MAGIC		0x74726976	/* "virt" */
#define VERSION		2
#define VENDOR		0x54454c52	/* "RLET" */
#define NO_REGION	0xffffffff	/* 4.2.2.2: no such shared memory */

_Static_assert(VIRTIO_NOTIFY_OFFSET == VIRTIO_MMIO_QUEUE_NOTIFY, "contract");
_Static_assert(VIRTIO_INTERRUPT_STATUS_OFFSET == VIRTIO_MMIO_INTERRUPT_STATUS,
	       "contract");

/* Not in the kernel's header: 4.2.2, table of registers. */
#define SHM_LEN_LOW	0x0b0
#define SHM_BASE_HIGH	0x0bc

#define STATUS_KNOWN	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)

/* On the device's thread. */
static void reset_device(void *argument)
{
	struct virtio_device *device = argument;

	if (device->ops->reset)
		device->ops->reset(device);
	for (unsigned int i = 0; i < device->queue_count; i++)
		ring_stop(&device->rings[i]);
	device->active = false;
	device->features = 0;
}

/* The lock is held. 2.4.1, and 4.2.2.1 for the interrupt status. */
static void reset_all(struct virtio_device *device)
{
	struct transport *transport = device->transport;
	const struct virtio_host *host = device->host;

	loop_call(device->loop, reset_device, device);
	/* No other thread's interrupt comes between the two. */
	pthread_mutex_lock(&transport->config_lock);
	atomic_store(&transport->status, 0);
	if (host)
		host->clear_interrupt(host->context);
	pthread_mutex_unlock(&transport->config_lock);
	transport->offered_select = transport->driver_select = 0;
	transport->queue_select = 0;
	transport->driver_features = 0;
	memset(transport->queues, 0, sizeof(transport->queues));
}

void mmio_reset(struct virtio_device *device)
{
	pthread_mutex_lock(&device->transport->lock);
	reset_all(device);
	pthread_mutex_unlock(&device->transport->lock);
}

/* --- status --- */

/* On the device's thread. */
static void activate_device(void *argument)
{
	struct virtio_device *device = argument;

	device->active = true;
	for (unsigned int i = 0; i < device->queue_count; i++)
		ring_activate(&device->rings[i]);
	if (device->ops->activate)
		device->ops->activate(device);
	/* What the driver made available before it was ready. */
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->rings[i].ready)
			eventfd_write(virtio_kick_fd(device, i), 1);
}

/* 2.2.2, 6.2: may FEATURES_OK be set? */
static bool features_fit(struct virtio_device *device)
{
	uint64_t features = device->transport->driver_features;

	if (features & ~device->offered ||
	    !(features & VIRTIO_BIT(VIRTIO_F_VERSION_1)))
		return false;
	return !device->ops->check_features ||
	       device->ops->check_features(device, features);
}

struct features_call {
	struct virtio_device *device;
	bool fit;
};

/* On the device's thread. */
static void agree_on_features(void *argument)
{
	struct features_call *call = argument;

	call->fit = features_fit(call->device);
	if (call->fit)
		call->device->features =
			call->device->transport->driver_features;
}

static void write_status(struct virtio_device *device, uint32_t value)
{
	struct features_call call = { .device = device };
	unsigned int old = mmio_status(device), set = 0;

	if (!value) {
		reset_all(device);
		return;
	}
	/* 2.1.1: a driver clears no bit but by reset; ours is ours. */
	value &= ~(old | VIRTIO_CONFIG_S_NEEDS_RESET);
	set = value & (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_FAILED);
	if ((old | set) & VIRTIO_CONFIG_S_ACKNOWLEDGE)
		set |= value & VIRTIO_CONFIG_S_DRIVER;
	if (((old | set) & STATUS_KNOWN) == STATUS_KNOWN &&
	    value & VIRTIO_CONFIG_S_FEATURES_OK) {
		loop_call(device->loop, agree_on_features, &call);
		if (call.fit)
			set |= VIRTIO_CONFIG_S_FEATURES_OK;
	}
	if ((old | set) & VIRTIO_CONFIG_S_FEATURES_OK &&
	    value & VIRTIO_CONFIG_S_DRIVER_OK && !virtio_broken(device)) {
		set |= VIRTIO_CONFIG_S_DRIVER_OK;
		atomic_fetch_or(&device->transport->status, set);
		loop_call(device->loop, activate_device, device);
		return;
	}
	atomic_fetch_or(&device->transport->status, set);
}

/* --- features --- */

static uint32_t read_features(struct virtio_device *device)
{
	switch (device->transport->offered_select) {
	case 0:
		return (uint32_t)device->offered;
	case 1:
		return device->offered >> 32;
	default:
		return 0;
	}
}

static void write_features(struct virtio_device *device, uint32_t value)
{
	struct transport *transport = device->transport;
	unsigned int shift = transport->driver_select * 32;

	/* 2.2.1: no change after FEATURES_OK. Only 64 bits exist here. */
	if (transport->driver_select > 1 ||
	    mmio_status(device) & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	transport->driver_features &= ~(0xffffffffull << shift);
	transport->driver_features |= (uint64_t)value << shift;
}

/* --- configuration space --- */

static uint64_t read_config(struct virtio_device *device, uint64_t offset,
			    unsigned int bytes)
{
	uint8_t data[8] = { 0 };
	uint64_t value;

	pthread_mutex_lock(&device->transport->config_lock);
	for (unsigned int i = 0; i < bytes; i++)
		if (offset + i < device->config_size)
			data[i] = device->config[offset + i];
	pthread_mutex_unlock(&device->transport->config_lock);
	memcpy(&value, data, sizeof(value));
	return value;
}

struct config_call {
	struct virtio_device *device;
	uint64_t offset;
	unsigned int bytes;
	uint64_t value;
};

/* On the device's thread. */
static void write_config_there(void *argument)
{
	struct config_call *call = argument;

	call->device->ops->config_write(call->device, call->offset,
					&call->value, call->bytes);
}

static void write_config(struct virtio_device *device, uint64_t offset,
			 unsigned int bytes, uint64_t value)
{
	struct config_call call = { device, offset, bytes, value };

	if (offset + bytes > device->config_size || !device->ops->config_write)
		return;
	loop_call(device->loop, write_config_there, &call);
}

static uint32_t read_generation(struct virtio_device *device)
{
	uint32_t generation;

	pthread_mutex_lock(&device->transport->config_lock);
	generation = device->transport->generation;
	pthread_mutex_unlock(&device->transport->config_lock);
	return generation;
}

/* --- the page --- */

static uint32_t read_register(struct virtio_device *device, uint64_t offset)
{
	const struct queue_registers *queue = mmio_selected(device);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return device->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return read_features(device);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue ? device->queue_size : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return queue && queue->ready;
	case VIRTIO_MMIO_STATUS:
		return mmio_status(device);
	case SHM_LEN_LOW ... SHM_BASE_HIGH:
		return NO_REGION;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return read_generation(device);
	default:
		return 0;
	}
}

static void write_register(struct virtio_device *device, uint64_t offset,
			   uint32_t value)
{
	struct transport *transport = device->transport;

	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		transport->offered_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		transport->driver_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_features(device, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		transport->queue_select = value;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (value < device->queue_count)
			eventfd_write(virtio_kick_fd(device, value), 1);
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(device, value);
		break;
	default:
		mmio_write_queue(device, offset, value);
	}
}

uint64_t virtio_read(struct virtio_device *device, uint64_t offset,
		     unsigned int bytes)
{
	struct transport *transport = device->transport;
	uint64_t value = 0;

	if (bytes > 8)
		return 0;
	pthread_mutex_lock(&transport->lock);
	if (offset >= VIRTIO_MMIO_CONFIG)
		value = read_config(device, offset - VIRTIO_MMIO_CONFIG, bytes);
	else if (bytes == 4)	/* 4.2.2.2: no other width there */
		value = read_register(device, offset);
	pthread_mutex_unlock(&transport->lock);
	return value;
}

void virtio_write(struct virtio_device *device, uint64_t offset,
		  unsigned int bytes, uint64_t value)
{
	struct transport *transport = device->transport;

	if (bytes > 8)
		return;
	pthread_mutex_lock(&transport->lock);
	if (offset >= VIRTIO_MMIO_CONFIG)
		write_config(device, offset - VIRTIO_MMIO_CONFIG, bytes, value);
	else if (bytes == 4)
		write_register(device, offset, value);
	pthread_mutex_unlock(&transport->lock);
}
