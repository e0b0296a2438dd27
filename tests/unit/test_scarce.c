// SPDX-License-Identifier: GPL-2.0
/*
 * A host that has run out of something. Each kind of device is made again and
 * again, and each time another one of the calls that may fail does: the first,
 * the second, and so on, until none of them is left. Whatever was refused, the
 * device is there or an error says why it is not, and no file stays open. (That
 * no memory stays is LeakSanitizer's to see.)
 *
 * The calls are the product's only: see WRAP_scarce in the Makefile.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "unit.h"

#include "fake_driver.h"
#include "scarce.h"

WRAP(void *, calloc, (size_t n, size_t size), (n, size), ENOMEM, NULL)
WRAP(void *, malloc, (size_t size), (size), ENOMEM, NULL)
WRAP(void *, realloc, (void *old, size_t size), (old, size), ENOMEM, NULL)
WRAP(int, eventfd, (unsigned int value, int flags), (value, flags), EMFILE, -1)
WRAP(int, timerfd_create, (clockid_t clock, int flags), (clock, flags), EMFILE,
     -1)
WRAP(int, epoll_create1, (int flags), (flags), EMFILE, -1)
WRAP(int, epoll_ctl, (int fd, int what, int on, struct epoll_event *event),
     (fd, what, on, event), ENOSPC, -1)
WRAP(int, socket, (int family, int type, int protocol),
     (family, type, protocol), EMFILE, -1)
WRAP(int, socketpair, (int family, int type, int protocol, int fds[2]),
     (family, type, protocol, fds), EMFILE, -1)
WRAP(int, bind, (int fd, const struct sockaddr *address, socklen_t size),
     (fd, address, size), EACCES, -1)
WRAP(int, listen, (int fd, int backlog), (fd, backlog), EADDRINUSE, -1)
WRAP(int, dup, (int fd), (fd), EMFILE, -1)
WRAP(int, fstat, (int fd, struct stat *status), (fd, status), EIO, -1)
WRAP(int, pthread_create, (pthread_t *thread, const pthread_attr_t *attributes,
			   void *(*start)(void *), void *argument),
     (thread, attributes, start, argument), EAGAIN, EAGAIN)
WRAP(int, openpty, (int *master, int *slave, char *name,
		    const struct termios *termios, const struct winsize *size),
     (master, slave, name, termios, size), ENOENT, -1)
WRAP(int, posix_spawnp, (pid_t *pid, const char *file,
			 const posix_spawn_file_actions_t *actions,
			 const posix_spawnattr_t *attributes,
			 char *const *arguments, char *const *environment),
     (pid, file, actions, attributes, arguments, environment), EAGAIN, EAGAIN)
WRAP(int, io_uring_queue_init, (unsigned int entries, struct io_uring *ring,
				unsigned int flags),
     (entries, ring, flags), EPERM, -EPERM)

/* fcntl(2), with its third argument or without. */
#define WRAP_FCNTL(name)					\
int __real_##name(int, int, ...);				\
int __wrap_##name(int, int, ...);				\
int __wrap_##name(int fd, int command, ...)			\
{								\
	va_list list;						\
	long more;						\
								\
	va_start(list, command);				\
	more = va_arg(list, long);				\
	va_end(list);						\
	return refuse(EINVAL) ? -1 : __real_##name(fd, command, more);	\
}

WRAP_OPEN
WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)

int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	return refuse(ENOTTY) ? -1 : __real_ioctl(fd, request, argument);
}

static char folder[] = "/var/tmp/ringlet-scarce.XXXXXX";

/* In %s of text goes the folder. True: everything was there at last. */
static bool make_with_one_failing(const char *option, const char *text,
				  int which)
{
	const struct virtio_kind *kind = virtio_find_kind(option);
	struct virtio_setup setup = { .cpus = 2 };
	unsigned int before = open_files();
	struct virtio_device *device = NULL;
	struct fake_driver driver;
	char message[512] = "";
	int error;

	failed = false;
	fake_driver_init(&driver);
	countdown = which;
	error = kind->create(text, &setup, &device, message, sizeof(message));
	/* A machine comes and goes, too: with a thread, without a driver. */
	if (!error && !virtio_attach(device, &driver.host))
		virtio_detach(device);
	countdown = 0;
	if (error && (error > 0 || !failed || (!*message && error == -EINVAL)))
		fail_msg("--%s %s: call %d refused: %d, \"%s\"", option, text,
			 which, error, message);
	if (!error)
		virtio_destroy(device);
	fake_driver_end(&driver);
	if (open_files() != before)
		fail_msg("--%s %s: call %d refused: %d files open before, %d "
			 "after", option, text, which, before, open_files());
	return !failed;
}

static void scarcity(const char *option, const char *format)
{
	char text[256];
	int which = 1;

	snprintf(text, sizeof(text), format, folder);
	while (!make_with_one_failing(option, text, which))
		which++;
	/* It makes some calls that may fail. */
	assert_in_range(which, 5, 1000);
}

static void test_rng(void **state)
{
	(void)state;
	scarcity("rng", "");
}

static void test_balloon(void **state)
{
	(void)state;
	scarcity("balloon", "take=1M,socket=%s/balloon");
}

static void test_console(void **state)
{
	(void)state;
	scarcity("console", "pty");
	scarcity("console", "unix=%s/console,name=a");
	scarcity("console", "file=%s/output,size=80x25+pty");
}

static void test_net(void **state)
{
	(void)state;
	scarcity("net", "unix=%s/cable");
}

static void test_passt(void **state)
{
	char path[512], *old = strdup(getenv("PATH"));

	(void)state;
	snprintf(path, sizeof(path), "%s/passt", folder);
	assert_int_equal(symlink("/bin/true", path), 0);
	snprintf(path, sizeof(path), "%s:%s", folder, old);
	setenv("PATH", path, 1);
	scarcity("net", "user,forward=2222:22");
	setenv("PATH", old, 1);
	free(old);
}

static void test_tap(void **state)
{
	(void)state;
	if (access("/dev/net/tun", R_OK | W_OK) || unshare(CLONE_NEWNET)) {
		print_message("no tap here\n");
		skip();
	}
	scarcity("net", "tap=rlscarce");
	scarcity("net", "tap=rlscarce2,queues=2");
}

static void test_disk(void **state)
{
	char path[128];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/disk", folder);
	fd = __real_open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	close(fd);
	scarcity("disk", "%s/disk");
	scarcity("disk", "%s/disk,threads");
	scarcity("disk", "%s/disk,direct");
	scarcity("disk", "%s/disk,readonly");
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rng),
		cmocka_unit_test(test_balloon),
		cmocka_unit_test(test_console),
		cmocka_unit_test(test_net),
		cmocka_unit_test(test_passt),
		cmocka_unit_test(test_tap),
		cmocka_unit_test(test_disk),
	};

	return cmocka_run_group_tests_name("scarce", tests, set_up, tear_down);
}
