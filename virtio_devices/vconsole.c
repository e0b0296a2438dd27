// SPDX-License-Identifier: GPL-2.0
/*
 * The console device (virtio 1.2, 5.3), multiport: several byte streams, some
 * of them consoles, and a pair of control queues to talk about them. What is
 * behind a port is vconsole_port.c's affair, what is said of it
 * vconsole_control.c's.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vconsole.h"
#include "vconsole_device.h"

#define VCONSOLE_QUEUE_SIZE	128
#define VCONSOLE_BURST		32
#define SIZE_POLL_SECONDS	1

static struct virtio_ring *ring_to_guest(struct vconsole *console,
					 unsigned int port)
{
	return &console->device.rings[port ? 2 * port + 2 : 0];
}

static struct virtio_ring *ring_from_guest(struct vconsole *console,
					   unsigned int port)
{
	return &console->device.rings[port ? 2 * port + 3 : 1];
}

/* --- bytes --- */

void vconsole_readable(struct vconsole *console, unsigned int index)
{
	struct vconsole_port *port = &console->port[index];
	struct virtio_ring *ring = ring_to_guest(console, index);
	struct ring_chain chain = {
		.iov = console->iov,
		.room = VCONSOLE_PIECES,
	};
	unsigned int burst = 0;
	size_t got;

	if (!port->open)
		return;
	ring_quiet(ring);
	while (burst++ < VCONSOLE_BURST) {
		if (!ring_pop(ring, &chain)) {
			/* Until it gives buffers: let the sender wait. */
			if (ring_listen(ring))
				continue;
			vconsole_port_want(port, false);
			break;
		}
		got = vconsole_port_read(port, chain.in, chain.in_count);
		if (!got && chain.in_bytes) {
			ring_undo(ring, 1);
			break;
		}
		ring_push(ring, chain.head, got);
	}
	ring_publish(ring);
}

/*
 * Is it for a program in the guest, which can wait? What the guest's kernel
 * says on a console it says with interrupts off, and Linux then turns round
 * until the buffer comes back: a console that nobody reads must not stop it.
 */
static bool is_patient(const struct vconsole *console,
		       const struct vconsole_port *port)
{
	return vconsole_is_multiport(console) && *port->name;
}

/* True: the chain is done with. */
static bool write_chain(struct vconsole *console, struct vconsole_port *port,
			struct ring_chain *chain)
{
	uint64_t lost = port->lost;
	size_t left;

	iov_trim_front(&chain->out, &chain->out_count, port->sent);
	left = iov_size(chain->out, chain->out_count);
	if (left) {
		size_t done = vconsole_port_write(port, chain->out,
						  chain->out_count,
						  is_patient(console, port));

		if (port->lost != lost && !port->complained) {
			port->complained = true;
			virtio_log(&console->device, "port %u takes no more: "
				   "what the guest writes there is lost until "
				   "somebody reads it", port->index);
		}

		if (done < left) {
			port->sent += done;
			return false;
		}
	}
	port->sent = 0;
	return true;
}

/*
 * What the guest has written. A chain that is taken in part goes back into the
 * ring, and port->sent remembers how far it went.
 */
void vconsole_writable(struct vconsole *console, unsigned int index)
{
	struct vconsole_port *port = &console->port[index];
	struct virtio_ring *ring = ring_from_guest(console, index);
	struct ring_chain chain = {
		.iov = console->iov,
		.room = VCONSOLE_PIECES,
	};

	if (!console->device.active || port->wants_write)
		return;
	do {
		ring_quiet(ring);
		while (ring_pop(ring, &chain)) {
			if (!write_chain(console, port, &chain)) {
				ring_undo(ring, 1);
				ring_publish(ring);
				/* Without an event to come: go on at once. */
				if (port->wants_write)
					return;
				continue;
			}
			ring_push(ring, chain.head, 0);
		}
		ring_publish(ring);
	} while (ring_listen(ring));
}

void vconsole_connection(struct vconsole *console, unsigned int index)
{
	struct vconsole_port *port = &console->port[index];

	if (!port->ready)
		return;
	port->pending |= TELL_OPEN;
	vconsole_tell(console);
}

/* --- sizes --- */

