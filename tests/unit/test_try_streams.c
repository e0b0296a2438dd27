// SPDX-License-Identifier: GPL-2.0
/*
 * The process that carries a command's streams between the host and the guest of
 * `ringlet try`. Each case is a child in the launcher's place, whose standard files
 * are pipes or a terminal of ours; the guest's init is a function in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include "unit.h"

#include "launcher/sandbox.h"
#include "try_child.h"

WRAP(int, eventfd, (unsigned int value, int flags), (value, flags), EMFILE, -1)
WRAP(int, socketpair, (int family, int type, int protocol, int fds[2]),
     (family, type, protocol, fds), EMFILE, -1)

/* Tested by itself. */
static int sandbox_error;

int sandbox_enter(const struct sandbox_options *options)
{
	/* The carrier needs nothing. */
	return options->user || options->folder ? -EINVAL : sandbox_error;
}

/* --- streams --- */

static void both_ways(struct try_streams *streams)
{
	int fd = streams->port_fd;

	if (*streams->terminal)
		wrong("pipes are no terminal");
	hear(fd, RL_TRY_STDIN, "hello");
	say_text(fd, RL_TRY_STDOUT, "out");
	say_text(fd, RL_TRY_STDERR, "err");
	hear(fd, RL_TRY_STDIN, "");
	say_text(fd, RL_TRY_STDOUT, "put\n");
	say_status(fd, 7);
}

static void test_both_ways(void **state)
{
	struct child child;
	char three[4] = "";

	(void)state;
	start(&child, both_ways, false);
	put(child.in, "hello");
	/* The guest has it, and the input is still open. */
	assert_int_equal(read(child.out, three, 3), 3);
	assert_string_equal(three, "out");
	close(child.in);
	assert_string_equal(rest(child.out), "put\n");
	assert_string_equal(rest(child.err), "err");
	assert_int_equal(status_of(&child), 7);
}

static char pattern[12 * RL_TRY_FRAME_MAX];

static void echo(struct try_streams *streams)
{
	struct rl_try_header header;
	char data[RL_TRY_FRAME_MAX];
	int fd = streams->port_fd;

	do {
		read_whole(fd, &header, sizeof(header));
		if (header.type != RL_TRY_STDIN || header.bytes > sizeof(data))
			wrong("no input");
		read_whole(fd, data, header.bytes);
		say(fd, RL_TRY_STDOUT, data, header.bytes);
	} while (header.bytes);
	say_status(fd, 0x1234);
}

/* More than fits a pipe, a frame, or a socket's buffer. */
static void test_much(void **state)
{
	struct child child;
	size_t sent = 0, got = 0;
	static char back[sizeof(pattern)];
	ssize_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i * 7 >> 3;
	start(&child, echo, false);
	fcntl(child.in, F_SETFL, O_NONBLOCK);
	while (got < sizeof(back)) {
		if (sent < sizeof(pattern)) {
			n = write(child.in, pattern + sent,
				  sizeof(pattern) - sent);
			sent += n > 0 ? n : 0;
		}
		if (sent == sizeof(pattern) && child.in >= 0) {
			close(child.in);
			child.in = -1;
		}
		n = read(child.out, back + got, sizeof(back) - got);
		assert_true(n > 0);
		got += n;
	}
	assert_memory_equal(back, pattern, sizeof(back));
	assert_string_equal(rest(child.out), "");
	assert_string_equal(rest(child.err), "");
	/* As a shell has it: the last eight bits. */
	assert_int_equal(status_of(&child), 0x34);
}

/* `ringlet try ... | head`: the guest is told, once, and goes on. */
static void nobody_reads(struct try_streams *streams)
{
	int fd = streams->port_fd;

	hear(fd, RL_TRY_STDIN, "closed");
	say_text(fd, RL_TRY_STDOUT, "lost");
	hear(fd, RL_TRY_STDOUT, "");
	say_text(fd, RL_TRY_STDOUT, "lost, too");
	say_text(fd, RL_TRY_STDERR, "seen");
	say_status(fd, 3);
}

static void test_nobody_reads(void **state)
{
	struct child child;

	(void)state;
	start(&child, nobody_reads, false);
	close(child.out);
	put(child.in, "closed");
	assert_string_equal(rest(child.err), "seen");
	close(child.in);
	assert_int_equal(status_of(&child), 3);
}

/* ^C is for the guest's command, and no end of who carries its last words. */
static void signals(struct try_streams *streams)
{
	static const int numbers[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP,
				       SIGPIPE };

	hear(streams->port_fd, RL_TRY_STDIN, "go");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		kill(streams->pid, numbers[i]);
	say_text(streams->port_fd, RL_TRY_STDOUT, "still here");
	say_status(streams->port_fd, 0);
}

static void test_signals(void **state)
{
	struct child child;

	(void)state;
	start(&child, signals, false);
	put(child.in, "go");
	assert_string_equal(rest(child.out), "still here");
	rest(child.err);
	close(child.in);
	assert_int_equal(status_of(&child), 0);
}

/* --- guests that do not end well --- */

/* The guest's console is the launcher's standard output. */
static void dies(struct try_streams *streams)
{
	(void)streams;
	for (int i = 0; i < 30; i++)
		dprintf(STDOUT_FILENO, "line %d\r\n", i);
	dprintf(STDOUT_FILENO, "\n\033[31mpanic");
}

static void test_last_words(void **state)
{
	struct child child;
	const char *said;

	(void)state;
	start(&child, dies, false);
	assert_string_equal(rest(child.out), "");
	said = rest(child.err);
	if (strstr(said, "line 5") || !strstr(said, "| line 8\n") ||
	    !strstr(said, "| line 29\n") || !strstr(said, "[31mpanic\n") ||
	    strchr(said, '\033'))
		fail_msg("said \"%s\"", said);
	close(child.in);
	assert_int_equal(status_of(&child), NOT_ENDED);
}

