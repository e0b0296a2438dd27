/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio-balloon: memory on its way back to the host.
 *
 *	--balloon [take=SIZE][,socket=PATH]
 *
 * take: how much the guest shall do without from its start. socket: where that
 * can be changed while it runs; one command a line, one line of answer:
 *
 *	take SIZE	ok
 *	info		wanted PAGES taken PAGES reported PAGES free BYTES ...
 *
 * Free pages that the guest reports by itself are given back in any case.
 */
#ifndef RINGLET_VIRTIO_BALLOON_H
#define RINGLET_VIRTIO_BALLOON_H

#include "device.h"

extern const struct virtio_kind balloon_kind;

#endif
