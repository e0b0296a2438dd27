// SPDX-License-Identifier: GPL-2.0
/*
 * The service manager's socket. See notify.h.
 *
 * It is not kept: who holds a datagram socket can send to every other one that has
 * a name, and a guest that took over this process shall not.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"

static int send_to(const char *name, const char *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	ssize_t sent;
	int fd;

	/* A path, or an abstract name, whose @ stands for a NUL. */
	if (*name != '/' && *name != '@')
		return -EAFNOSUPPORT;
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, name, length);
	if (*name == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL,
		      (struct sockaddr *)&address,
		      offsetof(struct sockaddr_un, sun_path) + length);
	if (sent < 0)
		sent = -errno;
	close(fd);
	return sent < 0 ? sent : 0;
}

void notify_manager(const char *text)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int error = name && *name ? send_to(name, text) : 0;

	if (!error)
		return;
	errno = -error;
	log_warn("cannot reach the service manager at %s", name);
}
