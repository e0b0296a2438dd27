// SPDX-License-Identifier: GPL-2.0
/*
 * Starting and confining the server of a shared folder. A script stands for diod:
 * it tells on the socket what it can reach.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "virtio_devices/share_server.h"

static char base[] = "/tmp/ringlet-share-XXXXXX";
static char folder[64], path[512];

static void write_file(const char *name, const char *text, mode_t mode)
{
	char file[128];
	int fd;

	snprintf(file, sizeof(file), "%s/%s", base, name);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(base));
	snprintf(folder, sizeof(folder), "%s/folder", base);
	assert_int_equal(mkdir(folder, 0755), 0);
	write_file("secret", "secret\n", 0644);
	write_file("folder/inside", "inside\n", 0644);
	snprintf(path, sizeof(path), "%s", getenv("PATH"));
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	setenv("PATH", path, 1);
	snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command);
}

/* All that the server writes. */
static void answers(struct share_server *server, char *text, size_t size)
{
	size_t used = 0;
	ssize_t got;

	fcntl(server->fd, F_SETFL, 0);
	while ((got = read(server->fd, text + used, size - 1 - used)) > 0)
		used += got;
	text[used] = '\0';
	close(server->fd);
	waitpid(server->pid, NULL, 0);
}

static void test_not_installed(void **state)
{
	struct share_server server;
	char message[256];

	(void)state;
	if (!access("/usr/sbin/diod", X_OK))
		skip();
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(share_server_start(folder, false, &server, message,
					    sizeof(message)), -ENOENT);
	assert_non_null(strstr(message, "install the package diod"));
}

static void test_folder_is_gone(void **state)
{
	struct share_server server;
	char message[256];

	(void)state;
	assert_int_equal(share_server_start("/nonexistent", false, &server,
					    message, sizeof(message)),
			 -ENOENT);
}

/*
 * The real one speaks 9P on the socket, knows its folder, and no other: Landlock
 * hides what it could open, and its exports what it would.
 */
static void test_real_server(void **state)
{
	static const uint8_t version[] = {
		21, 0, 0, 0, 100, 0xff, 0xff, 0, 0, 1, 0, 8, 0,
		'9', 'P', '2', '0', '0', '0', '.', 'L',
	};
	struct share_server server;
	char message[256];
	uint8_t reply[64];
	int status;

	(void)state;
	if (access("/usr/sbin/diod", X_OK))
		skip();
	assert_int_equal(share_server_start(folder, true, &server, message,
					    sizeof(message)), 0);
	fcntl(server.fd, F_SETFL, 0);
	assert_int_equal(write(server.fd, version, sizeof(version)),
			 sizeof(version));
	assert_int_equal(read(server.fd, reply, sizeof(reply)), 21);
	assert_int_equal(reply[4], 101);
	/* It ends with its socket. */
	close(server.fd);
	assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
}

/* The script lies in the folder, where it may be run. */
static void run_script(const char *script, bool readonly, char *said,
		       size_t size)
{
	struct share_server server;
	char message[256];

	write_file("folder/diod", script, 0755);
	setenv("PATH", folder, 1);
	assert_int_equal(share_server_start(folder, readonly, &server, message,
					    sizeof(message)), 0);
	answers(&server, said, size);
	setenv("PATH", path, 1);
	if (!server.confined) {
		print_message("this kernel has no Landlock: not tested\n");
		skip();
	}
}

static void test_confined(void **state)
{
	static const char script[] =
		"#!/bin/sh\n"
		"exec 2>/dev/null\n"
		"PATH=/usr/bin:/bin\n"
		"cat inside ../secret >&3\n"
		"echo new >new && cat new >&3\n"
		"echo outside >../other && echo wrote outside >&3\n"
		"cat /proc/self/status >&3\n"
		"ls .. >&3\n"
		"echo over >&3\n";
	char said[512];

	(void)state;
	run_script(script, false, said, sizeof(said));
	assert_string_equal(said, "inside\nnew\nover\n");
	/* Read only: the same, but for the writing. */
	run_script(script, true, said, sizeof(said));
	assert_string_equal(said, "inside\nover\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_not_installed, NULL, NULL),
		cmocka_unit_test(test_folder_is_gone),
		cmocka_unit_test(test_real_server),
		cmocka_unit_test(test_confined),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
