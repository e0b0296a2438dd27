// SPDX-License-Identifier: GPL-2.0
/*
 * `ringlet run` as a whole, on the module that is not there (fake_vm.h): exit
 * statuses, reboot, console both ways, signals, the escape key, statistics.
 *
 * Each case is a child, since a guest's end is a process's end: the child's
 * standard files are pipes or a pseudo terminal, its guest is a C function.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "unit.h"

#include "fake_vm.h"
#include "launcher/cmd.h"
#include "launcher/prepare.h"
#include "launcher/sandbox.h"

#define BUFFER_GPA 0x200000ull
#define WAIT_MS 60000

/* --- instead of a kernel --- */

int prepare_kernel(const char *kernel_file, const struct prepare_options *how,
		   struct prepared *prepared)
{
	(void)kernel_file;
	(void)how;
	memset(prepared, 0, sizeof(*prepared));
	prepared->entry = RL_LAYER_GVA;
	prepared->cr3 = 0x2345000;
	strcpy(prepared->release, "1.2.3-test");
	return 0;
}

static int load_error;

int prepared_load(const struct prepared *prepared, void *mem, uint64_t size,
		  uint64_t *kernel_end)
{
	const char *bytes = mem;

	(void)prepared;
	if (load_error)
		return load_error;
	/* Every boot begins with memory that knows nothing of the last. */
	if (bytes[0] || bytes[BUFFER_GPA] || bytes[size - 1])
		return -EBUSY;
	*kernel_end = 0x1000000;
	return 0;
}

int prepared_hold(struct prepared *prepared)
{
	(void)prepared;
	return 0;
}

/* Tested by itself; this fake machine only forgets where to call home. */
int sandbox_enter(const struct sandbox_options *options)
{
	(void)options;
	return getenv("NOTIFY_SOCKET") ? setenv("NOTIFY_SOCKET", "/none", 1) :
					 0;
}

void prepared_free(struct prepared *prepared)
{
	(void)prepared;
}

/* --- a child that runs cmd_run() --- */

static char kernel_file[] = "/tmp/ringlet-test.XXXXXX";

struct child {
	pid_t pid;
	int in, out, err;	/* our ends; a terminal: in and out are one */
	int slave;		/* the terminal, or -1 */
	struct termios before;
};

static void child_main(int (*guest)(struct rl_run *run), char **extra)
{
	char *argv[16] = { "run", kernel_file };
	int argc = 2;

	/* A case that failed leaves nothing running. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fake_vm.guest = guest;
	while (extra && *extra)
		argv[argc++] = *extra++;
	exit(cmd_run(argc, argv));
}

static void start_on_pipes(struct child *child,
			   int (*guest)(struct rl_run *run), char **extra)
{
	int in[2], out[2], err[2];

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) |
			 pipe2(err, O_CLOEXEC), 0);
	child->pid = fork();
	if (!child->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		close(in[1]);
		close(out[0]);
		child_main(guest, extra);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	child->in = in[1];
	child->out = out[0];
	child->err = err[0];
	child->slave = -1;
}

static void start_on_terminal(struct child *child,
			      int (*guest)(struct rl_run *run), char **extra)
{
	int master, err[2];

	assert_int_equal(openpty(&master, &child->slave, NULL, NULL, NULL), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	tcgetattr(child->slave, &child->before);
	child->pid = fork();
	if (!child->pid) {
		close(master);
		login_tty(child->slave);
		dup2(err[1], 2);
		child_main(guest, extra);
	}
	close(err[1]);
	child->in = child->out = master;
	child->err = err[0];
}

/* Everything until text was seen, which is returned, or a failure. */
static const char *expect(int fd, const char *text)
{
	static char seen[4096];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	size_t used = 0;
	ssize_t got;

	memset(seen, 0, sizeof(seen));
	while (!strstr(seen, text)) {
		if (poll(&poll_fd, 1, WAIT_MS) <= 0)
			fail_msg("no \"%s\" in time, but: %s", text, seen);
		got = read(fd, seen + used, sizeof(seen) - 1 - used);
		if (got <= 0)
			fail_msg("no \"%s\" but: %s", text, seen);
		used += got;
	}
	return seen;
}

/* The exit status, after which a terminal is as it was. */
static int finish(struct child *child)
{
	struct termios after;
	int status, round;

	for (round = 0; round < WAIT_MS / 10; round++) {
		if (waitpid(child->pid, &status, WNOHANG) == child->pid)
			break;
		usleep(10000);
	}
	if (round == WAIT_MS / 10) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, &status, 0);
		fail_msg("the launcher does not end");
	}
	if (child->slave >= 0) {
		tcgetattr(child->slave, &after);
		assert_int_equal(after.c_lflag, child->before.c_lflag);
		assert_int_equal(after.c_iflag, child->before.c_iflag);
		close(child->slave);
	} else {
		close(child->in);
	}
	close(child->out);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void send_text(struct child *child, const char *text)
{
	assert_int_equal(write(child->in, text, strlen(text)), strlen(text));
}

