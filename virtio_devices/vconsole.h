/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio-console: more consoles (hvc1 and on) and named ports of the guest.
 *
 *	--console PORT[+PORT...]
 *
 * Each PORT is where its bytes come from and go to, then words:
 *
 *	pty		a new pseudo terminal, whose name is printed
 *	unix=PATH	whoever connects there
 *	file=PATH	what the guest writes, appended
 *	fd=N		an open file or socket
 *	,name=NAME	not a console but /dev/virtio-ports/NAME
 *	,size=80x25	of the console, where the other side has none
 *
 * One device with several ports is one for each `--console`.
 */
#ifndef RINGLET_VIRTIO_VCONSOLE_H
#define RINGLET_VIRTIO_VCONSOLE_H

#include "device.h"

extern const struct virtio_kind vconsole_kind;

#endif
