/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is behind one port of a virtio console: an fd from which bytes come and
 * to which they go. It may be there all the time (pty, file, fd) or come and go
 * (a client of a socket).
 *
 * Nothing blocks. All on the device's thread.
 */
#ifndef RINGLET_VIRTIO_VCONSOLE_PORT_H
#define RINGLET_VIRTIO_VCONSOLE_PORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "loop.h"
#include "named_socket.h"

#define VCONSOLE_NAME_MAX	64
#define VCONSOLE_PORTS_MAX	8

struct vconsole;

struct vconsole_size {
	uint16_t columns, rows;	/* 0: unknown */
};

struct vconsole_port {
	struct vconsole *console;
	unsigned int index;
	char name[VCONSOLE_NAME_MAX];	/* "": it is a console */
	struct vconsole_size size;	/* as far as the guest was told */
	bool rows_first;	/* the guest's driver wants it in that order */

	/* The host's side. */
	struct loop *loop;
	struct loop_source source;	/* fd -1: nobody is there */
	struct loop_source listener;	/* fd -1: not a socket's */
	struct named_socket name_of_socket;	/* open if it is a socket's */
	int slave_fd;			/* of a pty, kept open; or -1 */
	bool write_only;		/* a file, a FIFO: nothing is read */
	bool hung_up;			/* but has left bytes, still unread */
	bool polls_size;		/* the fd is a terminal */
	bool wants_read, wants_write;
	atomic_ulong lost;		/* bytes from the guest; statistics */
	bool connected;		/* somebody is there, as the guest sees it */

	/* The guest's side, which vconsole.c keeps. */
	bool ready;		/* PORT_READY has come */
	bool open;		/* the guest has it open */
	bool complained;	/* about bytes that were lost */
	unsigned int pending;	/* control messages that it is to get */
	uint64_t sent;		/* bytes of the first chain, already written */
};

/*
 * Make a port of its text. Nothing is watched yet. 0, or -errno with a line in
 * message. A line that the user needs (the pty's name) goes to notice.
 */
int vconsole_port_open(struct vconsole_port *port, const char *text,
		       char *notice, size_t notice_size, char *message,
		       size_t message_size);
void vconsole_port_start(struct vconsole_port *port, struct loop *loop);
void vconsole_port_close(struct vconsole_port *port);

/*
 * Bytes from the host; how many. 0: none now, vconsole_readable() will be
 * called when there are, if vconsole_port_want() said so.
 */
size_t vconsole_port_read(struct vconsole_port *port, struct iovec *iov,
			  unsigned int count);
/*
 * Bytes to the host; how many it took. Less than all: try the rest, but with
 * port->wants_write only in vconsole_writable(), which will be called. With
 * nobody there, all is taken and lost; and also, unless patient, where the
 * other side does not read.
 */
size_t vconsole_port_write(struct vconsole_port *port,
			   const struct iovec *iov, unsigned int count,
			   bool patient);
/* Call vconsole_readable(), or do not. */
void vconsole_port_want(struct vconsole_port *port, bool read);
/* Has the terminal another size than port->size? Then that is set. */
bool vconsole_port_resized(struct vconsole_port *port);

/* For ports to call: vconsole.c. */
void vconsole_readable(struct vconsole *console, unsigned int index);
void vconsole_writable(struct vconsole *console, unsigned int index);
/* port->connected is another now. */
void vconsole_connection(struct vconsole *console, unsigned int index);

#endif
