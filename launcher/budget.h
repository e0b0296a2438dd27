/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How much work an image may cause. A kernel file is a stranger's: a table of a
 * few bytes can send a search through a gigabyte once for each of a million
 * records. So every loop whose length an image decides pays for its steps out of
 * one budget, which all of them share; that is also where a preparation learns
 * that somebody wants it to end.
 *
 * A process has one budget, as it prepares one kernel at a time; the main
 * thread's. Once it is spent it stays so until the next budget_begin(), and what
 * a search did not find since then proves nothing: whoever asked must look at
 * budget_check() before believing an answer.
 */
#ifndef LAUNCHER_BUDGET_H
#define LAUNCHER_BUDGET_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One step: a table's entry, or so many bytes that are only looked through. A few
 * nanoseconds, up to 20 where it misses the cache.
 */
#define BUDGET_BYTES	64
/* Debian's kernel needs 73 million, most of them for unpacking. */
#define BUDGET_STEPS	(1ull << 31)

/* file is named in messages, and must stay. */
void budget_begin(const char *file, uint64_t steps);

/* False: it is spent, or a signal of budget_signals() is held back. */
bool budget_take(uint64_t steps);

/* 0; or, after one line of message, -ENOEXEC where it is spent, -EINTR for a signal. */
int budget_check(void);

/*
 * After -EINTR: which signal it was. It has been taken, so whoever lets signals in
 * again lives to remove what is his, and ends with STATUS_SIGNAL + this (exit.h).
 */
int budget_signal(void);

/* What is left, in steps. */
uint64_t budget_left(void);

/*
 * Those that end a preparation, once whoever has a mess to remove holds them back:
 * SIGINT, SIGQUIT, SIGTERM, SIGHUP, but for those that are ignored.
 */
void budget_signals(sigset_t *set);

#endif