/* --- guests --- */

static int shut_down(struct rl_run *run, unsigned int how)
{
	run->exit_reason = RL_EXIT_SHUTDOWN;
	run->shutdown = how;
	return 0;
}

static int guest_poweroff(struct rl_run *run)
{
	return shut_down(run, RL_SHUTDOWN_POWEROFF);
}

static int guest_panic(struct rl_run *run)
{
	return shut_down(run, RL_SHUTDOWN_PANIC);
}

static int guest_killed(struct rl_run *run)
{
	run->exit_reason = RL_EXIT_KILLED;
	strcpy(run->kill_reason, "bad \033[31mgate");
	return 0;
}

/* Dead, and not even a NUL behind the reason. */
static int guest_dead(struct rl_run *run)
{
	memset(run->kill_reason, 'k', sizeof(run->kill_reason));
	return -EIO;
}

/* Somebody has the processor for a while. */
static int guest_busy(struct rl_run *run)
{
	return atomic_load(&fake_vm.runs) < 3 ? -EBUSY : guest_poweroff(run);
}

static int guest_unknown_exit(struct rl_run *run)
{
	run->exit_reason = 77;
	return 0;
}

static int guest_host_error(struct rl_run *run)
{
	(void)run;
	return -ENOMEM;
}

/* The first two machines reboot, having dirtied their memory. */
static int guest_reboots(struct rl_run *run)
{
	*(char *)fake_vm_memory(BUFFER_GPA) = 'x';
	return shut_down(run, fake_vm.vms < 3 ? RL_SHUTDOWN_REBOOT :
			 RL_SHUTDOWN_POWEROFF);
}

static int console_call(struct rl_run *run, unsigned int reason, __u64 gpa,
			__u64 bytes)
{
	run->exit_reason = reason;
	run->gpa = gpa;
	run->bytes = bytes;
	return 0;
}

/* Prints, then checks what came of it. */
static int guest_prints(struct rl_run *run)
{
	switch (atomic_load(&fake_vm.runs)) {
	case 1:
		strcpy(fake_vm_memory(BUFFER_GPA), "hello\n");
		return console_call(run, RL_EXIT_CONSOLE_WRITE, BUFFER_GPA, 6);
	case 2:
		if (run->result != 6)
			return -ENOMEM;
		/* Past the end of memory: the call fails, nothing else. */
		return console_call(run, RL_EXIT_CONSOLE_WRITE,
				    fake_vm.slot.size - 1, 2);
	case 3:
		if (run->result != -EFAULT)
			return -ENOMEM;
		return console_call(run, RL_EXIT_CONSOLE_READ, ~0ull, 1);
	case 4:
		if (run->result != -EFAULT)
			return -ENOMEM;
		return console_call(run, RL_EXIT_CONSOLE_WRITE, 0, 0);
	case 5:
		if (run->result)
			return -ENOMEM;
		/* A device that is not there reads as 0. */
		run->result = 0x1234;
		return console_call(run, RL_EXIT_MMIO, RL_MMIO_BASE +
				    (RL_MMIO_DEVICES - 1) * RL_MMIO_STRIDE, 4);
	default:
		return run->result ? -ENOMEM : guest_poweroff(run);
	}
}

