// SPDX-License-Identifier: GPL-2.0
/*
 * The system calls that the launcher may use once its guest runs. What it knows
 * but may not do fails with EPERM; what it does not know, with ENOSYS, as on a
 * kernel that does not have it, so that a C library of tomorrow tries the
 * older call; what only an intruder would try ends the process.
 *
 * Arguments are looked at where a call can do too much otherwise: no
 * executable memory, no process (only threads), no signal to others, no ioctl
 * or fcntl but those that are used (TIOCSTI types into the user's shell,
 * F_SETOWN with F_SETSIG is a kill(2) of its own).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "../abi/ringlet.h"
#include "../virtio_devices/device.h"
#include "log.h"
#include "sandbox.h"

#define SOCKET_TYPE	0xf	/* without SOCK_NONBLOCK and SOCK_CLOEXEC */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Whatever the arguments. */
static const int always[] = {
	/* files that are open */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv),
	SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
	SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat),
	SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
	SCMP_SYS(fallocate), SCMP_SYS(ftruncate), SCMP_SYS(dup),
	SCMP_SYS(statx), SCMP_SYS(newfstatat), SCMP_SYS(fadvise64),
	/* rings that are there, and restricted to reading and writing */
	SCMP_SYS(io_uring_enter),
	/* sockets that are open */
	SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(shutdown), SCMP_SYS(accept4),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	/* waiting */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd2), SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime), SCMP_SYS(signalfd4), SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall),
	SCMP_SYS(select), SCMP_SYS(pselect6),
	/* memory */
	SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(mremap),
	/* threads, signals, time */
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(membarrier), SCMP_SYS(getcpu),
	SCMP_SYS(set_tid_address), SCMP_SYS(gettid), SCMP_SYS(getpid),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigpending),
	SCMP_SYS(sigaltstack), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(sysinfo),
	SCMP_SYS(uname), SCMP_SYS(wait4), SCMP_SYS(umask),
	/* the user's job control stops and continues us: Ctrl-Z */
	SCMP_SYS(getpgrp), SCMP_SYS(getpgid), SCMP_SYS(getppid),
};

/* Each of VIRTIO_NEEDS_*. */
static const int to_connect[] = { SCMP_SYS(connect) };
static const int to_listen[] = {
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
};
static const int to_remove[] = {
	SCMP_SYS(flock), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
};

/* Known, and not for us: EPERM tells more than ENOSYS where one is missed. */
static const int refused[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(access),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(link),
	SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir),
	SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(chmod),
	SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chown),
	SCMP_SYS(fchown), SCMP_SYS(lchown), SCMP_SYS(fchownat),
	SCMP_SYS(truncate), SCMP_SYS(chdir), SCMP_SYS(fchdir),
	SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo),
	SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_send_signal), SCMP_SYS(pidfd_getfd),
	SCMP_SYS(timer_create), SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_register), SCMP_SYS(memfd_create),
	SCMP_SYS(setpriority), SCMP_SYS(setrlimit), SCMP_SYS(prlimit64),
	SCMP_SYS(sched_setscheduler),
};

static const unsigned long ioctls[] = {
	RL_GET_INFO, RL_CREATE_VM, RL_SET_MEMORY_SLOT, RL_CREATE_VCPU,
	RL_IRQ_LINE, RL_GET_STATS, RL_IOEVENTFD, RL_IRQFD, RL_RUN,
	RL_GET_REGS, RL_SET_REGS, RL_SET_DEBUG, RL_GET_TRAP, RL_GET_SHADOW,
	TUNSETOFFLOAD, TUNSETQUEUE,
	TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, TIOCGPGRP, FIONREAD,
	BLKGETSIZE64, BLKSSZGET, BLKPBSZGET, BLKDISCARD, BLKZEROOUT,
};

/* fdopen(3) asks for the flags; a reboot reads the kernel again. */
static const unsigned long fcntls[] = { F_GETFL, F_GETFD, F_DUPFD_CLOEXEC };

/* Nothing of ours calls these, so who does is not us. */
static const int never[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork),
	SCMP_SYS(vfork), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(mount), SCMP_SYS(umount2),
	SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(setns),
	SCMP_SYS(unshare), SCMP_SYS(bpf), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(add_key),
	SCMP_SYS(keyctl), SCMP_SYS(request_key),
	SCMP_SYS(open_by_handle_at), SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd), SCMP_SYS(setuid), SCMP_SYS(setgid),
	SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setgroups),
	SCMP_SYS(capset), SCMP_SYS(reboot), SCMP_SYS(iopl),
	SCMP_SYS(ioperm), SCMP_SYS(personality),
};

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls,
		   size_t count)
{
	int error = 0;
	size_t i;

	for (i = 0; i < count && !error; i++)
		error = seccomp_rule_add_array(filter, action, calls[i], 0,
					       NULL);
	return error;
}

