// SPDX-License-Identifier: GPL-2.0
/*
 * The console device (virtio 1.2, 5.3), multiport: several byte streams, some
 * of them consoles, and a pair of control queues to talk about them. What is
 * behind a port is vconsole_port.c's affair.
 *
 * Messages for the guest are not queued but noted as bits, and made when it has
 * a buffer for them: so a guest that never reads cannot make a list grow.
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_console.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "model.h"
#include "vconsole.h"
#include "vconsole_port.h"

/*J: devices.console
 * A console device could be two queues, one for each direction. But then each
 * further stream would need a device of its own, and a guest agent would have
 * to guess which one is its. So there is a second pair of queues over which
 * device and driver talk about the streams: here is a port; I am ready for it;
 * it is a console, so big; or: it is called `org.example.agent`; somebody is at
 * the other end; the guest's program has closed it.
 :*/

#define VCONSOLE_QUEUE_SIZE	128
#define VCONSOLE_PIECES		256
#define VCONSOLE_BURST		32
#define QUEUE_CONTROL_IN	2	/* to the guest */
#define QUEUE_CONTROL_OUT	3
#define SIZE_POLL_SECONDS	1

/* What a guest is to hear of a port, in this order. */
enum {
	TELL_ADD = 1,
	TELL_CONSOLE = 2,
	TELL_NAME = 4,
	TELL_SIZE = 8,
	TELL_OPEN = 16,
	TELL_LAST = TELL_OPEN,
};

struct vconsole {
	struct virtio_device device;
	unsigned int ports;
	struct vconsole_port port[VCONSOLE_PORTS_MAX];
	char notice[VCONSOLE_PORTS_MAX][64];	/* the names of ptys */
	struct loop_source poll;	/* timerfd: have terminals been resized? */
	bool ready;			/* the driver said DEVICE_READY */
	struct iovec iov[VCONSOLE_PIECES];
};

static bool is_multiport(const struct vconsole *console)
{
	return virtio_has(&console->device, VIRTIO_CONSOLE_F_MULTIPORT);
}

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

/* --- control messages to the guest --- */

/* One message into buffer, which is large enough; its length. */
static size_t control_message(const struct vconsole_port *port,
			      unsigned int what, uint8_t *buffer)
{
	struct virtio_console_control message = {
		.id = htole32(port->index),
		.value = htole16(1),
	};
	uint16_t columns = htole16(port->size.columns);
	uint16_t rows = htole16(port->size.rows);
	uint16_t size[] = { port->rows_first ? rows : columns,
			    port->rows_first ? columns : rows };
	size_t more = 0;

	switch (what) {
	case TELL_ADD:
		message.event = htole16(VIRTIO_CONSOLE_PORT_ADD);
		break;
	case TELL_CONSOLE:
		message.event = htole16(VIRTIO_CONSOLE_CONSOLE_PORT);
		break;
	case TELL_NAME:
		message.event = htole16(VIRTIO_CONSOLE_PORT_NAME);
		more = strlen(port->name);
		memcpy(buffer + sizeof(message), port->name, more);
		break;
	case TELL_SIZE:
		message.event = htole16(VIRTIO_CONSOLE_RESIZE);
		more = sizeof(size);
		memcpy(buffer + sizeof(message), size, more);
		break;
	case TELL_OPEN:
		message.event = htole16(VIRTIO_CONSOLE_PORT_OPEN);
		message.value = htole16(port->connected);
		break;
	}
	memcpy(buffer, &message, sizeof(message));
	return sizeof(message) + more;
}