/* Halts until a signal comes, as the module does. */
static int guest_sleeps(struct rl_run *run)
{
	if (atomic_load(&fake_vm.runs) == 1) {
		strcpy(fake_vm_memory(BUFFER_GPA), "ready\n");
		return console_call(run, RL_EXIT_CONSOLE_WRITE, BUFFER_GPA, 6);
	}
	pause();
	return -EINTR;
}

/* Says "ready", and ends as `how` says when the power button was pressed. */
static int obey(struct rl_run *run, unsigned int how)
{
	if (atomic_load(&fake_vm.runs) == 1)
		return guest_sleeps(run);
	while (!atomic_load(&fake_vm.raised[RL_IRQ_POWER]))
		if (usleep(1000))
			return -EINTR;
	return shut_down(run, how);
}

static int guest_obeys(struct rl_run *run)
{
	return obey(run, RL_SHUTDOWN_POWEROFF);
}

static int guest_reboots_when_asked(struct rl_run *run)
{
	return obey(run, RL_SHUTDOWN_REBOOT);
}

/* Never stops printing, with nobody who reads. */
static int guest_floods(struct rl_run *run)
{
	return console_call(run, RL_EXIT_CONSOLE_WRITE, BUFFER_GPA, 65536);
}

/*
 * Echoes what it reads, in chunks of four bytes, and powers off at a 'Q'. It
 * reads only when the console's interrupt was raised since the last time.
 */
static int guest_echoes(struct rl_run *run)
{
	static int phase, seen;
	char *buffer = fake_vm_memory(BUFFER_GPA);
	int raised;

	if (phase == 1) {
		phase = 2;
		if (memchr(buffer, 'Q', RL_CONSOLE_BYTES(run->result)))
			return guest_poweroff(run);
		return console_call(run, RL_EXIT_CONSOLE_WRITE, BUFFER_GPA,
				    RL_CONSOLE_BYTES(run->result));
	}
	while ((raised = atomic_load(&fake_vm.raised[RL_IRQ_CONSOLE])) == seen)
		if (usleep(1000))
			return -EINTR;
	seen = raised;
	phase = 1;
	return console_call(run, RL_EXIT_CONSOLE_READ, BUFFER_GPA, 4);
}

/* Says the size that each read tells, and powers off at 10 rows. */
static int guest_tells_size(struct rl_run *run)
{
	static bool asked;
	static int seen = -1;
	int raised;

	if (asked) {
		asked = false;
		if (RL_CONSOLE_ROWS(run->result) == 10)
			return guest_poweroff(run);
		return console_call(run, RL_EXIT_CONSOLE_WRITE, BUFFER_GPA,
				    sprintf(fake_vm_memory(BUFFER_GPA),
					    "%dx%d\n", (int)
					    RL_CONSOLE_COLUMNS(run->result),
					    (int)RL_CONSOLE_ROWS(run->result)));
	}
	while ((raised = atomic_load(&fake_vm.raised[RL_IRQ_CONSOLE])) == seen)
		if (usleep(1000))
			return -EINTR;
	seen = raised;
	asked = true;
	return console_call(run, RL_EXIT_CONSOLE_READ, BUFFER_GPA + 4096, 4);
}

/* --- the cases --- */

/* How much address space this process has taken. */
static unsigned long long mapped_bytes(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%llu", &pages), 1);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static int run_to_end(int (*guest)(struct rl_run *run), const char *message,
		      char **extra)
{
	struct child child;

	start_on_pipes(&child, guest, extra);
	if (message)
		expect(child.err, message);
	close(child.err);
	return finish(&child);
}

