// SPDX-License-Identifier: GPL-2.0
/*
 * The clocks that show the host's time of day: /dev/rtc0 and /dev/ptp0.
 *
 *	same	they agree with the guest's own clock, both ways to better than 50 ms
 *	ahead	they are past 2000000000, where the test has set the host's clock,
 *		and the guest's own clock is not
 *	set	the guest's own clock was set by the real-time clock. Busybox's hwclock takes
 *		whole seconds, whenever it looks: so it is up to one behind, but not more
 *	alarm	an alarm comes in time, not before; seconds are counted at their
 *		beginning; neither clock can be set
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <linux/rtc.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include "check.h"

#define SECOND	1000000000ll
#define NEAR	(SECOND / 20)
#define LATER	2000000000ll

static int rtc, ptp;

/* The clock that belongs to an open file: clock_getres(2), "dynamic clocks". */
static clockid_t clock_of(int fd)
{
	return (clockid_t)(~(unsigned int)fd << 3 | 3);
}

static long long now(clockid_t clock)
{
	struct timespec t;

	NEED(!clock_gettime(clock, &t));
	return t.tv_sec * SECOND + t.tv_nsec;
}

static long long rtc_seconds(void)
{
	struct rtc_time t;
	struct tm date = {};

	NEED(!ioctl(rtc, RTC_RD_TIME, &t));
	date.tm_year = t.tm_year;
	date.tm_mon = t.tm_mon;
	date.tm_mday = t.tm_mday;
	date.tm_hour = t.tm_hour;
	date.tm_min = t.tm_min;
	date.tm_sec = t.tm_sec;
	return timegm(&date);
}

static void ptp_agrees(void)
{
	long long own = now(CLOCK_REALTIME), host = now(clock_of(ptp));

	printf("host - guest: %lld us\n", (host - own) / 1000);
	CHECK(host - own > -NEAR && host - own < NEAR);
}

static void rtc_agrees(void)
{
	long long before = now(CLOCK_REALTIME) - NEAR, host = rtc_seconds();
	long long after = now(CLOCK_REALTIME) + NEAR;

	CHECK(before / SECOND <= host && host <= after / SECOND);
}

static void own_is_set(void)
{
	long long own = now(CLOCK_REALTIME), host = now(clock_of(ptp));

	printf("host - guest: %lld us\n", (host - own) / 1000);
	CHECK(host - own > -NEAR && host - own < SECOND + NEAR);
	CHECK(own >= LATER * SECOND);
}

static void ptp_is_ahead(void)
{
	long long host = now(clock_of(ptp)) / SECOND;

	printf("PTP clock: %lld\n", host);
	CHECK(host >= LATER && host < LATER + 1000);
	CHECK(time(NULL) < LATER);
}

static void rtc_is_ahead(void)
{
	long long host = rtc_seconds();

	printf("real-time clock: %lld\n", host);
	CHECK(host >= LATER && host < LATER + 1000);
}

/* Both kinds of reading that chrony does. */
static void ptp_offsets(void)
{
	struct ptp_sys_offset offset = { .n_samples = 3 };
	struct ptp_sys_offset_extended extended = { .n_samples = 3 };

	CHECK(!ioctl(ptp, PTP_SYS_OFFSET, &offset));
	CHECK(!ioctl(ptp, PTP_SYS_OFFSET_EXTENDED, &extended));
	/* The guest's own, the host's. */
	CHECK(extended.ts[0][0].sec < LATER && extended.ts[0][1].sec >= LATER);
}

static void alarm_in_time(void)
{
	struct rtc_wkalrm alarm = { .enabled = 1 };
	struct pollfd wait = { .fd = rtc, .events = POLLIN };
	long long at = rtc_seconds() + 3;
	unsigned long what;
	struct tm date;
	time_t when = at;

	gmtime_r(&when, &date);
	alarm.time.tm_year = date.tm_year;
	alarm.time.tm_mon = date.tm_mon;
	alarm.time.tm_mday = date.tm_mday;
	alarm.time.tm_hour = date.tm_hour;
	alarm.time.tm_min = date.tm_min;
	alarm.time.tm_sec = date.tm_sec;
	NEED(!ioctl(rtc, RTC_WKALM_SET, &alarm));
	CHECK_IS(poll(&wait, 1, 0), 0);
	CHECK_IS(poll(&wait, 1, 60000), 1);
	printf("alarm %lld us late\n",
	       (now(clock_of(ptp)) - at * SECOND) / 1000);
	CHECK(rtc_seconds() >= at && rtc_seconds() < at + 30);
	NEED(read(rtc, &what, sizeof(what)) == sizeof(what));
	CHECK(what & RTC_AF);
}

/* What hwclock waits for. */
static void seconds_begin(void)
{
	unsigned long what;
	long long host;

	NEED(!ioctl(rtc, RTC_UIE_ON, 0));
	NEED(read(rtc, &what, sizeof(what)) == sizeof(what));
	NEED(read(rtc, &what, sizeof(what)) == sizeof(what));
	host = now(clock_of(ptp));
	CHECK(what & RTC_UF);
	printf("a second begins %lld us late\n", host % SECOND / 1000);
	CHECK(host % SECOND < NEAR);
	NEED(!ioctl(rtc, RTC_UIE_OFF, 0));
}

static void no_setting(void)
{
	struct rtc_time t;
	struct timespec ts = { .tv_sec = LATER };

	NEED(!ioctl(rtc, RTC_RD_TIME, &t));
	CHECK_IS(ioctl(rtc, RTC_SET_TIME, &t), -1);
	CHECK_IS(clock_settime(clock_of(ptp), &ts), -1);
}

int main(int argc, char **argv)
{
	NEED(argc == 2);
	rtc = open("/dev/rtc0", O_RDONLY);
	ptp = open("/dev/ptp0", O_RDWR);
	NEED(rtc >= 0 && ptp >= 0);
	if (!strcmp(argv[1], "same")) {
		CASE(ptp_agrees);
		CASE(rtc_agrees);
	} else if (!strcmp(argv[1], "set")) {
		CASE(own_is_set);
	} else if (!strcmp(argv[1], "ahead")) {
		CASE(ptp_is_ahead);
		CASE(rtc_is_ahead);
		CASE(ptp_offsets);
	} else {
		CASE(alarm_in_time);
		CASE(seconds_begin);
		CASE(no_setting);
	}
	DONE();
}
