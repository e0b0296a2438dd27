// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's events as a timeline and a table: what is paired with what; and events that
 * no guest sends: in any order, with any number, of more vCPUs than there is room for.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "abi/guest.h"
#include "abi/ringlet.h"
#include "launcher/histogram.h"
#include "launcher/trace.h"

static char *json, *summary;
static size_t json_size;
static FILE *out;
static struct trace *trace;

static const char *thread_name(void *context, pid_t tid, char *buffer,
			       size_t size)
{
	(void)context;
	(void)buffer;
	(void)size;
	return tid == 8 ? "vcpu0" : "a \"name\" with \\ and \n";
}

static const char *device_name(void *context, int vm, unsigned int n,
			       char *buffer, size_t size)
{
	(void)context;
	(void)vm;
	snprintf(buffer, size, "disk%u", n);
	return buffer;
}

static const struct trace_names names = { thread_name, device_name, NULL };

static int set_up(void **state)
{
	(void)state;
	out = open_memstream(&json, &json_size);
	trace = trace_begin(out, 7, "web \"1\"", &names);
	assert_non_null(trace);
	return 0;
}

/* Ends the trace; the timeline's events, for json_object_put() of *all. */
static struct json_object *finish(struct json_object **all, uint64_t lost)
{
	struct json_object *list = NULL;
	size_t size;
	FILE *to = open_memstream(&summary, &size);

	trace_summary(trace, to, lost);
	fclose(to);
	trace_end(trace);
	fclose(out);
	*all = json_tokener_parse(json);
	if (!*all || !json_object_object_get_ex(*all, "traceEvents", &list))
		fail_msg("no timeline:\n%s", json);
	return list;
}

static int tear_down(void **state)
{
	(void)state;
	free(json);
	free(summary);
	return 0;
}

#define FEED(...) trace_feed(trace, &(struct trace_event){ __VA_ARGS__ })
#define ENTRY(t, r) FEED(TRACE_ENTRY, t, 8, 3, .rip = 0x1000, .ring = r)
#define EXIT(t, v, a) FEED(TRACE_EXIT, t, 8, 3, .vector = v, .rax = a)
#define DEVICE(n) (RL_MMIO_BASE + (n) * RL_MMIO_STRIDE + 0x50)

static const char *text_of(struct json_object *event, const char *member)
{
	struct json_object *value;

	return json_object_object_get_ex(event, member, &value) ?
		       json_object_get_string(value) : "";
}

/* The n-th event of this phase and name; NULL: there are not so many. */
static struct json_object *event(struct json_object *list, const char *phase,
				 const char *name, unsigned int n)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);

		if (!strcmp(text_of(e, "ph"), phase) &&
		    !strcmp(text_of(e, "name"), name) && !n--)
			return e;
	}
	return NULL;
}

static void assert_slice(struct json_object *list, const char *name,
			 const char *ts, const char *dur)
{
	struct json_object *e = event(list, "X", name, 0);

	if (!e)
		fail_msg("no slice %s in\n%s", name, json);
	assert_string_equal(text_of(e, "ts"), ts);
	assert_string_equal(text_of(e, "dur"), dur);
}

#define assert_row(text) do {						\
	if (!strstr(summary, text))					\
		fail_msg("no \"%s\" in\n%s", text, summary);		\
} while (0)

static void test_worlds(void **state)
{
	struct json_object *all, *list;

	(void)state;
	ENTRY(1000000, 1);
	EXIT(1002500, 14, 0);
	ENTRY(1003000, 3);
	EXIT(1003750, RL_EXITS_HYPERCALL, RL_HC_HALT);
	FEED(TRACE_INJECT, 1004000, 8, 3, .vector = RL_IRQ_BASE + 2);
	ENTRY(1103750, 1);
	EXIT(1103751, 0xec | 0x2000, 0);
	list = finish(&all, 0);
	assert_slice(list, "guest, from ring 1", "0.000", "2.500");
	assert_slice(list, "#PF", "2.500", "0.500");
	assert_slice(list, "guest, from ring 3", "3.000", "0.750");
	assert_slice(list, "hypercall halt", "3.750", "100.000");
	assert_non_null(event(list, "i", "line 2", 0));
	/* An exit without an entry is counted, and no slice. */
	assert_null(event(list, "X", "irq 0xec", 0));
	assert_row("7 events in 0.000 s");
	assert_row("#PF                                1       0.5");
	assert_row("irq 0xec                           1       0.000");
	assert_row("in the guest                       3 ");
	assert_null(strstr(summary, "LOST"));
	json_object_put(all);
}

static void test_rings(void **state)
{
	struct json_object *all, *list;

	(void)state;
	FEED(TRACE_NOTIFY, 1000, 8, 3, .address = DEVICE(1), .queue = 0);
	FEED(TRACE_NOTIFY, 2000, 8, 3, .address = DEVICE(1), .queue = 1);
	/* The timer's line, and another device's. */
	FEED(TRACE_RAISE, 2500, 9, 3, .line = RL_IRQ_TIMER);
	FEED(TRACE_RAISE, 2600, 9, 3, .line = RL_IRQ_DEVICE);
	FEED(TRACE_RAISE, 5000, 9, 3, .line = RL_IRQ_DEVICE + 1);
	FEED(TRACE_RAISE, 6000, 9, 3, .line = RL_IRQ_DEVICE + 1);
	list = finish(&all, 3);
	assert_slice(list, "queue 0", "0.000", "4.000");
	assert_null(event(list, "X", "queue 1", 0));
	assert_non_null(event(list, "i", "notify queue 1", 0));
	assert_non_null(event(list, "i", "interrupt", 2));
	assert_row("notification to interrupt\ndisk1                              1");
	assert_row("line 3                             2");
	assert_row("3 events were LOST");
	json_object_put(all);
}

