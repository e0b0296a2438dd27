// SPDX-License-Identifier: GPL-2.0
/*
 * Times a few operations that stress what a hypervisor with shadow page tables
 * pays for. Prints one line for each: its name and the nanoseconds of one
 * operation, the median of several rounds.
 *
 * Static, single-threaded, no files: it runs the same in the host and in a
 * guest. Where to start reading: the table `operations`.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7
#define PAGE 4096L

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void do_getpid(long count)
{
	while (count--)
		syscall(SYS_getppid);
}

static void do_int80(long count)
{
	long result;

	while (count--)
		__asm__ volatile("int $0x80"	/* 64: getppid, 32-bit */
				 : "=a"(result)
				 : "a"(64L)
				 : "memory", "r8", "r9", "r10", "r11");
}

static void on_signal(int number)
{
	(void)number;
}

static void do_signal(long count)
{
	signal(SIGUSR1, on_signal);
	while (count--)
		raise(SIGUSR1);
}

/* One round trip is two context switches; count is of switches. */
static void do_switch(long count)
{
	int there[2], back[2];
	char byte = 0;
	pid_t child;

	if (pipe(there) || pipe(back))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			if (write(back[1], &byte, 1) != 1)
				break;
		_exit(0);
	}
	for (; count > 0; count -= 2)
		if (write(there[1], &byte, 1) != 1 ||
		    read(back[0], &byte, 1) != 1)
			die("pipe");
	close(there[1]);
	close(there[0]);
	close(back[0]);
	close(back[1]);
	waitpid(child, NULL, 0);
}

static void do_fork(long count)
{
	while (count--) {
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

static void do_exec(long count)
{
	while (count--) {
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (!child) {
			execl("/proc/self/exe", "bench", "exit", NULL);
			_exit(1);
		}
		waitpid(child, NULL, 0);
	}
}

static char *pages(long count)
{
	char *memory = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	/* Otherwise one fault may bring in 512 pages. */
	madvise(memory, count * PAGE, MADV_NOHUGEPAGE);
	return memory;
}

static void do_anonymous(long count)
{
	char *memory = pages(count);

	for (long i = 0; i < count; i++)
		memory[i * PAGE] = 1;
	munmap(memory, count * PAGE);
}

static void do_cow(long count)
{
	char *memory = pages(count);
	pid_t child;

	memset(memory, 1, count * PAGE);
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		for (long i = 0; i < count; i++)
			memory[i * PAGE] = 2;
		_exit(0);
	}
	waitpid(child, NULL, 0);
	munmap(memory, count * PAGE);
}

static void do_mprotect(long count)
{
	char *memory = pages(1);

	memory[0] = 1;
	while (count--) {
		mprotect(memory, PAGE, PROT_READ);
		mprotect(memory, PAGE, PROT_READ | PROT_WRITE);
		memory[0]++;
	}
	munmap(memory, PAGE);
}

static void do_compute(long count)
{
	volatile double x = 1;

	while (count--)
		x = x * 1.0000001 + 1e-9;
}

static const struct operation {
	const char *name;
	void (*run)(long count);
	long count;		/* operations in one round */
} operations[] = {
	{ "system call", do_getpid, 20000 },
	{ "int 0x80", do_int80, 10000 },
	{ "signal", do_signal, 3000 },
	{ "context switch", do_switch, 2000 },
	{ "fork, exit, wait", do_fork, 50 },
	{ "fork, exec, wait", do_exec, 30 },
	{ "anonymous fault", do_anonymous, 2000 },
	{ "copy-on-write fault", do_cow, 2000 },
	{ "two mprotects", do_mprotect, 3000 },
	{ "computing", do_compute, 200000 },
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 0;
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		const struct operation *o = &operations[i];
		uint64_t took[ROUNDS];

		for (int round = 0; round < ROUNDS; round++) {
			uint64_t start = now_ns();

			o->run(o->count);
			took[round] = (now_ns() - start) / o->count;
		}
		qsort(took, ROUNDS, sizeof(*took), compare);
		printf("%s:%llu\n", o->name,
		       (unsigned long long)took[ROUNDS / 2]);
		fflush(stdout);
	}
	return 0;
}
