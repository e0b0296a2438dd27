// SPDX-License-Identifier: GPL-2.0
/* The input ring, and writing to readers of every temper. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "unit.h"

#include "launcher/console.h"

static struct console console;
static atomic_bool stop;

static int set_up(void **state)
{
	(void)state;
	atomic_store(&stop, false);
	return console_init(&console);
}

static int tear_down(void **state)
{
	(void)state;
	console_destroy(&console);
	return 0;
}

static bool room_was_signalled(void)
{
	eventfd_t value;

	return !eventfd_read(console.room_fd, &value);
}

static void test_ring_order(void **state)
{
	char out[8] = "";
	bool more;

	(void)state;
	assert_int_equal(console_take(&console, out, 8, &more), 0);
	assert_false(more);
	assert_int_equal(console_put(&console, "abcde", 5), 5);
	assert_int_equal(console_take(&console, out, 3, &more), 3);
	assert_true(more);
	assert_memory_equal(out, "abc", 3);
	assert_int_equal(console_take(&console, out, 8, &more), 2);
	assert_false(more);
	assert_memory_equal(out, "de", 2);
	assert_false(room_was_signalled());
}

static void test_ring_full(void **state)
{
	char big[CONSOLE_RING_SIZE + 10], out[CONSOLE_RING_SIZE];
	bool more;
	int i;

	(void)state;
	for (i = 0; i < (int)sizeof(big); i++)
		big[i] = i % 251;
	/* Not from the ring's start, so that it wraps. */
	console_put(&console, "xxx", 3);
	console_take(&console, out, 3, &more);
	assert_int_equal(console_put(&console, big, sizeof(big)),
			 CONSOLE_RING_SIZE);
	assert_int_equal(console_room(&console), 0);
	assert_int_equal(console_put(&console, "y", 1), 0);
	assert_int_equal(console_take(&console, out, 0, &more), 0);
	assert_false(room_was_signalled());
	assert_int_equal(console_take(&console, out, sizeof(out), &more),
			 CONSOLE_RING_SIZE);
	assert_true(room_was_signalled());
	assert_false(more);
	assert_memory_equal(out, big, CONSOLE_RING_SIZE);
	assert_int_equal(console_room(&console), CONSOLE_RING_SIZE);
}

static void *slow_reader(void *argument)
{
	int fd = *(int *)argument;
	static char bytes[1 << 20];
	size_t all = 0;
	ssize_t got;

	while ((got = read(fd, bytes, 1000)) > 0)
		all += got;
	return (void *)all;
}

/* A non-blocking pipe that is full most of the time. */
static void test_write_nonblocking(void **state)
{
	static char data[300000];
	pthread_t reader;
	void *received;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	pthread_create(&reader, NULL, slow_reader, &fds[0]);
	assert_int_equal(console_write(fds[1], data, sizeof(data), &stop),
			 sizeof(data));
	close(fds[1]);
	pthread_join(reader, &received);
	assert_int_equal((size_t)received, sizeof(data));
	close(fds[0]);
}

static void test_write_to_nobody(void **state)
{
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(console_write(fds[1], "x", 1, &stop), -EPIPE);
	close(fds[1]);
	assert_int_equal(console_write(-1, "x", 1, &stop), -EBADF);
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
	atomic_store(&stop, true);
}

/* Nobody reads the pipe, and the guest is to be stopped. */
static void test_write_is_stopped(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm };
	static char data[300000];
	int fds[2];
	ssize_t done;

	(void)state;
	sigaction(SIGALRM, &action, NULL);
	assert_int_equal(pipe(fds), 0);
	alarm(1);
	done = console_write(fds[1], data, sizeof(data), &stop);
	assert_in_range(done, 4096, sizeof(data) - 1);
	assert_true(atomic_load(&stop));
	/* And with a pipe that does not block. */
	atomic_store(&stop, false);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	alarm(1);
	assert_int_equal(console_write(fds[1], data, sizeof(data), &stop), 0);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_ring_order),
		TEST(test_ring_full),
		TEST(test_write_nonblocking),
		TEST(test_write_to_nobody),
		TEST(test_write_is_stopped),
	};

	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
