// SPDX-License-Identifier: GPL-2.0
/*
 * Where gdb connects. Its user owns the launcher already: who can connect can read and
 * write all of the guest, and nothing else. So a TCP port is one of this machine's own
 * (127.0.0.1), and a socket has the rights of its folder.
 */
#include "gdb_place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../virtio_devices/words.h"
#include "gdb.h"

const char *gdb_check_place(const char *place)
{
	uint64_t port;

	if (!strncmp(place, "unix:", 5) && place[5])
		return NULL;
	if (!strncmp(place, "tcp:", 4) && !words_number(place + 4, 1, 65535,
							&port))
		return NULL;
	return "write unix:PATH or tcp:PORT";
}

static int listen_tcp(const char *text)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(atoi(text)),
	};
	const int on = 1;
	int error, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    !listen(fd, 1))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static int listen_unix(struct named_socket *name, const char *path)
{
	int error = named_socket_open(name, path);

	return error ? error : named_socket_listen(name, 1);
}

int gdb_listen(const char *place, struct named_socket *name)
{
	return *place == 't' ? listen_tcp(place + 4) :
			       listen_unix(name, place + 5);
}
