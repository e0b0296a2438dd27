/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio-net. `--net HOW[,more]`, where HOW is one of
 *
 *	tap=NAME	a tap interface of the host [queues=N]
 *	user		passt, which needs no privilege [forward=HOST:GUEST]
 *	unix=PATH	another guest: the first listens, the second connects
 *	fd=N		the same over a connected stream socket; both [plain]
 *
 * and, for all, mac=M and mtu=N.
 */
#ifndef RINGLET_VIRTIO_NET_H
#define RINGLET_VIRTIO_NET_H

#include "device.h"

extern const struct virtio_kind net_kind;

#endif
