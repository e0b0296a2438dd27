// SPDX-License-Identifier: GPL-2.0
/*
 * User-mode networking: passt translates the guest's frames into ordinary
 * sockets of the host, so that neither privilege nor interface is needed. It
 * is a program of its own, confined by its own sandbox, that runs as our child
 * as long as the socket between us is open.
 *
 * The other constructor here takes a connected socket from whoever started us
 * (`fd=N`).
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "net_stream.h"
#include "words.h"

/* passt's own default: 64 KB less a header, rounded down to words of IPv4. */
#define PASST_MTU	65520
#define PASST_FD	3	/* where the child finds its socket */
#define PASST_PORTS	(NET_FORWARDS_MAX * 12)	/* "65535:65535," each */

struct net_passt {
	struct net_stream stream;
	pid_t pid;		/* 0: not our child */
	int said;		/* what it says, unread; or -1 */
};

/* The last of the lines that passt has said; "": none. */
static void passt_last_words(struct net_passt *passt, char *text, size_t size)
{
	ssize_t got = passt->said < 0 ? 0 : read(passt->said, text, size - 1);
	char *last;

	while (got > 0 && text[got - 1] == '\n')
		got--;
	text[got > 0 ? got : 0] = '\0';
	last = strrchr(text, '\n');
	if (last)
		memmove(text, last + 1, strlen(last));
}

static void passt_lost(struct net_stream *stream, const char *why)
{
	struct net_passt *passt = (struct net_passt *)stream;
	char words[4096];
	int status;

	passt_last_words(passt, words, sizeof(words));
	if (passt->pid && waitpid(passt->pid, &status, WNOHANG) > 0) {
		passt->pid = 0;
		why = "passt has ended";
	}
	if (*words)
		net_log(stream->backend.net, "passt: %s", words);
	net_log(stream->backend.net, "%s; the link is down", why);
}

static void passt_close(struct net_backend *backend)
{
	struct net_passt *passt = (struct net_passt *)backend;

	/* passt ends when its socket is closed; reap it if it was quick. */
	net_stream_disconnect(&passt->stream);
	if (passt->pid)
		waitpid(passt->pid, NULL, WNOHANG);
	if (passt->said >= 0)
		close(passt->said);
	free(passt);
}

static const struct net_backend_ops passt_ops = {
	.start = net_stream_start,
	.receive = net_stream_receive,
	.listen = net_stream_listen,
	.send = net_stream_send,
	.set_offloads = net_stream_set_offloads,
	.close = passt_close,
};

static struct net_passt *passt_new(const struct net_options *options,
				   bool headers)
{
	struct net_passt *passt = calloc(1, sizeof(*passt));

	if (!passt)
		return NULL;
	passt->said = -1;
	net_stream_init(&passt->stream, headers);
	passt->stream.lost = passt_lost;
	passt->stream.backend.ops = &passt_ops;
	passt->stream.backend.mtu = options->mtu;
	return passt;
}

/* "2222:22,8080:80" of one protocol; empty: none. */
static void passt_ports(const struct net_options *options, bool udp,
			char *text, size_t size)
{
	unsigned int i;
	size_t used = 0;

	*text = '\0';
	for (i = 0; i < options->forward_count; i++)
		if (options->forwards[i].udp == udp)
			used += snprintf(text + used, size - used, "%s%u:%u",
					 used ? "," : "",
					 options->forwards[i].host,
					 options->forwards[i].guest);
}

/*
 * Its files: no terminal, our socket at PASST_FD, nothing else of ours. words: what
 * it says goes there, or, where that is -1, to our standard error.
 */
