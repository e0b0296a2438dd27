/* SPDX-License-Identifier: GPL-2.0 */
/* The server behind --share: diod, a program of its own, and its confinement. */
#ifndef RINGLET_VIRTIO_SHARE_SERVER_H
#define RINGLET_VIRTIO_SHARE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct share_server {
	int fd;			/* a stream socket on which it serves 9P2000.L */
	pid_t pid;
	bool confined;		/* Landlock keeps it to the folder */
};

/*
 * Starts a server for the folder at path (absolute), as the launcher's user; unless
 * that is root, it lets nobody else attach. It ends when the socket is closed. 0,
 * or -errno and a line in message. Forks: no thread may run yet.
 */
int share_server_start(const char *path, bool readonly,
		       struct share_server *server, char *message,
		       size_t message_size);

#endif
