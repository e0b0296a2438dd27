// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the network device between two strangers. The input:
 *
 *	byte 0		bit 0: a stream without headers
 *			bit 1: the peer reads what the guest sends
 *			bit 2: the peer greets as it should
 *			bit 3: the peer hangs up at the end
 *	bytes 1, 2	how much of the rest is what the peer sends
 *	then		those bytes; and the guest's steps (machine.h)
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "machine.h"
#include "virtio_devices/net.h"
#include "virtio_devices/net_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICE_PLAIN	1
#define CHOICE_READS	2
#define CHOICE_GREETS	4
#define CHOICE_LEAVES	8

static struct virtio_device *make(int fd, unsigned int choice)
{
	struct virtio_setup setup = { .cpus = 1 };
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
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		abort();
	machine_init();
	device = make(fds[1], choice);
	if (choice & CHOICE_GREETS &&
	    write(fds[0], &hello, sizeof(hello)) != sizeof(hello))
		abort();
	if (bytes && send(fds[0], data, bytes, MSG_DONTWAIT) < 0)
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
