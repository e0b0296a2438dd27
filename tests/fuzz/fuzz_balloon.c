// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the balloon. Only whole pages may be discarded, and only
 * those that the guest named; the machine's discard op looks after the rest.
 */
#include <stdlib.h>

#include "machine.h"
#include "virtio_devices/balloon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *device;
	char message[256];

	machine_init();
	if (balloon_kind.create("take=1M", &setup, &device, message,
				sizeof(message)))
		abort();
	machine_play(device, data, size);
	virtio_destroy(device);
	return 0;
}
