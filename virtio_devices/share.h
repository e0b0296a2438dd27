/* SPDX-License-Identifier: GPL-2.0 */
/* A folder of the host, by virtio-9p. `--share`. */
#ifndef RINGLET_VIRTIO_SHARE_H
#define RINGLET_VIRTIO_SHARE_H

#include "device.h"

extern const struct virtio_kind share_kind;

#endif