static void size_changed(struct vconsole *console, struct vconsole_port *port)
{
	uint16_t size[] = { htole16(port->size.columns),
			    htole16(port->size.rows) };

	/* In the configuration, for a driver that knows one port only. */
	if (!port->index)
		virtio_config_store(&console->device, 0, size, sizeof(size),
				    console->device.active &&
				    !vconsole_is_multiport(console));
	if (port->ready && !*port->name) {
		port->pending |= TELL_SIZE;
		vconsole_tell(console);
	}
}

static void poll_sizes(void *argument, uint32_t events)
{
	struct vconsole *console = argument;
	uint64_t times;
	unsigned int i;

	(void)events;
	if (read(console->poll.fd, &times, sizeof(times)) != sizeof(times))
		return;
	for (i = 0; i < console->ports; i++)
		if (vconsole_port_resized(&console->port[i]))
			size_changed(console, &console->port[i]);
}

/* --- the device --- */

static void vconsole_notify(struct virtio_device *device, unsigned int queue)
{
	struct vconsole *console = (struct vconsole *)device;
	unsigned int port = queue < 2 ? 0 : queue / 2 - 1;

	if (vconsole_is_multiport(console) && queue == VCONSOLE_CONTROL_IN)
		vconsole_tell(console);
	else if (vconsole_is_multiport(console) && queue == VCONSOLE_CONTROL_OUT)
		vconsole_hear(console);
	else if (port >= console->ports || (!vconsole_is_multiport(console) && queue > 1))
		return;
	else if (queue & 1)
		vconsole_writable(console, port);
	else if (console->port[port].open) {
		vconsole_port_want(&console->port[port], true);
		vconsole_readable(console, port);
	}
}

static void vconsole_activate(struct virtio_device *device)
{
	struct vconsole *console = (struct vconsole *)device;
	unsigned int i;

	for (i = 0; i < console->ports; i++)
		if (*console->notice[i])
			virtio_log(device, "port %u is %s", i,
				   console->notice[i]);
	if (!vconsole_is_multiport(console)) {
		/* Linux reads the size there only when it has changed. */
		if (console->port[0].size.columns)
			size_changed(console, &console->port[0]);
		console->port[0].open = true;
		vconsole_port_want(&console->port[0], true);
	}
}

static void vconsole_reset(struct virtio_device *device)
{
	struct vconsole *console = (struct vconsole *)device;
	struct vconsole_port *port;

	console->ready = false;
	for (port = console->port; port < console->port + console->ports;
	     port++) {
		port->ready = port->open = false;
		port->pending = 0;
		port->sent = 0;
		port->complained = false;
		vconsole_port_want(port, false);
	}
}

/* 5.3.4: a byte from a driver that has no queues yet. */
static void vconsole_config_write(struct virtio_device *device,
				  unsigned int offset, const void *data,
				  unsigned int bytes)
{
	struct vconsole *console = (struct vconsole *)device;
	struct iovec byte = { (void *)data, 1 };

	if (offset == offsetof(struct virtio_console_config, emerg_wr) &&
	    bytes == sizeof(uint32_t))
		vconsole_port_write(&console->port[0], &byte, 1, false);
}

static uint64_t vconsole_dropped(const struct virtio_device *device)
{
	const struct vconsole *console = (const struct vconsole *)device;
	uint64_t lost = 0;
	unsigned int i;

	for (i = 0; i < console->ports; i++)
		lost += atomic_load(&console->port[i].lost);
	return lost;
}

static void vconsole_destroy(struct virtio_device *device)
{
	struct vconsole *console = (struct vconsole *)device;
	unsigned int i;

	for (i = 0; i < console->ports; i++)
		vconsole_port_close(&console->port[i]);
	virtio_fini(device);
	if (console->poll.fd >= 0)
		close(console->poll.fd);
	free(console);
}

static const struct virtio_ops vconsole_ops = {
	.activate = vconsole_activate,
	.reset = vconsole_reset,
	.notify = vconsole_notify,
	.config_write = vconsole_config_write,
	.dropped = vconsole_dropped,
	.destroy = vconsole_destroy,
};

/* --- making it --- */

