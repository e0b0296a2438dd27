// SPDX-License-Identifier: GPL-2.0
/*
 * The shim's interrupt controllers and its timer, as Linux uses them. The TSC is the
 * processor's, at a pace that this test names.
 */
#include <string.h>

#include "unit.h"

#include "guest_i386/shim.h"

volatile struct rl_shared shared;
const struct rl_i386_image image;
u32 idt_base;

static u64 timer_ns;
static unsigned int timers;

s64 hypercall(u64 number, u64 a, u64 b, u64 c)
{
	(void)b;
	(void)c;
	if (number == RL_HC_SET_TIMER) {
		timer_ns = a;
		timers++;
	}
	return 0;
}

void console_flush(void) { }

#include "guest_i386/pic.c"
#undef SECOND
#include "guest_i386/pit.c"

/* Vectors from 0x30, as Linux has them; all pins on but those of mask. */
static int set_up(void **state)
{
	static const u8 first[] = { 0x11, 0x30, 0x04, 0x01 };
	static const u8 second[] = { 0x11, 0x38, 0x02, 0x01 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		pic_write(i ? 0x21 : 0x20, first[i]);
		pic_write(i ? 0xa1 : 0xa0, second[i]);
	}
	pic_write(0x21, 0);
	pic_write(0xa1, 0);
	shared.tsc_khz = 1000000;
	pit_start();
	return 0;
}

static void eoi(unsigned int pin)
{
	if (pin < 8) {
		pic_write(0x20, 0x60 | pin);
	} else {
		pic_write(0xa0, 0x60 | (pin - 8));
		pic_write(0x20, 0x62);
	}
}

static void test_one_after_the_other(void **state)
{
	(void)state;
	assert_false(pic_waits());
	assert_int_equal(pic_take(), -1);
	pic_raise(5);
	pic_raise(0);
	assert_true(pic_waits());
	assert_int_equal(pic_take(), 0x30);
	/* The less urgent one waits for the end of the other. */
	assert_false(pic_waits());
	assert_int_equal(pic_take(), -1);
	eoi(0);
	assert_true(pic_waits());
	assert_int_equal(pic_take(), 0x35);
	/* A more urgent one does not. */
	pic_raise(0);
	assert_int_equal(pic_take(), 0x30);
	eoi(0);
	eoi(5);
	assert_false(pic_waits());
}

static void test_second_chip(void **state)
{
	(void)state;
	pic_raise(14);
	assert_int_equal(pic_take(), 0x3e);
	pic_raise(10);
	/* Behind pin 2 of the first, which is in service. */
	assert_int_equal(pic_take(), -1);
	eoi(14);
	assert_int_equal(pic_take(), 0x3a);
	eoi(10);
	assert_int_equal(pic_take(), -1);
}

static void test_mask(void **state)
{
	(void)state;
	pic_write(0x21, 1 << 4);
	assert_int_equal(pic_read(0x21), 1 << 4);
	pic_raise(4);
	assert_false(pic_waits());
	pic_write(0x21, 0);
	assert_int_equal(pic_take(), 0x34);
	eoi(4);
}

/* A level is there until it goes, whatever was acknowledged. */
static void test_level(void **state)
{
	(void)state;
	pic_level(9, true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pic_take(), 0x39);
		eoi(9);
	}
	pic_level(9, false);
	assert_false(pic_waits());
}

/* --- the timer -------------------------------------------------------------------- */

static void count(u8 mode, u16 ticks)
{
	pit_write(0x43, 0x30 | mode << 1);
	pit_write(0x40, ticks);
	pit_write(0x40, ticks >> 8);
}

static void test_shortest_count(void **state)
{
	(void)state;
	timers = 0;
	/* Over before anybody could look at it: it must fire all the same. */
	shared.tsc_khz = 1;
	ticks_per_tsc = (1ull << 32) * 1000;
	count(4, 15);
	assert_true(timers);
	assert_int_not_equal(timer_ns, ~0ull);
	pit_expired();
	assert_int_equal(pic_take(), 0x30);
	eoi(0);
}

/* The interrupt of a count that was replaced is not the new one's. */
static void test_replaced_count(void **state)
{
	(void)state;
	ticks_per_tsc = 1;	/* no time passes */
	count(4, 100);
	count(4, 1000);
	timer_ns = 0;
	pit_expired();
	assert_false(pic_waits());
	assert_in_range(timer_ns, 999 * 838, 1001 * 839);
	/* And its own comes. */
	ticks_per_tsc = (1ull << 32) * 1000;
	pit_expired();
	assert_int_equal(pic_take(), 0x30);
	eoi(0);
	/* Once. */
	pit_expired();
	assert_false(pic_waits());
}

static void test_periodic(void **state)
{
	(void)state;
	ticks_per_tsc = 1;
	count(2, 4772);
	for (int i = 0; i < 3; i++) {
		timer_ns = 0;
		pit_expired();
		assert_int_equal(pic_take(), 0x30);
		eoi(0);
		assert_in_range(timer_ns, 3990000, 4010000);
	}
	/* A control word without a count stops it. */
	pit_write(0x43, 0x30);
	assert_true(timer_ns == ~0ull);
	pit_expired();
	assert_false(pic_waits());
}

static void test_latch(void **state)
{
	u16 value;

	(void)state;
	ticks_per_tsc = 1;
	count(4, 0x1234);
	pit_write(0x43, 0x00);
	ticks_per_tsc = (1ull << 32) * 1000;
	value = pit_read(0x40);
	value |= pit_read(0x40) << 8;
	assert_int_equal(value, 0x1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f_) cmocka_unit_test_setup(f_, set_up)
		T(test_one_after_the_other),
		T(test_second_chip),
		T(test_mask),
		T(test_level),
		T(test_shortest_count),
		T(test_replaced_count),
		T(test_periodic),
		T(test_latch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
