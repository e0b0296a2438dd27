// SPDX-License-Identifier: GPL-2.0
/* `ringlet top`: rates of two looks, in both forms, and the times that it is told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "launcher/duration.h"
#include "launcher/top.h"

static struct guest one, two;
static struct guests before = { 1, &one }, after = { 1, &two };

static int set_up(void **state)
{
	(void)state;
	one = (struct guest){ .pid = 7, .vm = 3, .name = "web",
			      .thread_count = 2,
			      .threads = { { 7, "ringlet", 'S', 0, 0 },
					   { 8, "vcpu0", 'R', 1, 100 } } };
	one.counters.vm.exits[14] = 1000;
	one.counters.vm.guest_ns = 5000000000;
	one.counters.devices[0].queues = 1;
	before.count = after.count = 1;
	two = one;
	return 0;
}

static char *written(void (*write)(FILE *, const struct guests *,
				   const struct guests *, double),
		     double seconds)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	write(out, &before, &after, seconds);
	fclose(out);
	return text;
}

#define assert_says(text, part) do {					\
	if (!strstr(text, part))					\
		fail_msg("no \"%s\" in\n%s", part, text);		\
} while (0)

static void count(void)
{
	two.counters.vm.exits[14] += 500;
	two.counters.vm.exits[RL_EXITS_HYPERCALL] += 2000;
	two.counters.vm.hypercalls[RL_HC_HALT] += 20;
	two.counters.vm.guest_ns += 1000000000;
	two.counters.vm.pages_known = 1024;
	two.counters.vm.shadow_pages = 77;
	two.counters.devices[0].notified[0] = 40;
	two.counters.devices[0].interrupts = 38;
	two.threads[1].ticks += 2 * sysconf(_SC_CLK_TCK);
}

static void test_table(void **state)
{
	char *text;

	(void)state;
	count();
	text = written(top_table, 2);
	assert_says(text, "1 guest, over 2.0 s\n");
	assert_says(text, "      7     3 web            50.0    0.0      1250");
	assert_says(text, "4M       77\n");
	assert_says(text, "  vcpu0         R, on processor 1, 100%\n");
	/* The most frequent first. */
	assert_says(text, "  exits/s       hypercall 1000  #PF 250\n");
	assert_says(text, "  hypercalls/s  halt 10\n");
	assert_says(text, "  device 0      queue 0: 20  interrupts: 19\n");
	free(text);
}

static void test_batch(void **state)
{
	static const char *const lines[] = {
		"7\t3\tweb\tnow\tbytes known\t4194304.0\n",
		"7\t3\tweb\tnow\tshadow pages\t77.0\n",
		"7\t3\tweb\tpercent\tvcpu0\t100.0\n",
		"7\t3\tweb\tpercent\tguest\t50.0\n",
		"7\t3\tweb\ttotal\texits\t1250.0\n",
		"7\t3\tweb\texits\t#PF\t250.0\n",
		"7\t3\tweb\texits\thypercall\t1000.0\n",
		"7\t3\tweb\thypercalls\thalt\t10.0\n",
		"7\t3\tweb\tnotifications\tdevice 0 queue 0\t20.0\n",
		"7\t3\tweb\tinterrupts\tdevice 0\t19.0\n",
	};
	char *text, *rest, *line;

	(void)state;
	count();
	text = written(top_batch, 2);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_says(text, lines[i]);
	/* Six words on each line, whatever is behind them. */
	for (rest = text; (line = strsep(&rest, "\n")) && *line;) {
		unsigned int tabs = 0;

		for (; *line; line++)
			tabs += *line == '\t';
		assert_int_equal(tabs, 5);
	}
	free(text);
}

/* A guest's first look, and a guest that rebooted: no rate is made of totals. */
static void test_new_guest(void **state)
{
	char *text;

	(void)state;
	two.vm = 4;
	text = written(top_table, 2);
	assert_says(text, "      7     4 web             0.0    0.0         0");
	assert_says(text, "new: its rates come with the next look\n");
	assert_null(strstr(text, "#PF"));
	free(text);
	before.count = 0;
	text = written(top_batch, 2);
	assert_says(text, "\tnow\tshadow pages\t");
	assert_null(strstr(text, "\ttotal\t"));
	free(text);
}

/* Counters that fell, and a clock that stood still. */
static void test_impossible(void **state)
{
	char *text;

	(void)state;
	two.counters.vm.exits[14] = 10;
	text = written(top_table, 2);
	assert_says(text, "  exits/s       none\n");
	free(text);
	count();
	text = written(top_batch, 0);
	assert_says(text, "\ttotal\texits\t0.0\n");
	free(text);
}

static void test_no_guests(void **state)
{
	char *text;

	(void)state;
	before.count = after.count = 0;
	text = written(top_table, 1);
	assert_says(text, "0 guests, over 1.0 s\n");
	free(text);
	text = written(top_batch, 1);
	assert_string_equal(text, "");
	free(text);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;	/* 0: refused */
	} cases[] = {
		{ "2s", 2000000000 }, { "500ms", 500000000 }, { "2", 2000000000 },
		{ "1.5", 1500000000 }, { ".5s", 500000000 }, { "1m", 60000000000 },
		{ "1440m", DURATION_MAX_NS }, { "1ms", 1000000 },
		{ "1441m", 0 }, { "0", 0 }, { "0.1ms", 0 }, { "", 0 }, { "s", 0 },
		{ "-1s", 0 }, { "+1s", 0 }, { " 1s", 0 }, { "1 s", 0 },
		{ "1sm", 0 }, { "1h", 0 }, { "inf", 0 }, { "nan", 0 },
		{ "0x10", 0 }, { "1e3", 0 }, { "1.2.3", 0 }, { ".", 0 },
		{ "99999999999999999999999999", 0 },
	};
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ns = 0;
		if (duration_parse(cases[i].text, &ns) !=
			    (cases[i].ns ? 0 : -EINVAL) || ns != cases[i].ns)
			fail_msg("\"%s\" became %llu", cases[i].text,
				 (unsigned long long)ns);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	static const struct CMUnitTest tests[] = {
		TEST(test_table),
		TEST(test_batch),
		TEST(test_new_guest),
		TEST(test_impossible),
		TEST(test_no_guests),
		TEST(test_durations),
	};

	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
