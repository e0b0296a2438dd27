// SPDX-License-Identifier: GPL-2.0
/*
 * A program with a shadow stack (Linux 6.6 and later): calls and returns, gives the
 * processor away between, and looks whether its shadow stack pointer is what it was, for
 * a second or until there is a file. A return whose address is not on the shadow stack
 * ends it by SIGSEGV.
 *
 *	shadow_stack [FILE]
 *
 * 0: kept; 1: the pointer changed; 2: its own trouble; 77: no shadow stacks here.
 * A child does it, because one that has a shadow stack must not return from what was
 * called before.
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../tiny/shadow_stack.h"

static __attribute__((noinline)) unsigned int depth(unsigned int n)
{
	asm volatile("" ::: "memory");
	return n ? depth(n - 1) + 1 : 0;
}

static __attribute__((noinline, noreturn)) void on_shadow_stack(const char *file)
{
	struct timespec now, end;
	long r = SYS_arch_prctl;
	unsigned long rounds = 0;
	uint64_t ssp;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec++;
	asm volatile("syscall" : "+a"(r)
		     : "D"((long)ARCH_SHSTK_ENABLE), "S"((long)ARCH_SHSTK_SHSTK)
		     : "rcx", "r11", "memory");
	if (r)
		_exit(77);
	ssp = shadow_stack_pointer();
	do {
		if (depth(200) != 200)
			_exit(2);
		if (rounds % 64 == 0)
			sched_yield();
		if (!ssp || shadow_stack_pointer() != ssp)
			_exit(1);
		rounds++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (file ? access(file, F_OK) : now.tv_sec < end.tv_sec);
	dprintf(1, "a shadow stack was kept, %lu times 200 calls\n", rounds);
	_exit(0);
}

int main(int argc, char **argv)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		on_shadow_stack(argc > 1 ? argv[1] : NULL);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 2;
	if (WIFSIGNALED(status))
		printf("ended by signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		printf("status %d\n", WEXITSTATUS(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
