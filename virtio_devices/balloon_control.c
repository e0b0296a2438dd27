// SPDX-License-Identifier: GPL-2.0
/*
 * The balloon's socket: one client at a time, one command a line (balloon.h).
 * What the client sends is the user's, not the guest's, and still bounded: a
 * line that is too long ends the conversation.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "balloon_device.h"
#include "words.h"

#define CONTROL_BACKLOG	4

/* The names that `info` uses, by VIRTIO_BALLOON_S_*. */
static const char *const stat_names[BALLOON_STATS] = {
	"swap-in", "swap-out", "major-faults", "minor-faults", "free", "total",
	"available", "caches", "huge-allocations", "huge-failures", "oom-kills",
	"allocation-stalls", "async-scans", "direct-scans", "async-reclaims",
	"direct-reclaims",
};
/* The longest answer: 20 digits for each, and a guest says which. */
#define INFO_BYTES	1024
_Static_assert(INFO_BYTES > 80 + BALLOON_STATS * (1 + 18 + 1 + 20), "too short");

static void control_hang_up(struct balloon *balloon)
{
	if (balloon->client.fd < 0)
		return;
	loop_unwatch(balloon->device.loop, &balloon->client);
	close(balloon->client.fd);
	balloon->client.fd = -1;
	balloon->line_bytes = 0;
	balloon->info_waits = false;
}

/* A client that does not read its answers has none. */
static void control_answer(struct balloon *balloon, const char *text)
{
	send(balloon->client.fd, text, strlen(text),
	     MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void control_info(struct balloon *balloon)
{
	char text[INFO_BYTES];
	size_t used;
	int i;

	used = snprintf(text, sizeof(text), "wanted %" PRIu32 " taken %" PRIu32
			" reported %" PRIu64, balloon->wanted,
			balloon_taken(balloon), balloon->reported);
	for (i = 0; i < BALLOON_STATS; i++)
		if (balloon->stats_known[i])
			used += snprintf(text + used, sizeof(text) - used,
					 " %s %" PRIu64, stat_names[i],
					 balloon->stats[i]);
	snprintf(text + used, sizeof(text) - used, "\n");
	control_answer(balloon, text);
}

void balloon_control_stats(struct balloon *balloon)
{
	if (!balloon->info_waits)
		return;
	balloon->info_waits = false;
	control_info(balloon);
}

static void control_command(struct balloon *balloon, const char *line)
{
	uint64_t bytes;

	if (!strncmp(line, "take ", 5) && !words_size(line + 5, &bytes)) {
		balloon_set_wanted(balloon, bytes);
		control_answer(balloon, "ok\n");
	} else if (!strcmp(line, "info")) {
		/* With fresh numbers, where the guest has any. */
		balloon->info_waits = balloon_ask_stats(balloon);
		if (!balloon->info_waits)
			control_info(balloon);
	} else {
		control_answer(balloon, "error: say `take SIZE` or `info`\n");
	}
}

static void control_lines(struct balloon *balloon)
{
	char *end;
	size_t bytes;

	while ((end = memchr(balloon->line, '\n', balloon->line_bytes))) {
		*end = '\0';
		bytes = end - balloon->line + 1;
		control_command(balloon, balloon->line);
		balloon->line_bytes -= bytes;
		memmove(balloon->line, end + 1, balloon->line_bytes);
	}
}

static void control_read(void *argument, uint32_t events)
{
	struct balloon *balloon = argument;
	size_t room = sizeof(balloon->line) - balloon->line_bytes;
	ssize_t got;

	(void)events;
	got = recv(balloon->client.fd, balloon->line + balloon->line_bytes,
		   room, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		balloon->line_bytes += got;
		control_lines(balloon);
	}
	if (got <= 0 || balloon->line_bytes == sizeof(balloon->line))
		control_hang_up(balloon);
}

static void control_accept(void *argument, uint32_t events)
{
	struct balloon *balloon = argument;
	int fd = accept4(balloon->listener.fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	/* The newest client is the one that somebody sits at. */
	control_hang_up(balloon);
	balloon->client.fd = fd;
	loop_watch(balloon->device.loop, &balloon->client, EPOLLIN);
}

int balloon_control_open(struct balloon *balloon, const char *path)
{
	int error = named_socket_open(&balloon->name, path);

	if (error)
		return error;
	balloon->listener.fd = named_socket_listen(&balloon->name,
						   CONTROL_BACKLOG);
	if (balloon->listener.fd < 0)
		return balloon->listener.fd;
	balloon->listener.callback = control_accept;
	balloon->listener.argument = balloon;
	balloon->client.callback = control_read;
	balloon->client.argument = balloon;
	return loop_watch(balloon->device.loop, &balloon->listener, EPOLLIN);
}

void balloon_control_close(struct balloon *balloon)
{
	control_hang_up(balloon);
	if (balloon->listener.fd >= 0) {
		loop_unwatch(balloon->device.loop, &balloon->listener);
		close(balloon->listener.fd);
	}
	balloon->listener.fd = -1;
	named_socket_close(&balloon->name);
}
