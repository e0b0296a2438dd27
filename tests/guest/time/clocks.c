// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks run evenly, sleeps are as long as asked for, timers fire.
 */
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include "check.h"

#define MILLISECOND	1000000ll

static long long now(clockid_t clock)
{
	struct timespec t;

	NEED(!clock_gettime(clock, &t));
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void never_backwards(void)
{
	long long last = 0, real_last = 0, t;
	int i;

	for (i = 0; i < 200000; i++) {
		t = now(CLOCK_MONOTONIC);
		CHECK(t >= last);
		last = t;
		t = now(CLOCK_REALTIME);
		CHECK(t >= real_last);
		real_last = t;
		if (check_failures)
			return;
	}
}

/* The clock of the page that programs read, and the kernel's own. */
static void same_clock(void)
{
	struct timespec t;
	long long before, kernel, after;
	int i;

	for (i = 0; i < 1000; i++) {
		before = now(CLOCK_MONOTONIC);
		NEED(!syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t));
		kernel = t.tv_sec * 1000000000ll + t.tv_nsec;
		after = now(CLOCK_MONOTONIC);
		CHECK(before <= kernel && kernel <= after);
		if (check_failures)
			return;
	}
}

static void right_date(void)
{
	long long seconds = time(NULL);

	/* 2025; and nobody sets a guest's clock to the next century. */
	CHECK(seconds > 1735689600 && seconds < 4102444800);
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

/* How late sleeps of each length are. The unit is the best of all: it tells how
   fast this machine is, and the median does not mind that it is a busy one. */
static void sleeps(void)
{
	static const long long lengths[] = {
		100000, MILLISECOND, 10 * MILLISECOND, 50 * MILLISECOND
	};
	long long late[4][20], began, took, best = 0;
	struct timespec t = {};
	unsigned int i, n;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		t.tv_nsec = lengths[i];
		for (n = 0; n < 20; n++) {
			began = now(CLOCK_MONOTONIC);
			NEED(!nanosleep(&t, NULL));
			took = now(CLOCK_MONOTONIC) - began;
			CHECK(took >= lengths[i]);
			late[i][n] = took - lengths[i];
		}
		qsort(late[i], 20, sizeof(late[i][0]), compare);
		if (!best || late[i][0] < best)
			best = late[i][0];
	}
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		printf("sleeps of %lld us: %lld to %lld us late, median %lld\n",
		       lengths[i] / 1000, late[i][0] / 1000, late[i][19] / 1000,
		       late[i][10] / 1000);
		CHECK(late[i][10] < 100 * best);
	}
}

static volatile sig_atomic_t ticks;

static void tick(int number)
{
	(void)number;
	ticks++;
}

static void interval_timer(void)
{
	struct itimerval every = { { 0, 10000 }, { 0, 10000 } }, none = {};
	long long began = now(CLOCK_MONOTONIC), took;

	NEED(signal(SIGALRM, tick) != SIG_ERR);
	NEED(!setitimer(ITIMER_REAL, &every, NULL));
	/* Busy, so that the timer has to interrupt a program. */
	while (ticks < 30)
		;
	took = now(CLOCK_MONOTONIC) - began;
	NEED(!setitimer(ITIMER_REAL, &none, NULL));
	CHECK(ticks >= 30);
	CHECK(took >= 290 * MILLISECOND);
	printf("30 ticks of 10 ms took %lld ms\n", took / MILLISECOND);
}

static void timer_file(void)
{
	struct itimerspec at = { { 0, 5 * MILLISECOND }, { 0, 5 * MILLISECOND } };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t count, sum = 0;

	NEED(fd >= 0 && !timerfd_settime(fd, 0, &at, NULL));
	while (sum < 20) {
		NEED(read(fd, &count, 8) == 8);
		sum += count;
	}
	close(fd);
}

static void poll_ends(void)
{
	long long began = now(CLOCK_MONOTONIC);

	CHECK_IS(poll(NULL, 0, 100), 0);
	CHECK(now(CLOCK_MONOTONIC) - began >= 100 * MILLISECOND);
}

/* Time that a busy program uses is accounted to it. */
static void used_time(void)
{
	long long began = now(CLOCK_MONOTONIC), took;
	long long used = now(CLOCK_PROCESS_CPUTIME_ID);

	while (now(CLOCK_MONOTONIC) < began + 200 * MILLISECOND)
		;
	used = now(CLOCK_PROCESS_CPUTIME_ID) - used;
	took = now(CLOCK_MONOTONIC) - began;
	/* What is counted by ticks may be off by one at both ends. */
	CHECK(used > took / 4 && used < took + 20 * MILLISECOND);
}

static void clock_source(void)
{
	char name[32] = "";
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/"
			"current_clocksource", "r");

	NEED(f && fgets(name, sizeof(name), f));
	fclose(f);
	CHECK(!strcmp(name, "tsc\n"));
}

int main(void)
{
	CASE(never_backwards);
	CASE(same_clock);
	CASE(right_date);
	CASE(sleeps);
	CASE(interval_timer);
	CASE(timer_file);
	CASE(poll_ends);
	CASE(used_time);
	CASE(clock_source);
	DONE();
}
