// SPDX-License-Identifier: GPL-2.0
/*
 * The host's time of day, after boot: a real-time clock with an alarm
 * (/dev/rtc0) and a PTP hardware clock (/dev/ptp0), both over one hypercall.
 *
 * Nobody sets them from here. The alarm is the guest's own timer, so it costs
 * the host nothing new; it can end a guest's sleep (power.c).
 */
#include <linux/rtc.h>
#include <linux/time.h>

#include "layer.h"

/* ns: so often the alarm looks whether somebody set the host's clock. */
#define ALARM_LOOK	(60ULL * NSEC_PER_SEC)

static void *rtc;		/* its rtc_device */
static u64 alarm_at;		/* ns since 1970 */

/*J: guest.wallclock
 * A guest that took the date once, at boot, is as wrong as the host was at that
 * moment, for ever. Somebody sets the host's clock, or the host's own protocol
 * for time pulls it into place; the guest only counts the ticks of the same
 * crystal. So the date can be asked for at any time, and in the two forms for
 * which a distribution has programs: a clock chip with a battery, which `hwclock`
 * reads and `rtcwake` sets an alarm in, and a network card's precise clock, which
 * chrony follows.
 :*/
static int read_time(void *device, void *to)
{
	rtc_time64_to_tm(rl_wallclock() / NSEC_PER_SEC, to);
	return 0;
}

static u64 alarm_delay(u64 now)
{
	return alarm_at > now ? min(alarm_at - now, ALARM_LOOK) : 0;
}

static void *alarm_timer(void)
{
	return object(hrtimer, alarm);
}

static void *parent_of_rtc(void)
{
	return field(pointer, rtc, rtc_device, dev.parent);
}

static int alarm_expires(void *timer)
{
	u64 delay = alarm_delay(rl_wallclock());

	if (delay) {
		hrtimer_forward(timer, ktime_get(), delay);
		return enumerator(HRTIMER_RESTART);
	}
	pm_wakeup_dev_event(parent_of_rtc(), 0, true);
	rtc_update_irq(rtc, 1, RTC_IRQF | RTC_AF);
	return enumerator(HRTIMER_NORESTART);
}

static int alarm_irq_enable(void *device, unsigned int on)
{
	hrtimer_cancel(alarm_timer());
	if (on)
		hrtimer_start_range_ns(alarm_timer(), alarm_delay(rl_wallclock()), 0,
				       enumerator(HRTIMER_MODE_REL));
	return 0;
}

static int set_alarm(void *device, void *alarm)
{
	hrtimer_cancel(alarm_timer());
	alarm_at = rtc_tm_to_time64(part(alarm, rtc_wkalrm, time)) * NSEC_PER_SEC;
	return alarm_irq_enable(device, field(u8, alarm, rtc_wkalrm, enabled));
}

static void *rtc_ops(void)
{
	void *ops = object(rtc_class_ops, clock);

	field(pointer, ops, rtc_class_ops, read_time) = read_time;
	field(pointer, ops, rtc_class_ops, set_alarm) = set_alarm;
	field(pointer, ops, rtc_class_ops, alarm_irq_enable) = alarm_irq_enable;
	return ops;
}

/* Linux 6.15 has a function for both steps. */
static void set_up_timer(void)
{
	int relative = enumerator(HRTIMER_MODE_REL);

	if (has_symbol(hrtimer_setup)) {
		hrtimer_setup(alarm_timer(), alarm_expires, CLOCK_MONOTONIC, relative);
	} else {
		hrtimer_init(alarm_timer(), CLOCK_MONOTONIC, relative);
		set_maybe(pointer, alarm_timer(), hrtimer, function, alarm_expires);
	}
}

/* As platform_device_register_simple() does it. */
static void *register_parent(void)
{
	void *device = platform_device_alloc("rtc-ringlet", -1);
	int error = device ? platform_device_add(device) : -ENOMEM;

	if (!error)
		return device;
	if (device)
		platform_device_put(device);
	return (void *)(long)error;
}

/*
 * Linux sets its clock by a new rtc0, to the half second at best. The time it
 * had was better, so it gets that again.
 */
static int register_rtc(void)
{
	void *parent = register_parent(), *now = object(timespec64, now), *device;
	int error;

	if (is_error(parent))
		return error_of(parent);
	device = part(parent, platform_device, dev);
	rl_may_wake(device);
	set_up_timer();
	rtc = devm_rtc_allocate_device(device);
	if (is_error(rtc))
		return error_of(rtc);
	field(pointer, rtc, rtc_device, ops) = rtc_ops();
	error = __devm_rtc_register_device(NULL, rtc);
	rl_get_wallclock(now);
	do_settimeofday64(now);
	return error;
}

#define STAMP(member)							\
	((char *)system + IMAGE("maybe.whole.ptp_system_timestamp." #member))

/* One of the guest's own clocks: which, is asked for since Linux 6.12. */
static void read_system(void *system, void *to)
{
	u32 clock = CLOCK_REALTIME;

	if (has_field(u32, ptp_system_timestamp, clockid))
		clock = maybe_field(u32, system, ptp_system_timestamp, clockid);
	if (has_field(whole, ptp_system_timestamp, pre_sts))
		ktime_get_snapshot_id(clock, to);
	else if (clock == CLOCK_MONOTONIC)
		ktime_get_ts64(to);
	else if (clock == CLOCK_MONOTONIC_RAW)
		ktime_get_raw_ts64(to);
	else
		ktime_get_real_ts64(to);
}

/* system: what the guest's clock says before and behind, NULL: nobody asks. */
static int ptp_gettimex(void *info, void *now, void *system)
{
	bool snapshots = has_field(whole, ptp_system_timestamp, pre_sts);

	if (system)
		read_system(system, snapshots ? STAMP(pre_sts) : STAMP(pre_ts));
	rl_get_wallclock(now);
	if (system)
		read_system(system, snapshots ? STAMP(post_sts) : STAMP(post_ts));
	return 0;
}

/* A guest does not set the host's clock. */
static int ptp_adjfine(void *info, long scaled_ppm)
{
	return -EOPNOTSUPP;
}

static int ptp_adjtime(void *info, s64 delta)
{
	return -EOPNOTSUPP;
}

static int ptp_settime(void *info, const void *to)
{
	return -EOPNOTSUPP;
}

static int ptp_enable(void *info, void *request, int on)
{
	return -EOPNOTSUPP;
}

static int register_ptp(void)
{
	void *clock = object(ptp_clock_info, host);

	memcpy(part(clock, ptp_clock_info, name), "ringlet host",
	       sizeof("ringlet host"));
	field(pointer, clock, ptp_clock_info, gettimex64) = ptp_gettimex;
	field(pointer, clock, ptp_clock_info, adjfine) = ptp_adjfine;
	field(pointer, clock, ptp_clock_info, adjtime) = ptp_adjtime;
	field(pointer, clock, ptp_clock_info, settime64) = ptp_settime;
	field(pointer, clock, ptp_clock_info, enable) = ptp_enable;
	return error_of(ptp_clock_register(clock, NULL));
}

/* Among the device initcalls. */
int rl_wallclock_init(void)
{
	int error = register_rtc();

	if (!error)
		error = register_ptp();
	return error;
}
