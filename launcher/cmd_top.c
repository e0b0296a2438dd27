// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet top`: what each guest of this host does just now, on the terminal or, for
 * scripts, line by line.
 */
#include "cmd.h"

#include <curses.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "duration.h"
#include "exit.h"
#include "guests.h"
#include "log.h"
#include "top.h"
#include "usage.h"

static const char usage[] =
"Usage: ringlet top [options]\n"
"Shows the guests of this host, twice a second or as often as asked for: where\n"
"their time goes, their exits by cause, memory, vCPUs and device queues. Only root\n"
"can. Keys: q ends it, any other looks again at once.\n"
"\n"
"  -i, --interval TIME  from one look to the next: 500ms (the default), 2s, 1m\n"
"  -b, --batch          for scripts, without end: PID, VM, NAME, kind, figure and\n"
"                       value, with tabs between; an empty line behind each look\n"
"      --once           the same, once\n"
"  -h, --help           this text\n";

struct request {
	uint64_t interval;	/* ns */
	bool batch, once;
};

enum { OPTION_INTERVAL = 256, OPTION_BATCH, OPTION_ONCE, OPTION_HELP };

/* The options; 0, or STATUS_USAGE after a message, or -1 for --help. */
static int parse(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, OPTION_INTERVAL },
		{ "batch", no_argument, NULL, OPTION_BATCH },
		{ "once", no_argument, NULL, OPTION_ONCE },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int code;

	usage_begin();
	while ((code = usage_next(argc, argv, ":i:bh", options)) != -1) {
		switch (code) {
		case 'i':
		case OPTION_INTERVAL:
			if (duration_parse(optarg, &request->interval))
				return usage_wrong(argv, "--interval %s is not "
						   "a time; write for example "
						   "2s or 500ms", optarg);
			break;
		case 'b':
		case OPTION_BATCH:
			request->batch = true;
			break;
		case OPTION_ONCE:
			request->once = true;
			break;
		case 'h':
		case OPTION_HELP:
			return -1;
		default:
			return STATUS_USAGE;
		}
	}
	if (optind < argc)
		return usage_wrong(argv, "unexpected argument %s", argv[optind]);
	return 0;
}

/* --- looks --------------------------------------------------------------------------- */

struct look {
	struct guests guests;
	uint64_t ns;		/* when */
};

static int take_look(struct look *look)
{
	look->ns = clock_now();
	return guests_read(&guests_place, &look->guests);
}

/* *look becomes the one before. */
static int look_again(struct look *before, struct look *look)
{
	guests_free(&before->guests);
	*before = *look;
	look->guests = (struct guests){ 0 };
	return take_look(look);
}

static int complain_of(int error)
{
	guests_explain(&guests_place, "top", error);
	return STATUS_ERROR;
}

static double seconds_between(const struct look *before, const struct look *look)
{
	return (look->ns - before->ns) / 1e9;
}

static int batch(const struct request *request, struct look *before,
		 struct look *look)
{
	const struct timespec pause = {
		request->interval / 1000000000, request->interval % 1000000000
	};
	int error;

	do {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		error = look_again(before, look);
		if (error)
			return complain_of(error);
		top_batch(stdout, &before->guests, &look->guests,
			  seconds_between(before, look));
		if (!request->once)
			putchar('\n');
		if (fflush(stdout)) {
			log_warn("cannot write to standard output");
			return STATUS_ERROR;
		}
	} while (!request->once);
	return STATUS_OK;
}

/* --- the terminal ----------------------------------------------------------------------- */

static void draw(const struct look *before, const struct look *look)
{
	char *text = NULL, *rest, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int y = 0;

	if (!out)
		return;
	fputs("ringlet top (q: end)   ", out);
	top_table(out, &before->guests, &look->guests,
		  seconds_between(before, look));
	if (fclose(out)) {
		free(text);
		return;
	}
	erase();
	for (rest = text; y < LINES && (line = strsep(&rest, "\n")); y++) {
		if (y == 2)
			attron(A_REVERSE);
		mvaddnstr(y, 0, line, COLS);
		attroff(A_REVERSE);
	}
	free(text);
	refresh();
}

/* Until q, or until the counters cannot be read any more. */
static int watch(struct look *before, struct look *look)
{
	int key, error;

	do {
		draw(before, look);
		key = getch();
		if (key == 'q' || key == 'Q')
			return 0;
		error = look_again(before, look);
	} while (!error);
	return error;
}

static int interactive(const struct request *request, struct look *before,
		       struct look *look)
{
	SCREEN *screen;
	int error;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		log_warnx("standard input and output are no terminal: ringlet "
			  "top --batch, or --once");
		return STATUS_USAGE;
	}
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		log_warnx("the terminal is not known (TERM=%s): ringlet top "
			  "--batch, or --once", getenv("TERM") ?: "");
		return STATUS_USAGE;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	timeout(request->interval / 1000000);
	error = watch(before, look);
	endwin();
	delscreen(screen);
	return error ? complain_of(error) : STATUS_OK;
}

int cmd_top(int argc, char **argv)
{
	struct request request = { .interval = 500 * 1000000ull };
	struct look before = { .ns = 0 }, look = { .ns = 0 };
	int status = parse(argc, argv, &request);

	if (status < 0) {
		fputs(usage, stdout);
		return STATUS_OK;
	}
	if (status)
		return status;
	status = take_look(&look);
	if (status)
		return complain_of(status);
	status = request.batch || request.once ?
			 batch(&request, &before, &look) :
			 interactive(&request, &before, &look);
	guests_free(&before.guests);
	guests_free(&look.guests);
	return status;
}