/* False: the guest has no buffer. */
static bool tell_one(struct vconsole *console, struct vconsole_port *port,
		     unsigned int what)
{
	struct virtio_ring *ring = &console->device.rings[QUEUE_CONTROL_IN];
	struct ring_chain chain = {
		.iov = console->iov,
		.room = VCONSOLE_PIECES,
	};
	uint8_t message[sizeof(struct virtio_console_control) +
			VCONSOLE_NAME_MAX];
	size_t bytes;

	if (!ring_pop(ring, &chain))
		return false;
	bytes = control_message(port, what, message);
	if (chain.in_bytes < bytes) {
		virtio_break(&console->device,
			     "a control buffer of %u bytes is too small",
			     (unsigned int)chain.in_bytes);
		return false;
	}
	port->pending &= ~what;
	iov_write(chain.in, chain.in_count, 0, message, bytes);
	ring_push(ring, chain.head, bytes);
	return true;
}

static bool tell_all(struct vconsole *console)
{
	struct vconsole_port *port;
	unsigned int what;

	for (port = console->port; port < console->port + console->ports;
	     port++)
		for (what = 1; what <= TELL_LAST; what <<= 1)
			if (port->pending & what &&
			    !tell_one(console, port, what))
				return false;
	return true;
}

static void tell_guest(struct vconsole *console)
{
	struct virtio_ring *ring = &console->device.rings[QUEUE_CONTROL_IN];

	if (!console->device.active || !is_multiport(console) ||
	    !console->ready)
		return;
	ring_quiet(ring);
	/* Listen only for buffers that are needed. */
	while (!tell_all(console) && ring_listen(ring))
		;
	ring_publish(ring);
}

/* --- control messages from the guest --- */

static void port_is_ready(struct vconsole *console, struct vconsole_port *port)
{
	port->ready = true;
	if (*port->name) {
		port->pending |= TELL_NAME | TELL_OPEN;
	} else {
		port->pending |= TELL_CONSOLE | TELL_OPEN;
		if (port->size.columns)
			port->pending |= TELL_SIZE;
	}
	tell_guest(console);
}

static void control_from_guest(struct vconsole *console,
			       const struct virtio_console_control *message)
{
	uint16_t event = le16toh(message->event);
	uint32_t id = le32toh(message->id);
	struct vconsole_port *port;
	unsigned int i;

	if (event == VIRTIO_CONSOLE_DEVICE_READY) {
		/* 5.3.6.2.1: a port is added once, if this is said twice. */
		if (console->ready || !message->value)
			return;
		console->ready = true;
		for (i = 0; i < console->ports; i++)
			console->port[i].pending = TELL_ADD;
		tell_guest(console);
		return;
	}
	if (id >= console->ports)
		return;
	port = &console->port[id];
	if (event == VIRTIO_CONSOLE_PORT_READY && message->value) {
		port_is_ready(console, port);
	} else if (event == VIRTIO_CONSOLE_PORT_OPEN) {
		port->open = message->value;
		vconsole_port_want(port, port->open);
	}
}

static void control_notify(struct vconsole *console)
{
	struct virtio_ring *ring = &console->device.rings[QUEUE_CONTROL_OUT];
	struct ring_chain chain = {
		.iov = console->iov,
		.room = VCONSOLE_PIECES,
	};
	struct virtio_console_control message;
	size_t got;

	do {
		ring_quiet(ring);
		while (ring_pop(ring, &chain)) {
			got = iov_read(chain.out, chain.out_count, 0, &message,
				       sizeof(message));
			ring_push(ring, chain.head, 0);
			if (got == sizeof(message))
				control_from_guest(console, &message);
		}
		ring_publish(ring);
	} while (ring_listen(ring));
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
	return is_multiport(console) && *port->name;
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
	tell_guest(console);
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
				    !is_multiport(console));
	if (port->ready && !*port->name) {
		port->pending |= TELL_SIZE;
		tell_guest(console);
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

	if (is_multiport(console) && queue == QUEUE_CONTROL_IN)
		tell_guest(console);
	else if (is_multiport(console) && queue == QUEUE_CONTROL_OUT)
		control_notify(console);
	else if (port >= console->ports || (!is_multiport(console) && queue > 1))
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
	if (!is_multiport(console)) {
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
