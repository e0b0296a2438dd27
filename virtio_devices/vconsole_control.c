// SPDX-License-Identifier: GPL-2.0
/*
 * The control queues of a console with several ports (virtio 1.2, 5.3.6.2).
 *
 * Messages for the guest are not queued but noted as bits, and made when it has
 * a buffer for them: so a guest that never reads cannot make a list grow.
 */
#include <endian.h>
#include <string.h>

#include "vconsole_device.h"

/*J: devices.console
 * A console device could be two queues, one for each direction. But then each
 * further stream would need a device of its own, and a guest agent would have
 * to guess which one is its. So there is a second pair of queues over which
 * device and driver talk about the streams: here is a port; I am ready for it;
 * it is a console, so big; or: it is called `org.example.agent`; somebody is at
 * the other end; the guest's program has closed it.
 :*/

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
	struct virtio_ring *ring = &console->device.rings[VCONSOLE_CONTROL_IN];
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

void vconsole_tell(struct vconsole *console)
{
	struct virtio_ring *ring = &console->device.rings[VCONSOLE_CONTROL_IN];

	if (!console->device.active || !vconsole_is_multiport(console) ||
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
	vconsole_tell(console);
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
		vconsole_tell(console);
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

void vconsole_hear(struct vconsole *console)
{
	struct virtio_ring *ring = &console->device.rings[VCONSOLE_CONTROL_OUT];
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
