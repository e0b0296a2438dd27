// SPDX-License-Identifier: GPL-2.0
/*
 * The block device (virtio 1.2, 5.2): what a disk offers, its configuration,
 * and its life. Its requests are in blk_request.c, its bytes on a medium
 * (blk_medium.h).
 *
 * When is a write done? In writeback mode when it has reached the host's page
 * cache; FLUSH then brings it to the medium. In writethrough mode (a driver
 * that knows no FLUSH, or that set the `writeback` field to 0) only when it is
 * on the medium.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "blk.h"
#include "blk_device.h"
#include "blk_options.h"

#define BLK_TICK_SECONDS 2
#define CONFIG_WRITEBACK	offsetof(struct virtio_blk_config, wce)

void blk_watch(struct blk *blk)
{
	uint32_t events = blk->medium->ops->events(blk->medium);

	if (blk->source.watched && events == blk->watched)
		return;
	blk->watched = events;
	if (events)
		loop_watch(blk->device.loop, &blk->source, events);
	else
		loop_unwatch(blk->device.loop, &blk->source);
}

static void blk_ready(void *argument, uint32_t events)
{
	struct blk *blk = argument;

	(void)events;
	blk->medium->ops->reap(blk->medium, false);
	blk_publish(blk);
	blk_look(blk);
	blk_watch(blk);
}

void blk_drain(struct blk *blk)
{
	blk->medium->ops->kick(blk->medium);
	while (blk->in_flight)
		blk->medium->ops->reap(blk->medium, true);
}

static void blk_set_writeback(struct blk *blk, bool writeback)
{
	uint8_t field = writeback;

	blk->writeback = writeback;
	virtio_config_store(&blk->device, CONFIG_WRITEBACK, &field,
			    sizeof(field), false);
}

/*
 * Any features go together. But 5.2.5.2: with CONFIG_WCE and without FLUSH the
 * driver finds writeback at 0; it may look before it is ready.
 */
static bool blk_check_features(struct virtio_device *device, uint64_t features)
{
	blk_set_writeback((struct blk *)device,
			  features & VIRTIO_BIT(VIRTIO_BLK_F_FLUSH));
	return true;
}

static void blk_activate(struct virtio_device *device)
{
	struct blk *blk = (struct blk *)device;
	int error = blk->medium->ops->start(blk->medium);

	if (*blk->medium->note && blk->verbose) {
		virtio_log(device, "%s", blk->medium->note);
		blk->verbose = false;	/* once is enough */
	}
	/*
	 * Without FLUSH the driver could never say what must not be lost. With
	 * CONFIG_WCE it may have chosen already.
	 */
	if (!virtio_has(device, VIRTIO_BLK_F_FLUSH))
		blk_set_writeback(blk, false);
	else if (!virtio_has(device, VIRTIO_BLK_F_CONFIG_WCE))
		blk_set_writeback(blk, true);
	if (error) {
		virtio_break(device, "cannot start: %s", strerror(-error));
		return;
	}
	blk_look(blk);
	blk_watch(blk);
	if (blk->tick.fd >= 0)
		loop_watch(device->loop, &blk->tick, EPOLLIN);
}

/*
 * What the kernel works on cannot be taken back from it, so all in flight is
 * waited for: afterwards nobody writes to the guest's memory.
 */
static void blk_reset(struct virtio_device *device)
{
	struct blk *blk = (struct blk *)device;

	blk->resetting = true;
	blk_drain(blk);
	blk->resetting = false;
	blk->dirty = 0;
	loop_unwatch(device->loop, &blk->source);
	loop_unwatch(device->loop, &blk->tick);
	blk->medium->ops->stop(blk->medium);
	blk_set_writeback(blk, true);
}

/* The capacity (5.2.4), where the driver can see it: sectors. */
static void blk_grow(struct blk *blk)
{
	uint64_t capacity = htole64(blk->medium->bytes / BLK_SECTOR);

	if (!memcmp(blk->device.config, &capacity, sizeof(capacity)))
		return;
	virtio_config_store(&blk->device,
			    offsetof(struct virtio_blk_config, capacity),
			    &capacity, sizeof(capacity), true);
	virtio_log(&blk->device, "has grown to %llu bytes",
		   (unsigned long long)blk->medium->bytes);
}

