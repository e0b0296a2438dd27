// SPDX-License-Identifier: GPL-2.0
/*
 * The 8254 timer of a PC: counter 0 interrupts, counter 2 (the speaker's) is what Linux
 * measures its TSC by. They count with the TSC; the host's timer is only for the interrupt.
 *
 * Source: Intel 8254 data sheet.
 */
#include "shim.h"

#define HZ_PIT		1193182ull
#define SECOND		1000000000ull
#define STOP		(~0ull)
#define ROUNDED		2	/* ticks that a time in ns may be short of */
#define SPEAKER		0x61
#define GATE_2		0x01
#define SPEAKER_BITS	0x03	/* that are kept of what is written there */
#define OUT_2		0x20

static struct counter {
	u64 start;		/* TSC */
	u32 count;		/* 1 to 65536; 0: none was written yet */
	u16 latch;
	u8 mode, access;
	u8 low;			/* of a count that is half written */
	bool wrote_low, read_low, latched;
} counters[3];

static u64 ticks_per_tsc;	/* as a fraction of 2^32 */
static u8 speaker;
static bool armed;

/* Below 2^32 products, whatever the TSC's pace. */
void pit_start(void)
{
	ticks_per_tsc = (HZ_PIT << 32) / (shared.tsc_khz * 1000);
}

static u64 elapsed(const struct counter *c)
{
	return (unsigned __int128)(now() - c->start) * ticks_per_tsc >> 32;
}

static bool is_periodic(const struct counter *c)
{
	return (c->mode & 3) == 2 || (c->mode & 3) == 3;
}

static u16 value_of(const struct counter *c)
{
	u64 ticks = elapsed(c);

	if (!c->count)
		return 0;
	if (!is_periodic(c))
		return c->count - ticks;
	ticks %= c->count;
	/* Mode 3 counts by two. */
	return c->mode == 3 ? c->count - (ticks * 2) % c->count : c->count - ticks;
}

/*
 * The host's timer is at the end of counter 0's period, the next one if it repeats. A
 * count may be over by now: Linux asks for as few as 15, and waits for that interrupt.
 */
static void arm(void)
{
	const struct counter *c = &counters[0];
	u64 ticks = elapsed(c), left = 0;

	armed = c->count;
	if (!armed) {
		hypercall(RL_HC_SET_TIMER, STOP, 0, 0);
		return;
	}
	if (is_periodic(c))
		left = c->count - ticks % c->count;
	else if (ticks < c->count)
		left = c->count - ticks;
	hypercall(RL_HC_SET_TIMER, left * SECOND / HZ_PIT, 0, 0);
}

/* The host's timer. */
void pit_expired(void)
{
	const struct counter *c = &counters[0];

	console_flush();
	if (!armed)
		return;
	/* Of an earlier count, which was over when it was replaced: ours is to come. */
	if (!is_periodic(c) && elapsed(c) + ROUNDED < c->count) {
		arm();
		return;
	}
	pic_raise(0);
	armed = false;
	if (is_periodic(c))
		arm();
}

static void start(struct counter *c, u16 count)
{
	c->count = count ? count : 65536;
	c->start = now();
	if (c == &counters[0])
		arm();
}

static void set_count(struct counter *c, u8 value)
{
	if (c->access == 1) {
		start(c, value);
	} else if (c->access == 2) {
		start(c, value << 8);
	} else if (!c->wrote_low) {
		c->low = value;
		c->wrote_low = true;
	} else {
		c->wrote_low = false;
		start(c, c->low | value << 8);
	}
}

static void control(u8 value)
{
	struct counter *c = &counters[value >> 6];

	if (value >> 6 == 3)	/* read-back: Linux does not use it */
		return;
	if (!(value & 0x30)) {
		c->latch = value_of(c);
		c->latched = true;
		c->read_low = false;
		return;
	}
	c->access = value >> 4 & 3;
	c->mode = value >> 1 & 7;
	if (c->mode > 5)	/* 6 and 7 are 2 and 3 */
		c->mode -= 4;
	c->count = 0;
	c->wrote_low = c->read_low = c->latched = false;
	if (c == &counters[0])
		arm();
}

static u8 read_count(struct counter *c)
{
	u16 value = c->latched ? c->latch : value_of(c);

	if (c->access == 1 || (c->access == 3 && !c->read_low)) {
		c->read_low = c->access == 3;
		c->latched = c->latched && c->access == 3;
		return value;
	}
	c->read_low = c->latched = false;
	return value >> 8;
}

static u8 read_speaker(void)
{
	const struct counter *c = &counters[2];
	bool out = c->count && elapsed(c) >= c->count;

	return speaker | (out ? OUT_2 : 0);
}

static void write_speaker(u8 value)
{
	/* A gate that opens starts the counter. */
	if (value & ~speaker & GATE_2)
		counters[2].start = now();
	speaker = value & SPEAKER_BITS;
}

u8 pit_read(u16 port)
{
	if (port == SPEAKER)
		return read_speaker();
	return port == 0x43 ? 0xff : read_count(&counters[port & 3]);
}

void pit_write(u16 port, u8 value)
{
	if (port == SPEAKER)
		write_speaker(value);
	else if (port == 0x43)
		control(value);
	else
		set_count(&counters[port & 3], value);
}
