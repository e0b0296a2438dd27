// SPDX-License-Identifier: GPL-2.0
/*
 * The balloon device (virtio 1.2, 5.5), with free page reporting.
 *
 * Three ways in which the guest says that it does not need a page: it put it
 * into the balloon, because the user wants memory back (inflate); it found it
 * free by itself (reporting); and the opposite, it takes pages out of the
 * balloon again (deflate), for which nothing is to be done, as a page that was
 * given back comes back empty when it is touched.
 *
 * What is discarded is the guest's own memory, whatever numbers it writes; the
 * host op refuses all that is not RAM.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "balloon.h"
#include "balloon_device.h"
#include "words.h"

/*J: devices.balloon
 * A guest's memory is filled once and stays filled: even when its programs end,
 * its kernel keeps the pages for later, and the host cannot tell a free page
 * from a precious one. Two things help. The *balloon* is a driver in the guest
 * that allocates pages and never uses them, as many as the host asks for; so
 * the guest's own memory management decides what to give up, which no host
 * could do as well. And *free page reporting* is the guest volunteering: large
 * blocks that have been free for a moment are listed in a queue and not used
 * until the device has answered.
 *
 * Either way the device throws the contents away (madvise). The next touch
 * gives a new page of zeros. That this frees memory at all needs the module's
 * help: it must forget its shadow entries for pages that the kernel takes from
 * the launcher, which it hears from an MMU notifier.
 :*/

#define BALLOON_QUEUE_SIZE	128
#define BALLOON_QUEUES		5
#define QUEUE_INFLATE		0
#define QUEUE_DEFLATE		1
#define QUEUE_STATS		2
#define BALLOON_PFNS		256	/* looked at together; Linux sends as many */
#define BALLOON_LIST_MAX	(64 << 10)	/* bytes */

static void balloon_discard(struct balloon *balloon, uint64_t gpa,
			    uint64_t bytes)
{
	const struct virtio_host *host = balloon->device.host;
	int error = -EOPNOTSUPP;

	if (host->discard)
		error = host->discard(host->context, gpa, bytes);
	if (error == -EOPNOTSUPP && !balloon->no_discard) {
		balloon->no_discard = true;
		virtio_log(&balloon->device, "this host keeps the guest's "
			   "memory; the balloon gives nothing back");
	}
}

/* --- inflating --- */

