// SPDX-License-Identifier: GPL-2.0
/*
 * Syncs, one at a time, and what a failed one means. See blk_medium.h.
 */
#include "blk_medium.h"

/*J: devices.lost-writes
 * When the host's kernel cannot write a page of its cache to the medium, it has
 * no good choice left. It cannot keep the page for ever, so it calls it clean
 * and forgets it; and it notes on the file that something was lost. The next
 * fdatasync() gives that note out, once for each open file, and then the file
 * looks healthy again: a second fdatasync() succeeds, though the data are gone.
 *
 * Two things follow. Of two fdatasync() at the same time only one gets the
 * note, and so it is with writes that carry a sync of their own (RWF_DSYNC): of
 * several in parallel, somebody else may be told of our loss. So there is one
 * place where syncs happen, one after the other, and who waits for one shares
 * its result. And a guest that tries its failed FLUSH again must not be told
 * that all is well: after the first failure every sync fails, until the disk is
 * opened anew and somebody has looked at what is left of it.
 :*/

static void begin(struct blk_sync *sync)
{
	sync->running = sync->waiting;
	sync->waiting = NULL;
	sync->start(sync);
}

void blk_sync_join(struct blk_sync *sync, struct blk_io *io)
{
	if (sync->error) {
		sync->finish(io, sync->error);
		return;
	}
	io->next = sync->waiting;
	sync->waiting = io;
	if (!sync->running)
		begin(sync);
}

static void finish_all(struct blk_sync *sync, struct blk_io *io, int error)
{
	struct blk_io *next;

	for (; io; io = next) {
		next = io->next;
		sync->finish(io, error);
	}
}

void blk_sync_done(struct blk_sync *sync, int error)
{
	struct blk_io *waiting;

	if (error && !sync->error)
		sync->error = error;
	/* Who joins from within finish() waits for the next one. */
	finish_all(sync, sync->running, sync->error);
	sync->running = NULL;
	if (!sync->waiting)
		return;
	if (!sync->error) {
		begin(sync);
		return;
	}
	waiting = sync->waiting;
	sync->waiting = NULL;
	finish_all(sync, waiting, sync->error);
}
