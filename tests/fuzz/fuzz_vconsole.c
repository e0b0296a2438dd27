// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the console device with three ports. Byte 0 of the input:
 * bit 0, the host's sides have something to say; bit 1, one of them has gone;
 * bit 2, nobody reads there; bit 3, they are a pty, a file and a socket to
 * which somebody connects. The rest is the guest's (machine.h).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "machine.h"
#include "virtio_devices/vconsole.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PORTS		3
#define CHOICE_TALK	1
#define CHOICE_GONE	2
#define CHOICE_DEAF	4
#define CHOICE_OTHERS	8

static void try_create(const char *text, struct virtio_device **device)
{
	struct virtio_setup setup = { .cpus = 1 };
	char message[256];

	if (vconsole_kind.create(text, &setup, device, message,
				 sizeof(message)))
		abort();
}

/* fds[1][0] becomes the client of the socket. */
static struct virtio_device *make_others(int fds[PORTS][2])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct virtio_device *device;
	char text[256];
	int i;

	for (i = 0; i < PORTS; i++)
		fds[i][0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/tmp/ringlet-fuzz-console.%d", getpid());
	unlink(address.sun_path);
	snprintf(text, sizeof(text), "pty+unix=%s,name=a.b+file=/dev/null,"
		 "size=80x25,rows-first", address.sun_path);
	try_create(text, &device);
	close(fds[1][0]);
	fds[1][0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fds[1][0], (struct sockaddr *)&address, sizeof(address)))
		abort();
	machine_run(device);
	return device;
}

static struct virtio_device *make(int fds[PORTS][2])
{
	struct virtio_device *device;
	char text[128];
	int i;

	for (i = 0; i < PORTS; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]))
			abort();
	snprintf(text, sizeof(text), "fd=%d,size=80x25+fd=%d,name=a.b+fd=%d",
		 fds[0][1], fds[1][1], fds[2][1]);
	try_create(text, &device);
	return device;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char many[9000];
	struct virtio_device *device;
	int fds[PORTS][2], i;

	if (!size)
		return 0;
	/* On a device's thread all signals are blocked. */
	signal(SIGPIPE, SIG_IGN);
	machine_init();
	device = data[0] & CHOICE_OTHERS ? make_others(fds) : make(fds);
	for (i = 0; i < PORTS; i++) {
		if (data[0] & CHOICE_TALK &&
		    write(fds[i][0], many, sizeof(many)) < 0)
			abort();
		if (data[0] & CHOICE_DEAF)
			shutdown(fds[i][0], SHUT_RD);
	}
	if (data[0] & CHOICE_GONE)
		shutdown(fds[1][0], SHUT_RDWR);
	machine_play(device, data + 1, size - 1);
	virtio_destroy(device);
	for (i = 0; i < PORTS; i++)
		close(fds[i][0]);
	return 0;
}