static int compare_pfns(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

/* Sorted, so that neighbours become one call. */
static void balloon_discard_pfns(struct balloon *balloon, uint32_t *pfns,
				 unsigned int count)
{
	unsigned int first, next;

	qsort(pfns, count, sizeof(*pfns), compare_pfns);
	for (first = 0; first < count; first = next) {
		for (next = first + 1; next < count; next++)
			if (pfns[next] - pfns[next - 1] > 1)
				break;
		balloon_discard(balloon, (uint64_t)pfns[first] * BALLOON_PAGE,
				(pfns[next - 1] - pfns[first] + 1ull) *
				BALLOON_PAGE);
	}
}

static void balloon_inflate(struct balloon *balloon,
			    const struct ring_chain *chain)
{
	uint32_t pfns[BALLOON_PFNS];
	size_t offset = 0, got;
	unsigned int i, count;

	/* In parts; a list longer than any driver's is not read to its end. */
	do {
		got = iov_read(chain->out, chain->out_count, offset, pfns,
			       sizeof(pfns));
		count = got / sizeof(*pfns);
		for (i = 0; i < count; i++)
			pfns[i] = le32toh(pfns[i]);
		balloon_discard_pfns(balloon, pfns, count);
		offset += got;
	} while (got == sizeof(pfns) && offset < BALLOON_LIST_MAX);
}

/* --- free page reporting --- */

/*
 * 5.5.6.7: a guest that fills its free pages with a pattern other than zero
 * wants to find it there again.
 */
static bool balloon_may_report(const struct balloon *balloon)
{
	struct virtio_balloon_config config;

	if (!virtio_has(&balloon->device, VIRTIO_BALLOON_F_PAGE_POISON))
		return true;
	memcpy(&config, balloon->device.config, sizeof(config));
	return !config.poison_val;
}

static void balloon_report(struct balloon *balloon,
			   const struct ring_chain *chain)
{
	unsigned int i, first = chain->in - chain->iov;
	uint64_t start, end;

	if (!balloon_may_report(balloon))
		return;
	for (i = 0; i < chain->in_count; i++) {
		/* Whole pages only. */
		start = (chain->gpa[first + i] + BALLOON_PAGE - 1) &
			~(uint64_t)(BALLOON_PAGE - 1);
		end = (chain->gpa[first + i] + chain->in[i].iov_len) &
		      ~(uint64_t)(BALLOON_PAGE - 1);
		if (start >= end)
			continue;
		balloon_discard(balloon, start, end - start);
		balloon->reported += (end - start) / BALLOON_PAGE;
	}
}

/* --- the guest's numbers --- */

static void balloon_read_stats(struct balloon *balloon,
			       const struct ring_chain *chain)
{
	struct virtio_balloon_stat stat;
	size_t offset = 0;
	uint16_t tag;

	memset(balloon->stats_known, 0, sizeof(balloon->stats_known));
	/* One for each tag, and no more than that is looked at. */
	while (offset < 4 * BALLOON_STATS * sizeof(stat) &&
	       iov_read(chain->out, chain->out_count, offset, &stat,
			sizeof(stat)) == sizeof(stat)) {
		tag = le16toh(stat.tag);
		if (tag < BALLOON_STATS) {
			balloon->stats[tag] = le64toh(stat.val);
			balloon->stats_known[tag] = true;
		}
		offset += sizeof(stat);
	}
}

/* 5.5.6.3: the device keeps the buffer until it wants fresh numbers. */
static void balloon_stats(struct balloon *balloon, struct virtio_ring *ring,
			  const struct ring_chain *chain)
{
	balloon_read_stats(balloon, chain);
	if (balloon->stats_held)
		ring_push(ring, balloon->stats_head, 0);
	balloon->stats_held = true;
	balloon->stats_head = chain->head;
	balloon_control_stats(balloon);
}

bool balloon_ask_stats(struct balloon *balloon)
{
	struct virtio_ring *ring = &balloon->device.rings[QUEUE_STATS];

	if (!balloon->device.active || !balloon->stats_held)
		return false;
	balloon->stats_held = false;
	ring_push(ring, balloon->stats_head, 0);
	ring_publish(ring);
	return true;
}

/* --- the device --- */

/*
 * Which queue is which depends on what was negotiated; where several were not,
 * drivers disagree on the number of the last one (5.5.2 counts the missing
 * ones, Linux does not). It is the only one with buffers to write.
 */
static void balloon_chain(struct balloon *balloon, unsigned int queue,
			  struct virtio_ring *ring,
			  const struct ring_chain *chain)
{
	bool has_stats = virtio_has(&balloon->device,
				    VIRTIO_BALLOON_F_STATS_VQ);

	if (queue == QUEUE_STATS && has_stats) {
		balloon_stats(balloon, ring, chain);
		return;
	}
	if (queue == QUEUE_INFLATE)
		balloon_inflate(balloon, chain);
	else if (queue != QUEUE_DEFLATE &&
		 virtio_has(&balloon->device, VIRTIO_BALLOON_F_REPORTING))
		balloon_report(balloon, chain);
	ring_push(ring, chain->head, 0);
}

static void balloon_notify(struct virtio_device *device, unsigned int queue)
{
	struct balloon *balloon = (struct balloon *)device;
	struct virtio_ring *ring = &device->rings[queue];
	struct ring_chain chain = {
		.iov = balloon->iov,
		.room = BALLOON_PIECES,
		.gpa = balloon->gpa,
	};

	do {
		ring_quiet(ring);
		while (ring_pop(ring, &chain))
			balloon_chain(balloon, queue, ring, &chain);
		ring_publish(ring);
	} while (ring_listen(ring));
}

static void balloon_config_write(struct virtio_device *device,
				 unsigned int offset, const void *data,
				 unsigned int bytes)
{
	/* `actual` and `poison_val`, and nothing over their edges. */
	if ((offset == offsetof(struct virtio_balloon_config, actual) ||
	     offset == offsetof(struct virtio_balloon_config, poison_val)) &&
	    bytes == sizeof(uint32_t))
		virtio_config_store(device, offset, data, bytes, false);
}

void balloon_set_wanted(struct balloon *balloon, uint64_t bytes)
{
	uint64_t pages = bytes / BALLOON_PAGE;
	uint32_t config;

	balloon->wanted = pages > UINT32_MAX ? UINT32_MAX : pages;
	config = htole32(balloon->wanted);
	virtio_config_store(&balloon->device,
			    offsetof(struct virtio_balloon_config, num_pages),
			    &config, sizeof(config), true);
}

uint32_t balloon_taken(const struct balloon *balloon)
{
	struct virtio_balloon_config config;

	memcpy(&config, balloon->device.config, sizeof(config));
	return le32toh(config.actual);
}

/* Whatever the balloon held, the next driver starts with nothing in it. */
static void balloon_reset(struct virtio_device *device)
{
	struct balloon *balloon = (struct balloon *)device;
	uint32_t none = 0;

	balloon->stats_held = false;
	memset(balloon->stats_known, 0, sizeof(balloon->stats_known));
	virtio_config_store(device,
			    offsetof(struct virtio_balloon_config, actual),
			    &none, sizeof(none), false);
	virtio_config_store(device,
			    offsetof(struct virtio_balloon_config, poison_val),
			    &none, sizeof(none), false);
	balloon_control_stats(balloon);
}

static void balloon_destroy(struct virtio_device *device)
{
	struct balloon *balloon = (struct balloon *)device;

	balloon_control_close(balloon);
	virtio_fini(device);
	free(balloon);
}

static const struct virtio_ops balloon_ops = {
	.reset = balloon_reset,
	.notify = balloon_notify,
	.config_write = balloon_config_write,
	.destroy = balloon_destroy,
};

static int balloon_parse(struct balloon *balloon, const char *text,
			 char *path, size_t path_size, char *message,
			 size_t message_size)
{
	struct words words = { .rest = text };
	uint64_t bytes;

	while (words_next(&words)) {
		if (!strcmp(words.key, "take") &&
		    !words_size(words.value, &bytes)) {
			balloon_set_wanted(balloon, bytes);
		} else if (!strcmp(words.key, "socket") && words.value &&
			   *words.value && !*path &&
			   strlen(words.value) < path_size) {
			strcpy(path, words.value);
		} else {
			snprintf(message, message_size, "--balloon %s: say "
				 "take=SIZE or socket=PATH, once",
				 words.buffer);
			return -EINVAL;
		}
	}
	if (!words.too_long)
		return 0;
	snprintf(message, message_size, "--balloon: the value is too long");
	return -EINVAL;
}

static void balloon_describe(struct balloon *balloon, unsigned int order)
{
	struct virtio_device *device = &balloon->device;

	device->ops = &balloon_ops;
	device->id = VIRTIO_ID_BALLOON;
	device->queue_count = BALLOON_QUEUES;
	device->queue_size = BALLOON_QUEUE_SIZE;
	device->config_size = sizeof(struct virtio_balloon_config);
	device->offered = VIRTIO_BIT(VIRTIO_BALLOON_F_STATS_VQ) |
			  VIRTIO_BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |
			  VIRTIO_BIT(VIRTIO_BALLOON_F_PAGE_POISON) |
			  VIRTIO_BIT(VIRTIO_BALLOON_F_REPORTING);
	snprintf(device->name, sizeof(device->name), "balloon%u", order);
	balloon->listener.fd = balloon->client.fd = -1;
}

static int balloon_create(const char *text, const struct virtio_setup *setup,
			  struct virtio_device **device, char *message,
			  size_t message_size)
{
	struct balloon *balloon = calloc(1, sizeof(*balloon));
	char path[sizeof(balloon->name.address.sun_path)] = "";
	int error;

	if (!balloon)
		return -ENOMEM;
	balloon_describe(balloon, setup->order);
	error = virtio_init(&balloon->device);
	if (error)
		goto free_balloon;
	error = balloon_parse(balloon, text, path, sizeof(path), message,
			      message_size);
	if (!error && *path) {
		error = balloon_control_open(balloon, path);
		if (error)
			snprintf(message, message_size, "--balloon socket=%s: "
				 "%s%s", path, strerror(-error),
				 named_socket_advice(error));
	}
	if (!error) {
		if (*path)
			balloon->device.needs = VIRTIO_NEEDS_REMOVE;
		*device = &balloon->device;
		return 0;
	}
	balloon_control_close(balloon);
	virtio_fini(&balloon->device);
free_balloon:
	free(balloon);
	return error;
}

const struct virtio_kind balloon_kind = {
	.option = "balloon",
	.create = balloon_create,
};
