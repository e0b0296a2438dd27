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
	/* 2025; and nobody sets a guest's clock to the next century. */
	CHECK(time(NULL) > 1735689600 && time(NULL) < 4102444800);
}

static void sleeps(void)
{
	static const long long lengths[] = {
		100000, MILLISECOND, 10 * MILLISECOND, 50 * MILLISECOND
	};
	struct timespec t = {};
	long long began, took, worst;
	unsigned int i, n;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		worst = 0;
		t.tv_nsec = lengths[i];
		for (n = 0; n < 20; n++) {
			began = now(CLOCK_MONOTONIC);
			NEED(!nanosleep(&t, NULL));
			took = now(CLOCK_MONOTONIC) - began;
			CHECK(took >= lengths[i]);
			if (took - lengths[i] > worst)
				worst = took - lengths[i];
		}
		printf("sleeps of %lld us: at most %lld us late\n",
		       lengths[i] / 1000, worst / 1000);
		/* An emulated host on a busy machine; a lost timer would
		   show as many seconds. */
		CHECK(worst < 3000 * MILLISECOND);
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
	while (ticks < 30 && now(CLOCK_MONOTONIC) < began + 10000 * MILLISECOND)
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
	long long began = now(CLOCK_MONOTONIC);
	long long used = now(CLOCK_PROCESS_CPUTIME_ID);

	while (now(CLOCK_MONOTONIC) < began + 200 * MILLISECOND)
		;
	used = now(CLOCK_PROCESS_CPUTIME_ID) - used;
	CHECK(used > 50 * MILLISECOND && used < 400 * MILLISECOND);
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
