/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A listening socket with a name in the file system, for every device that has
 * one. The name of somebody who was killed is taken over; what is no socket, or
 * is somebody's who lives, is never touched.
 */
#ifndef RINGLET_VIRTIO_NAMED_SOCKET_H
#define RINGLET_VIRTIO_NAMED_SOCKET_H

#include <sys/stat.h>
#include <sys/un.h>

/* All zero: not open. */
struct named_socket {
	struct sockaddr_un address;	/* sun_path "": not open */
	int folder;		/* where the name is; its lock is ours */
	dev_t device;		/* what we have bound, and may remove; */
	ino_t inode;		/* 0: nothing */
};

/*
 * Takes the name and opens its folder, which cannot be done in the launcher's
 * sandbox. Nothing is made yet. 0 or -errno.
 */
int named_socket_open(struct named_socket *name, const char *path);

/*
 * A socket that listens under the name, nonblocking: its fd, for the caller to
 * close. -EEXIST: something that is no socket has the name. -EADDRINUSE:
 * somebody who lives has it. -EAGAIN: the folder's lock is taken. Or another
 * -errno. May be called again, also in the sandbox (VIRTIO_NEEDS_LISTEN and _REMOVE).
 */
int named_socket_listen(struct named_socket *name, int backlog);

/* What to add to the message for an error of these; "" for most. */
const char *named_socket_advice(int error);

/* Removes the name, if it is still what we have bound. */
void named_socket_remove(struct named_socket *name);

/* The same, and closes the folder. Also for what was never open. */
void named_socket_close(struct named_socket *name);

#endif
