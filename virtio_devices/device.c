// SPDX-License-Identifier: GPL-2.0
/*
 * What all devices have in common: their life from virtio_init() to
 * virtio_destroy(), notifications, the configuration space from the device's
 * side, and giving up on a driver. The driver's side is mmio.c.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mmio.h"

#define LINE_SIZE 200	/* of a log message */

/* Each device can do these, because the ring code can. */
#define OFFERED_BY_CORE							\
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) |				\
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |			\
	 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))

/* The guest signalled a queue, or asked too early. On the device's thread. */
static void on_kick(void *argument, uint32_t events)
{
	struct kick *kick = argument;
	struct virtio_device *device = kick->device;
	eventfd_t count;

	(void)events;
	if (eventfd_read(kick->source.fd, &count))
		return;
	if (!device->active || !device->rings[kick->index].ready ||
	    virtio_broken(device))
		return;
	atomic_fetch_add_explicit(&device->kicks, 1, memory_order_relaxed);
	if (device->ops->notify)
		device->ops->notify(device, kick->index);
}

static int make_kick(struct virtio_device *device, unsigned int index)
{
	struct kick *kick = &device->transport->kicks[index];

	kick->device = device;
	kick->index = index;
	kick->source.callback = on_kick;
	kick->source.argument = kick;
	kick->source.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (kick->source.fd < 0)
		return -errno;
	return loop_watch(device->loop, &kick->source, EPOLLIN);
}

static int make_transport(struct virtio_device *device)
{
	struct transport *transport = calloc(1, sizeof(*transport));

	if (!transport)
		return -ENOMEM;
	pthread_mutex_init(&transport->lock, NULL);
	pthread_mutex_init(&transport->config_lock, NULL);
	for (unsigned int i = 0; i < VIRTIO_QUEUES_MAX; i++)
		transport->kicks[i].source.fd = -1;
	device->transport = transport;
	return 0;
}

static bool is_sane(const struct virtio_device *device)
{
	return device->ops && device->queue_count &&
	       device->queue_count <= VIRTIO_QUEUES_MAX &&
	       device->queue_size && device->queue_size <= RING_SIZE_MAX &&
	       !(device->queue_size & (device->queue_size - 1)) &&
	       device->config_size <= VIRTIO_CONFIG_MAX;
}

int virtio_init(struct virtio_device *device)
{
	int error;

	if (!is_sane(device))
		return -EINVAL;
	device->offered |= OFFERED_BY_CORE;
	device->host = NULL;
	device->loop = NULL;
	error = make_transport(device);
	if (error)
		return error;
	error = loop_create(&device->loop);
	for (unsigned int i = 0; !error && i < device->queue_count; i++) {
		device->rings[i].device = device;
		device->rings[i].index = i;
		error = make_kick(device, i);
	}
	if (error)
		virtio_fini(device);
	return error;
}

void virtio_fini(struct virtio_device *device)
{
	struct transport *transport = device->transport;

	if (device->loop)
		loop_destroy(device->loop);
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (transport->kicks[i].source.fd >= 0)
			close(transport->kicks[i].source.fd);
	pthread_mutex_destroy(&transport->config_lock);
	pthread_mutex_destroy(&transport->lock);
	free(transport);
	device->transport = NULL;
	device->loop = NULL;
}

/* Other threads look at the host in virtio_config_store(). */
static void set_host(struct virtio_device *device,
		     const struct virtio_host *host)
{
	pthread_mutex_lock(&device->transport->config_lock);
	device->host = host;
	pthread_mutex_unlock(&device->transport->config_lock);
}

void virtio_attach_inline(struct virtio_device *device,
			  const struct virtio_host *host)
{
	set_host(device, host);
}

int virtio_attach(struct virtio_device *device, const struct virtio_host *host)
{
	int error;

	set_host(device, host);
	error = loop_start(device->loop, device->name);
	if (error)
		set_host(device, NULL);
	return error;
}

void virtio_detach(struct virtio_device *device)
{
	mmio_reset(device);
	loop_stop(device->loop);
	set_host(device, NULL);
}

void virtio_destroy(struct virtio_device *device)
{
	device->ops->destroy(device);
}

unsigned int virtio_queue_count(const struct virtio_device *device)
{
	return device->queue_count;
}

int virtio_kick_fd(const struct virtio_device *device, unsigned int queue)
{
	return device->transport->kicks[queue].source.fd;
}

unsigned int virtio_needs(const struct virtio_device *device)
{
	return device->needs;
}

const char *virtio_name(const struct virtio_device *device)
{
	return device->name;
}

void virtio_get_counters(const struct virtio_device *device,
			 struct virtio_counters *counters)
{
	counters->kicks = atomic_load(&device->kicks);
	counters->chains = atomic_load(&device->chains);
	counters->interrupts = atomic_load(&device->interrupts);
	counters->suppressed = atomic_load(&device->suppressed);
	counters->dropped = device->ops->dropped ?
			    device->ops->dropped(device) : 0;
	counters->broken = atomic_load(&device->breaks);
}

/* The driver hears of changes only once it said that it is ready. */
static void interrupt_config(const struct virtio_device *device)
{
	const struct virtio_host *host = device->host;

	if (host && atomic_load(&device->transport->status) &
		    VIRTIO_CONFIG_S_DRIVER_OK)
		host->interrupt(host->context, VIRTIO_INTERRUPT_CONFIG);
}

void virtio_config_store(struct virtio_device *device, unsigned int offset,
			 const void *data, unsigned int bytes, bool notify)
{
	struct transport *transport = device->transport;

	if (offset > VIRTIO_CONFIG_MAX || bytes > VIRTIO_CONFIG_MAX - offset)
		return;
	pthread_mutex_lock(&transport->config_lock);
	memcpy(device->config + offset, data, bytes);
	transport->generation++;
	if (notify)
		interrupt_config(device);
	pthread_mutex_unlock(&transport->config_lock);
}

bool virtio_broken(const struct virtio_device *device)
{
	return atomic_load_explicit(&device->transport->status,
				    memory_order_relaxed) &
	       VIRTIO_CONFIG_S_NEEDS_RESET;
}

static void say(struct virtio_device *device, const char *format,
		va_list arguments)
{
	const struct virtio_host *host = device->host;
	char line[LINE_SIZE];
	int used;

	if (!host || !host->log)
		return;
	used = snprintf(line, sizeof(line), "%s: ", device->name);
	vsnprintf(line + used, sizeof(line) - used, format, arguments);
	host->log(host->context, line);
}

void virtio_log(struct virtio_device *device, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(device, format, arguments);
	va_end(arguments);
}

void virtio_break(struct virtio_device *device, const char *format, ...)
{
	unsigned int old = atomic_fetch_or(&device->transport->status,
					   VIRTIO_CONFIG_S_NEEDS_RESET);
	va_list arguments;

	/* The first reason counts; what follows comes from it. */
	if (old & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	atomic_fetch_add(&device->breaks, 1);
	va_start(arguments, format);
	say(device, format, arguments);
	va_end(arguments);
	interrupt_config(device);
}
