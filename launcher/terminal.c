// SPDX-License-Identifier: GPL-2.0
/*
 * Raw mode and the escape key.
 *
 * The saved settings are written once, before raw mode begins, and only read
 * afterwards, also by signal handlers: tcsetattr(3) may be called from them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "log.h"
#include "terminal.h"

/*J: launcher.terminal
 * A terminal usually works for the program that reads it: it collects a line,
 * lets you correct it, echoes what you type, and turns ctrl-C into a signal.
 * The guest has a terminal driver of its own which does all that. So ours must
 * do none of it, which is called raw mode: each key goes to the guest at once,
 * ctrl-C too.
 *
 * Two things follow. Since no key stops the launcher any more, one key must
 * be kept back as a way out: the escape key, ctrl-A, and a letter behind it.
 * And since a terminal left in raw mode is useless to the shell that gets it
 * back, it must be restored however we end: by exit(), by a signal, by a crash
 * of our own. Only `kill -9` leaves us no chance.
 :*/

static struct termios saved;
static struct termios raw;
static volatile sig_atomic_t is_raw;

static const int deadly_signals[] = {
	SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGXCPU,
};

void terminal_restore(void)
{
	if (!is_raw)
		return;
	is_raw = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

void terminal_resume(void)
{
	/* VMIN tells whether terminal_init() filled raw at all. */
	if (!raw.c_cc[VMIN])
		return;
	/* The settings belong to the foreground job, which we may not be. */
	if (tcgetpgrp(STDIN_FILENO) != getpgrp())
		return;
	is_raw = 1;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* SA_RESETHAND: what follows raise() is the signal's ordinary effect. */
static void restore_and_die(int signal_number)
{
	terminal_restore();
	raise(signal_number);
}

bool terminal_init(void)
{
	struct sigaction action = {
		.sa_handler = restore_and_die,
		.sa_flags = SA_RESETHAND | SA_NODEFER,
	};
	size_t i;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	raw = saved;
	cfmakeraw(&raw);
	/*
	 * Output keeps its processing: our own messages end in a bare newline,
	 * and the extra carriage return does no harm to a guest's.
	 */
	raw.c_oflag = saved.c_oflag;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	for (i = 0; i < sizeof(deadly_signals) / sizeof(*deadly_signals); i++)
		sigaction(deadly_signals[i], &action, NULL);
	atexit(terminal_restore);
	terminal_resume();
	return true;
}

int terminal_parse_key(const char *text)
{
	if (!strcmp(text, "none"))
		return -1;
	/* A control key is its letter (or @[\]^_) without bits 5 and 6. */
	if (text[0] != '^' || !text[1] || text[2])
		return -2;
	if (text[1] >= '@' && text[1] <= '_')
		return text[1] - '@';
	if (text[1] >= 'a' && text[1] <= 'z')
		return text[1] - 'a' + 1;
	return -2;
}

enum escape_action escape_feed(struct escape *escape, unsigned char *byte)
{
	if (!escape->seen) {
		if (*byte != escape->key)
			return ESCAPE_DATA;
		escape->seen = true;
		return ESCAPE_NOTHING;
	}
	escape->seen = false;
	if (*byte == escape->key)
		return ESCAPE_DATA;
	switch (*byte) {
	case 'x':
		return ESCAPE_QUIT;
	case 'p':
		return ESCAPE_POWER;
	case 'h':
	case '?':
		return ESCAPE_HELP;
	case 's':
		return ESCAPE_STATS;
	case 'b':
	case 'c':
		return ESCAPE_BREAK;
	default:
		return ESCAPE_NOTHING;
	}
}

void escape_help(const struct escape *escape)
{
	char key = (char)('@' + escape->key);

	log_warnx("^%c p  ask the guest to power off", key);
	log_warnx("^%c x  end the guest at once", key);
	log_warnx("^%c s  show statistics", key);
	log_warnx("^%c b  send a break (magic SysRq) to the guest", key);
	log_warnx("^%c ^%c send the escape key itself to the guest", key, key);
	log_warnx("^%c h  this help", key);
}
