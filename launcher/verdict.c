// SPDX-License-Identifier: GPL-2.0
/* How a guest ended, in words and as an exit status. See verdict.h. */
#include "verdict.h"

#include <signal.h>
#include <string.h>

#include "exit.h"
#include "log.h"

/* The guest did not end by itself: say who did it, and the exit status. */
static int judge_stop(const struct events *events)
{
	switch (events->cause) {
	case STOP_KEY:
		log_warnx("the guest was ended by the escape key");
		return STATUS_SIGNAL + SIGINT;
	case STOP_LATE:
		log_warnx("the guest was ended: it did not power off within "
			  "%u s", events->patience);
		return STATUS_LATE;
	default:
		log_warnx("the guest was ended by SIG%s%s%.0d",
			  sigabbrev_np(events->signal),
			  events->sender ? " from process " : "",
			  events->sender);
		return STATUS_SIGNAL + events->signal;
	}
}

int verdict_say(const struct ending *ending, const struct events *events,
		struct stats_report *report)
{
	report->reason = ending->reason;
	switch (ending->kind) {
	case ENDING_POWEROFF:
		report->end = "poweroff";
		if (events->asked)
			log_warnx("the guest powered off, as it was asked to");
		else
			log_info("the guest powered off");
		return STATUS_OK;
	case ENDING_PANIC:
		report->end = "panic";
		log_warnx("the guest's kernel panicked");
		return STATUS_PANIC;
	case ENDING_KILLED:
		report->end = "killed";
		log_warnx("the guest was killed: %s", ending->reason);
		return STATUS_KILLED;
	case ENDING_STOPPED:
		report->end = "signal";
		return judge_stop(events);
	case ENDING_OUTPUT:
		report->end = "error";
		log_warnx("the guest was ended: standard output cannot be "
			  "written: %s", ending->reason);
		return STATUS_ERROR;
	default:
		report->end = "error";
		log_warnx("%s", ending->reason);
		return STATUS_ERROR;
	}
}
