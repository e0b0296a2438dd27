/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is an interface of the host up? The host's kernel says so by rtnetlink(7) to
 * whoever listens, which needs no privilege.
 */
#ifndef RINGLET_VIRTIO_NET_LINK_H
#define RINGLET_VIRTIO_NET_LINK_H

#include <stdbool.h>

#include "loop.h"

struct net_link {
	struct loop_source source;	/* fd -1: nothing is watched */
	unsigned int index;		/* of the interface */
	bool up, gone;			/* gone: deleted, and not up */
	/* On the loop's thread: up or gone is another now. */
	void (*changed)(void *argument);
	void *argument;
};

/* Of the interface with this name; link->up is true of now. 0 or -errno. */
int net_link_open(struct net_link *link, const char *name);
/* changed and argument are set. 0 or -errno. */
int net_link_start(struct net_link *link, struct loop *loop);
void net_link_close(struct net_link *link);

#endif
