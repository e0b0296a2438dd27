// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger's tools: single steps, breakpoints in the text, breakpoints and
 * watchpoints of the processor, the registers of another process.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include "check.h"
#include "registers.h"

#define DEBUG(n) offsetof(struct user, u_debugreg[n])

static volatile int watched;
static volatile long counter;
extern char nops[], nops_end[];

static __attribute__((noinline)) void target(void)
{
	counter++;
	asm volatile("");
}

static __attribute__((noinline)) void write_watched(void)
{
	watched = 7;
}

static __attribute__((noinline)) void straight_line(void)
{
	asm volatile("nops: nop\n\tnop\n\tnop\n\t" GETPID
		     "\n\tnop\n\tint3\nnops_end: nop"
		     ::: CALL_CLOBBERS);
}

/* A child that stops at once and then runs a function. */
static pid_t start(void (*run)(void))
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	NEED(child >= 0);
	if (!child) {
		NEED(!ptrace(PTRACE_TRACEME, 0, 0, 0));
		raise(SIGSTOP);
		run();
		_exit(0);
	}
	NEED(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
	return child;
}

/* The signal that the child stops with next; -1: it has ended. */
static int next_stop(pid_t child, int request, int with)
{
	int status;

	NEED(!ptrace(request, child, 0, with));
	NEED(waitpid(child, &status, 0) == child);
	return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static struct user_regs_struct regs_of(pid_t child)
{
	struct user_regs_struct r;

	NEED(!ptrace(PTRACE_GETREGS, child, 0, &r));
	return r;
}

static void end(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	waitpid(child, &status, 0);
}

/* One stop behind each instruction, the system call included. */
static void single_steps(void)
{
	static const int lengths[] = { 1, 1, 1, 5, 2, 1 };
	pid_t child = start(straight_line);
	uint64_t at = (uintptr_t)nops;
	unsigned int i, steps = 0;

	do
		CHECK_IS(next_stop(child, PTRACE_SINGLESTEP, 0), SIGTRAP);
	while ((uint64_t)regs_of(child).IP != at && ++steps < 2000);
	CHECK(steps < 2000);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		at += lengths[i];
		CHECK_IS(next_stop(child, PTRACE_SINGLESTEP, 0), SIGTRAP);
		CHECK_IS(regs_of(child).IP, at);
		if (i == 4)
			CHECK_IS(regs_of(child).AX, child);
	}
	CHECK_IS(next_stop(child, PTRACE_CONT, 0), SIGTRAP);
	CHECK_IS(regs_of(child).IP, (uintptr_t)nops_end);
	CHECK_IS(next_stop(child, PTRACE_CONT, 0), -1);
}

static void call_target(void)
{
	int i;

	for (i = 0; i < 3; i++)
		target();
	_exit(counter == 3 ? 0 : 1);
}

