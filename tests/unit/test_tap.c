// SPDX-License-Identifier: GPL-2.0
/*
 * The tap: what it waits for, by a socket in its place; and whether it is up,
 * by a real one in a network namespace of this test's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"
#include "virtio_devices/net.h"
#include "virtio_devices/net_device.h"

#define HEADER	NET_HEADER_BYTES
#define FRAME	(HEADER + 60)

static struct fake_driver driver;
static struct virtio_device *device;
static int host;	/* the host's end of what stands for a tap */

static void start(struct net_backend *backend)
{
	struct net_options options = { .how = NET_TAP };
	struct virtio_setup setup = { .cpus = 1 };

	assert_int_equal(net_create_on(backend, &options, &setup, &device), 0);
	fake_driver_init(&driver);
	assert_int_equal(fake_driver_start(&driver, device,
					   VIRTIO_BIT(VIRTIO_NET_F_STATUS)),
			 15);
	fake_run(&driver);
}

static void start_fake(void)
{
	struct net_backend *backend;
	int fds[2], room = 1;	/* the least there is */

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK |
				    SOCK_CLOEXEC, 0, fds), 0);
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	host = fds[0];
	assert_int_equal(net_tap_on(fds[1], &backend), 0);
	start(backend);
}

static void finish(void)
{
	fake_destroy(&driver);
}

static void add_buffer(unsigned int queue)
{
	struct fake_buffer buffer = { fake_alloc(&driver, 2048), FRAME };
	bool receives = !(queue & 1);

	if (receives)
		buffer.bytes = 2048;
	fake_add(&driver, queue, &buffer, !receives, receives);
	fake_kick(&driver, queue);
}

static unsigned int host_reads(void)
{
	char frame[FRAME + 1];
	unsigned int count = 0;

	while (read(host, frame, sizeof(frame)) == FRAME)
		count++;
	return count;
}

static void host_writes(void)
{
	char frame[FRAME] = "";

	assert_int_equal(write(host, frame, sizeof(frame)), sizeof(frame));
	fake_run(&driver);
}

/*
 * While frames wait for room in the tap, the receiver may stop and start: that
 * is no business of the sender's, nor the other way round.
 */
static void test_room_and_frames_are_apart(void **state)
{
	unsigned int i, done;

	(void)state;
	start_fake();
	for (i = 0; i < 100; i++)
		add_buffer(1);
	done = fake_used_count(&driver, 1);
	assert_in_range(done, 1, 99);
	/* No buffers to receive into, then some. */
	host_writes();
	add_buffer(0);
	assert_int_equal(fake_used_count(&driver, 0), 1);
	assert_int_equal(host_reads(), done);
	fake_run(&driver);
	assert_true(fake_used_count(&driver, 1) > 0);
	for (i = 0; i < 100; i++) {
		done += host_reads();
		fake_run(&driver);
	}
	/* Again full, the receiver still stopped: nothing is read for it. */
	host_writes();
	host_writes();
	for (i = 0; i < 100; i++)
		add_buffer(1);
	host_reads();
	fake_run(&driver);
	assert_int_equal(loop_run_once(device->loop, 0), 0);
	add_buffer(0);
	assert_int_equal(fake_used_count(&driver, 0), 1);
	finish();
	close(host);
}

/* Frames that the other side does not take are in the statistics. */
static void test_drops_are_counted(void **state)
{
	struct virtio_counters counters;
	struct fake_buffer tiny;

	(void)state;
	start_fake();
	virtio_get_counters(device, &counters);
	assert_int_equal(counters.dropped, 0);
	tiny = (struct fake_buffer){ fake_alloc(&driver, 16), HEADER + 1 };
	fake_add(&driver, 1, &tiny, 1, 0);
	fake_kick(&driver, 1);
	close(host);
	add_buffer(1);
	virtio_get_counters(device, &counters);
	assert_int_equal(counters.dropped, 2);
	finish();
}

static bool is_up(void)
{
	return fake_read(&driver, VIRTIO_MMIO_CONFIG + 4) >> 16 &
	       VIRTIO_NET_S_LINK_UP;
}

/* Its administrator takes it down and up again, and deletes it. */
static void test_down_is_no_link(void **state)
{
	struct net_options options = { .how = NET_TAP, .name = "rltap0" };
	struct ifreq request = { .ifr_name = "rltap0" };
	struct net_backend *backend;
	char message[256] = "";
	int fd, i;

	(void)state;
	if (unshare(CLONE_NEWNET) && (unshare(CLONE_NEWUSER | CLONE_NEWNET))) {
		print_message("no network namespace: %s\n", strerror(errno));
		skip();
	}
	if (net_tap_open(&options, 1, &backend, message, sizeof(message))) {
		print_message("no tap: %s\n", message);
		skip();
	}
	start(backend);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(is_up(), i & 1);
		assert_int_equal(driver.config_interrupts, i);
		assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
		request.ifr_flags ^= IFF_UP;
		assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
		fake_run(&driver);
	}
	/* More news than the socket holds: the last word counts all the same. */
	assert_true(is_up() == 0);
	for (i = 0; i < 1001; i++) {
		request.ifr_flags ^= IFF_UP;
		assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	}
	fake_run(&driver);
	assert_true(is_up());
	close(fd);
	/* Deleted: said once, and down for good. */
	driver.lines = 0;
	assert_int_equal(system("ip link del rltap0"), 0);
	fake_run(&driver);
	assert_false(is_up());
	assert_int_equal(driver.lines, 1);
	assert_non_null(strstr(driver.line, "the tap is gone"));
	finish();
}

/* What is wrong, and what to do about it. */
static void test_refused(void **state)
{
	struct net_options options = { .how = NET_TAP, .name = "lo" };
	struct net_backend *backend;
	char message[256];

	(void)state;
	if (access("/dev/net/tun", R_OK | W_OK)) {
		print_message("no /dev/net/tun\n");
		skip();
	}
	assert_int_equal(net_tap_open(&options, 1, &backend, message,
				      sizeof(message)), -EINVAL);
	assert_non_null(strstr(message, "not a tap"));
	strcpy(options.name, "much-too-long-a-name");
	assert_int_equal(net_tap_open(&options, 1, &backend, message,
				      sizeof(message)), -EINVAL);
	assert_non_null(strstr(message, "too long"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room_and_frames_are_apart),
		cmocka_unit_test(test_drops_are_counted),
		cmocka_unit_test(test_down_is_no_link),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
