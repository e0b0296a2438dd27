/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A child in the place of `ringlet try`, its standard files pipes of ours, with a
 * guest's init that is a function of the test. Behind unit.h; one file of a test
 * program includes it, which wraps fork(2), dup2(2) and pipe2(2).
 */
#ifndef RINGLET_TESTS_TRY_CHILD_H
#define RINGLET_TESTS_TRY_CHILD_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/try.h"
#include "launcher/try.h"
#include "scarce.h"

WRAP(int, pipe2, (int fds[2], int flags), (fds, flags), EMFILE, -1)
WRAP(pid_t, fork, (void), (), EAGAIN, -1)
WRAP(int, dup2, (int from, int to), (from, to), EBUSY, -1)

#define WAIT_S		60
#define NOT_ENDED	100	/* the child's status where the command's is missing */
#define NOT_STARTED	101
#define WRONG		102	/* the guest saw what it should not */

static inline void wrong(const char *what)
{
	dprintf(STDERR_FILENO, "guest: %s\n", what);
	_exit(WRONG);
}

static inline void say(int fd, uint32_t type, const void *data, uint32_t bytes)
{
	struct rl_try_header header = { type, bytes };

	if (write(fd, &header, sizeof(header)) != sizeof(header) ||
	    (bytes && write(fd, data, bytes) != (ssize_t)bytes))
		wrong("cannot send");
}

static inline void say_text(int fd, uint32_t type, const char *text)
{
	say(fd, type, text, strlen(text));
}

static inline void say_status(int fd, int32_t status)
{
	say(fd, RL_TRY_STATUS, &status, sizeof(status));
}

static inline void read_whole(int fd, void *data, size_t size)
{
	if (size && recv(fd, data, size, MSG_WAITALL) != (ssize_t)size)
		wrong("cannot receive");
}

/* The next frame must be this one. */
static inline void hear(int fd, uint32_t type, const char *text)
{
	struct rl_try_header header;
	char data[RL_TRY_FRAME_MAX];

	read_whole(fd, &header, sizeof(header));
	if (header.type != type || header.bytes != strlen(text))
		wrong("another frame");
	read_whole(fd, data, header.bytes);
	if (memcmp(data, text, header.bytes))
		wrong("other bytes");
}

struct child {
	pid_t pid;
	int in, out, err;	/* our ends */
};

typedef void guest(struct try_streams *streams);

static inline void child_main(guest *init, bool verbose)
{
	struct try_streams streams;
	int ended;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(WAIT_S);
	if (try_streams_start(&streams, verbose))
		_exit(NOT_STARTED);
	init(&streams);
	close(streams.port_fd);
	ended = try_streams_end(&streams);
	_exit(ended < 0 ? NOT_ENDED : ended);
}

static inline void start(struct child *child, guest *init, bool verbose)
{
	int in[2], out[2], err[2];

	assert_int_equal(__real_pipe2(in, O_CLOEXEC) |
			 __real_pipe2(out, O_CLOEXEC) |
			 __real_pipe2(err, O_CLOEXEC), 0);
	child->pid = __real_fork();
	if (!child->pid) {
		__real_dup2(in[0], 0);
		__real_dup2(out[1], 1);
		__real_dup2(err[1], 2);
		close(in[1]);
		close(out[0]);
		close(err[0]);
		child_main(init, verbose);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	child->in = in[1];
	child->out = out[0];
	child->err = err[0];
}

static inline void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* All that comes, until nobody has the other end. */
static inline const char *rest(int fd)
{
	static char text[16384];
	size_t used = 0;
	ssize_t got;

	while ((got = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += got;
	text[used] = '\0';
	close(fd);
	return text;
}

static inline int status_of(struct child *child)
{
	int status;

	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	if (!WIFEXITED(status))
		fail_msg("the launcher was ended by signal %d",
			 WTERMSIG(status));
	return WEXITSTATUS(status);
}

#endif
