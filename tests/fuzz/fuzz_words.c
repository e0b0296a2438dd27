// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the values of --disk, --net, --console, --balloon and
 * --rng. Byte 0 says whose; the rest is the text. Nothing is opened but what
 * a value without a name means (pty), or a number (fd=), which is none of ours:
 * those that would open something are left out.
 */
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "virtio_devices/balloon.h"
#include "virtio_devices/blk_options.h"
#include "virtio_devices/net_backend.h"
#include "virtio_devices/rng.h"
#include "virtio_devices/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
	if (!right)
		abort();
}

static void try_disk(const char *text, char *message, size_t size)
{
	struct blk_options options;

	if (blk_options_parse(text, 7, &options, message, size))
		check(*message && memchr(message, 0, size));
	else
		check(options.id <= BLK_ID_MAX);
}

static void try_net(const char *text, char *message, size_t size)
{
	struct net_options options;

	if (net_options_parse(text, &options, message, size)) {
		check(*message && memchr(message, 0, size));
		return;
	}
	check(options.how != NET_NONE &&
	      options.forward_count <= NET_FORWARDS_MAX &&
	      options.queues <= NET_PAIRS_MAX);
	if (options.how == NET_TAP || options.how == NET_UNIX)
		check(*options.name);
}

static void try_kind(const struct virtio_kind *kind, const char *text,
		     char *message, size_t size)
{
	struct virtio_setup setup = { .cpus = 1 };
	struct virtio_device *device;

	if (kind->create(text, &setup, &device, message, size))
		check(*message && memchr(message, 0, size));
	else
		virtio_destroy(device);
}

static void try_numbers(const char *text)
{
	uint64_t number;

	if (!words_number(text, 3, 70000, &number))
		check(number >= 3 && number <= 70000);
	words_size(text, &number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char message[256];
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	memset(message, 0xff, sizeof(message));
	*message = '\0';
	switch (data[0] % 5) {
	case 0:
		try_disk(text, message, sizeof(message));
		break;
	case 1:
		try_net(text, message, sizeof(message));
		break;
	case 2:
		if (!strstr(text, "socket"))
			try_kind(&balloon_kind, text, message,
				 sizeof(message));
		break;
	case 3:
		try_kind(&rng_kind, text, message, sizeof(message));
		break;
	default:
		try_numbers(text);
	}
	free(text);
	return 0;
}
