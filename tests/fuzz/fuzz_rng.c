// SPDX-License-Identifier: GPL-2.0
/* libFuzzer target: the entropy device. All of the input is the guest's. */
#include <stdlib.h>

#include "machine.h"
#include "virtio_devices/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *device;
	char message[256];

	machine_init();
	if (rng_kind.create("", &setup, &device, message, sizeof(message)))
		abort();
	machine_play(device, data, size);
	virtio_destroy(device);
	return 0;
}
