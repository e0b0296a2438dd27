// SPDX-License-Identifier: GPL-2.0
/* Words for a service manager: the socket by path, by abstract name, and without. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

#include "capture_log.h"
#include "launcher/notify.h"

/* A manager's socket of that name, '@' for an abstract one. */
static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, name);
	if (*name == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      offsetof(struct sockaddr_un, sun_path) +
			      strlen(name)), 0);
	return fd;
}

static void hears(int fd, const char *text)
{
	char heard[128] = "";

	assert_int_equal(recv(fd, heard, sizeof(heard) - 1, 0), strlen(text));
	assert_string_equal(heard, text);
}

static void test_path(void **state)
{
	char folder[] = "/tmp/ringlet-notify.XXXXXX", name[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/socket", folder);
	fd = listen_at(name);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_manager("READY=1\nSTATUS=x");
	hears(fd, "READY=1\nSTATUS=x");
	close(fd);
	unlink(name);
	rmdir(folder);
}

static void test_abstract(void **state)
{
	char name[64];
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@ringlet-notify-%d", getpid());
	fd = listen_at(name);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_manager("STOPPING=1");
	hears(fd, "STOPPING=1");
	close(fd);
}

/* A warning, and nothing else. */
static void test_unreachable(void **state)
{
	char name[200];

	(void)state;
	log_forget();
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	notify_manager("READY=1");
	assert_int_equal(errno, ENOENT);
	assert_logged("the service manager at /nonexistent/socket");
	memset(name, 'a', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	notify_manager("READY=1");
	assert_int_equal(errno, ENAMETOOLONG);
	assert_logged(name);
	setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
	notify_manager("READY=1");
	assert_int_equal(errno, EAFNOSUPPORT);
	assert_logged("at vsock:2:1");
}

static void test_none(void **state)
{
	(void)state;
	log_forget();
	unsetenv("NOTIFY_SOCKET");
	notify_manager("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	notify_manager("READY=1");
	assert_int_equal(log_lines, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
