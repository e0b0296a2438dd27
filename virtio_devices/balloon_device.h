/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inside of the balloon, for balloon.c (queues) and balloon_control.c (the
 * user's socket). Everything belongs to the device's thread.
 */
#ifndef RINGLET_VIRTIO_BALLOON_DEVICE_H
#define RINGLET_VIRTIO_BALLOON_DEVICE_H

#include <linux/virtio_balloon.h>

#include "model.h"
#include "named_socket.h"

#define BALLOON_PAGE	(1u << VIRTIO_BALLOON_PFN_SHIFT)
#define BALLOON_PIECES	1024
/* How many of the guest's numbers have a name (balloon_control.c). The headers'
   VIRTIO_BALLOON_S_NR grows from kernel to kernel. */
#define BALLOON_STATS	16

struct balloon {
	struct virtio_device device;
	uint32_t wanted;	/* pages, as the user says */
	uint64_t reported;	/* pages given back as free, so far */
	bool no_discard;	/* the host keeps its memory: said once */

	/* The guest's numbers, and the buffer it waits for to say more. */
	uint64_t stats[BALLOON_STATS];
	bool stats_known[BALLOON_STATS];
	bool stats_held;
	uint16_t stats_head;

	/* The user's socket; fds -1 where there is none. */
	struct loop_source listener, client;
	struct named_socket name;	/* of listener, where there is one */
	char line[128];
	unsigned int line_bytes;
	bool info_waits;	/* for fresh numbers from the guest */

	struct iovec iov[BALLOON_PIECES];
	uint64_t gpa[BALLOON_PIECES];
};

/* balloon.c */
void balloon_set_wanted(struct balloon *balloon, uint64_t bytes);
uint32_t balloon_taken(const struct balloon *balloon);
/* Ask the guest for fresh numbers. False: it cannot be asked. */
bool balloon_ask_stats(struct balloon *balloon);

/* balloon_control.c */
int balloon_control_open(struct balloon *balloon, const char *path);
void balloon_control_close(struct balloon *balloon);
/* The guest has sent fresh numbers, or never will. */
void balloon_control_stats(struct balloon *balloon);

#endif
