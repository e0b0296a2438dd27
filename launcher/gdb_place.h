/* SPDX-License-Identifier: GPL-2.0 */
/* Where gdb connects: unix:PATH or tcp:PORT. */
#ifndef RINGLET_LAUNCHER_GDB_PLACE_H
#define RINGLET_LAUNCHER_GDB_PLACE_H

#include "../virtio_devices/named_socket.h"

/*
 * A socket that listens at `place`, which gdb_check_place() (gdb.h) has seen; of a unix:
 * one, `name` is its file's. Or -errno.
 */
int gdb_listen(const char *place, struct named_socket *name);

#endif
