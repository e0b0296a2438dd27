/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Media: what a virtual disk stores its bytes on. blk.c translates a guest's
 * requests into struct blk_io, a medium carries them out: a file or block
 * device of the host (blk_file.c), or an NBD server (blk_nbd.c).
 *
 * Threads: after the open functions all is called by the device's thread, and
 * so are the done functions.
 */
#ifndef RINGLET_VIRTIO_BLK_MEDIUM_H
#define RINGLET_VIRTIO_BLK_MEDIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "blk_engine.h"

#define BLK_SECTOR	512ull	/* bytes: virtio's unit, whatever the medium */

enum blk_op {
	BLK_OP_READ,
	BLK_OP_WRITE,
	BLK_OP_FLUSH,	/* what was complete at submit() is on the medium */
	BLK_OP_DISCARD,	/* the contents are not needed: a hint */
	BLK_OP_ZERO,	/* the bytes read as zeros */
};

struct blk_medium;

/*
 * One operation. The giver fills the first part and checks it: offset and
 * bytes are multiples of BLK_SECTOR within the medium, and not 0 (FLUSH has
 * none), iov has exactly `bytes` for READ and WRITE, and nothing that writes
 * goes to a readonly medium. It leaves all alone until done.
 *
 * iov is memory of the guest, who may write there at any time. The medium
 * takes off the front of iov (and counts offset and bytes on) what it has
 * transferred: after an error, what is left in iov was not read.
 */
struct blk_io {
	enum blk_op op;
	uint64_t offset, bytes;
	struct iovec *iov;
	unsigned int iov_count;
	bool durable;		/* done means: on the medium */
	bool may_unmap;		/* ZERO: the space may be given back */
	/* error: 0 or -errno. May be called from within submit(). */
	void (*done)(struct blk_io *io, int error);
	void *owner;		/* for done: whatever the giver likes */

	/* The medium's own. */
	struct blk_medium *medium;
	struct blk_io *next;
	struct blk_task task;	/* file only */
	struct iovec piece[16];	/* what a task transfers, if not iov */
	void *bounce;
	size_t step;		/* bytes of the transfer in flight */
	int stage;
	unsigned int tries; /* in vain, one after the other */
	int error;		/* NBD only: of the command that ended */
};

/*
 * Syncs of a medium: one at a time; who comes meanwhile shares the next one
 * and its result. After one that failed all fail (blk_sync.c says why).
 * The medium sets start and finish.
 */
struct blk_sync {
	/* Begin one; blk_sync_done() follows, perhaps from within. */
	void (*start)(struct blk_sync *sync);
	/* The sync that io waited for is over, error 0 or -errno. */
	void (*finish)(struct blk_io *io, int error);
	struct blk_io *running; /* whom the one in flight is for */
	struct blk_io *waiting; /* and the next one */
	int error; /* -errno of the first that failed, or 0 */
};

/* io is finished when a sync that begins from now on is over. */
void blk_sync_join(struct blk_sync *sync, struct blk_io *io);
void blk_sync_done(struct blk_sync *sync, int error);

struct blk_medium_ops {
	/* The guest's driver is ready. 0 or -errno. */
	int (*start)(struct blk_medium *medium);
	/* The guest has been reset; nothing is in flight. */
	void (*stop)(struct blk_medium *medium);
	void (*submit)(struct blk_medium *medium, struct blk_io *io);
	/* Begin all that was submitted. */
	void (*kick)(struct blk_medium *medium);
	/*
	 * Call done for what has finished; with wait, sleep until something
	 * may have. Ends, possibly with errors, whatever the medium does.
	 */
	void (*reap)(struct blk_medium *medium, bool wait);
	/* What to poll medium->fd for before reap(): EPOLL*; 0: nothing. */
	uint32_t (*events)(struct blk_medium *medium);
	/* Has it grown? Sets bytes. NULL: it never does by itself. */
	void (*measure)(struct blk_medium *medium);
	void (*close)(struct blk_medium *medium);
};

struct blk_medium {
	const struct blk_medium_ops *ops;
	int fd;			/* see events() */
	uint64_t bytes; /* capacity, a multiple of BLK_SECTOR; grows */
	bool readonly;
	bool can_discard, can_zero;
	unsigned int block_size;	/* bytes, the least unit; 512 or more */
	unsigned int physical_size;	/* bytes, the best unit */
	struct blk_sync sync;
	const char *news; /* a line for the user, which takes it away */
	char warning[200]; /* what news points to, where it is made up */
	char note[160];		/* how it works, for --verbose; or empty */
};

/* The value of `--disk`, taken apart. */
struct blk_options {
	char path[4096];
	bool nbd;		/* path is a socket */
	bool readonly, direct, threads;
	char serial[21];	/* NUL terminated; empty: not given */
	unsigned int id;
	unsigned int block; /* bytes of a block for the guest; 0: not given */
	unsigned int queues;	/* 0: not given */
};

/*
 * Both: 0 and *medium, or -errno and one line in message that names the file,
 * what is wrong, and what to do.
 */
int blk_file_open(const struct blk_options *options,
		  struct blk_medium **medium, char *message, size_t size);
int blk_nbd_open(const struct blk_options *options,
		 struct blk_medium **medium, char *message, size_t size);

/*
 * A file medium on an fd that is open and checked, with an engine: what
 * blk_file_open() ends with. medium->bytes and so on are the caller's to set.
 * The medium owns both fds and the engine, also after an error.
 */
struct blk_file_setup {
	int fd;			/* through the page cache */
	int direct_fd;		/* O_DIRECT, or -1 */
	unsigned int memory_align, offset_align; /* that O_DIRECT asks for */
	struct blk_engine *engine;
};
int blk_file_create(const struct blk_file_setup *setup,
		    struct blk_medium **medium);

/*
 * Bounce buffers: a few, shared by all requests of a medium, so that a guest
 * cannot make the host's memory grow. Who gets none is called later.
 */
#define BLK_BOUNCE_BYTES	(256u << 10)
#define BLK_BOUNCE_COUNT	16

struct blk_bounce {
	void *free[BLK_BOUNCE_COUNT];
	unsigned int free_count;
	struct blk_io *first, **last;	/* waiting */
	void *memory;
};

int blk_bounce_init(struct blk_bounce *bounce);
void blk_bounce_fini(struct blk_bounce *bounce);
/* io->bounce is set, or io waits, and false is returned. */
bool blk_bounce_get(struct blk_bounce *bounce, struct blk_io *io);
/* Returns an io that now has the buffer and goes on with it, or NULL. */
struct blk_io *blk_bounce_put(struct blk_bounce *bounce, struct blk_io *io);

/* Take off the front what was transferred. */
void blk_io_advance(struct blk_io *io, size_t bytes);

#endif
