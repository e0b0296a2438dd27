// SPDX-License-Identifier: GPL-2.0
/*
 * The host's time of day, after boot: a real-time clock with an alarm
 * (/dev/rtc0) and a PTP hardware clock (/dev/ptp0), both over one hypercall.
 *
 * Nobody sets them from here. The alarm is the guest's own timer, so it costs
 * the host nothing new; it can end a guest's sleep (power.c).
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/minmax.h>
#include <linux/platform_device.h>
#include <linux/pm_wakeup.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/rtc.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

#include "layer.h"

/* ns: so often the alarm looks whether somebody set the host's clock. */
#define ALARM_LOOK	(60ULL * NSEC_PER_SEC)

static struct rtc_device *rtc;
static struct hrtimer alarm_timer;
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
static int read_time(struct device *device, struct rtc_time *to)
{
	rtc_time64_to_tm(div_u64(rl_wallclock(), NSEC_PER_SEC), to);
	return 0;
}

static u64 alarm_delay(u64 now)
{
	return alarm_at > now ? min(alarm_at - now, ALARM_LOOK) : 0;
}

static enum hrtimer_restart alarm_expires(struct hrtimer *timer)
{
	u64 delay = alarm_delay(rl_wallclock());

	if (delay) {
		hrtimer_forward_now(timer, ns_to_ktime(delay));
		return HRTIMER_RESTART;
	}
	pm_wakeup_hard_event(rtc->dev.parent);
	rtc_update_irq(rtc, 1, RTC_IRQF | RTC_AF);
	return HRTIMER_NORESTART;
}

static int alarm_irq_enable(struct device *device, unsigned int on)
{
	hrtimer_cancel(&alarm_timer);
	if (on)
		hrtimer_start(&alarm_timer,
			      ns_to_ktime(alarm_delay(rl_wallclock())),
			      HRTIMER_MODE_REL);
	return 0;
}

static int set_alarm(struct device *device, struct rtc_wkalrm *alarm)
{
	hrtimer_cancel(&alarm_timer);
	alarm_at = rtc_tm_to_time64(&alarm->time) * NSEC_PER_SEC;
	return alarm_irq_enable(device, alarm->enabled);
}

static const struct rtc_class_ops rtc_ops = {
	.read_time = read_time,
	.set_alarm = set_alarm,
	.alarm_irq_enable = alarm_irq_enable,
};

/*
 * Linux sets its clock by a new rtc0, to the half second at best. The time it
 * had was better, so it gets that again.
 */
static int register_rtc(void)
{
	struct platform_device *parent;
	struct timespec64 now;
	int error;

	parent = platform_device_register_simple("rtc-ringlet", -1, NULL, 0);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	device_init_wakeup(&parent->dev, true);
	hrtimer_init(&alarm_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	alarm_timer.function = alarm_expires;
	rtc = devm_rtc_allocate_device(&parent->dev);
	if (IS_ERR(rtc))
		return PTR_ERR(rtc);
	rtc->ops = &rtc_ops;
	error = devm_rtc_register_device(rtc);
	rl_get_wallclock(&now);
	do_settimeofday64(&now);
	return error;
}

static int ptp_gettimex(struct ptp_clock_info *info, struct timespec64 *now,
			struct ptp_system_timestamp *system)
{
	ptp_read_system_prets(system);
	rl_get_wallclock(now);
	ptp_read_system_postts(system);
	return 0;
}

/* A guest does not set the host's clock. */
static int ptp_adjfine(struct ptp_clock_info *info, long scaled_ppm)
{
	return -EOPNOTSUPP;
}

static int ptp_adjtime(struct ptp_clock_info *info, s64 delta)
{
	return -EOPNOTSUPP;
}

static int ptp_settime(struct ptp_clock_info *info,
		       const struct timespec64 *to)
{
	return -EOPNOTSUPP;
}

static int ptp_enable(struct ptp_clock_info *info,
		      struct ptp_clock_request *request, int on)
{
	return -EOPNOTSUPP;
}

static struct ptp_clock_info ptp_clock = {
	.name = "ringlet host",
	.gettimex64 = ptp_gettimex,
	.adjfine = ptp_adjfine,
	.adjtime = ptp_adjtime,
	.settime64 = ptp_settime,
	.enable = ptp_enable,
};

/* Among the device initcalls. */
int rl_wallclock_init(void)
{
	int error = register_rtc();

	if (!error)
		error = PTR_ERR_OR_ZERO(ptp_clock_register(&ptp_clock, NULL));
	return error;
}
