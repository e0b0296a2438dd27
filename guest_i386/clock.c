// SPDX-License-Identifier: GPL-2.0
/*
 * The clock of a PC (MC146818): the host's time of day, in UTC. It cannot be set and has
 * no alarm.
 */
#include "shim.h"

#define SECOND		1000000000ull
#define DAY		86400u
#define REGISTER_B	0x0b
#define B_24_HOURS	0x02	/* and not binary: BCD */
#define REGISTER_D	0x0d
#define D_VALID		0x80
#define CENTURY		0x32

static u8 bcd(u32 n)
{
	return n / 10 % 10 << 4 | n % 10;
}

/*
 * Year, month and day of a day since 1970. Years begin in March here, so that the odd
 * day of a leap year is their last.
 */
static void date_of(u32 days, u32 *year, u32 *month, u32 *day)
{
	u32 d = days + 719468;		/* since 0000-03-01 */
	u32 era = d / 146097, of_era = d % 146097;
	u32 y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	u32 of_year = of_era - (365 * y + y / 4 - y / 100);
	u32 m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = era * 400 + y + (*month <= 2);
}

u8 clock_read(u8 reg)
{
	u32 year, month, day, days, rest;
	u64 seconds;

	if (reg == REGISTER_B)
		return B_24_HOURS;
	if (reg == REGISTER_D)
		return D_VALID;
	hypercall(RL_HC_WALLCLOCK, 0, 0, 0);
	seconds = shared.value / SECOND;
	days = seconds / DAY;
	rest = seconds % DAY;
	date_of(days, &year, &month, &day);
	switch (reg) {
	case 0: return bcd(rest % 60);
	case 2: return bcd(rest / 60 % 60);
	case 4: return bcd(rest / 3600);
	case 6: return (days + 4) % 7 + 1;
	case 7: return bcd(day);
	case 8: return bcd(month);
	case 9: return bcd(year % 100);
	case CENTURY: return bcd(year / 100);
	}
	return 0;
}
