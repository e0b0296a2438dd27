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
 *	,rows-first	see below
 *
 * One device with several ports is one for each `--console`.
 *
 * A console's size is two numbers, columns and then rows (virtio 1.2, 5.3.6.2).
 * Linux had them the other way round in the message that tells it to a device
 * with several ports (or a named one): up to 6.14, again where the change was
 * reverted, and with or without it in stable releases since; so a kernel's
 * version does not tell. A console that is alone in its `--console` does not
 * need the message, and its size is right in all of them. For others we do as
 * the specification says, and a user whose guest has columns and rows swapped
 * says rows-first.
 */
#ifndef RINGLET_VIRTIO_VCONSOLE_H
#define RINGLET_VIRTIO_VCONSOLE_H

#include "device.h"

extern const struct virtio_kind vconsole_kind;

#endif
