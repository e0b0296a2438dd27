// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the balloon between a guest and whoever is at its socket.
 * Byte 0 of the input: how much of the rest the socket's client says, in two
 * halves; then the guest's steps (machine.h). Only whole pages may be
 * discarded, and only those that the guest named; the machine's discard op
 * looks after the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "machine.h"
#include "virtio_devices/balloon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sockaddr_un address = { .sun_family = AF_UNIX };

static int connect_client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *device;
	char text[160], message[256];
	size_t said, half;
	int client;

	if (!size)
		return 0;
	said = data[0] < size ? data[0] : size - 1;
	half = said / 2;
	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/tmp/ringlet-fuzz-balloon.%d", getpid());
	unlink(address.sun_path);
	snprintf(text, sizeof(text), "take=1M,socket=%s", address.sun_path);
	machine_init();
	if (balloon_kind.create(text, &setup, &device, message,
				sizeof(message)))
		abort();
	client = connect_client();
	send(client, data + 1, half, MSG_NOSIGNAL);
	machine_run(device);
	send(client, data + 1 + half, said - half, MSG_NOSIGNAL);
	machine_play(device, data + 1 + said, size - 1 - said);
	close(client);
	virtio_destroy(device);
	return 0;
}
