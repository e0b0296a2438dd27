// SPDX-License-Identifier: GPL-2.0
/* The bridge of a shared folder, with a 9P server that the test itself plays. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"
#include "virtio_devices/share.h"
#include "virtio_devices/share_server.h"

static struct fake_driver driver;
static struct virtio_device *device;
static int server = -1;		/* our end */
static bool asked_readonly;

int share_server_start(const char *path, bool readonly,
		       struct share_server *started, char *message, size_t size)
{
	int fds[2];

	(void)path;
	(void)message;
	(void)size;
	asked_readonly = readonly;
	assert_false(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	server = fds[1];
	*started = (struct share_server){ .fd = fds[0], .pid = 1 << 30,
					  .confined = true };
	return 0;
}

static int create(const char *text, char *message, size_t size)
{
	struct virtio_setup setup = { .cpus = 1 };

	return share_kind.create(text, &setup, &device, message, size);
}

static int set_up(void **state)
{
	(void)state;
	device = fake_create(&driver, &share_kind, "/tmp,tag=ours", 1, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_driver_end(&driver);
	virtio_destroy(device);
	if (server >= 0)
		close(server);
	server = -1;
	return 0;
}

/* --- messages ------------------------------------------------------------------ */

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, 4);	/* little endian, as all of x86 is */
}

static size_t make(uint8_t *at, uint8_t type, uint16_t tag, const void *body,
		   size_t bytes)
{
	put32(at, 7 + bytes);
	at[4] = type;
	memcpy(at + 5, &tag, 2);
	memcpy(at + 7, body, bytes);
	return 7 + bytes;
}

/* A request in two pieces with room for a reply of `room` bytes: where that is. */
static uint64_t request(uint8_t type, uint16_t tag, const void *body,
			size_t bytes, uint32_t room)
{
	uint64_t gpa = fake_alloc(&driver, 7 + bytes);
	uint64_t reply = fake_alloc(&driver, room);
	struct fake_buffer buffers[] = {
		{ gpa, 5 }, { gpa + 5, 2 + bytes }, { reply, room },
	};

	make(fake_at(&driver, gpa), type, tag, body, bytes);
	fake_add(&driver, 0, buffers, 2, 1);
	fake_kick(&driver, 0);
	return reply;
}

static size_t from_guest(uint8_t *message, size_t size)
{
	ssize_t got = read(server, message, size);

	return got < 0 ? 0 : got;
}

static void answer(uint8_t type, uint16_t tag, const void *body, size_t bytes)
{
	uint8_t message[256];
	size_t size = make(message, type, tag, body, bytes);

	/* In two pieces, the way a socket may deliver it. */
	assert_int_equal(write(server, message, 3), 3);
	fake_run(&driver);
	assert_int_equal(write(server, message + 3, size - 3), size - 3);
	fake_run(&driver);
}

static uint32_t used(void)
{
	uint32_t written;
	uint16_t head;

	assert_true(fake_used(&driver, 0, &head, &written));
	return written;
}

static bool nothing_used(void)
{
	uint32_t written;
	uint16_t head;

	return !fake_used(&driver, 0, &head, &written);
}

/* --- tests ------------------------------------------------------------------------ */

static void test_there_and_back(void **state)
{
	uint8_t message[64];
	uint64_t reply;

	(void)state;
	reply = request(100, 0xffff, "hello", 5, 64);
	assert_int_equal(from_guest(message, sizeof(message)), 12);
	assert_memory_equal(message + 7, "hello", 5);
	assert_true(nothing_used());
	answer(101, 0xffff, "fine", 4);
	assert_int_equal(used(), 11);
	assert_memory_equal((uint8_t *)fake_at(&driver, reply) + 7, "fine", 4);
}

static void test_replies_in_any_order(void **state)
{
	uint8_t message[64];
	uint64_t first, second;

	(void)state;
	first = request(116, 1, "one", 3, 64);
	second = request(116, 2, "two", 3, 64);
	assert_int_equal(from_guest(message, sizeof(message)), 20);
	answer(117, 2, "TWO", 3);
	assert_int_equal(used(), 10);
	answer(117, 1, "ONE", 3);
	assert_int_equal(used(), 10);
	assert_memory_equal((uint8_t *)fake_at(&driver, first) + 7, "ONE", 3);
	assert_memory_equal((uint8_t *)fake_at(&driver, second) + 7, "TWO", 3);
}

