/* SPDX-License-Identifier: GPL-2.0 */
/* virtio-rng: the host's random numbers for the guest. `--rng`. */
#ifndef RINGLET_VIRTIO_RNG_H
#define RINGLET_VIRTIO_RNG_H

#include "device.h"

extern const struct virtio_kind rng_kind;

#endif
