// SPDX-License-Identifier: GPL-2.0
/* Names of sockets: whose they are, and what is never removed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "virtio_devices/named_socket.h"

#define RACERS	4
#define ROUNDS	25

static char folder[64], path[96];
static struct named_socket name;

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ringlet-name.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	return named_socket_open(&name, path);
}

static int tear_down(void **state)
{
	(void)state;
	named_socket_close(&name);
	unlink(path);
	return rmdir(folder);
}

static bool can_connect(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool can = !connect(fd, (struct sockaddr *)&name.address,
			    sizeof(name.address));

	close(fd);
	return can;
}

/* As kill -9 leaves it. */
static void leave_stale(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&name.address,
			      sizeof(name.address)), 0);
	close(fd);
	assert_false(can_connect());
}

static void test_listen(void **state)
{
	int fd = named_socket_listen(&name, 1);

	(void)state;
	assert_true(fd >= 0);
	assert_true(can_connect());
	named_socket_remove(&name);
	assert_int_not_equal(access(path, F_OK), 0);
	close(fd);
}

static void test_stale_is_taken_over(void **state)
{
	int fd;

	(void)state;
	leave_stale();
	fd = named_socket_listen(&name, 1);
	assert_true(fd >= 0);
	assert_true(can_connect());
	close(fd);
}

/* Files, links and pipes: nothing of them is ours. */
static void test_only_sockets_are_removed(void **state)
{
	char target[96];
	struct stat status;

	(void)state;
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(named_socket_listen(&name, 1), -EEXIST);
	named_socket_remove(&name);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(named_socket_listen(&name, 1), -EEXIST);
	assert_int_equal(unlink(path), 0);

	snprintf(target, sizeof(target), "%s/none", folder);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(named_socket_listen(&name, 1), -EEXIST);
	assert_int_equal(lstat(path, &status), 0);
	assert_int_equal(unlink(path), 0);
}

/* Nor is a name removed that somebody else has bound again. */
static void test_the_living_are_left_alone(void **state)
{
	struct named_socket other = { 0 };
	int fd, second;

	(void)state;
	assert_int_equal(named_socket_open(&other, path), 0);
	fd = named_socket_listen(&name, 1);
	assert_true(fd >= 0);
	assert_int_equal(named_socket_listen(&other, 1), -EADDRINUSE);
	/* The question was no connection: the backlog is empty. */
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(can_connect());

	assert_int_equal(unlink(path), 0);
	second = named_socket_listen(&other, 1);
	assert_true(second >= 0);
	named_socket_remove(&name);
	assert_int_equal(access(path, F_OK), 0);
	named_socket_close(&other);
	assert_int_not_equal(access(path, F_OK), 0);
	close(second);
	close(fd);
}

static void test_lock(void **state)
{
	int lock = open(folder, O_RDONLY | O_DIRECTORY);

	(void)state;
	leave_stale();
	assert_int_equal(flock(lock, LOCK_EX), 0);
	assert_int_equal(named_socket_listen(&name, 1), -EAGAIN);
	close(lock);
}

/* A racer: 1 if it listens. It lives until all have tried. */
static void race(int go, int done)
{
	struct named_socket own = { 0 };
	char byte;
	int fd = -1;

	if (named_socket_open(&own, path) || read(go, &byte, 1) < 0)
		_exit(9);
	do
		fd = named_socket_listen(&own, 1);
	while (fd == -EAGAIN);
	byte = fd >= 0 ? 'y' : fd == -EADDRINUSE ? 'n' : '?';
	if (write(done, &byte, 1) != 1)
		_exit(9);
	pause();
}

/* Of those that find the same stale name at once, one gets it. */
static void test_race(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int go[2], done[2], winners = 0;
		pid_t racers[RACERS];
		char byte;

		leave_stale();
		assert_int_equal(pipe(go) | pipe(done), 0);
		for (int i = 0; i < RACERS; i++) {
			racers[i] = fork();
			assert_true(racers[i] >= 0);
			if (racers[i])
				continue;
			close(go[1]);
			race(go[0], done[1]);
		}
		close(go[1]);
		for (int i = 0; i < RACERS; i++) {
			assert_int_equal(read(done[0], &byte, 1), 1);
			assert_true(byte == 'y' || byte == 'n');
			winners += byte == 'y';
		}
		assert_int_equal(winners, 1);
		assert_true(can_connect());
		for (int i = 0; i < RACERS; i++) {
			kill(racers[i], SIGKILL);
			waitpid(racers[i], NULL, 0);
		}
		close(go[0]);
		close(done[0]);
		close(done[1]);
		unlink(path);
	}
}

static void test_wrong_paths(void **state)
{
	struct named_socket none = { 0 };
	char big[200];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(named_socket_open(&none, big), -ENAMETOOLONG);
	assert_int_equal(named_socket_open(&none, ""), -EISDIR);
	assert_int_equal(named_socket_open(&none, "/tmp/"), -EISDIR);
	assert_int_equal(named_socket_open(&none, "/no/such/folder/s"),
			 -ENOENT);
	named_socket_close(&none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_listen),
		TEST(test_stale_is_taken_over),
		TEST(test_only_sockets_are_removed),
		TEST(test_the_living_are_left_alone),
		TEST(test_lock),
		TEST(test_race),
		cmocka_unit_test(test_wrong_paths),
	};

	return cmocka_run_group_tests_name("named_socket", tests, NULL, NULL);
}