/* Whatever folder of the server's a guest asks for, it gets the one. */
static void test_attach_gets_the_folder(void **state)
{
	static const uint8_t body[] = {
		1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 2, 0, 'm', 'e',
		4, 0, '/', 'e', 't', 'c', 0, 0, 0, 0,
	};
	uint8_t message[64];
	uint32_t user;

	(void)state;
	request(104, 1, body, sizeof(body), 64);
	assert_int_equal(from_guest(message, sizeof(message)),
			 7 + sizeof(body));
	assert_int_equal(message[0], 7 + sizeof(body));
	assert_memory_equal(message + 7 + 12, "\4\0/tmp", 6);
	memcpy(&user, message + 7 + 18, 4);
	assert_int_equal(user, geteuid());
}

/* A Tattach that is none never reaches the server. */
static void test_bad_attach(void **state)
{
	static const uint8_t body[] = { 1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	uint8_t message[64];
	uint64_t reply;

	(void)state;
	for (size_t bytes = 0; bytes <= sizeof(body); bytes++) {
		reply = request(104, 1, body, bytes, 64);
		assert_int_equal(from_guest(message, sizeof(message)), 0);
		assert_int_equal(used(), 11);
		assert_int_equal(((uint8_t *)fake_at(&driver, reply))[4], 7);
		assert_int_equal(((uint8_t *)fake_at(&driver, reply))[7],
				 EINVAL);
	}
}

/*
 * O_NOATIME is for a file's owner: asked for by overlayfs with a shared folder below
 * it, it made each open of another's file fail. No other flag, and no other message,
 * is touched.
 */
static void test_open_without_noatime(void **state)
{
	const uint32_t all[] = { 9, UINT32_MAX, 1 };
	uint8_t message[64];
	uint32_t flags;

	(void)state;
	request(12, 1, all, 8, 64);
	assert_int_equal(from_guest(message, sizeof(message)), 15);
	memcpy(&flags, message + 11, 4);
	assert_int_equal(flags, ~01000000u);
	assert_memory_equal(message + 7, all, 4);
	/* Too long and too short for a Tlopen, and another type. */
	request(12, 2, all, 12, 64);
	assert_int_equal(from_guest(message, sizeof(message)), 19);
	assert_memory_equal(message + 7, all, 12);
	request(12, 3, all + 1, 7, 64);
	assert_int_equal(from_guest(message, sizeof(message)), 14);
	assert_memory_equal(message + 7, all + 1, 7);
	request(14, 4, all, 8, 64);
	assert_int_equal(from_guest(message, sizeof(message)), 15);
	assert_memory_equal(message + 7, all, 8);
}

/* The flushed request gets no answer: its buffers go back, empty and first. */
static void test_flush(void **state)
{
	uint8_t message[64];
	uint16_t head, old = 5;
	uint32_t written;

	(void)state;
	request(116, old, "slow", 4, 64);
	request(108, 6, &old, 2, 64);
	assert_int_equal(from_guest(message, sizeof(message)), 20);
	answer(109, 6, "", 0);
	assert_true(fake_used(&driver, 0, &head, &written));
	assert_int_equal(written, 0);
	assert_int_equal(used(), 7);
	assert_true(nothing_used());
}

static void test_the_server_ends(void **state)
{
	uint64_t reply;

	(void)state;
	reply = request(116, 3, "x", 1, 64);
	close(server);
	server = -1;
	fake_run(&driver);
	assert_int_equal(used(), 11);
	assert_int_equal(((uint8_t *)fake_at(&driver, reply))[4], 7);
	assert_int_equal(((uint8_t *)fake_at(&driver, reply))[7], EIO);
	assert_non_null(strstr(driver.line, "the server has ended"));
	/* And at once for what comes later. */
	reply = request(116, 4, "y", 1, 64);
	assert_int_equal(used(), 11);
	assert_int_equal(((uint8_t *)fake_at(&driver, reply))[5], 4);
}

static void test_nonsense_of_the_server(void **state)
{
	static const uint32_t sizes[] = { 0, 6, 0xffffffff, (1 << 20) + 1 };

	for (size_t i = 0; i < 4; i++) {
		if (i) {
			tear_down(state);
			set_up(state);
		}
		request(116, 3, "x", 1, 64);
		assert_int_equal(write(server, &sizes[i], 4), 4);
		fake_run(&driver);
		assert_int_equal(used(), 11);
		assert_non_null(strstr(driver.line, "nonsense"));
	}
	tear_down(state);
	set_up(state);
	request(116, 3, "x", 1, 64);
	answer(117, 99, "", 0);
	assert_int_equal(used(), 11);
	assert_non_null(strstr(driver.line, "nobody asked"));
}

/* Sizes that lie, and no room for the answer, break the device. */
static void test_bad_requests(void **state)
{
	for (int i = 0; i < 3; i++) {
		uint64_t gpa;
		uint8_t *bytes;

		if (i) {
			tear_down(state);
			set_up(state);
		}
		gpa = fake_alloc(&driver, 64);
		bytes = fake_at(&driver, gpa);
		put32(bytes, i == 0 ? 33 : i == 1 ? 6 : 32);
		fake_add(&driver, 0, (struct fake_buffer[]){
				 { gpa, i == 1 ? 6 : 32 }, { gpa + 32, 8 } },
			 1, 1);
		fake_kick(&driver, 0);
		if (i == 2) {
			assert_int_equal(fake_status(&driver), 15);
			answer(117, 0, "too long", 8);
		}
		assert_int_equal(fake_status(&driver), 15 | 64);
	}
}

static void *answer_late(void *unused)
{
	uint8_t message[16];

	(void)unused;
	usleep(50000);
	assert_int_equal(write(server, message,
			       make(message, 117, 8, "", 0)), 7);
	return NULL;
}

/* A reply to the guest before must not be taken for one to the next. */
static void test_reset_awaits_replies(void **state)
{
	uint8_t message[64];
	pthread_t thread;
	uint64_t reply;

	(void)state;
	request(116, 8, "old", 3, 64);
	assert_int_equal(from_guest(message, sizeof(message)), 10);
	assert_false(pthread_create(&thread, NULL, answer_late, NULL));
	fake_write(&driver, 0x70, 0);
	pthread_join(thread, NULL);
	fake_driver_end(&driver);
	fake_driver_init(&driver);
	assert_int_equal(fake_driver_start(&driver, device, 1), 15);
	reply = request(116, 8, "new", 3, 64);
	assert_true(nothing_used());
	assert_int_equal(from_guest(message, sizeof(message)), 10);
	answer(117, 8, "NEW", 3);
	assert_int_equal(used(), 10);
	assert_memory_equal((uint8_t *)fake_at(&driver, reply) + 7, "NEW", 3);
}

/* More than the socket holds: the rest follows when there is room. */
static void test_full_socket(void **state)
{
	static uint8_t body[100000], all[1 << 20];
	size_t got = 0, bytes;
	unsigned int count = 8;

	(void)state;
	for (unsigned int i = 0; i < count; i++) {
		memset(body, i + 1, sizeof(body));
		request(118, i, body, sizeof(body), 64);
	}
	for (int tries = 0; got < count * (7 + sizeof(body)) && tries < 1000;
	     tries++) {
		bytes = from_guest(all + got, sizeof(all) - got);
		got += bytes;
		fake_run(&driver);
	}
	assert_int_equal(got, count * (7 + sizeof(body)));
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *at = all + i * (7 + sizeof(body));

		assert_int_equal(at[5], i);
		assert_int_equal(at[7], i + 1);
		assert_int_equal(at[6 + sizeof(body)], i + 1);
	}
}

static void test_options(void **state)
{
	static const char *const bad[] = {
		"", ",tag=x", "/tmp,tag=", "/tmp,tag", "/tmp,colour=red",
		"/nonexistent", "/dev/null", "/tmp,readonly=yes",
	};
	char message[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*message = '\0';
		assert_true(create(bad[i], message, sizeof(message)) < 0);
		assert_int_equal(strncmp(message, "--share", 7), 0);
	}
	assert_int_equal(create("/tmp,readonly", message, sizeof(message)), 0);
	assert_true(asked_readonly);
	assert_int_equal(virtio_read(device, 0x100, 1), strlen("share0"));
	assert_int_equal(virtio_read(device, 0x102, 1), 's');
	virtio_destroy(device);
	close(server);
	server = -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_replies_in_any_order,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_attach_gets_the_folder,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_attach, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_open_without_noatime,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flush, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_server_ends, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_nonsense_of_the_server,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_requests, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_reset_awaits_replies,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_socket, set_up,
						tear_down),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