static void test_statuses(void **state)
{
	(void)state;
	assert_int_equal(run_to_end(guest_poweroff, NULL, NULL), 0);
	assert_int_equal(run_to_end(guest_panic, "panicked\n", NULL), 5);
	assert_int_equal(run_to_end(guest_killed,
				    "was killed: bad ?[31mgate\n", NULL), 6);
	assert_int_equal(run_to_end(guest_dead, "was killed: kkkk", NULL), 6);
	assert_int_equal(run_to_end(guest_busy, "the guest stands still", NULL),
			 0);
	assert_int_equal(run_to_end(guest_unknown_exit, "(77)", NULL), 1);
	assert_int_equal(run_to_end(guest_host_error, "Cannot allocate",
				    NULL), 1);
}

static void test_not_started(void **state)
{
	char *initrd[] = { "--initrd", "/nonexistent", NULL };
	char *bad[] = { "--bad", NULL };
	char *stats[] = { "--stats", "/nonexistent/x", NULL };
	char *user[] = { "--user", "nobody-x", NULL };
	char *cache[] = { "--cache", "/dev/null/x", NULL };
	char disk[] = "/tmp/ringlet-disk.XXXXXX", option[64];
	char *twice[] = { "--disk", option, "--disk", option, NULL };
	char *sockets[] = { "--balloon=socket=/tmp/a,socket=/tmp/b", NULL };
	char *much[] = { "--memory", "255G", NULL };
	int fd;

	(void)state;
	assert_int_equal(run_to_end(guest_poweroff, "initrd /nonexist",
				    initrd), 4);
	assert_int_equal(run_to_end(guest_poweroff, "option --bad", bad), 2);
	assert_int_equal(run_to_end(guest_poweroff, "statistics", stats), 2);
	assert_int_equal(run_to_end(guest_poweroff, "there is no user nobody-x",
				    user), 2);
	assert_int_equal(run_to_end(guest_poweroff, "cannot be made in",
				    cache), 1);
	fd = mkstemp(disk);
	assert_int_equal(ftruncate(fd, 4096), 0);
	close(fd);
	snprintf(option, sizeof(option), "%s,readonly,id=7", disk);
	assert_int_equal(run_to_end(guest_poweroff, "a disk7 already",
				    twice), 2);
	unlink(disk);
	assert_int_equal(run_to_end(guest_poweroff, "once", sockets), 2);
	assert_int_equal(run_to_end(guest_poweroff, "the host has only", much),
			 0);
	fake_vm.open_error = -ENOENT;
	assert_int_equal(run_to_end(guest_poweroff, "modprobe ringlet", NULL),
			 3);
	fake_vm.open_error = -EACCES;
	assert_int_equal(run_to_end(guest_poweroff, "group", NULL), 3);
	fake_vm.open_error = 0;
	fake_vm.info.api_version = 99;
	assert_int_equal(run_to_end(guest_poweroff, "interface 99.", NULL),
			 3);
	fake_vm_reset();
}

