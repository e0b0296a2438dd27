// SPDX-License-Identifier: GPL-2.0
/*
 * Times a few operations that stress what a hypervisor with shadow page tables
 * pays for. Prints one line for each: its name and the nanoseconds of one
 * operation, the median of several rounds.
 *
 * Static: it runs the same in the host and in a guest.
 * Where to start reading: the table `operations`. Programs are in macro.c; disk and
 * network, in io.c, are left out where the environment names none, as are the compiler
 * and, in smp.c, what takes more than one processor.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 7		/* at most */
#define PAGE 4096L

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/*
 * What an operation does before start_clock() and after stop_clock() does not
 * count. Who calls neither is measured as a whole.
 */
static uint64_t started, took_ns;

void start_clock(void)
{
	started = now_ns();
	__asm__ volatile(MARK_START);
}

void stop_clock(void)
{
	__asm__ volatile(MARK_STOP);
	took_ns = now_ns() - started;
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
				 : INT80_LOSES);
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

/* What a shell script does all day. */
static void do_spawn(long count)
{
	while (count--) {
		pid_t child = vfork();

		if (child < 0)
			die("vfork");
		if (!child) {
			execl("/bin/sh", "sh", "-c", "exit 0", NULL);
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

	start_clock();
	for (long i = 0; i < count; i++)
		memory[i * PAGE] = 1;
	stop_clock();
	munmap(memory, count * PAGE);
}

/*
 * First writes to pages of a file that are mapped already, so that all but
 * the copying and its fault is done before, and cheaply.
 */
static void do_cow(long count)
{
	int fd = memfd_create("cow", 0);
	char *memory;

	if (fd < 0 || ftruncate(fd, count * PAGE))
		die("memfd");
	memory = mmap(NULL, count * PAGE, PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		      fd, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	munmap(memory, count * PAGE);
	memory = mmap(NULL, count * PAGE, PROT_READ,
		      MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (memory == MAP_FAILED ||
	    mprotect(memory, count * PAGE, PROT_READ | PROT_WRITE))
		die("mmap");
	start_clock();
	for (long i = 0; i < count; i++)
		memory[i * PAGE] = 2;
	stop_clock();
	munmap(memory, count * PAGE);
	close(fd);
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

/* Moves a page to and fro: each move takes one entry out of a page table and
 * puts it into another place. */
static void do_mremap(long count)
{
	char *here = pages(4), *there = here + 2 * PAGE;

	munmap(there, 2 * PAGE);
	here[0] = 1;
	for (; count > 0; count -= 2) {
		if (mremap(here, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   there) != there ||
		    mremap(there, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   here) != here)
			die("mremap");
		here[0]++;
	}
	munmap(here, 2 * PAGE);
}

/* No system in the way: tells how idle the machine is. */
static void do_compute(long count)
{
	volatile double x = 1;

	while (count--)
		for (int i = 0; i < 100; i++)
			x = x * 1.0000001 + 1e-9;
}

static const struct operation {
	const char *name;
	void (*run)(long count);
	long count;		/* operations in one round */
	int (*possible)(void);	/* NULL: always */
} operations[] = {
	{ "system call", do_getpid, 20000, NULL },
	{ "int 0x80", do_int80, 10000, NULL },
	{ "context switch", do_switch, 2000, NULL },
	{ "signal", do_signal, 3000, NULL },
	{ "fork, exit, wait", do_fork, 50, NULL },
	{ "fork, exec, wait", do_exec, 30, NULL },
	{ "two PTE updates", do_mremap, 2000, NULL },
	{ "two mprotects", do_mprotect, 3000, NULL },
	{ "anonymous fault", do_anonymous, 1000, NULL },
	{ "copy-on-write fault", do_cow, 1000, NULL },
	{ "spawn of a shell", do_spawn, 70, NULL },
	{ "find, 1000 files", do_find, 3, NULL },
	{ "compile", do_compile, 1, has_compiler },
	{ "linear walk, 16 MB", do_linear_walk, 2, NULL },
	{ "random walk, 16 MB", do_random_walk, 2, NULL },
	{ "computing", do_compute, 2000, NULL },
	{ "disk read, 4 kB", do_disk_block, 400, has_disk },
	{ "disk read, 256 kB", do_disk_large, 50, has_disk },
	{ "TCP 4 MB to the host", do_tcp, 3, has_server },
	{ "IPI, all CPUs", do_ipi, 1000, has_cpus },
	{ "remote flush, all CPUs", do_remote_flush, 1000, has_cpus },
	{ "faults, all CPUs", do_faults, 2000, has_cpus },
	{ "compile, all CPUs", do_compile_together, 1, has_cpus_and_compiler },
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Says to a profile where the module is: `bench at ADDRESS`. */
static int tell(const char *address)
{
	uint32_t number = strtoull(address, NULL, 16);
	char *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (code == MAP_FAILED)
		die("mmap");
	memcpy(code, MARK_ADDRESS, 3);
	memcpy(code + 3, &number, 4);
	code[7] = (char)0xc3;		/* ret */
	((void (*)(void))code)();
	return 0;
}

/* A number of 1 to `most` from the environment. */
static long number_of(const char *name, long otherwise, long most)
{
	const char *text = getenv(name);
	long number = text ? atol(text) : otherwise;

	return number > 0 && number <= most ? number : otherwise;
}

static uint64_t one_round(const struct operation *o, long count)
{
	uint64_t start = now_ns();

	took_ns = 0;
	__asm__ volatile(MARK_START);
	o->run(count);
	__asm__ volatile(MARK_STOP);
	return (took_ns ? took_ns : now_ns() - start) / count;
}

int main(int argc, char **argv)
{
	const char *only = getenv("BENCH_ONLY");	/* a word of the name */
	/* Rounds so many times as long, to be above a clock's noise; how many. */
	long scale = number_of("BENCH_SCALE", 1, 1000);
	long rounds = number_of("BENCH_ROUNDS", ROUNDS, ROUNDS);

	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 0;
	if (argc > 1 && !strcmp(argv[1], "serve"))
		return serve();
	if (argc > 2 && !strcmp(argv[1], "at"))
		return tell(argv[2]);
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		const struct operation *o = &operations[i];
		uint64_t took[ROUNDS];

		if ((o->possible && !o->possible()) ||
		    (only && !strstr(o->name, only)))
			continue;
		for (int round = 0; round < rounds; round++)
			took[round] = one_round(o, o->count * scale);
		qsort(took, rounds, sizeof(*took), compare);
		printf("%s:%llu\n", o->name,
		       (unsigned long long)took[rounds / 2]);
		fflush(stdout);
	}
	return 0;
}
