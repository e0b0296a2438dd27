/* SPDX-License-Identifier: GPL-2.0 */
/* Several processes that do the same at once, each often interrupted. */
#ifndef RINGLET_TESTS_TOGETHER_H
#define RINGLET_TESTS_TOGETHER_H

#include <sys/time.h>
#include "check.h"

#define PROCESSES	4

static int number;		/* of this process */

static void start_alarms(void (*on_alarm)(int))
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } };

	NEED(signal(SIGALRM, on_alarm) != SIG_ERR);
	NEED(!setitimer(ITIMER_REAL, &often, NULL));
}

/* Every one of them must find nothing wrong. */
static void together(void (*run)(void))
{
	pid_t children[PROCESSES];
	int status;

	for (number = 0; number < PROCESSES; number++)
		children[number] = start_child(run);
	for (number = 0; number < PROCESSES; number++) {
		NEED(waitpid(children[number], &status, 0) > 0);
		CHECK_IS(status, 0);
	}
}
#endif
