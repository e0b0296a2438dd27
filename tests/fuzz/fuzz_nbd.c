// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: a disk between a guest and an NBD server that is none.
 * Bytes 0 and 1: how much of the rest the server says to whoever connects,
 * before it hangs up; then the guest's steps (machine.h). libnbd itself is not
 * instrumented: what is looked for is what we make of its answers.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "machine.h"
#include "virtio_devices/blk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct server {
	int listener;
	const uint8_t *data;
	size_t bytes;
};

static void *serve(void *argument)
{
	struct server *server = argument;
	char ignored[4096];
	int fd;

	/* Ends when the listener is shut down. */
	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		if (server->bytes)
			send(fd, server->data, server->bytes, MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		while (recv(fd, ignored, sizeof(ignored), 0) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void start_server(struct server *server, pthread_t *thread,
			 struct sockaddr_un *address)
{
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path),
		 "/tmp/ringlet-fuzz-nbd.%d", getpid());
	unlink(address->sun_path);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server->listener, (struct sockaddr *)address,
		 sizeof(*address)) || listen(server->listener, 4) ||
	    pthread_create(thread, NULL, serve, server))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *device;
	char text[160], message[512] = "";
	struct sockaddr_un address;
	struct server server;
	pthread_t thread;

	if (size < 2)
		return 0;
	server.bytes = data[0] | data[1] << 8;
	server.data = data + 2;
	if (server.bytes > size - 2)
		server.bytes = size - 2;
	start_server(&server, &thread, &address);
	snprintf(text, sizeof(text), "nbd:unix:%s", address.sun_path);
	machine_init();
	if (blk_kind.create(text, &setup, &device, message,
			    sizeof(message))) {
		if (!*message)
			abort();
	} else {
		machine_play(device, data + 2 + server.bytes,
			     size - 2 - server.bytes);
		virtio_destroy(device);
	}
	shutdown(server.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(server.listener);
	unlink(address.sun_path);
	return 0;
}
