// SPDX-License-Identifier: GPL-2.0
/* What is left to a process in the sandbox. Each try is a child's. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "launcher/sandbox.h"
#include "virtio_devices/device.h"

static const struct sandbox_options strict;
static const struct sandbox_options connects = {
	.needs = VIRTIO_NEEDS_CONNECT,
};
static const struct sandbox_options listens = {
	.needs = VIRTIO_NEEDS_LISTEN,
};
static const struct sandbox_options pins = { .pins = true };
static const struct sandbox_options removes = {
	.needs = VIRTIO_NEEDS_REMOVE,
};

/* /proc/self/status, opened before. */
static int status_fd;

#define REFUSED 200	/* what a child ends with that could not enter */

/* The wait status of a child that enters the sandbox and tries something. */
static int attempt(const struct sandbox_options *options, int (*try)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(sandbox_enter(options) ? REFUSED : try());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int result(const struct sandbox_options *options, int (*try)(void))
{
	int status = attempt(options, try);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int try_open(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : errno;
}

/* This thread, or the parent's, onto all processors. */
static int set_affinity(pid_t who)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	return sched_setaffinity(who, sizeof(all), &all) ? errno : 0;
}

static int try_affinity(void)
{
	return set_affinity(0);
}

static int try_affinity_of_others(void)
{
	return set_affinity(getppid());
}

static int try_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

static int try_internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

static int try_connect(void)
{
	struct sockaddr_un address = { AF_UNIX, "/no/such/socket" };

	connect(0, (struct sockaddr *)&address, sizeof(address));
	return errno;
}

static int try_executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ?
	       errno : 0;
}

static int try_protect(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (page == MAP_FAILED)
		return 1;
	return mprotect(page, 4096, PROT_READ | PROT_EXEC) ? errno : 0;
}

static int try_type(void)
{
	return ioctl(0, TIOCSTI, "x") ? errno : 0;
}

static int try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1) ? errno : 0;
}

static void *thread(void *argument)
{
	return argument;
}

static int try_thread(void)
{
	pthread_t id;
	void *answer = NULL;

	if (pthread_create(&id, NULL, thread, &status_fd) ||
	    pthread_join(id, &answer))
		return 1;
	return answer == &status_fd ? 0 : 2;
}

static int try_exec(void)
{
	execl("/bin/true", "true", NULL);
	return 1;
}

static int try_fork(void)
{
	return fork() < 0 ? errno : 0;
}

static int try_setuid(void)
{
	return setuid(0);
}

static int try_mount(void)
{
	return umount2("/no/such", 0) ? errno : 0;
}

static int try_bind(void)
{
	struct sockaddr_un address = { AF_UNIX, "/no/such/folder/socket" };

	return bind(0, (struct sockaddr *)&address, sizeof(address)) ? errno :
								       0;
}

static int try_unlink(void)
{
	return unlink("/no/such/file") ? errno : 0;
}

static int try_unlinkat(void)
{
	return unlinkat(AT_FDCWD, "/no/such/file", 0) ? errno : 0;
}

static int try_rename(void)
{
	return rename("/no/such/file", "/no/such") ? errno : 0;
}

static int try_datagram(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 ? 0 : errno;
}

static int try_pair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ?
	       errno : 0;
}

static int try_other_pair(void)
{
	int pair[2];

	return socketpair(AF_TIPC, SOCK_SEQPACKET, 0, pair) ? errno : 0;
}

static int try_unknown(void)
{
	return syscall(SYS_swapoff, "/no/such") ? errno : 0;
}

static int try_new(void)
{
	return syscall(100000) ? errno : 0;
}

static int try_kill(void)
{
	return kill(getpid(), 0) ? errno : 0;
}

static int try_own_thread(void)
{
	return raise(SIGURG) ? errno : 0;
}

static int try_flags(void)
{
	return fcntl(0, F_GETFL) < 0 ? errno : 0;
}

static int try_duplicate(void)
{
	return fcntl(status_fd, F_DUPFD_CLOEXEC, 0) < 0 ? errno : 0;
}

static int try_owner(void)
{
	return fcntl(0, F_SETOWN, getppid()) ? errno : 0;
}

static int try_signal(void)
{
	return fcntl(0, F_SETSIG, SIGKILL) ? errno : 0;
}

static int try_async(void)
{
	return fcntl(0, F_SETFL, O_ASYNC) ? errno : 0;
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(result(&strict, try_open), EPERM);
	assert_int_equal(result(&strict, try_rename), EPERM);
	assert_int_equal(result(&strict, try_kill), EPERM);
	assert_int_equal(result(&strict, try_affinity), EPERM);
	assert_int_equal(result(&pins, try_affinity), 0);
	assert_int_equal(result(&pins, try_affinity_of_others), ENOSYS);
	assert_int_equal(result(&strict, try_executable_memory), ENOSYS);
	assert_int_equal(result(&strict, try_protect), ENOSYS);
	assert_int_equal(result(&strict, try_type), ENOSYS);
	assert_int_equal(result(&strict, try_dumpable), ENOSYS);
	assert_int_equal(result(&strict, try_fork), ENOSYS);
	assert_int_equal(result(&strict, try_other_pair), ENOSYS);
}