/* A call whose argument, as far as mask goes, is value. */
static int add_if(scmp_filter_ctx filter, int call, unsigned int argument,
		  uint64_t mask, uint64_t value)
{
	struct scmp_arg_cmp test = {
		.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask,
		.datum_b = value,
	};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &test);
}

static int add_each(scmp_filter_ctx filter, int call,
		    const unsigned long *values, size_t count)
{
	int error = 0;
	size_t i;

	for (i = 0; i < count && !error; i++)
		error = add_if(filter, call, 1, UINT64_MAX, values[i]);
	return error;
}

/* Calls of which only some uses are ours: the others give ENOSYS. */
static int add_some(scmp_filter_ctx filter)
{
	const struct {
		int call;
		unsigned int argument;
		uint64_t mask, value;
	} some[] = {
		{ SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
		{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
		{ SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD },
		{ SCMP_SYS(prctl), 0, UINT64_MAX, PR_SET_NAME },
		/* To threads of our own; the kernel looks at 32 bits. */
		{ SCMP_SYS(tgkill), 0, UINT32_MAX, getpid() },
		/* A datagram socket could send to any name. */
		{ SCMP_SYS(sendto), 4, UINT64_MAX, 0 },
	};
	int error = add_each(filter, SCMP_SYS(ioctl), ioctls, COUNT(ioctls));
	size_t i;

	if (!error)
		error = add_each(filter, SCMP_SYS(fcntl), fcntls,
				 COUNT(fcntls));
	for (i = 0; i < COUNT(some) && !error; i++)
		error = add_if(filter, some[i].call, some[i].argument,
			       some[i].mask, some[i].value);
	/*
	 * clone3's flags are in memory, where a filter cannot look. As it is
	 * not listed it gives ENOSYS, and the C library goes back to clone.
	 */
	return error;
}

/* Streams between processes: no internet, and nothing without a connection. */
static int add_stream(scmp_filter_ctx filter, int call)
{
	const struct scmp_arg_cmp tests[][2] = {
		{ { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_UNIX },
		  { .arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = SOCKET_TYPE,
		    .datum_b = SOCK_STREAM } },
		{ { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_UNIX },
		  { .arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = SOCKET_TYPE,
		    .datum_b = SOCK_SEQPACKET } },
	};
	int error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 2,
					   tests[0]);

	if (!error)
		error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 2,
					       tests[1]);
	return error;
}

static int add_needs(scmp_filter_ctx filter, unsigned int needs)
{
	const bool sockets = needs & (VIRTIO_NEEDS_CONNECT |
				      VIRTIO_NEEDS_LISTEN);
	int error = add_stream(filter, SCMP_SYS(socketpair));

	if (!error && sockets)
		error = add_stream(filter, SCMP_SYS(socket));
	if (!error && (needs & VIRTIO_NEEDS_CONNECT))
		error = add_all(filter, SCMP_ACT_ALLOW, to_connect,
				COUNT(to_connect));
	if (!error && (needs & VIRTIO_NEEDS_LISTEN))
		error = add_all(filter, SCMP_ACT_ALLOW, to_listen,
				COUNT(to_listen));
	if (!error && (needs & VIRTIO_NEEDS_REMOVE))
		error = add_all(filter, SCMP_ACT_ALLOW, to_remove,
				COUNT(to_remove));
	return error;
}

static const int set_affinity = SCMP_SYS(sched_setaffinity);

static int add_rules(scmp_filter_ctx filter,
		     const struct sandbox_options *options)
{
	int error = add_all(filter, SCMP_ACT_ALLOW, always, COUNT(always));

	if (!error)
		error = add_all(filter, SCMP_ACT_KILL_PROCESS, never,
				COUNT(never));
	if (!error)
		error = add_all(filter, SCMP_ACT_ERRNO(EPERM), refused,
				COUNT(refused));
	/* Its own thread only, and only where the user wants it. */
	if (!error)
		error = options->pins ?
			add_if(filter, SCMP_SYS(sched_setaffinity), 0,
			       UINT32_MAX, 0) :
			add_all(filter, SCMP_ACT_ERRNO(EPERM), &set_affinity, 1);
	if (!error)
		error = add_some(filter);
	return error ? error : add_needs(filter, options->needs);
}

int sandbox_filter(const struct sandbox_options *options)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int error = -ENOMEM;

	if (filter) {
		error = add_rules(filter, options);
		if (!error)
			error = seccomp_load(filter);
		seccomp_release(filter);
	}
	if (error)
		log_warnx("cannot filter system calls: %s", strerror(-error));
	return error;
}
