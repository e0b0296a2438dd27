// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the network device between two strangers. The input:
 *
 *	byte 0		bit 0: a stream without headers
 *			bit 1: the peer reads what the guest sends
 *			bit 2: the peer greets as it should
 *			bit 3: the peer hangs up at the end
 *			bit 4: a tap, by a socket that keeps frames apart
 *			bit 5: a cable, unix=PATH, to which the peer connects
 *	bytes 1, 2	how much of the rest is what the peer sends
 *	then		those bytes; and the guest's steps (machine.h)
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "machine.h"
#include "virtio_devices/net.h"
#include "virtio_devices/net_device.h"
#include "virtio_devices/net_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICE_PLAIN	1
#define CHOICE_READS	2
#define CHOICE_GREETS	4
#define CHOICE_LEAVES	8
#define CHOICE_TAP	16
#define CHOICE_CABLE	32

static struct virtio_setup setup = { .cpus = 1 };

static struct virtio_device *make_tap(int fd)
{
	struct net_options options = { .how = NET_TAP };
	struct virtio_device *device;
	struct net_backend *backend;

	if (net_tap_on(fd, &backend) ||
	    net_create_on(backend, &options, &setup, &device))
		abort();
	return device;
}

/* The device listens; the peer's end becomes *fd. */
static struct virtio_device *make_cable(int *fd, unsigned int choice)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct virtio_device *device;
	char text[160], message[256];

	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/tmp/ringlet-fuzz-net.%d", getpid());
	unlink(address.sun_path);
	snprintf(text, sizeof(text), "unix=%s%s", address.sun_path,
		 choice & CHOICE_PLAIN ? ",plain" : "");
	if (net_kind.create(text, &setup, &device, message, sizeof(message)))
		abort();
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(*fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	machine_run(device);
	return device;
}

/* A tap's frames come one by one: each behind its length, as in a stream. */
static void send_frames(int fd, const uint8_t *data, size_t bytes)
{
	size_t frame;

	while (bytes > 4) {
		frame = data[2] << 8 | data[3];
		data += 4;
		bytes -= 4;
		if (frame > bytes)
			frame = bytes;
		if (send(fd, data, frame, MSG_DONTWAIT) < 0)
			return;
		data += frame;
		bytes -= frame;
	}
}

static struct virtio_device *make(int fd, unsigned int choice)
{
	struct virtio_device *device;
	char text[64], message[256];

	snprintf(text, sizeof(text), "fd=%d%s,mac=02:00:00:00:00:01", fd,
		 choice & CHOICE_PLAIN ? ",plain" : "");
	if (net_kind.create(text, &setup, &device, message, sizeof(message)))
		abort();
	return device;
}

static void read_all(int fd)
{
	static char bytes[65536];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t hello = htonl(NET_STREAM_HELLO);
	struct virtio_device *device;
	unsigned int choice;
	size_t bytes;
	int fds[2];

	if (size < 3)
		return 0;
	choice = data[0];
	bytes = data[1] | data[2] << 8;
	data += 3;
	size -= 3;
	if (bytes > size)
		bytes = size;
	machine_init();
	if (choice & CHOICE_CABLE) {
		device = make_cable(&fds[0], choice);
	} else {
		if (socketpair(AF_UNIX, SOCK_NONBLOCK |
			       (choice & CHOICE_TAP ? SOCK_DGRAM :
						      SOCK_STREAM), 0, fds))
			abort();
		device = choice & CHOICE_TAP ? make_tap(fds[1]) :
					       make(fds[1], choice);
	}
	if (choice & CHOICE_GREETS && !(choice & CHOICE_TAP) &&
	    write(fds[0], &hello, sizeof(hello)) != sizeof(hello))
		abort();
	if (choice & CHOICE_TAP)
		send_frames(fds[0], data, bytes);
	else if (bytes && send(fds[0], data, bytes, MSG_DONTWAIT) < 0)
		abort();
	if (choice & CHOICE_LEAVES)
		shutdown(fds[0], SHUT_WR);
	machine_play(device, data + bytes, size - bytes);
	if (choice & CHOICE_READS)
		read_all(fds[0]);
	virtio_destroy(device);
	close(fds[0]);
	return 0;
}