/* A module that refuses one of the steps: each is said, and its status fits. */
static void test_module_refuses(void **state)
{
	static const struct {
		int *error, value;
		const char *said;
		int status;
	} cases[] = {
		{ &fake_vm.info_error, -ENOTTY, "does not answer as ringlet's "
		  "module does (Inappropriate ioctl for device); load the "
		  "module of this version\n", 3 },
		{ &fake_vm.open_error, -EBUSY, "somebody else is using it", 3 },
		{ &fake_vm.open_error, -EMFILE, "raise the limit: ulimit -n",
		  3 },
		{ &fake_vm.open_error, -EPROTO, "the kernel log has",
		  3 },
		{ &fake_vm.create_error, -ENOMEM, "the module cannot make a "
		  "virtual machine: Cannot allocate memory\n", 3 },
		{ &fake_vm.memory_error, -EPERM, "the module refuses the "
		  "guest's memory: Operation not permitted\n", 3 },
		{ &fake_vm.vcpu_error, -EMFILE, "the module cannot make a "
		  "virtual CPU: Too many open files\n", 3 },
		{ &fake_vm.kick_error, -ENOSPC, "cannot connect rng0 to the "
		  "guest: No space left on device\n", 3 },
		{ &fake_vm.regs_error, -EINVAL, "the guest cannot be started: "
		  "Invalid argument\n", 1 },
		{ &fake_vm.stats_error, -EIO, "the module gives no "
		  "statistics: Input/output error\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fake_vm_reset();
		*cases[i].error = cases[i].value;
		assert_int_equal(run_to_end(guest_poweroff, cases[i].said,
					    NULL), cases[i].status);
	}
	fake_vm_reset();
}

static int guest_output(struct rl_run *run)
{
	return console_call(run, RL_EXIT_CONSOLE_WRITE, BUFFER_GPA, 4096);
}

static int second_panics(struct rl_run *run)
{
	return shut_down(run, RL_SHUTDOWN_PANIC);
}

/* The end of one vCPU is that of all, and what it said is what counts. */
static void test_many_cpus(void **state)
{
	char *eight[] = { "--cpus", "8", NULL };
	char *pinned[] = { "--cpus", "2", "--pin", "-,0", NULL };
	char *nowhere[] = { "--pin", "8191", NULL };
	struct child child;

	(void)state;
	assert_int_equal(run_to_end(guest_poweroff, "max_vcpus=8", eight), 3);
	fake_vm.info.max_vcpus = 8;
	assert_int_equal(run_to_end(guest_poweroff, NULL, eight), 0);
	assert_int_equal(run_to_end(guest_killed, "was killed: bad", eight), 6);
	assert_int_equal(run_to_end(guest_host_error, "Cannot allocate", eight), 1);
	fake_vm.second = second_panics;
	assert_int_equal(run_to_end(guest_sleeps, "panicked", eight), 5);
	fake_vm.second = guest_killed;
	assert_int_equal(run_to_end(guest_sleeps, "was killed: bad", pinned), 6);
	fake_vm.second = guest_output;
	start_on_pipes(&child, guest_sleeps, eight);
	close(child.out);
	child.out = open("/dev/null", O_RDONLY);
	expect(child.err, "standard output cannot be written");
	close(child.err);
	assert_int_equal(finish(&child), 1);
	fake_vm.second = NULL;
	start_on_pipes(&child, guest_sleeps, eight);
	expect(child.out, "ready\n");
	kill(child.pid, SIGINT);
	close(child.err);
	assert_int_equal(finish(&child), 128 + SIGINT);
	assert_int_equal(run_to_end(guest_poweroff, "host's CPU 8191", nowhere), 2);
	fake_vm.vcpu_error = -EMFILE;
	fake_vm.vcpu_error_from = 7;
	assert_int_equal(run_to_end(guest_poweroff, "make a virtual CPU", eight), 3);
	fake_vm_reset();
}

/* What is in the cache cannot be used: that is no fault of the kernel's file. */
static void test_load_status(void **state)
{
	(void)state;
	load_error = -EIO;
	assert_int_equal(run_to_end(guest_poweroff, NULL, NULL), 1);
	load_error = -EACCES;
	assert_int_equal(run_to_end(guest_poweroff, NULL, NULL), 1);
	load_error = -ENOMEM;
	assert_int_equal(run_to_end(guest_poweroff, NULL, NULL), 4);
	load_error = 0;
}

/* More address space than the host has left. */
static void test_no_memory(void **state)
{
	char *much[] = { "--memory", "256G", NULL };
	struct rlimit old, less;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	less = old;
	/* What this program itself needs (a sanitizer: terabytes), and some. */
	less.rlim_cur = mapped_bytes() + (1ull << 30);
	if (setrlimit(RLIMIT_AS, &less))
		skip();
	assert_int_equal(run_to_end(guest_poweroff, "no 262144 MB of memory "
				    "for the guest; give less with --memory",
				    much), 3);
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
}

static void test_progress(void **state)
{
	char *extra[] = { "--verbose", "--", "quiet", NULL };
	struct child child;
	const char *said;

	(void)state;
	start_on_pipes(&child, guest_poweroff, extra);
	said = expect(child.err, "entering the guest at 0xffffffffc0000000");
	assert_non_null(strstr(said, "arguments: pti=off console=hvc0"));
	assert_non_null(strstr(said, " quiet\n"));
	close(child.err);
	assert_int_equal(finish(&child), 0);
}

static void test_reboot(void **state)
{
	char *extra[] = { "-v", NULL };
	struct child child;
	const char *said;

	(void)state;
	start_on_pipes(&child, guest_reboots, extra);
	said = expect(child.err, "powered off");
	said = strstr(said, "reboots");
	assert_non_null(said);
	said = strstr(said + 1, "reboots");
	assert_non_null(said);
	assert_null(strstr(said + 1, "reboots"));
	close(child.err);
	assert_int_equal(finish(&child), 0);
}

/* The service manager hears it once, also from a guest that reboots. */
static void test_ready(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char name[64], heard[256] = "";
	struct child child;

	(void)state;
	snprintf(name, sizeof(name), "@ringlet-run-%d", getpid());
	strcpy(address.sun_path + 1, name + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      offsetof(struct sockaddr_un, sun_path) +
			      strlen(name)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	start_on_pipes(&child, guest_reboots, NULL);
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(finish(&child), 0);
	/* A second try would have failed, since the sandbox hides the name. */
	assert_int_equal(read(child.err, heard, sizeof(heard)), 0);
	close(child.err);
	assert_true(recv(fd, heard, sizeof(heard) - 1, 0) > 0);
	assert_string_equal(heard, "READY=1\nSTATUS=1.2.3-test with 512 MB");
	assert_int_equal(recv(fd, heard, sizeof(heard), 0), -1);
	close(fd);
}

static void test_output(void **state)
{
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_prints, NULL);
	expect(child.out, "hello\n");
	assert_int_equal(finish(&child), 0);
	close(child.err);
}

static void test_output_closed(void **state)
{
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_floods, NULL);
	close(child.out);
	child.out = dup(child.in);
	expect(child.err, "standard output cannot be written: Broken pipe");
	close(child.err);
	assert_int_equal(finish(&child), 1);
}

