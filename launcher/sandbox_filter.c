// SPDX-License-Identifier: GPL-2.0
/*
 * The system calls that the launcher may use once its guest runs. What is not
 * listed fails with EPERM; what only an intruder would try ends the process.
 *
 * Arguments are looked at where a call can do too much otherwise: no
 * executable memory, no process (only threads), no ioctl but those that
 * devices use (TIOCSTI, for one, types into the user's shell).
 */
#include <errno.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "../abi/ringlet.h"
#include "log.h"
#include "sandbox.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Whatever the arguments. */
static const int always[] = {
	/* files that are open */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv),
	SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
	SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(fcntl),
	SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
	SCMP_SYS(fallocate), SCMP_SYS(ftruncate), SCMP_SYS(dup),
	SCMP_SYS(statx), SCMP_SYS(newfstatat), SCMP_SYS(fadvise64),
	/* rings that are there, and restricted to reading and writing */
	SCMP_SYS(io_uring_enter),
	/* sockets that are open */
	SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendto),
	SCMP_SYS(recvfrom), SCMP_SYS(shutdown), SCMP_SYS(accept4),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(socketpair),
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
	SCMP_SYS(getegid), SCMP_SYS(tgkill), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigpending),
	SCMP_SYS(sigaltstack), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(sysinfo),
	SCMP_SYS(uname), SCMP_SYS(wait4), SCMP_SYS(umask),
	/* the user's job control stops and continues us: Ctrl-Z */
	SCMP_SYS(getpgrp), SCMP_SYS(getpgid), SCMP_SYS(getppid),
};

/* sandbox_options.files: the statistics, which replace a file. */
static const int with_files[] = {
	SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(fchmod), SCMP_SYS(stat),
	SCMP_SYS(lstat), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
};

/* sandbox_options.sockets: a cable that is plugged in again. */
static const int with_sockets[] = {
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(flock),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat),
};

static const unsigned long ioctls[] = {
	RL_GET_INFO, RL_CREATE_VM, RL_SET_MEMORY_SLOT, RL_CREATE_VCPU,
	RL_IRQ_LINE, RL_GET_STATS, RL_IOEVENTFD, RL_IRQFD, RL_RUN,
	RL_GET_REGS, RL_SET_REGS,
	TUNSETOFFLOAD, TUNSETQUEUE,
	TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, TIOCGPGRP, FIONREAD,
	BLKGETSIZE64, BLKSSZGET, BLKPBSZGET, BLKDISCARD, BLKZEROOUT,
};

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

/* A call whose argument is value; or has these bits of a mask. */
static int add_if(scmp_filter_ctx filter, int call, unsigned int argument,
		  uint64_t value)
{
	struct scmp_arg_cmp test = {
		.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value,
	};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &test);
}

static int add_if_bits(scmp_filter_ctx filter, int call,
		       unsigned int argument, uint64_t mask, uint64_t value)
{
	struct scmp_arg_cmp test = {
		.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask,
		.datum_b = value,
	};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &test);
}

/* Calls of which only some uses are ours. */
static int add_some(scmp_filter_ctx filter)
{
	int error = 0;
	size_t i;

	for (i = 0; i < COUNT(ioctls) && !error; i++)
		error = add_if(filter, SCMP_SYS(ioctl), 1, ioctls[i]);
	if (!error)
		error = add_if_bits(filter, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
	if (!error)
		error = add_if_bits(filter, SCMP_SYS(mprotect), 2, PROT_EXEC,
				    0);
	if (!error)
		error = add_if_bits(filter, SCMP_SYS(clone), 0, CLONE_THREAD,
				    CLONE_THREAD);
	/*
	 * clone3's flags are in memory, where a filter cannot look. With this
	 * answer the C library goes back to clone.
	 */
	if (!error)
		error = seccomp_rule_add_array(filter,
					       SCMP_ACT_ERRNO(ENOSYS),
					       SCMP_SYS(clone3), 0, NULL);
	if (!error)
		error = add_if(filter, SCMP_SYS(prctl), 0, PR_SET_NAME);
	return error;
}

static int add_rules(scmp_filter_ctx filter,
		     const struct sandbox_options *options)
{
	int error = add_all(filter, SCMP_ACT_ALLOW, always, COUNT(always));

	if (!error)
		error = add_all(filter, SCMP_ACT_KILL_PROCESS, never,
				COUNT(never));
	if (!error)
		error = add_some(filter);
	if (!error && options->files)
		error = add_all(filter, SCMP_ACT_ALLOW, with_files,
				COUNT(with_files));
	if (!error && options->sockets)
		error = add_all(filter, SCMP_ACT_ALLOW, with_sockets,
				COUNT(with_sockets));
	if (!error && options->sockets)
		error = add_if(filter, SCMP_SYS(socket), 0, AF_UNIX);
	return error;
}

int sandbox_filter(const struct sandbox_options *options)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
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