/* What was begun before a gap is not ended by what comes behind it. */
static void test_gap(void **state)
{
	struct json_object *all, *list;

	(void)state;
	ENTRY(1000, 1);
	FEED(TRACE_NOTIFY, 1000, 8, 3, .address = DEVICE(0));
	trace_gap(trace);
	EXIT(900000, 14, 0);
	FEED(TRACE_RAISE, 900000, 9, 3, .line = RL_IRQ_DEVICE);
	trace_gap(trace);
	ENTRY(901000, 1);
	list = finish(&all, 0);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		assert_string_not_equal(
			text_of(json_object_array_get_idx(list, i), "ph"), "X");
	json_object_put(all);
}

/* Two vCPUs of one thread, and one that two threads ran: what counts is the id. */
static void test_vcpus(void **state)
{
	struct json_object *all, *list;

	(void)state;
	FEED(TRACE_ENTRY, 1000000, 8, 3, .ring = 1);
	FEED(TRACE_ENTRY, 1001000, 8, 3, 1, .ring = 3);
	FEED(TRACE_EXIT, 1002000, 9, 3, .vector = 14);
	FEED(TRACE_RAISE, 1002500, 9, 3, 1, .line = RL_IRQ_TIMER);
	FEED(TRACE_EXIT, 1004000, 8, 3, 1, .vector = 13);
	list = finish(&all, 0);
	assert_slice(list, "guest, from ring 1", "0.000", "2.000");
	assert_slice(list, "guest, from ring 3", "1.000", "3.000");
	assert_non_null(strstr(json_object_to_json_string(
		event(list, "i", "line 0", 0)), "\"vcpu\": 1"));
	assert_row("in the guest                       2 ");
	json_object_put(all);
}

/* Names are others': the JSON stays JSON. */
static void test_names(void **state)
{
	struct json_object *all, *list, *args;

	(void)state;
	FEED(TRACE_ENTRY, 1000, 9, 3, .rip = 0);
	list = finish(&all, 0);
	json_object_object_get_ex(event(list, "M", "process_name", 0), "args",
				  &args);
	assert_string_equal(text_of(args, "name"), "guest web ?1?");
	json_object_object_get_ex(event(list, "M", "thread_name", 0), "args",
				  &args);
	assert_string_equal(text_of(args, "name"),
			    "vm 3 a ?name? with ? and ?");
	json_object_put(all);
}

/* Each is possible in a record, if not from the module. */
static void test_hostile_events(void **state)
{
	static const uint64_t values[] = { 0, 1, 255, 256, 257, 511, 0x1008,
					   1ull << 32, UINT64_MAX - 1,
					   UINT64_MAX };
	enum { VALUES = sizeof(values) / sizeof(*values) };
	struct json_object *all;
	uint32_t seed = 1;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct trace_event e;
		uint64_t random[8];

		for (int j = 0; j < 8; j++) {
			seed = seed * 1664525 + 1013904223;
			random[j] = values[(seed >> 16) % VALUES];
		}
		e = (struct trace_event){
			.kind = i % TRACE_KINDS, .ns = random[0],
			.tid = random[1], .vm = random[2] % 300,
			.vcpu = random[1],
			.rip = random[3], .vector = random[4],
			.error = random[5], .rax = random[6],
			.address = i % 3 ? DEVICE(random[3] % 40) : random[3],
			.queue = random[7], .ring = random[5],
			.line = random[6] % 80,
		};
		trace_feed(trace, &e);
		if (i % 97 == 0)
			trace_gap(trace);
	}
	finish(&all, UINT64_MAX);
	assert_row("20000 events in");
	assert_row("of too many vCPUs or boots, or of none");
	json_object_put(all);
}

/* A trace without events has a table and a timeline, too; and one without a file. */
static void test_nothing(void **state)
{
	struct json_object *all;

	(void)state;
	finish(&all, 0);
	assert_row("0 events in 0.000 s");
	json_object_put(all);
	trace = trace_begin(NULL, 7, "", &names);
	ENTRY(1, 1);
	EXIT(2, 14, 0);
	ENTRY(3, 1);
	trace_end(trace);
}

static void test_percentiles(void **state)
{
	static struct histogram h;

	(void)state;
	assert_int_equal(histogram_percentile(&h, 50), 0);
	for (uint64_t i = 1; i <= 10000; i++)
		histogram_add(&h, i * 1000);
	assert_int_equal(h.count, 10000);
	assert_int_equal(h.total, 50005000000);
	assert_in_range(histogram_percentile(&h, 50), 4900000, 5100000);
	assert_in_range(histogram_percentile(&h, 99), 9700000, 10100000);
	assert_in_range(histogram_percentile(&h, 100), 9800000, 10200000);
	memset(&h, 0, sizeof(h));
	histogram_add(&h, 7);
	assert_int_equal(histogram_percentile(&h, 1), 7);
	assert_int_equal(histogram_percentile(&h, 99), 7);
	memset(&h, 0, sizeof(h));
	histogram_add(&h, UINT64_MAX);
	assert_true(histogram_percentile(&h, 50) > UINT64_MAX - UINT64_MAX / 50);
	memset(&h, 0, sizeof(h));
	histogram_add(&h, 32);
	assert_int_equal(histogram_percentile(&h, 50), 32);
	histogram_add(&h, 63);
	assert_int_equal(histogram_percentile(&h, 99), 63);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_worlds),
		TEST(test_rings),
		TEST(test_gap),
		TEST(test_vcpus),
		TEST(test_names),
		TEST(test_hostile_events),
		TEST(test_nothing),
		cmocka_unit_test(test_percentiles),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