static void test_input(void **state)
{
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_echoes, NULL);
	/* More than the guest takes at once; without a terminal, ctrl-A x
	 * are bytes like others. */
	send_text(&child, "0123456789\001x");
	expect(child.out, "0123456789\001x");
	send_text(&child, "Q");
	close(child.err);
	assert_int_equal(finish(&child), 0);
}

/* The end of input is not the end of the guest. */
static void test_input_ends(void **state)
{
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_sleeps, NULL);
	expect(child.out, "ready\n");
	close(child.in);
	child.in = dup(child.out);
	usleep(100000);
	assert_int_equal(waitpid(child.pid, NULL, WNOHANG), 0);
	kill(child.pid, SIGINT);
	close(child.err);
	assert_int_equal(finish(&child), 128 + SIGINT);
}

/* A whole file as input, more than the ring holds. */
static void test_much_input(void **state)
{
	static char big[60001], seen[60001];
	struct pollfd poll_fd = { .events = POLLIN };
	struct child child;
	size_t used = 0;
	ssize_t got;

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[0] = 'b';
	start_on_pipes(&child, guest_echoes, NULL);
	poll_fd.fd = child.out;
	send_text(&child, big);	/* a pipe takes 64 KB */
	while (used < sizeof(big) - 1) {
		assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
		got = read(child.out, seen + used, sizeof(seen) - used);
		assert_true(got > 0);
		used += got;
	}
	assert_string_equal(seen, big);
	send_text(&child, "Q");
	close(child.err);
	assert_int_equal(finish(&child), 0);
}

