/* SPDX-License-Identifier: GPL-2.0 */
/* What `--share DIR[,tag=T][,readonly]` says. */
#ifndef RINGLET_VIRTIO_SHARE_OPTIONS_H
#define RINGLET_VIRTIO_SHARE_OPTIONS_H

#include <limits.h>

#include "model.h"

#define SHARE_TAG_MAX	(VIRTIO_CONFIG_MAX - 2)

struct share_options {
	char path[PATH_MAX];	/* absolute, a folder */
	char tag[SHARE_TAG_MAX + 1];
	bool readonly;
};

/* order: how many shares were named before; it is in the default tag. 0, or -errno and
   a line in message. */
int share_parse(const char *text, unsigned int order,
		struct share_options *options, char *message, size_t size);

#endif
