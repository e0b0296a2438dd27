/* SPDX-License-Identifier: GPL-2.0 */
/* A die for the guest. `--dice`, `--dice sides=20`. */
#ifndef RINGLET_VIRTIO_DICE_H
#define RINGLET_VIRTIO_DICE_H

#include "device.h"

#define VIRTIO_ID_DICE	63	/* nobody's in virtio 1.2 */

extern const struct virtio_kind dice_kind;

#endif
