// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit program in a guest: its system calls, signals, thread-local
 * segment. It has no library (a 64-bit machine need not have the 32-bit one),
 * so it brings the five calls that it needs.
 */
#include <asm/ldt.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/unistd_32.h>
#include <linux/auxvec.h>

#define NULL_ADDRESS	16	/* on the page that is never there */

static long via_int80(long number, long a, long b, long c, long d)
{
	asm volatile("int $0x80" : "+a" (number)
		     : "b" (a), "c" (b), "d" (c), "S" (d) : "memory");
	return number;
}

static void *vsyscall;	/* the kernel's own choice of an instruction */

static long via_vsyscall(long number, long a, long b, long c)
{
	asm volatile("call *%1" : "+a" (number)
		     : "m" (vsyscall), "b" (a), "c" (b), "d" (c) : "memory");
	return number;
}

static int failures;

static void say(const char *text)
{
	int length = 0;

	while (text[length])
		length++;
	via_int80(__NR_write, 1, (long)text, length, 0);
}

static void check(int good, const char *what)
{
	say(good ? "ok " : "FAILED ");
	say(what);
	say("\n");
	failures += !good;
}

static volatile int signals;
static volatile int skip = 2;	/* bytes of the instruction that faults */
static volatile long fault_address;

/* The kernel finds its own way back: the return code is in its page. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	/* uc_mcontext.eip is word 5 + 14 of a 32-bit ucontext. */
	unsigned long *word = context;

	signals += number == SIGSEGV;
	fault_address = (long)info->si_addr;
	word[5 + 14] += skip;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	signals += number == SIGUSR1;
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *))
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask[2];
	} action = { handler, SA_SIGINFO, 0, { 0, 0 } };

	check(!via_int80(__NR_rt_sigaction, number, (long)&action, 0, 8),
	      "rt_sigaction");
}

static void check_segments(void)
{
	static int words[2] = { 0, 4711 };
	struct user_desc d = {
		.entry_number = -1, .base_addr = (unsigned long)words,
		.limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1,
		.useable = 1,
	};
	int value = 0, i, bad = 0;

	check(!via_int80(__NR_set_thread_area, (long)&d, 0, 0, 0),
	      "set_thread_area");
	asm volatile("movw %w0, %%gs" :: "r" (d.entry_number * 8 + 3));
	for (i = 0; i < 300; i++) {
		asm volatile("movl %%gs:4, %0" : "=r" (value));
		bad += value != 4711;
		via_int80(__NR_sched_yield, 0, 0, 0, 0);
	}
	check(!bad, "the segment stays over context switches");
}

static void check_limit(void)
{
	static char bytes[64];
	struct user_desc d = {
		.entry_number = -1, .base_addr = (unsigned long)bytes,
		.limit = 15, .seg_32bit = 1, .useable = 1,
	};
	int before = signals;

	check(!via_int80(__NR_set_thread_area, (long)&d, 0, 0, 0),
	      "a second segment");
	asm volatile("movw %w0, %%fs" :: "r" (d.entry_number * 8 + 3));
	asm volatile("movl %%fs:12, %%eax" ::: "eax");
	check(signals == before, "inside the limit");
	skip = 3;
	asm volatile("movl %%fs:(%%eax), %%ecx" :: "a" (16) : "ecx");
	skip = 2;
	if (signals == before)
		say("skipped: this processor (TCG) checks no limits\n");
	else
		check(signals == before + 1, "outside the limit");
	asm volatile("movw %w0, %%fs" :: "r" (0));
}

/*
 * SIDT and SMSW in a program: with UMIP the kernel answers with its constants, and
 * looks up the descriptors of the program's segments, a thread's own among them.
 * It does so by SGDT, in ring 1.
 */
static void check_tables(void)
{
	static struct {
		unsigned short limit;
		unsigned int base;
	} __attribute__((packed)) words[2];
	struct user_desc d = {
		.entry_number = -1, .base_addr = (unsigned long)words,
		.limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1,
		.useable = 1,
	};
	int before = signals, status = 0;

	check(!via_int80(__NR_set_thread_area, (long)&d, 0, 0, 0),
	      "a third segment");
	asm volatile("movw %w0, %%fs" :: "r" (d.entry_number * 8 + 3));
	skip = 4;
	asm volatile("sidt (%%eax)" :: "a" (words) : "memory");
	check(signals == before && words[0].base == 0xffff0000, "sidt");
	asm volatile("sidt %%fs:(%%eax)" :: "a" (sizeof(words[0])) : "memory");
	check(signals == before && words[1].base == 0xffff0000,
	      "sidt through a segment");
	skip = 3;
	asm volatile("smsw %0" : "+r" (status));
	check(signals == before && (status & 0x80000001) == 0x80000001, "smsw");
	skip = 2;
	asm volatile("movw %w0, %%fs" :: "r" (0));
}

static void check_processes(void)
{
	int status = -1, n, bad = 0;
	long child;

	for (n = 0; n < 10; n++) {
		child = via_int80(__NR_fork, 0, 0, 0, 0);
		if (!child) {
			check_segments();
			via_int80(__NR_exit, failures ? 1 : n, 0, 0, 0);
		}
		via_int80(__NR_waitpid, child, (long)&status, 0, 0);
		bad += status != n << 8;
	}
	check(!bad, "fork, exit, waitpid");
}

static __attribute__((used)) void start(long *stack)
{
	long *auxv = stack + 1 + stack[0] + 1, pid;

	while (*auxv++)
		;
	for (; *auxv; auxv += 2)
		if (*auxv == AT_SYSINFO)
			vsyscall = (void *)auxv[1];
	pid = via_int80(__NR_getpid, 0, 0, 0, 0);
	check(pid > 0, "int $0x80");
	check(vsyscall != 0, "AT_SYSINFO");
	if (vsyscall)
		check(via_vsyscall(__NR_getpid, 0, 0, 0) == pid, "vsyscall");
	handle(SIGSEGV, on_fault);
	handle(SIGUSR1, on_signal);
	via_int80(__NR_kill, pid, SIGUSR1, 0, 0);
	check(signals == 1, "a signal's handler returns");
	asm volatile("movl (%%eax), %%ecx" :: "a" (NULL_ADDRESS) : "ecx");
	check(signals == 2 && fault_address == NULL_ADDRESS,
	      "a fault's address");
	check_segments();
	check_limit();
	check_processes();
	check_tables();
	via_int80(__NR_exit, failures ? 1 : 0, 0, 0, 0);
}

asm(".globl _start\n_start:\n\txorl %ebp, %ebp\n\tpushl %esp\n\tcall start");
