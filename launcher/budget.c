// SPDX-License-Identifier: GPL-2.0
/* One budget for all loops over a kernel image. See budget.h. */
#include "budget.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "log.h"

/* So often is it asked whether a signal came: a few milliseconds. */
#define SIGNALS_EVERY	(1u << 18)

static struct {
	const char *file;
	uint64_t left, next_look;	/* look for signals at so many left */
	int error, said;
	int signal;
} budget = { .file = "the kernel", .left = BUDGET_STEPS };

void budget_begin(const char *file, uint64_t steps)
{
	budget.file = file;
	budget.left = steps;
	budget.next_look = steps;	/* at once */
	budget.error = budget.said = budget.signal = 0;
}

void budget_signals(sigset_t *set)
{
	static const int numbers[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	struct sigaction action;

	sigemptyset(set);
	/* What nohup(1) had us ignore would wait like the others when held back. */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sigaction(numbers[i], NULL, &action) ||
		    action.sa_handler != SIG_IGN)
			sigaddset(set, numbers[i]);
}

static void look(void)
{
	const struct timespec no_time = { 0 };
	sigset_t ends;

	budget_signals(&ends);
	if (!budget.error) {
		budget.signal = sigtimedwait(&ends, NULL, &no_time);
		if (budget.signal > 0)
			budget.error = -EINTR;
	}
	budget.next_look = budget.left > SIGNALS_EVERY ?
				   budget.left - SIGNALS_EVERY : 0;
}

bool budget_take(uint64_t steps)
{
	if (budget.error)
		return false;
	if (steps > budget.left) {
		budget.error = -ENOEXEC;
		return false;
	}
	budget.left -= steps;
	if (budget.left <= budget.next_look)
		look();
	return !budget.error;
}

int budget_check(void)
{
	look();
	if (budget.error != budget.said) {
		if (budget.error == -EINTR)
			log_warnx("interrupted");
		else
			log_warnx("%s takes more work to read than any kernel: "
				  "it is damaged or made to do harm; reinstall "
				  "the package it comes from", budget.file);
		budget.said = budget.error;
	}
	return budget.error;
}

int budget_signal(void)
{
	return budget.signal;
}

uint64_t budget_left(void)
{
	return budget.left;
}
