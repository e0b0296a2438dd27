/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An NBD disk's two halves, for each other: blk_nbd.c sends requests,
 * blk_nbd_link.c has the connection that they go over.
 */
#ifndef RINGLET_VIRTIO_BLK_NBD_H
#define RINGLET_VIRTIO_BLK_NBD_H

#include <libnbd.h>

#include "blk_medium.h"

#define NBD_CONNECT_MS 5000 /* for a connection and its handshake */
#define NBD_RETRY_MS 1000
/*
 * A server that says nothing for so long while the guest waits for a reset, or
 * is away for so long while requests wait: they fail. Tests have less of it.
 */
extern unsigned int nbd_patience_ms;

#define NBD_FUNCTIONS(x)                                                       \
	x(create) x(close) x(get_error) x(aio_connect_unix) x(aio_is_ready) x( \
		get_size) x(is_read_only) x(can_flush) x(can_fua) x(can_trim)  \
		x(can_zero) x(get_block_size) x(aio_pread) x(aio_pwrite)       \
			x(aio_flush) x(aio_trim) x(aio_zero) x(aio_get_fd)     \
				x(aio_get_direction) x(aio_is_dead)            \
					x(aio_is_closed) x(poll)

struct nbd_functions {
	void *library;
#define NBD_MEMBER(name) __typeof__(&nbd_##name) name;
	NBD_FUNCTIONS(NBD_MEMBER)
};
extern struct nbd_functions libnbd;

struct nbd_link {
	const char *path; /* of the socket */
	struct nbd_handle *handle; /* NULL: not even trying */
	bool up; /* requests can be sent */
	int epoll_fd; /* of the socket and the timer */
	int timer_fd; /* a tick each NBD_RETRY_MS while not up */
	int socket_fd; /* as watched, or -1 */
	uint32_t events; /* and for what */
	uint64_t lost_at, began_at; /* ms */
};

/* Load the library. 0 or -ENOPKG. */
int nbd_link_load(void);
/*
 * Connect and wait for it, NBD_CONNECT_MS at most. 0, or -errno and *why. Also
 * after an error nbd_link_close().
 */
int nbd_link_open(struct nbd_link *link, const char *path, const char **why);
void nbd_link_close(struct nbd_link *link);
/* Let the library work; wait so many ms for something to do. False: nothing. */
bool nbd_link_work(struct nbd_link *link, int timeout);
/* The connection is up and has just ended. */
bool nbd_link_ended(const struct nbd_link *link);
/* It has: forget it, and begin to try again. */
void nbd_link_lost(struct nbd_link *link);
/* While not up: go on trying. True: the handshake is complete. */
bool nbd_link_retry(struct nbd_link *link);
/* The new connection is good; or it is no use, go on trying. */
void nbd_link_accept(struct nbd_link *link);
void nbd_link_refuse(struct nbd_link *link);
/* Has it been away for so long that nobody should wait for it? */
bool nbd_link_hopeless(const struct nbd_link *link);
/* Have epoll_fd show what the library waits for now. */
void nbd_link_watch(struct nbd_link *link);

#endif
