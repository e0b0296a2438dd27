// SPDX-License-Identifier: GPL-2.0
/*
 * The command, its streams and its end.
 *
 * Streams that are no terminal are pipes here, not the port itself: a program may
 * open /dev/stdout again, see that its reader is gone, and start others who write
 * there, too. One process carries standard input into its pipe, the other one, the
 * first of all processes, the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../abi/try.h"
#include "init.h"

#define NOT_FOUND	127	/* as shells have it */
#define NOT_RUN		126

static int pipes[3][2];		/* -1: the stream is the console */

static bool move_all(bool out, int fd, void *data, size_t bytes)
{
	char *at = data;
	ssize_t now;

	while (bytes) {
		now = out ? write(fd, at, bytes) : read(fd, at, bytes);
		if (now > 0) {
			at += now;
			bytes -= now;
		} else if (!now || errno != EINTR) {
			return false;
		}
	}
	return true;
}

static void send_frame(int port, uint32_t type, const void *data, uint32_t bytes)
{
	struct {
		struct rl_try_header header;
		char data[RL_TRY_FRAME_MAX];
	} frame = { .header = { type, bytes } };

	memcpy(frame.data, data, bytes);
	move_all(true, port, &frame, sizeof(frame.header) + bytes);
}

/* What the host sends, until it is gone. Who asked for it may have ended. */
static void carry_input(int port)
{
	struct rl_try_header header;
	char data[RL_TRY_FRAME_MAX];
	int to = pipes[0][1];

	/* Or the command would never hear that nobody reads what it writes. */
	for (int i = 1; i < 3; i++)
		if (pipes[i][0] >= 0)
			close(pipes[i][0]);
	signal(SIGPIPE, SIG_IGN);
	while (move_all(false, port, &header, sizeof(header)) &&
	       header.bytes <= sizeof(data) &&
	       move_all(false, port, data, header.bytes)) {
		if (header.type == RL_TRY_STDOUT)
			kill(1, SIGUSR1);
		else if (header.type == RL_TRY_STDERR)
			kill(1, SIGUSR2);
		else if (to >= 0 && (!header.bytes ||
				     !move_all(true, to, data, header.bytes))) {
			close(to);
			to = -1;
		}
	}
	_exit(0);
}

/* In the child: its streams, a session of its own, the user, the command. */
static void become_command(struct job *job)
{
	int console = -1;

	setsid();
	if (*job->terminal) {
		console = open("/dev/hvc0", O_RDWR);
		ioctl(console, TIOCSCTTY, 0);
		if (fchown(console, job->uid, 5) || fchmod(console, 0620))
			perror("/dev/hvc0");
	}
	for (int i = 0; i < 3; i++)
		dup2(pipes[i][0] < 0 ? console : pipes[i][i > 0], i);
	if (console > 2)
		close(console);
	if (setgroups(job->group_count, job->groups) || setgid(job->gid) ||
	    setuid(job->uid))
		perror("ringlet try: cannot become the user");
	else if (chdir(job->folder))
		fprintf(stderr, "ringlet try: %s: %s\n", job->folder,
			strerror(errno));
	else {
		/* execvp() looks at PATH in what is the environment now. */
		environ = job->environment;
		execvp(job->words[0], job->words);
	}
	fprintf(stderr, "ringlet try: %s: %s\n", job->words[0],
		strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : NOT_RUN);
}

/* Sends on what is in a pipe. False: nothing now, or never again. */
static bool carry_output(int port, int stream)
{
	char data[RL_TRY_FRAME_MAX];
	ssize_t got = read(pipes[stream][0], data, sizeof(data));

	if (got > 0)
		send_frame(port, stream, data, got);
	else if (!got || (errno != EAGAIN && errno != EINTR)) {
		close(pipes[stream][0]);
		pipes[stream][0] = -1;
	}
	return got > 0;
}

/* Signals as they came: has the command ended? Then its status is in *status. */
static bool serve_signals(int signals, pid_t command, int *status)
{
	struct signalfd_siginfo info;
	bool ended = false;
	pid_t pid;
	int how;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGCHLD) {
		/* The next one who writes there hears of it by SIGPIPE. */
		int stream = info.ssi_signo == SIGUSR1 ? 1 : 2;

		if (pipes[stream][0] >= 0)
			close(pipes[stream][0]);
		pipes[stream][0] = -1;
	}
	while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
		if (pid == command) {
			*status = WIFSIGNALED(how) ? 128 + WTERMSIG(how) :
						     WEXITSTATUS(how);
			ended = true;
		}
	return ended;
}

/* Until the command has ended; what it wrote by then is sent. */
static int32_t serve_job(int port, int signals, pid_t command)
{
	bool ended = false;
	int status = 0;

	while (!ended) {
		struct pollfd ready[] = {
			{ .fd = pipes[1][0], .events = POLLIN },
			{ .fd = pipes[2][0], .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
		};

		poll(ready, 3, -1);
		for (int i = 0; i < 2; i++)
			if (ready[i].revents)
				carry_output(port, i + 1);
		if (ready[2].revents)
			ended = serve_signals(signals, command, &status);
	}
	for (int i = 1; i < 3; i++)
		while (pipes[i][0] >= 0 && carry_output(port, i))
			;
	return status;
}

static void make_pipes(const struct job *job)
{
	for (int i = 0; i < 3; i++) {
		pipes[i][0] = pipes[i][1] = -1;
		if (strchr(job->terminal, '0' + i))
			continue;
		if (pipe2(pipes[i], O_CLOEXEC) ||
		    fchown(pipes[i][i > 0], job->uid, job->gid))
			die("cannot make a pipe");
		if (i)
			fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
	}
}

void run_job(struct job *job, int port)
{
	sigset_t mask, old;
	pid_t input, command;
	int32_t status;
	int signals;
	char byte;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	sigprocmask(SIG_BLOCK, &mask, &old);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	make_pipes(job);
	command = fork();
	if (!command) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		become_command(job);
	}
	for (int i = 0; i < 3; i++)
		if (pipes[i][i > 0] >= 0)
			close(pipes[i][i > 0]);
	input = fork();
	if (!input)
		carry_input(port);
	if (pipes[0][1] >= 0)
		close(pipes[0][1]);
	if (signals < 0 || command < 0 || input < 0)
		die("cannot start the command");
	status = serve_job(port, signals, command);
	/* Whoever was left behind: nothing is written after the status. */
	kill(-1, SIGKILL);
	while (wait(NULL) > 0)
		;
	sync();
	tcdrain(1);
	send_frame(port, RL_TRY_STATUS, &status, sizeof(status));
	/* The host hangs up when it has all; what it still sends is for nobody. */
	while (read(port, &byte, 1) > 0)
		;
}