/* More than is kept: the end of it. */
static void talks_and_dies(struct try_streams *streams)
{
	(void)streams;
	for (int i = 0; i < 2000; i++)
		dprintf(STDOUT_FILENO, "number %d\n", i);
}

static void test_many_last_words(void **state)
{
	struct child child;
	const char *said;

	(void)state;
	start(&child, talks_and_dies, false);
	said = rest(child.err);
	if (!strstr(said, "| number 1999\n") || strstr(said, "number 1900"))
		fail_msg("said \"%s\"", said);
	rest(child.out);
	close(child.in);
	assert_int_equal(status_of(&child), NOT_ENDED);
}

/* Who wants to see it all sees it as it comes, and not twice. */
static void test_verbose(void **state)
{
	struct child child;
	const char *said;

	(void)state;
	start(&child, dies, true);
	said = rest(child.err);
	if (strncmp(said, "line 0\r\nline 1\r\n", 16) || strstr(said, "|"))
		fail_msg("said \"%s\"", said);
	rest(child.out);
	close(child.in);
	assert_int_equal(status_of(&child), NOT_ENDED);
}

static void unknown_frame(struct try_streams *streams)
{
	say(streams->port_fd, 9, "x", 1);
	say_status(streams->port_fd, 0);
}

static void large_frame(struct try_streams *streams)
{
	struct rl_try_header header = { RL_TRY_STDOUT, RL_TRY_FRAME_MAX + 1 };

	if (write(streams->port_fd, &header, sizeof(header)) < 0)
		wrong("cannot send");
}

static void short_status(struct try_streams *streams)
{
	say(streams->port_fd, RL_TRY_STATUS, "x", 1);
}

static void half_a_frame(struct try_streams *streams)
{
	struct rl_try_header header = { RL_TRY_STDOUT, 5 };

	if (write(streams->port_fd, &header, sizeof(header)) < 0 ||
	    write(streams->port_fd, "1234", 4) < 0)
		wrong("cannot send");
}

/* What a guest says is not believed. */
static void test_bad_frames(void **state)
{
	static guest *const guests[] = {
		unknown_frame, large_frame, short_status, half_a_frame,
	};

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(guests) / sizeof(*guests); i++) {
		struct child child;

		start(&child, guests[i], false);
		assert_string_equal(rest(child.out), "");
		rest(child.err);
		close(child.in);
		assert_int_equal(status_of(&child), NOT_ENDED);
	}
	signal(SIGPIPE, SIG_DFL);
}

/* --- a terminal --- */

static void on_terminal(struct try_streams *streams)
{
	if (strcmp(streams->terminal, "012"))
		wrong("no terminal");
	/* Input is the console's, as output is. */
	say_status(streams->port_fd, write(STDOUT_FILENO, "mine", 4) == 4 ? 5 :
									     6);
}

static void on_half_a_terminal(struct try_streams *streams)
{
	if (strcmp(streams->terminal, "01"))
		wrong("no terminal");
	say_text(streams->port_fd, RL_TRY_STDERR, "err");
	say_status(streams->port_fd, 8);
}

static int start_on_terminal(struct child *child, guest *init, int err)
{
	int slave;

	assert_int_equal(openpty(&child->in, &slave, NULL, NULL, NULL), 0);
	child->pid = __real_fork();
	if (!child->pid) {
		login_tty(slave);
		if (err >= 0)
			__real_dup2(err, 2);
		child_main(init, false);
	}
	return slave;
}

static void test_terminal(void **state)
{
	struct child child;
	char seen[64] = "";
	int fds[2], slave;

	(void)state;
	slave = start_on_terminal(&child, on_terminal, -1);
	assert_int_equal(status_of(&child), 5);
	assert_int_equal(read(child.in, seen, sizeof(seen) - 1), 4);
	assert_string_equal(seen, "mine");
	close(child.in);
	close(slave);

	assert_int_equal(__real_pipe2(fds, O_CLOEXEC), 0);
	slave = start_on_terminal(&child, on_half_a_terminal, fds[1]);
	assert_int_equal(status_of(&child), 8);
	close(fds[1]);
	assert_string_equal(rest(fds[0]), "err");
	close(child.in);
	close(slave);
}

/* --- a host that refuses --- */

static void unused(struct try_streams *streams)
{
	(void)streams;
	_exit(0);
}

static void test_scarce(void **state)
{
	struct child child;
	int which = 0, status;

	(void)state;
	do {
		countdown = ++which;
		start(&child, unused, false);
		countdown = 0;
		close(child.in);
		rest(child.out);
		status = strstr(rest(child.err), "ringlet: cannot ") ?
				 NOT_STARTED : 0;
		assert_int_equal(status_of(&child), status);
	} while (status);
	/* An eventfd, a pair, two pipes, a process, two files. */
	assert_int_equal(which, 8);
}

static void waits_for_end(struct try_streams *streams)
{
	char byte;

	if (read(streams->port_fd, &byte, 1) > 0)
		wrong("somebody is there");
}

/* Without its sandbox nobody carries what a stranger says. */
static void test_no_sandbox(void **state)
{
	struct child child;

	(void)state;
	sandbox_error = -EPERM;
	start(&child, waits_for_end, false);
	sandbox_error = 0;
	close(child.in);
	assert_string_equal(rest(child.out), "");
	rest(child.err);
	assert_int_equal(status_of(&child), NOT_ENDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_much),
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_many_last_words),
		cmocka_unit_test(test_verbose),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_scarce),
		cmocka_unit_test(test_no_sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