static void test_signals(void **state)
{
	static const int signals[] = { SIGINT, SIGHUP, SIGQUIT };
	struct child child;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		start_on_pipes(&child, guest_sleeps, NULL);
		expect(child.out, "ready\n");
		kill(child.pid, signals[i]);
		expect(child.err, "was ended by SIG");
		close(child.err);
		assert_int_equal(finish(&child), 128 + signals[i]);
	}
}

/* The first SIGTERM is a question, and the guest says yes. */
static void test_term_asks(void **state)
{
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_obeys, NULL);
	expect(child.out, "ready\n");
	kill(child.pid, SIGTERM);
	expect(child.err, "asked to power off; it has 90 s\n");
	expect(child.err, "powered off, as it was asked to");
	close(child.err);
	assert_int_equal(finish(&child), 0);
}

/* A guest that goes down to reboot has gone down, and is not started again. */
static void test_term_reboot(void **state)
{
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_reboots_when_asked, NULL);
	expect(child.out, "ready\n");
	kill(child.pid, SIGTERM);
	expect(child.err, "powered off, as it was asked to");
	close(child.err);
	assert_int_equal(finish(&child), 0);
}

static void test_term_twice(void **state)
{
	char pid[64];
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_sleeps, NULL);
	expect(child.out, "ready\n");
	kill(child.pid, SIGTERM);
	expect(child.err, "is asked to power off");
	usleep(100000);
	assert_int_equal(waitpid(child.pid, NULL, WNOHANG), 0);
	kill(child.pid, SIGTERM);
	snprintf(pid, sizeof(pid), "was ended by SIGTERM from process %d\n",
		 getpid());
	expect(child.err, pid);
	close(child.err);
	assert_int_equal(finish(&child), 128 + SIGTERM);
}

static void test_term_late(void **state)
{
	char *extra[] = { "--stop-timeout", "1", NULL };
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_sleeps, extra);
	expect(child.out, "ready\n");
	kill(child.pid, SIGTERM);
	expect(child.err, "asked to power off; it has 1 s\n");
	expect(child.err, "did not power off within 1 s");
	close(child.err);
	assert_int_equal(finish(&child), 7);
}

static void test_term_without_question(void **state)
{
	char *extra[] = { "--stop-timeout", "0", NULL };
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_obeys, extra);
	expect(child.out, "ready\n");
	kill(child.pid, SIGTERM);
	expect(child.err, "was ended by SIGTERM");
	close(child.err);
	assert_int_equal(finish(&child), 128 + SIGTERM);
}

/* Blocked in a write that nobody takes. */
static void test_signal_while_flooding(void **state)
{
	struct child child;

	(void)state;
	start_on_pipes(&child, guest_floods, NULL);
	usleep(200000);
	kill(child.pid, SIGINT);
	close(child.err);
	assert_int_equal(finish(&child), 128 + SIGINT);
}

static void test_terminal_keys(void **state)
{
	char *extra[] = { "-v", NULL };
	struct child child;

	(void)state;
	start_on_terminal(&child, guest_sleeps, extra);
	expect(child.out, "ready");
	/* ctrl-C is the guest's. */
	send_text(&child, "\003");
	send_text(&child, "\001h");
	expect(child.err, "^A x  end the guest");
	send_text(&child, "\001s");
	expect(child.err, "shadow pages");
	assert_int_equal(waitpid(child.pid, NULL, WNOHANG), 0);
	send_text(&child, "\001p");
	expect(child.err, "asked to power off; it has 90 s");
	send_text(&child, "\001p");
	expect(child.err, "asked to power off; it has ");
	send_text(&child, "\001x");
	expect(child.err, "was ended by the escape key");
	close(child.err);
	assert_int_equal(finish(&child), 128 + SIGINT);
}