void blk_look(struct blk *blk)
{
	struct blk_medium *medium = blk->medium;

	if (medium->news)
		virtio_log(&blk->device, "%s", medium->news);
	medium->news = NULL;
	if (medium->sync.error && !blk->lost)
		virtio_log(&blk->device,
			   "what was written may be lost (%s): "
			   "no flush succeeds any more until the disk is "
			   "opened again",
			   strerror(-medium->sync.error));
	blk->lost = medium->sync.error;
	blk_grow(blk);
}

static void blk_tick(void *argument, uint32_t events)
{
	struct blk *blk = argument;
	uint64_t ticks;

	(void)events;
	if (read(blk->tick.fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	blk->medium->ops->measure(blk->medium);
	blk_look(blk);
}

/* An operation of our own, not the guest's. */
struct blk_own_flush {
	struct blk_io io;
	struct blk *blk;
	int error;
};

static void blk_flushed(struct blk_io *io, int error)
{
	struct blk_own_flush *flush = io->owner;

	flush->blk->in_flight--;
	flush->error = error;
}

static void blk_stop_queue(struct virtio_device *device, unsigned int queue)
{
	struct blk *blk = (struct blk *)device;

	(void)queue;
	blk_drain(blk);
	blk_publish(blk);
}

/* Whatever was written so far, to the medium. 0 or -errno. */
static int blk_flush_now(struct blk *blk)
{
	struct blk_own_flush flush = { .blk = blk };

	blk_drain(blk);
	flush.io.op = BLK_OP_FLUSH;
	flush.io.done = blk_flushed;
	flush.io.owner = &flush;
	blk->in_flight++;
	blk->medium->ops->submit(blk->medium, &flush.io);
	blk_drain(blk);
	blk_publish(blk);
	blk_look(blk);
	return flush.error;
}

/*
 * The driver may change `writeback` while it runs (5.2.5.2). To writethrough
 * only where what was written so far gets to the medium: else the field stays
 * as it is, and the driver, which reads it back, learns of it.
 */
static void blk_config_write(struct virtio_device *device,
			     unsigned int offset, const void *data,
			     unsigned int bytes)
{
	struct blk *blk = (struct blk *)device;
	bool writeback;

	if (offset != CONFIG_WRITEBACK || bytes != 1 || blk->medium->readonly)
		return;
	if (device->active && !virtio_has(device, VIRTIO_BLK_F_CONFIG_WCE))
		return;
	writeback = *(const uint8_t *)data & 1;
	if (device->active && blk->writeback && !writeback &&
	    (virtio_broken(device) || blk_flush_now(blk)))
		return;
	blk_set_writeback(blk, writeback);
}

static void blk_free(struct blk *blk)
{
	if (blk->tick.fd >= 0)
		close(blk->tick.fd);
	free(blk->requests);
	free(blk);
}

static void blk_destroy(struct virtio_device *device)
{
	struct blk *blk = (struct blk *)device;

	virtio_fini(device);
	blk->medium->ops->close(blk->medium);
	blk_free(blk);
}

static const struct virtio_ops blk_ops = {
	.activate = blk_activate,
	.reset = blk_reset,
	.stop_queue = blk_stop_queue,
	.check_features = blk_check_features,
	.notify = blk_notify,
	.config_write = blk_config_write,
	.destroy = blk_destroy,
};

static uint8_t blk_exponent(unsigned int physical, unsigned int logical)
{
	uint8_t exponent = 0;

	while (exponent < 16 && (logical << exponent) < physical)
		exponent++;
	return exponent;
}

static void blk_fill_config(struct blk *blk)
{
	const struct blk_medium *medium = blk->medium;
	struct virtio_blk_config config = {
		.capacity = medium->bytes / BLK_SECTOR,
		.size_max = BLK_SIZE_MAX,
		.seg_max = BLK_SEG_MAX,
		.blk_size = medium->block_size,
		.physical_block_exp = blk_exponent(medium->physical_size,
						   medium->block_size),
		.wce = 1,
		.num_queues = blk->device.queue_count,
	};
	unsigned int unit = 1u << config.physical_block_exp;

	config.min_io_size = unit;
	if (medium->can_discard) {
		config.max_discard_sectors = BLK_DISCARD_SECTORS;
		config.max_discard_seg = BLK_RANGES;
		config.discard_sector_alignment =
			unit * medium->block_size / BLK_SECTOR;
	}
	if (medium->can_zero) {
		config.max_write_zeroes_sectors = BLK_ZERO_SECTORS;
		config.max_write_zeroes_seg = BLK_RANGES;
		config.write_zeroes_may_unmap = 1;
	}
	memcpy(blk->device.config, &config, sizeof(config));
	blk->device.config_size = offsetof(struct virtio_blk_config,
					   max_secure_erase_sectors);
}

static uint64_t blk_features(const struct blk_medium *medium)
{
	uint64_t features = VIRTIO_BIT(VIRTIO_BLK_F_SIZE_MAX) |
			    VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |
			    VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) |
			    VIRTIO_BIT(VIRTIO_BLK_F_TOPOLOGY) |
			    VIRTIO_BIT(VIRTIO_BLK_F_MQ) |
			    VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) |
			    VIRTIO_BIT(VIRTIO_BLK_F_CONFIG_WCE);

	if (medium->readonly)
		features |= VIRTIO_BIT(VIRTIO_BLK_F_RO);
	if (medium->can_discard)
		features |= VIRTIO_BIT(VIRTIO_BLK_F_DISCARD);
	if (medium->can_zero)
		features |= VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	return features;
}