static int open_ports(struct vconsole *console, const char *text,
		      char *message, size_t message_size)
{
	struct vconsole_port *port;
	char one[512];
	size_t bytes;
	int error;

	do {
		bytes = strcspn(text, "+");
		if (console->ports == VCONSOLE_PORTS_MAX ||
		    bytes >= sizeof(one)) {
			snprintf(message, message_size, "--console: at most %d "
				 "ports, of %zu characters each",
				 VCONSOLE_PORTS_MAX, sizeof(one) - 1);
			return -EINVAL;
		}
		memcpy(one, text, bytes);
		one[bytes] = '\0';
		text += bytes;
		port = &console->port[console->ports];
		port->console = console;
		port->index = console->ports;
		error = vconsole_port_open(port, one,
					   console->notice[console->ports],
					   sizeof(console->notice[0]), message,
					   message_size);
		/* Counted also if it failed: it is to be closed. */
		console->ports++;
	} while (!error && *text++ == '+');
	return error;
}

/*
 * Several ports, or a name, need the control queues. A single console does
 * without: its size is in the configuration then, which all drivers read in the
 * same way, while for the control message there are two ways.
 */
static bool needs_control(const struct vconsole *console)
{
	return console->ports > 1 || *console->port[0].name;
}

static void describe(struct vconsole *console, unsigned int order)
{
	bool control = needs_control(console);
	struct virtio_device *device = &console->device;
	struct virtio_console_config config = {
		.cols = htole16(console->port[0].size.columns),
		.rows = htole16(console->port[0].size.rows),
		.max_nr_ports = htole32(console->ports),
	};

	memcpy(device->config, &config, sizeof(config));
	device->config_size = sizeof(config);
	device->ops = &vconsole_ops;
	device->id = VIRTIO_ID_CONSOLE;
	device->queue_count = control ? 2 + 2 * console->ports : 2;
	device->queue_size = VCONSOLE_QUEUE_SIZE;
	device->offered = VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE) |
			  VIRTIO_BIT(VIRTIO_CONSOLE_F_EMERG_WRITE);
	if (control)
		device->offered |= VIRTIO_BIT(VIRTIO_CONSOLE_F_MULTIPORT);
	snprintf(device->name, sizeof(device->name), "console%u", order);
}

/* The ports are open; the device is made and they are watched. */
static int start_device(struct vconsole *console, unsigned int order)
{
	struct itimerspec second = {
		.it_value.tv_sec = SIZE_POLL_SECONDS,
		.it_interval.tv_sec = SIZE_POLL_SECONDS,
	};
	bool polls = false;
	unsigned int i;
	int error;

	for (i = 0; i < console->ports; i++) {
		vconsole_port_resized(&console->port[i]);
		polls |= console->port[i].polls_size;
	}
	describe(console, order);
	error = virtio_init(&console->device);
	if (error)
		return error;
	for (i = 0; i < console->ports; i++)
		vconsole_port_start(&console->port[i], console->device.loop);
	if (!polls)
		return 0;
	console->poll.callback = poll_sizes;
	console->poll.argument = console;
	console->poll.fd = timerfd_create(CLOCK_MONOTONIC,
					  TFD_NONBLOCK | TFD_CLOEXEC);
	error = console->poll.fd < 0 ? -errno : 0;
	if (!error) {
		timerfd_settime(console->poll.fd, 0, &second, NULL);
		error = loop_watch(console->device.loop, &console->poll,
				   EPOLLIN);
	}
	if (error)
		virtio_fini(&console->device);
	return error;
}

static int vconsole_create(const char *text, const struct virtio_setup *setup,
			   struct virtio_device **device, char *message,
			   size_t message_size)
{
	struct vconsole *console = calloc(1, sizeof(*console));
	unsigned int i;
	int error;

	if (!console)
		return -ENOMEM;
	console->poll.fd = -1;
	error = open_ports(console, text, message, message_size);
	if (!error) {
		error = start_device(console, setup->order);
		if (error)
			snprintf(message, message_size, "--console %s: %s",
				 text, strerror(-error));
	}
	if (!error) {
		for (i = 0; i < console->ports; i++)
			if (console->port[i].listener.fd >= 0)
				console->device.needs = VIRTIO_NEEDS_REMOVE;
		*device = &console->device;
		return 0;
	}
	for (i = 0; i < console->ports; i++) {
		console->port[i].loop = NULL;	/* it is gone */
		vconsole_port_close(&console->port[i]);
	}
	if (console->poll.fd >= 0)
		close(console->poll.fd);
	free(console);
	return error;
}

const struct virtio_kind vconsole_kind = {
	.option = "console",
	.text_required = true,
	.create = vconsole_create,
};
