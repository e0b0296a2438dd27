// SPDX-License-Identifier: GPL-2.0
/*
 * Names of listening sockets. See named_socket.h.
 *
 * To look whether a name is a dead man's and to remove it are two steps. All
 * launchers take them under a lock of the folder, or two that start at once
 * would each remove the name that the other has just bound.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "named_socket.h"

/* Anybody can hold the lock of /tmp: so many times, so long, is waited. */
#define LOCK_TRIES	20
#define LOCK_PAUSE_NS	10000000

/* The last part of the path. */
static const char *name_of(const struct named_socket *name)
{
	const char *slash = strrchr(name->address.sun_path, '/');

	return slash ? slash + 1 : name->address.sun_path;
}

int named_socket_open(struct named_socket *name, const char *path)
{
	char folder[sizeof(name->address.sun_path) + 1];
	const char *slash = strrchr(path, '/');

	memset(name, 0, sizeof(*name));
	if (strlen(path) >= sizeof(name->address.sun_path))
		return -ENAMETOOLONG;
	/* An empty name would be an abstract one for the kernel. */
	if (!*path || (slash && !slash[1]))
		return -EISDIR;
	snprintf(folder, sizeof(folder), "%.*s",
		 slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	name->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (name->folder < 0)
		return -errno;
	name->address.sun_family = AF_UNIX;
	strcpy(name->address.sun_path, path);
	return 0;
}

static int lock(const struct named_socket *name)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(name->folder, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EAGAIN;
}

static void unlock(const struct named_socket *name)
{
	flock(name->folder, LOCK_UN);
}

/*
 * Does somebody have a socket of this name open? 1, 0 or -errno. A stream
 * socket refuses a connection of another type with EPROTOTYPE, whether it
 * listens already or not, and its owner does not notice: a connection of the
 * right type would cost a balloon its client. (unix(7))
 */
static int is_alive(const struct named_socket *name)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
			0);
	int error;

	if (fd < 0)
		return -errno;
	error = connect(fd, (const struct sockaddr *)&name->address,
			sizeof(name->address)) ? errno : 0;
	close(fd);
	switch (error) {
	case ECONNREFUSED:
	case ENOENT:
		return 0;
	case 0:
	case EAGAIN:
	case EPROTOTYPE:
		return 1;
	}
	return -error;
}

/* With the lock: makes the name free if a dead launcher left it. */
static int remove_stale(const struct named_socket *name)
{
	struct stat status;
	int alive;

	if (fstatat(name->folder, name_of(name), &status, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	alive = is_alive(name);
	if (alive)
		return alive < 0 ? alive : -EADDRINUSE;
	return unlinkat(name->folder, name_of(name), 0) ? -errno : 0;
}

/* With the lock. */
static int bind_and_listen(struct named_socket *name, int fd, int backlog)
{
	struct stat status;

	if (bind(fd, (struct sockaddr *)&name->address, sizeof(name->address)))
		return -errno;
	if (!fstatat(name->folder, name_of(name), &status,
		     AT_SYMLINK_NOFOLLOW)) {
		name->device = status.st_dev;
		name->inode = status.st_ino;
	}
	return listen(fd, backlog) ? -errno : 0;
}

/* With the lock. */
static void remove_own(struct named_socket *name)
{
	struct stat status;

	if (name->inode &&
	    !fstatat(name->folder, name_of(name), &status,
		     AT_SYMLINK_NOFOLLOW) &&
	    S_ISSOCK(status.st_mode) && status.st_dev == name->device &&
	    status.st_ino == name->inode)
		unlinkat(name->folder, name_of(name), 0);
	name->inode = 0;
}

int named_socket_listen(struct named_socket *name, int backlog)
{
	int error, fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = lock(name);
	if (error) {
		close(fd);
		return error;
	}
	error = remove_stale(name);
	if (!error)
		error = bind_and_listen(name, fd, backlog);
	if (error) {
		remove_own(name);
		close(fd);
	}
	unlock(name);
	return error ? error : fd;
}

const char *named_socket_advice(int error)
{
	switch (error) {
	case -EEXIST:
		return " (it is no socket, and left alone: remove it, or take "
		       "another name)";
	case -EADDRINUSE:
		return " (somebody listens there: end that, or take another "
		       "name)";
	default:
		return "";
	}
}

void named_socket_remove(struct named_socket *name)
{
	bool locked;

	if (!*name->address.sun_path || !name->inode)
		return;
	/* Whoever keeps the lock does not keep us from ending. */
	locked = !lock(name);
	remove_own(name);
	if (locked)
		unlock(name);
}

void named_socket_close(struct named_socket *name)
{
	if (!*name->address.sun_path)
		return;
	named_socket_remove(name);
	close(name->folder);
	memset(name, 0, sizeof(*name));
}
