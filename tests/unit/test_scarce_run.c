// SPDX-License-Identifier: GPL-2.0
/*
 * A host that has run out of something when `ringlet run` starts: as test_scarce.c has
 * it for single devices. Each time another one of the calls that may fail does, until
 * none is left. The launcher then ends with a line that says why, or its guest runs
 * as if nothing had been; it never hangs, and never ends without a word.
 *
 * Each start is a child with a guest in C, on the module that is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "fake_vm.h"
#include "files.h"
#include "launcher/cache.h"
#include "launcher/cmd.h"
#include "launcher/prepare.h"
#include "launcher/sandbox.h"
#include "scarce.h"

#define BUFFER_GPA 0x200000ull

WRAP(void *, calloc, (size_t n, size_t size), (n, size), ENOMEM, NULL)
WRAP(void *, malloc, (size_t size), (size), ENOMEM, NULL)
WRAP(void *, realloc, (void *old, size_t size), (old, size), ENOMEM, NULL)
WRAP(char *, strdup, (const char *text), (text), ENOMEM, NULL)
WRAP_ASPRINTF
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), EMFILE,
     NULL)
WRAP(int, eventfd, (unsigned int value, int flags), (value, flags), EMFILE, -1)
WRAP(int, timerfd_create, (clockid_t clock, int flags), (clock, flags), EMFILE,
     -1)
WRAP(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags),
     EMFILE, -1)
WRAP(int, epoll_create1, (int flags), (flags), EMFILE, -1)
WRAP(int, epoll_ctl, (int fd, int what, int on, struct epoll_event *event),
     (fd, what, on, event), ENOSPC, -1)
WRAP(int, dup, (int fd), (fd), EMFILE, -1)
WRAP(int, fstat, (int fd, struct stat *status), (fd, status), EIO, -1)
WRAP(int, mkstemp, (char *path), (path), ENOSPC, -1)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), EPERM, -1)
WRAP(FILE *, fdopen, (int fd, const char *mode), (fd, mode), ENOMEM, NULL)
WRAP(int, rename, (const char *from, const char *to), (from, to), EXDEV, -1)
WRAP(int, pthread_create, (pthread_t *thread, const pthread_attr_t *attributes,
			   void *(*start)(void *), void *argument),
     (thread, attributes, start, argument), EAGAIN, EAGAIN)
WRAP(void *, mmap, (void *at, size_t size, int rights, int flags, int fd,
		    off_t offset),
     (at, size, rights, flags, fd, offset), ENOMEM, MAP_FAILED)

WRAP_OPEN

/* --- instead of a kernel and of the sandbox --- */

int prepare_kernel(const char *kernel_file, const struct prepare_options *how,
		   struct prepared *prepared)
{
	(void)kernel_file;
	(void)how;
	memset(prepared, 0, sizeof(*prepared));
	strcpy(prepared->release, "1.2.3-test");
	return 0;
}

int prepared_load(const struct prepared *prepared, void *memory, uint64_t size,
		  uint64_t *kernel_end)
{
	(void)prepared;
	(void)memory;
	(void)size;
	*kernel_end = 0x1000000;
	return 0;
}

int prepared_hold(struct prepared *prepared)
{
	(void)prepared;
	return 0;
}

void prepared_free(struct prepared *prepared)
{
	(void)prepared;
}

int sandbox_enter(const struct sandbox_options *options)
{
	(void)options;
	return 0;
}

/* Prints, and powers off. */
static int guest(struct rl_run *run)
{
	if (atomic_load(&fake_vm.runs) == 1) {
		strcpy(fake_vm_memory(BUFFER_GPA), "hello\n");
		run->exit_reason = RL_EXIT_CONSOLE_WRITE;
		run->gpa = BUFFER_GPA;
		run->bytes = 6;
	} else {
		run->exit_reason = RL_EXIT_SHUTDOWN;
		run->shutdown = RL_SHUTDOWN_POWEROFF;
	}
	return 0;
}

/* --- one start --- */

static char folder[64];
static bool *refused;		/* by the child */

static void tell(void)
{
	*refused = failed;
}

static void child_main(int which, char **words, int out, int err)
{
	char *argv[32] = { "run" };
	int argc = 1;

	while (*words)
		argv[argc++] = *words++;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	atexit(tell);
	fake_vm.guest = guest;
	countdown = which;
	exit(cmd_run(argc, argv));
}

static const char *text_of(int fd)
{
	static char texts[2][16384];
	static int next;
	char *text = texts[next++ % 2];

	memset(text, 0, sizeof(texts[0]));
	assert_true(pread(fd, text, sizeof(texts[0]) - 1, 0) >= 0);
	close(fd);
	return text;
}

/* True: no call was refused. */
static bool start_with(int which, char **words)
{
	int out = memfd_create("out", MFD_CLOEXEC);
	int err = memfd_create("err", MFD_CLOEXEC), status;
	const char *said, *printed;
	pid_t child;

	*refused = false;
	child = fork();
	if (!child)
		child_main(which, words, out, err);
	assert_int_equal(waitpid(child, &status, 0), child);
	printed = text_of(out);
	said = text_of(err);
	if (!WIFEXITED(status))
		fail_msg("call %d refused: signal %d, \"%s\"", which,
			 WTERMSIG(status), said);
	if (strstr(said, "Sanitizer"))
		fail_msg("call %d refused: %s", which, said);
	if (WEXITSTATUS(status) && (!*refused || !strstr(said, "ringlet: ")))
		fail_msg("call %d refused: status %d, \"%s\"", which,
			 WEXITSTATUS(status), said);
	if (!WEXITSTATUS(status) && strcmp(printed, "hello\n"))
		fail_msg("call %d refused: printed \"%s\"", which, printed);
	return !*refused;
}

static void starts(char **words)
{
	int which = 1;

	while (!start_with(which, words))
		which++;
	assert_in_range(which, 10, 1000);
}

static void test_plain(void **state)
{
	char kernel[128];
	char *words[] = { "--memory", "64M", "--no-rng", kernel, NULL };

	(void)state;
	snprintf(kernel, sizeof(kernel), "%s/kernel", folder);
	starts(words);
}

static void test_all(void **state)
{
	char kernel[128], initrd[128], disk[128], stats[128], console[160];
	char *words[] = { "--memory", "64M", "--initrd", initrd,
			  "--disk", disk, "--console", console, "--stats",
			  stats, kernel, "--", "quiet", NULL };
	int fd;

	(void)state;
	snprintf(kernel, sizeof(kernel), "%s/kernel", folder);
	snprintf(initrd, sizeof(initrd), "%s/kernel", folder);
	snprintf(stats, sizeof(stats), "%s/stats", folder);
	snprintf(console, sizeof(console), "file=%s/out,name=a", folder);
	snprintf(disk, sizeof(disk), "%s/disk,threads", folder);
	put_file(folder, "disk", "", 0);
	snprintf(disk, sizeof(disk), "%s/disk", folder);
	fd = open(disk, O_RDWR | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	close(fd);
	starts(words);
}

static int set_up(void **state)
{
	(void)state;
	fake_vm_reset();
	refused = mmap(NULL, sizeof(*refused), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	strcpy(folder, "/tmp/ringlet-test.XXXXXX");
	if (refused == MAP_FAILED || !mkdtemp(folder))
		return -1;
	put_file(folder, "kernel", "\177ELF", 4);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cache_remove(folder);
	return access(folder, F_OK) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_plain),
		T(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