static void test_unknown_calls_do_not_exist(void **state)
{
	(void)state;
	assert_int_equal(result(&strict, try_unknown), ENOSYS);
	assert_int_equal(result(&strict, try_new), ENOSYS);
}

static void test_needs(void **state)
{
	static const struct {
		int (*try)(void);
		unsigned int needs;	/* any of them is enough */
	} calls[] = {
		{ try_socket, VIRTIO_NEEDS_CONNECT | VIRTIO_NEEDS_LISTEN },
		{ try_connect, VIRTIO_NEEDS_CONNECT | VIRTIO_NEEDS_LISTEN },
		{ try_bind, VIRTIO_NEEDS_LISTEN },
		{ try_unlink, VIRTIO_NEEDS_REMOVE },
		{ try_unlinkat, VIRTIO_NEEDS_REMOVE },
	};
	static const struct sandbox_options *const all[] = {
		&strict, &connects, &listens, &removes,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (size_t j = 0; j < sizeof(all) / sizeof(all[0]); j++) {
			int error = result(all[j], calls[i].try);

			if ((error != ENOSYS) !=
			    !!(calls[i].needs & all[j]->needs))
				fail_msg("call %zu, needs %u: errno %d", i,
					 all[j]->needs, error);
		}
	for (size_t j = 0; j < sizeof(all) / sizeof(all[0]); j++) {
		assert_int_equal(result(all[j], try_open), EPERM);
		assert_int_equal(result(all[j], try_internet), ENOSYS);
		assert_int_equal(result(all[j], try_datagram), ENOSYS);
	}
}

static void test_allowed(void **state)
{
	(void)state;
	assert_int_equal(result(&strict, try_thread), 0);
	assert_int_equal(result(&strict, try_pair), 0);
	assert_int_equal(result(&strict, try_flags), 0);
	assert_int_equal(result(&strict, try_duplicate), 0);
}

static pid_t victim;

static int try_kill_thread(void)
{
	return syscall(SYS_tgkill, victim, victim, SIGKILL) ? errno : 0;
}

/* Signals reach our own threads, whichever way they are asked for. */
static void test_no_signal_to_others(void **state)
{
	int status;

	(void)state;
	victim = fork();
	assert_true(victim >= 0);
	if (!victim)
		for (;;)
			pause();
	assert_int_equal(result(&strict, try_own_thread), 0);
	assert_int_equal(result(&strict, try_kill_thread), ENOSYS);
	assert_int_equal(result(&strict, try_owner), ENOSYS);
	assert_int_equal(result(&strict, try_signal), ENOSYS);
	assert_int_equal(result(&strict, try_async), ENOSYS);
	assert_int_equal(waitpid(victim, &status, WNOHANG), 0);
	assert_int_equal(kill(victim, SIGKILL), 0);
	assert_int_equal(waitpid(victim, &status, 0), victim);
}

static void test_deadly(void **state)
{
	static int (*const tries[])(void) = { try_exec, try_setuid,
					      try_mount };
	unsigned int i;
	int status;

	(void)state;
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		status = attempt(&strict, tries[i]);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static int try_status(void)
{
	static char text[8192];
	ssize_t got = pread(status_fd, text, sizeof(text) - 1, 0);

	if (got <= 0)
		return 1;
	text[got] = '\0';
	if (!strstr(text, "\nCapEff:\t0000000000000000\n") ||
	    !strstr(text, "\nCapPrm:\t0000000000000000\n"))
		return 2;
	if (!strstr(text, "\nNoNewPrivs:\t1\n"))
		return 3;
	return strstr(text, "\nSeccomp:\t2\n") ? 0 : 4;
}

static int open_status_and_enter(const struct sandbox_options *options)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		status_fd = open("/proc/self/status", O_RDONLY);
		_exit(sandbox_enter(options) ? REFUSED : try_status());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_capabilities(void **state)
{
	(void)state;
	assert_int_equal(open_status_and_enter(&strict), 0);
}

static int try_who(void)
{
	struct stat status;

	/* The new root is an empty folder. */
	if (geteuid() != 65534 || getuid() != 65534 || getegid() != 65533)
		return 1;
	return stat("/etc", &status) && errno == ENOENT ? 0 : 2;
}

static void test_user_and_root(void **state)
{
	char folder[] = "/tmp/ringlet-sandbox.XXXXXX";
	struct sandbox_options options = {
		.user = "65534:65533", .folder = folder,
	};

	(void)state;
	if (geteuid()) {
		print_message("not root: --user and --chroot are not tried\n");
		skip();
	}
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(result(&options, try_who), 0);
	assert_int_equal(open_status_and_enter(&options), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void test_wrong_options(void **state)
{
	static const struct sandbox_options wrong[] = {
		{ .user = "nobody-of-this-name" }, { .user = "" },
		{ .user = "root:group-that-is-not" }, { .user = "3999999999" },
		{ .user = "99999999999:1" }, { .folder = "/no/such/folder" },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(result(&wrong[i], try_thread), REFUSED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unknown_calls_do_not_exist),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_no_signal_to_others),
		cmocka_unit_test(test_deadly),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_user_and_root),
		cmocka_unit_test(test_wrong_options),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
