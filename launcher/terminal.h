/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The user's terminal: raw while a guest runs, as it was before on every exit
 * of the process that a process can notice.
 *
 * And the escape key: the one byte that the guest does not get.
 */
#ifndef RINGLET_LAUNCHER_TERMINAL_H
#define RINGLET_LAUNCHER_TERMINAL_H

#include <stdbool.h>

#define TERMINAL_ESCAPE_DEFAULT	0x01	/* ctrl-A */

/*
 * Make standard input raw where it is a terminal; returns true then. From now
 * on exit(3) and deadly signals restore it. Call once.
 */
bool terminal_init(void);

/* Put back what the user had, and make it raw again (job control). */
void terminal_restore(void);
void terminal_resume(void);

/* "^A" -> 1, "none" -> -1, anything else -> -2. */
int terminal_parse_key(const char *text);

enum escape_action {
	ESCAPE_DATA,	/* *byte is for the guest */
	ESCAPE_NOTHING,	/* the byte was swallowed */
	ESCAPE_QUIT,
	ESCAPE_POWER,	/* the guest shall power off */
	ESCAPE_HELP,
	ESCAPE_STATS,
	ESCAPE_BREAK,
};

struct escape {
	int key;	/* -1: every byte is the guest's */
	bool seen;	/* the byte before was the key */
};

/* What to do about one typed byte. */
enum escape_action escape_feed(struct escape *escape, unsigned char *byte);

/* The lines that the help command shows. */
void escape_help(const struct escape *escape);

#endif