static int passt_set_files(posix_spawn_file_actions_t *files, int fd, int words)
{
	int error = posix_spawn_file_actions_init(files);

	if (error)
		return error;
	if (words >= 0)
		error = posix_spawn_file_actions_adddup2(files, words, 2);
	if (!error)
		error = posix_spawn_file_actions_adddup2(files, fd, PASST_FD);
	if (!error)
		error = posix_spawn_file_actions_addopen(files, 0, "/dev/null",
							 O_RDONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_addopen(files, 1, "/dev/null",
							 O_WRONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_addclosefrom_np(files,
								 PASST_FD + 1);
	if (error)
		posix_spawn_file_actions_destroy(files);
	return error;
}

/*
 * In a process group of its own, so that keys typed at the terminal do not end
 * it, and with no signal blocked.
 */
static int passt_set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int error = posix_spawnattr_init(attributes);

	if (error)
		return error;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setpgroup(attributes, 0);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
					POSIX_SPAWN_SETSIGMASK |
					POSIX_SPAWN_SETSIGDEF);
}

static int passt_spawn(struct net_passt *passt,
		       const struct net_options *options, int fd)
{
	char tcp[PASST_PORTS + 1], udp[PASST_PORTS + 1], mtu[8], number[4];
	char *arguments[16] = { "passt", "--foreground", "--quiet", "--fd",
				number };
	int count = 5;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int words[2] = { -1, -1 }, error;

	snprintf(number, sizeof(number), "%d", PASST_FD);
	passt_ports(options, false, tcp, sizeof(tcp));
	passt_ports(options, true, udp, sizeof(udp));
	snprintf(mtu, sizeof(mtu), "%u", passt->stream.backend.mtu);
	arguments[count++] = "--mtu";
	arguments[count++] = mtu;
	if (*tcp) {
		arguments[count++] = "--tcp-ports";
		arguments[count++] = tcp;
	}
	if (*udp) {
		arguments[count++] = "--udp-ports";
		arguments[count++] = udp;
	}
	/*
	 * Standard error may be a command's: warnings are kept for passt's end.
	 * What a pipe cannot hold is dropped rather than waited for.
	 */
	if (!options->verbose && pipe2(words, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	passt->said = words[0];
	error = passt_set_files(&files, fd, words[1]);
	if (error)
		goto close_words;
	error = passt_set_attributes(&attributes);
	if (!error) {
		error = posix_spawnp(&passt->pid, "passt", &files, &attributes,
				     arguments, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&files);
close_words:
	if (words[1] >= 0)
		close(words[1]);
	return -error;
}

int net_passt_open(const struct net_options *options,
		   struct net_backend **backend, char *message,
		   size_t message_size)
{
	struct net_passt *passt = passt_new(options, false);
	int fds[2], error;

	if (!passt)
		return -ENOMEM;
	if (!passt->stream.backend.mtu)
		passt->stream.backend.mtu = PASST_MTU;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) {
		error = -errno;
		goto free_passt;
	}
	error = passt_spawn(passt, options, fds[1]);
	close(fds[1]);
	if (!error) {
		net_stream_connect(&passt->stream, fds[0]);
		*backend = &passt->stream.backend;
		return 0;
	}
	close(fds[0]);
	if (passt->said >= 0)
		close(passt->said);
free_passt:
	snprintf(message, message_size, "--net user: cannot start passt: %s%s",
		 strerror(-error), error == -ENOENT ?
		 " (install the package passt)" : "");
	free(passt);
	return error;
}

int net_fd_open(const struct net_options *options,
		struct net_backend **backend, char *message,
		size_t message_size)
{
	struct net_passt *passt;
	int type;
	socklen_t size = sizeof(type);

	if (words_adopt_fd(options->fd)) {
		snprintf(message, message_size, "--net fd=%d was not handed "
			 "over by whoever started ringlet, or is used twice",
			 options->fd);
		return -EINVAL;
	}
	if (getsockopt(options->fd, SOL_SOCKET, SO_TYPE, &type, &size) ||
	    type != SOCK_STREAM) {
		snprintf(message, message_size, "--net fd=%d is no stream "
			 "socket", options->fd);
		return -EINVAL;
	}
	passt = passt_new(options, !options->plain);
	if (!passt)
		return -ENOMEM;
	net_stream_connect(&passt->stream, options->fd);
	*backend = &passt->stream.backend;
	return 0;
}