/* An int3 in the child's text, which is a page of its own from then on. */
static void text_breakpoint(void)
{
	pid_t child = start(call_target);
	long word = ptrace(PTRACE_PEEKTEXT, child, target, 0);
	struct user_regs_struct r;
	int i, status;

	for (i = 0; i < 3; i++) {
		NEED(!ptrace(PTRACE_POKETEXT, child, target,
			     (word & ~0xffL) | 0xcc));
		CHECK_IS(next_stop(child, PTRACE_CONT, 0), SIGTRAP);
		r = regs_of(child);
		CHECK_IS(r.IP, (uintptr_t)target + 1);
		r.IP--;
		NEED(!ptrace(PTRACE_SETREGS, child, 0, &r));
		NEED(!ptrace(PTRACE_POKETEXT, child, target, word));
		CHECK_IS(next_stop(child, PTRACE_SINGLESTEP, 0), SIGTRAP);
	}
	NEED(!ptrace(PTRACE_CONT, child, 0, 0));
	NEED(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	target();	/* ours has no breakpoint */
}

static void debug_breakpoint(void)
{
	pid_t child = start(call_target);
	int i;

	NEED(!ptrace(PTRACE_POKEUSER, child, DEBUG(0), target));
	NEED(!ptrace(PTRACE_POKEUSER, child, DEBUG(7), 1));
	for (i = 0; i < 3; i++) {
		CHECK_IS(next_stop(child, PTRACE_CONT, 0), SIGTRAP);
		CHECK_IS(regs_of(child).IP, (uintptr_t)target);
		CHECK_IS(ptrace(PTRACE_PEEKUSER, child, DEBUG(6), 0) & 0xf, 1);
	}
	CHECK_IS(next_stop(child, PTRACE_CONT, 0), -1);
}

static void debug_watchpoint(void)
{
	pid_t child = start(write_watched);

	NEED(!ptrace(PTRACE_POKEUSER, child, DEBUG(1), &watched));
	/* L1; RW1 = write, LEN1 = 4 */
	NEED(!ptrace(PTRACE_POKEUSER, child, DEBUG(7), 4 | 0xdL << 20));
	CHECK_IS(next_stop(child, PTRACE_CONT, 0), SIGTRAP);
	CHECK_IS(ptrace(PTRACE_PEEKUSER, child, DEBUG(6), 0) & 0xf, 2);
	CHECK_IS(ptrace(PTRACE_PEEKDATA, child, &watched, 0) & 0xffffffff, 7);
	CHECK_IS(next_stop(child, PTRACE_CONT, 0), -1);
}

static void load_ss_and_trap(void)
{
	long number;

	for (int i = 0; i < 5; i++) {
		asm volatile("movw %1, %%ss\n\tint $0x80"
			     : "=a" (number) : "m" (watched), "0" (20L)
			     : INT80_CLOBBERS);
		CHECK_IS(number, getpid());
		asm volatile("movw %0, %%ss\n\tint3" :: "m" (watched) : "memory");
	}
	CHECK_IS(check_failures, 0);
}

/*
 * What MOV SS reads is told behind the next instruction (SDM volume 3, 6.8.3): where that
 * enters the kernel, the kernel gets it at its first instruction. TCG does not wait.
 */
static void watchpoint_held_back(void)
{
	pid_t child;
	int ss, signal, traps = 0;

	asm volatile("movl %%ss, %0" : "=r" (ss));
	watched = ss;
	child = start(load_ss_and_trap);
	NEED(!ptrace(PTRACE_POKEUSER, child, DEBUG(0), &watched));
	/* L0; RW0 = read and write, LEN0 = 4 */
	NEED(!ptrace(PTRACE_POKEUSER, child, DEBUG(7), 1 | 0xfL << 16));
	while ((signal = next_stop(child, PTRACE_CONT, 0)) == SIGTRAP)
		traps++;
	CHECK_IS(signal, -1);
	CHECK(traps >= 5);
}

/* A watchpoint in memory that only the kernel's copy of a call writes. */
static void no_kernel_breakpoints(void)
{
	pid_t child = start(call_target);

	errno = 0;
	ptrace(PTRACE_POKEUSER, child, DEBUG(0), KERNEL_TEXT);
	if (!errno)
		ptrace(PTRACE_POKEUSER, child, DEBUG(7), 1);
	CHECK(errno);
	end(child);
}

static void wait_forever(void)
{
	for (;;)
		asm volatile("pause");
}

static void registers(void)
{
	pid_t child = start(wait_forever);
	struct user_regs_struct r = regs_of(child), back;

	CHECK_IS(CS_OF(r), USER_CS);
	CHECK_IS(SS_OF(r), USER_SS);
	r.IP = (uintptr_t)wait_forever;
	r.ODD = ODD_VALUE;
	SET_BASES(r);
	NEED(!ptrace(PTRACE_SETREGS, child, 0, &r));
	NEED(!ptrace(PTRACE_CONT, child, 0, 0));
	usleep(30000);
	kill(child, SIGSTOP);
	NEED(waitpid(child, NULL, 0) == child);
	back = regs_of(child);
	CHECK_IS(back.ODD, r.ODD);
	CHECK_BASES(r, back);
	CS_OF(r) = 0x10;
	CHECK(ptrace(PTRACE_SETREGS, child, 0, &r) < 0);
	CS_OF(r) = USER_CS;
	r.IP = NOT_ITS_OWN;
	if (!ptrace(PTRACE_SETREGS, child, 0, &r))
		CHECK_IS(next_stop(child, PTRACE_CONT, 0), SIGSEGV);
	end(child);
}

static void call_getppid(void)
{
	syscall(SYS_getppid);
	_exit(0);
}

static void system_calls(void)
{
	pid_t child = start(call_getppid);
	struct user_regs_struct r;
	int seen = 0, stop;

	for (;;) {
		stop = next_stop(child, PTRACE_SYSCALL, 0);
		if (stop < 0)
			break;
		CHECK_IS(stop, SIGTRAP);
		r = regs_of(child);
		seen += r.ORIG_AX == SYS_getppid;
	}
	CHECK_IS(seen, 2);
}

int main(void)
{
	CASE(single_steps);
	CASE(text_breakpoint);
	CASE(debug_breakpoint);
	CASE(debug_watchpoint);
	CASE(watchpoint_held_back);
	CASE(no_kernel_breakpoints);
	CASE(registers);
	CASE(system_calls);
	DONE();
}
