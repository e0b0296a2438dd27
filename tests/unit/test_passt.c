// SPDX-License-Identifier: GPL-2.0
/*
 * passt as a child: what it is started with, what it finds, and its end. A
 * script in its place writes its arguments down.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"
#include "virtio_devices/net.h"

static char folder[] = "/tmp/ringlet-passt.XXXXXX";
static char said[64];
static bool verbose;

static int create(const char *text, struct virtio_device **device,
		  char *message)
{
	struct virtio_setup setup = { .cpus = 1, .verbose = verbose };

	*message = '\0';
	return net_kind.create(text, &setup, device, message, 256);
}

static void make_passt(const char *script)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/passt", folder);
	file = fopen(path, "w");
	fprintf(file, "#!/bin/sh\nexec >%s/new\n%s\n", folder, script);
	fclose(file);
	chmod(path, 0755);
}

static const char *what_it_said(void)
{
	static char text[1024];
	FILE *file = NULL;
	int tries;
	size_t got;

	for (tries = 0; !file && tries < 1000; tries++) {
		usleep(10000);
		file = fopen(said, "r");
	}
	assert_non_null(file);
	got = fread(text, 1, sizeof(text) - 1, file);
	text[got] = '\0';
	fclose(file);
	unlink(said);
	return text;
}

static void test_arguments(void **state)
{
	struct virtio_device *device;
	const char *text;
	char message[256];

	(void)state;
	make_passt("echo \"$@\"\n"
		   "for f in /proc/self/fd/*; do readlink $f; done |\n"
		   "	grep -v new | sed 's/[0-9]//g'\n"
		   "mv \"${0%/*}/new\" \"${0%/*}/said\"");
	assert_int_equal(create("user,forward=2222:22,forward=udp:53:5353,"
				"forward=8080:80,mtu=9000", &device, message),
			 0);
	text = what_it_said();
	assert_non_null(strstr(text, "--foreground --quiet --fd 3 --mtu 9000 "
			       "--tcp-ports 2222:22,8080:80 "
			       "--udp-ports 53:5353\n"));
	assert_non_null(strstr(text, "/dev/null\n"));
	virtio_destroy(device);

	assert_int_equal(create("user", &device, message), 0);
	text = what_it_said();
	assert_non_null(strstr(text, "--mtu 65520\n"));
	virtio_destroy(device);
}

/* It ends: the link is down, and the user knows whose end it was. */
static void test_end(void **state)
{
	struct virtio_device *device;
	struct fake_driver driver;
	char message[256];
	int tries;

	(void)state;
	make_passt("exit 1");
	assert_int_equal(create("user", &device, message), 0);
	fake_driver_init(&driver);
	assert_int_equal(fake_driver_start(&driver, device,
					   VIRTIO_BIT(VIRTIO_NET_F_STATUS)),
			 15);
	for (tries = 0; !driver.lines && tries < 1000; tries++) {
		usleep(10000);
		fake_run(&driver);
	}
	/* Its socket may be closed a moment before it can be waited for. */
	assert_non_null(strstr(driver.line, "the link is down"));
	assert_int_equal(fake_read(&driver, VIRTIO_MMIO_CONFIG + 4) >> 16 &
			 VIRTIO_NET_S_LINK_UP, 0);
	fake_driver_end(&driver);
	virtio_destroy(device);
}

/* What comes to standard error until the link of a passt that complains is down. */
static void read_complaint(struct fake_driver *driver, char *text, size_t size)
{
	struct virtio_device *device;
	char message[256];
	int saved = dup(2), file[2], tries;
	ssize_t got;

	make_passt("echo warning >&2; echo 'no room' >&2; sleep 0.2; exit 1");
	assert_int_equal(pipe2(file, O_NONBLOCK), 0);
	dup2(file[1], 2);
	assert_int_equal(create("user", &device, message), 0);
	dup2(saved, 2);
	close(saved);
	close(file[1]);
	fake_driver_init(driver);
	assert_int_equal(fake_driver_start(driver, device,
					   VIRTIO_BIT(VIRTIO_NET_F_STATUS)),
			 15);
	for (tries = 0; !strstr(driver->line, "the link is down") &&
	     tries < 1000; tries++) {
		usleep(10000);
		fake_run(driver);
	}
	assert_non_null(strstr(driver->line, "the link is down"));
	got = read(file[0], text, size - 1);
	text[got > 0 ? got : 0] = '\0';
	close(file[0]);
	fake_driver_end(driver);
	virtio_destroy(device);
}

/*
 * Found when a guest of `ringlet try` had passt's warnings between the words of its
 * command: they are for who asked for them, and for passt's end.
 */
static void test_warnings_are_not_the_commands(void **state)
{
	struct fake_driver driver;
	char text[256];

	(void)state;
	read_complaint(&driver, text, sizeof(text));
	assert_string_equal(text, "");
	assert_int_equal(driver.lines, 2);
	assert_non_null(strstr(driver.line_before, "passt: no room"));
	verbose = true;
	read_complaint(&driver, text, sizeof(text));
	verbose = false;
	assert_string_equal(text, "warning\nno room\n");
	assert_int_equal(driver.lines, 1);
}

static void test_not_installed(void **state)
{
	struct virtio_device *device;
	char message[256], path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/passt", folder);
	unlink(path);
	setenv("PATH", folder, 1);
	assert_int_equal(create("user", &device, message), -ENOENT);
	assert_non_null(strstr(message, "install the package passt"));
}

static int set_up(void **state)
{
	char path[512];

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(said, sizeof(said), "%s/said", folder);
	snprintf(path, sizeof(path), "%s:%s", folder, getenv("PATH"));
	return setenv("PATH", path, 1);
}

static int tear_down(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/new", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_warnings_are_not_the_commands),
		cmocka_unit_test(test_not_installed),
	};

	return cmocka_run_group_tests_name("passt", tests, set_up, tear_down);
}
