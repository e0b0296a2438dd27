/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio-blk: disks. `--disk FILE[,readonly][,direct][,serial=S][,id=N]`.
 */
#ifndef RINGLET_VIRTIO_BLK_H
#define RINGLET_VIRTIO_BLK_H

#include "device.h"

extern const struct virtio_kind blk_kind;

#endif