/* While nobody reads it, it expires once and is quiet. */
static int blk_make_tick(struct blk *blk)
{
	const struct timespec interval = { .tv_sec = BLK_TICK_SECONDS };
	const struct itimerspec when = { interval, interval };

	if (!blk->medium->ops->measure)
		return 0;
	blk->tick.callback = blk_tick;
	blk->tick.argument = blk;
	blk->tick.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (blk->tick.fd < 0 || timerfd_settime(blk->tick.fd, 0, &when, NULL))
		return -errno;
	return 0;
}

/* One for each vCPU, unless the user knows better. */
static unsigned int blk_queue_count(const struct blk_options *options,
				    const struct virtio_setup *setup)
{
	unsigned int wanted = options->queues ? options->queues : setup->cpus;

	return !wanted ? 1 : wanted < BLK_QUEUES_MAX ? wanted : BLK_QUEUES_MAX;
}

int blk_create_on(struct blk_medium *medium, const struct blk_options *options,
		  const struct virtio_setup *setup,
		  struct virtio_device **device)
{
	struct blk *blk = calloc(1, sizeof(*blk));
	int error = -ENOMEM;

	if (!blk)
		goto close_medium;
	blk->medium = medium;
	blk->writeback = true;
	memcpy(blk->serial, options->serial,
	       strnlen(options->serial, sizeof(blk->serial)));
	blk->source.fd = medium->fd;
	blk->source.callback = blk_ready;
	blk->source.argument = blk;
	blk->tick.fd = -1;
	blk->device.ops = &blk_ops;
	blk->device.id = VIRTIO_ID_BLOCK;
	/* Its server may go away and come back. */
	blk->device.needs = options->nbd ? VIRTIO_NEEDS_CONNECT : 0;
	blk->verbose = setup->verbose;
	blk->device.queue_count = blk_queue_count(options, setup);
	blk->device.queue_size = BLK_QUEUE_SIZE;
	blk->device.offered = blk_features(medium);
	snprintf(blk->device.name, sizeof(blk->device.name), "disk%u",
		 options->id % (BLK_ID_MAX + 1));
	blk_fill_config(blk);
	error = blk_requests_init(blk);
	if (!error)
		error = blk_make_tick(blk);
	if (!error)
		error = virtio_init(&blk->device);
	if (!error) {
		*device = &blk->device;
		return 0;
	}
	blk_free(blk);
close_medium:
	medium->ops->close(medium);
	return error;
}

static int blk_create(const char *text, const struct virtio_setup *setup,
		      struct virtio_device **device, char *message,
		      size_t message_size)
{
	struct blk_options options;
	struct blk_medium *medium;
	int error;

	error = blk_options_parse(text, setup->order, &options, message,
				  message_size);
	if (error)
		return error;
	error = options.nbd ?
		blk_nbd_open(&options, &medium, message, message_size) :
		blk_file_open(&options, &medium, message, message_size);
	if (error)
		return error;
	error = blk_create_on(medium, &options, setup, device);
	if (error)
		snprintf(message, message_size, "disk %s: %s", options.path,
			 strerror(-error));
	return error;
}

const struct virtio_kind blk_kind = {
	.option = "disk",
	.text_required = true,
	.create = blk_create,
};