static void test_terminal_echo(void **state)
{
	struct child child;

	(void)state;
	start_on_terminal(&child, guest_echoes, NULL);
	usleep(200000);		/* until it is raw: no echo but the guest's */
	send_text(&child, "a\003b\001\001c\r");
	expect(child.out, "a\003b\001c\r");
	send_text(&child, "Q");
	close(child.err);
	assert_int_equal(finish(&child), 0);
}

/* The guest hears what size the terminal has, and each change of it. */
static void test_terminal_size(void **state)
{
	struct winsize size = { .ws_col = 132, .ws_row = 50 };
	struct child child;

	(void)state;
	start_on_terminal(&child, guest_tells_size, NULL);
	expect(child.out, "0x0");
	assert_int_equal(ioctl(child.out, TIOCSWINSZ, &size), 0);
	expect(child.out, "132x50");
	size.ws_row = 10;
	assert_int_equal(ioctl(child.out, TIOCSWINSZ, &size), 0);
	close(child.err);
	assert_int_equal(finish(&child), 0);
}

static bool is_raw_now(struct child *child)
{
	struct termios now;

	tcgetattr(child->slave, &now);
	return !(now.c_lflag & (ICANON | ECHO | ISIG));
}

/* Stopped and continued, as a shell's job control does. */
static void test_job_control(void **state)
{
	struct child child;
	int status, round;

	(void)state;
	start_on_terminal(&child, guest_sleeps, NULL);
	expect(child.out, "ready");
	assert_true(is_raw_now(&child));
	kill(child.pid, SIGTSTP);
	assert_int_equal(waitpid(child.pid, &status, WUNTRACED), child.pid);
	assert_true(WIFSTOPPED(status));
	assert_false(is_raw_now(&child));
	kill(child.pid, SIGCONT);
	for (round = 0; round < WAIT_MS / 10 && !is_raw_now(&child); round++)
		usleep(10000);
	assert_true(is_raw_now(&child));
	send_text(&child, "\001x");
	close(child.err);
	assert_int_equal(finish(&child), 128 + SIGINT);
}

static void test_stats_written(void **state)
{
	char path[] = "/tmp/ringlet-stats.XXXXXX", text[4096] = "";
	char *extra[] = { "--stats", path, NULL };
	int fd = mkstemp(path);
	struct child child;

	(void)state;
	fake_vm.stats.exits[14] = 4711;
	start_on_pipes(&child, guest_sleeps, extra);
	expect(child.out, "ready\n");
	kill(child.pid, SIGINT);
	close(child.err);
	assert_int_equal(finish(&child), 128 + SIGINT);
	close(fd);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "\"#PF\": 4711"));
	assert_non_null(strstr(text, "\"exit_status\": 130"));
	assert_non_null(strstr(text, "\"end\": \"signal\""));
	close(fd);
	unlink(path);
	fake_vm_reset();
}

static int set_up(void **state)
{
	int fd = mkstemp(kernel_file);

	(void)state;
	fake_vm_reset();
	return write(fd, "\177ELF", 4) == 4 ? close(fd) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(kernel_file);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_not_started),
		cmocka_unit_test(test_module_refuses),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_load_status),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_reboot),
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_output_closed),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_input_ends),
		cmocka_unit_test(test_much_input),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_term_asks),
		cmocka_unit_test(test_term_reboot),
		cmocka_unit_test(test_term_twice),
		cmocka_unit_test(test_term_late),
		cmocka_unit_test(test_term_without_question),
		cmocka_unit_test(test_signal_while_flooding),
		cmocka_unit_test(test_terminal_keys),
		cmocka_unit_test(test_terminal_echo),
		cmocka_unit_test(test_terminal_size),
		cmocka_unit_test(test_job_control),
		cmocka_unit_test(test_stats_written),
	};

	/* A write to a child that ended is an error, not our end. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("run", tests, set_up, tear_down);
}
