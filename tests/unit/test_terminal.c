// SPDX-License-Identifier: GPL-2.0
/*
 * The escape key, and that a terminal comes back as it was, however the
 * process ends: each case is a child on a pseudo terminal of its own.
 */
#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "unit.h"

#include "launcher/exit.h"
#include "launcher/log.h"
#include "launcher/terminal.h"

static struct escape escape;

static enum escape_action feed(unsigned char byte)
{
	unsigned char copy = byte;
	enum escape_action action = escape_feed(&escape, &copy);

	assert_int_equal(copy, byte);
	return action;
}

static void test_escape(void **state)
{
	(void)state;
	escape = (struct escape){ .key = 1 };
	assert_int_equal(feed('x'), ESCAPE_DATA);
	assert_int_equal(feed(1), ESCAPE_NOTHING);
	assert_int_equal(feed('x'), ESCAPE_QUIT);
	assert_int_equal(feed('x'), ESCAPE_DATA);
	assert_int_equal(feed(1), ESCAPE_NOTHING);
	assert_int_equal(feed(1), ESCAPE_DATA);
	assert_int_equal(feed('h'), ESCAPE_DATA);
	assert_int_equal(feed(1), ESCAPE_NOTHING);
	assert_int_equal(feed('h'), ESCAPE_HELP);
	feed(1);
	assert_int_equal(feed('s'), ESCAPE_STATS);
	feed(1);
	assert_int_equal(feed('p'), ESCAPE_POWER);
	feed(1);
	assert_int_equal(feed('b'), ESCAPE_BREAK);
	/* Unknown: nothing for the guest, and the sequence is over. */
	feed(1);
	assert_int_equal(feed('q'), ESCAPE_NOTHING);
	assert_int_equal(feed('x'), ESCAPE_DATA);
	assert_int_equal(feed(3), ESCAPE_DATA);
}

static void test_no_escape(void **state)
{
	int byte;

	(void)state;
	escape = (struct escape){ .key = -1 };
	for (byte = 0; byte < 256; byte++)
		assert_int_equal(feed(byte), ESCAPE_DATA);
	assert_int_equal(feed('x'), ESCAPE_DATA);
}

static void test_parse_key(void **state)
{
	(void)state;
	assert_int_equal(terminal_parse_key("none"), -1);
	assert_int_equal(terminal_parse_key("^A"), 1);
	assert_int_equal(terminal_parse_key("^z"), 26);
	assert_int_equal(terminal_parse_key("^]"), 0x1d);
	assert_int_equal(terminal_parse_key("^@"), 0);
	assert_int_equal(terminal_parse_key("^"), -2);
	assert_int_equal(terminal_parse_key(""), -2);
	assert_int_equal(terminal_parse_key("A"), -2);
	assert_int_equal(terminal_parse_key("^1"), -2);
	assert_int_equal(terminal_parse_key("^AA"), -2);
}

/* Some flags no default has, to be told from a reset to defaults. */
static void make_strange(struct termios *settings)
{
	settings->c_lflag = ICANON | ECHO | ECHONL | ISIG;
	settings->c_iflag = ICRNL | IXANY;
	settings->c_cc[VINTR] = 'k' & 0x1f;
}

/*
 * Run body in a child whose standard input is a terminal, raw by then; once
 * the child said so, do act. Then see that the settings are back.
 */
static int end_on_terminal(void (*body)(void), int kill_signal)
{
	struct termios before, during, after;
	int master, slave, status;
	char ready;
	pid_t child;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	tcgetattr(slave, &before);
	make_strange(&before);
	tcsetattr(slave, TCSANOW, &before);
	tcgetattr(slave, &before);
	child = fork();
	if (!child) {
		login_tty(dup(slave));
		if (!terminal_init())
			_exit(99);
		if (write(STDOUT_FILENO, "r", 1) != 1)
			_exit(98);
		/* Until the parent has looked at the terminal. */
		if (read(STDIN_FILENO, &ready, 1) == 1)
			body();
		_exit(97);
	}
	assert_int_equal(read(master, &ready, 1), 1);
	tcgetattr(slave, &during);
	assert_false(during.c_lflag & (ICANON | ECHO | ISIG));
	if (kill_signal)
		kill(child, kill_signal);
	else
		assert_int_equal(write(master, "g", 1), 1);
	waitpid(child, &status, 0);
	tcgetattr(slave, &after);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(after.c_oflag, before.c_oflag);
	assert_memory_equal(after.c_cc, before.c_cc, sizeof(after.c_cc));
	close(master);
	close(slave);
	return status;
}

static void call_exit(void)
{
	exit(7);
}

static void call_fatal(void)
{
	errno = ENOENT;
	fatal(STATUS_HOST, "test");
}

static void call_abort(void)
{
	abort();
}

static void test_restored_by_exit(void **state)
{
	(void)state;
	assert_int_equal(WEXITSTATUS(end_on_terminal(call_exit, 0)), 7);
	assert_int_equal(WEXITSTATUS(end_on_terminal(call_fatal, 0)),
			 STATUS_HOST);
}

static void test_restored_by_crash(void **state)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < sizeof(crashes) / sizeof(*crashes); i++) {
		status = end_on_terminal(call_exit, crashes[i]);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), crashes[i]);
	}
	status = end_on_terminal(call_abort, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_no_terminal(void **state)
{
	int saved = dup(STDIN_FILENO);
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[0], STDIN_FILENO);
	assert_false(terminal_init());
	terminal_restore();
	terminal_resume();
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

static void test_log_safe(void **state)
{
	char out[8];

	(void)state;
	assert_string_equal(log_safe(out, 8, "a\033[2J\n\377\0x", 9),
			    "a?[2J??");
	assert_string_equal(log_safe(out, 8, "abcdefghij", 10), "abcdefg");
	assert_string_equal(log_safe(out, 8, "abcdefghij", 3), "abc");
	assert_string_equal(log_safe(out, 8, "ab\0cd", 5), "ab");
	assert_string_equal(log_safe(out, 1, "ab", 2), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_no_escape),
		cmocka_unit_test(test_parse_key),
		cmocka_unit_test(test_restored_by_exit),
		cmocka_unit_test(test_restored_by_crash),
		cmocka_unit_test(test_no_terminal),
		cmocka_unit_test(test_log_safe),
	};

	return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
