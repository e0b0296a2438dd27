/* SPDX-License-Identifier: GPL-2.0 */
/* The value of --disk, turned into struct blk_options. Nothing is opened. */
#ifndef RINGLET_VIRTIO_BLK_OPTIONS_H
#define RINGLET_VIRTIO_BLK_OPTIONS_H

#include "blk_medium.h"

#define BLK_ID_MAX	999
#define BLK_QUEUES_MAX	16

/*
 * order: the disk's id unless the text has one; the id makes the serial number
 * unless the text has one. 0, or -EINVAL and a line in message.
 */
int blk_options_parse(const char *text, unsigned int order,
		      struct blk_options *options, char *message, size_t size);

#endif
