// SPDX-License-Identifier: GPL-2.0
/* The kinds of devices that there are: the one list to extend. */
#include <string.h>

#include "balloon.h"
#include "blk.h"
#include "device.h"
#include "net.h"
#include "rng.h"
#include "share.h"
#include "vconsole.h"

const struct virtio_kind *const virtio_kinds[] = {
	&blk_kind,
	&rng_kind,
	&net_kind,
	&balloon_kind,
	&vconsole_kind,
	&share_kind,
	NULL
};

const struct virtio_kind *virtio_find_kind(const char *option)
{
	for (int i = 0; virtio_kinds[i]; i++)
		if (!strcmp(virtio_kinds[i]->option, option))
			return virtio_kinds[i];
	return NULL;
}
