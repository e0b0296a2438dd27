/* SPDX-License-Identifier: GPL-2.0 */
/* What init.c reads and streams.c runs. */
#ifndef RINGLET_GUEST_TRY_INIT_H
#define RINGLET_GUEST_TRY_INIT_H

#include <stddef.h>
#include <sys/types.h>

#define WORDS_MAX	8192
#define GROUPS_MAX	256

struct job {
	char *words[WORDS_MAX + 1], *environment[WORDS_MAX + 1];
	size_t word_count, env_count, group_count;
	gid_t groups[GROUPS_MAX];
	uid_t uid;
	gid_t gid;
	const char *folder;
	const char *terminal;	/* "012": these streams are the console */
};

/* Runs it, and tells the port all of it up to the exit status. */
void run_job(struct job *job, int port);

/* Says why, and ends the guest. */
void die(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void power_off(void) __attribute__((noreturn));

#endif
