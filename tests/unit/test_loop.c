// SPDX-License-Identifier: GPL-2.0
/* The loop of a device's thread: sources, calls from other threads. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "unit.h"

#include "virtio_devices/loop.h"

static struct loop *loop;
static struct loop_source first, second;
static int first_called, second_called;

static int set_up(void **state)
{
	(void)state;
	first_called = second_called = 0;
	return loop_create(&loop);
}

static int tear_down(void **state)
{
	(void)state;
	loop_destroy(loop);
	return 0;
}

static void on_first(void *argument, uint32_t events)
{
	eventfd_t count;

	(void)argument;
	assert_true(events & EPOLLIN);
	eventfd_read(first.fd, &count);
	first_called++;
}

/* Whoever is served first takes the other away. */
static void on_either(void *argument, uint32_t events)
{
	(void)events;
	if (argument == &first)
		first_called++;
	else
		second_called++;
	loop_unwatch(loop, argument == &first ? &second : &first);
	loop_unwatch(loop, argument);
}

static void make(struct loop_source *source,
		 void (*callback)(void *, uint32_t))
{
	memset(source, 0, sizeof(*source));
	source->fd = eventfd(0, EFD_NONBLOCK);
	source->callback = callback;
	source->argument = source;
}

static void test_sources(void **state)
{
	(void)state;
	make(&first, on_first);
	assert_int_equal(loop_watch(loop, &first, EPOLLIN), 0);
	assert_int_equal(loop_run_once(loop, 0), 0);
	eventfd_write(first.fd, 1);
	assert_int_equal(loop_run_once(loop, 0), 1);
	assert_int_equal(first_called, 1);
	/* Not interested for a while. */
	assert_int_equal(loop_watch(loop, &first, 0), 0);
	eventfd_write(first.fd, 1);
	assert_int_equal(loop_run_once(loop, 0), 0);
	assert_int_equal(loop_watch(loop, &first, EPOLLIN), 0);
	assert_int_equal(loop_run_once(loop, 0), 1);
	loop_unwatch(loop, &first);
	loop_unwatch(loop, &first);
	eventfd_write(first.fd, 1);
	assert_int_equal(loop_run_once(loop, 0), 0);
	close(first.fd);
}

/* Both are ready in the same round; only one may be called. */
static void test_unwatch_in_a_round(void **state)
{
	(void)state;
	make(&first, on_either);
	make(&second, on_either);
	loop_watch(loop, &first, EPOLLIN);
	loop_watch(loop, &second, EPOLLIN);
	eventfd_write(first.fd, 1);
	eventfd_write(second.fd, 1);
	assert_int_equal(loop_run_once(loop, 0), 1);
	assert_int_equal(first_called + second_called, 1);
	assert_int_equal(loop_run_once(loop, 0), 0);
	close(first.fd);
	close(second.fd);
}

static pthread_t called_on;
static int calls;

static void nested(void *argument)
{
	*(bool *)argument = true;
}

static void count_call(void *argument)
{
	bool was_called = false;

	called_on = pthread_self();
	calls += *(int *)argument;
	/* On the loop's thread already: at once. */
	loop_call(loop, nested, &was_called);
	assert_true(was_called);
}

static void *call_often(void *argument)
{
	for (int i = 0; i < 500; i++)
		loop_call(loop, count_call, argument);
	return NULL;
}

/* Calls from several threads: each waits for its own, none is lost. */
static void test_calls(void **state)
{
	pthread_t threads[3];
	int one = 1;

	(void)state;
	calls = 0;
	loop_call(loop, count_call, &one);
	assert_true(pthread_equal(called_on, pthread_self()));
	for (int round = 0; round < 2; round++) {
		assert_int_equal(loop_start(loop, "test"), 0);
		for (int i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, call_often, &one);
		for (int i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		assert_false(pthread_equal(called_on, pthread_self()));
		loop_stop(loop);
	}
	assert_int_equal(calls, 3001);
	loop_stop(loop);
	loop_call(loop, count_call, &one);
	assert_true(pthread_equal(called_on, pthread_self()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sources, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_unwatch_in_a_round,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_calls, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
