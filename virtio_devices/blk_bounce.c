// SPDX-License-Identifier: GPL-2.0
/* Bounce buffers and progress of a disk's requests. See blk_medium.h. */
#include <errno.h>
#include <stdlib.h>

#include "blk_medium.h"
#include "iov.h"

int blk_bounce_init(struct blk_bounce *bounce)
{
	size_t total = (size_t)BLK_BOUNCE_BYTES * BLK_BOUNCE_COUNT;

	bounce->first = NULL;
	bounce->last = &bounce->first;
	bounce->free_count = 0;
	/* A page is enough for every O_DIRECT; untouched, it costs nothing. */
	if (posix_memalign(&bounce->memory, 4096, total)) {
		bounce->memory = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; i < BLK_BOUNCE_COUNT; i++)
		bounce->free[bounce->free_count++] =
			(char *)bounce->memory + i * BLK_BOUNCE_BYTES;
	return 0;
}

void blk_bounce_fini(struct blk_bounce *bounce)
{
	free(bounce->memory);
}

bool blk_bounce_get(struct blk_bounce *bounce, struct blk_io *io)
{
	if (bounce->free_count) {
		io->bounce = bounce->free[--bounce->free_count];
		return true;
	}
	io->next = NULL;
	*bounce->last = io;
	bounce->last = &io->next;
	return false;
}

struct blk_io *blk_bounce_put(struct blk_bounce *bounce, struct blk_io *io)
{
	struct blk_io *next = bounce->first;
	void *buffer = io->bounce;

	io->bounce = NULL;
	if (!next) {
		bounce->free[bounce->free_count++] = buffer;
		return NULL;
	}
	bounce->first = next->next;
	if (!bounce->first)
		bounce->last = &bounce->first;
	next->bounce = buffer;
	return next;
}

void blk_io_advance(struct blk_io *io, size_t bytes)
{
	io->offset += bytes;
	io->bytes -= bytes;
	if (io->iov_count)
		iov_trim_front(&io->iov, &io->iov_count, bytes);
}
