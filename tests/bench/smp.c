// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of several processors on one address space. BENCH_CPUS says how many there
 * are; without it these are left out. This program's first thread is on CPU 0, one more
 * on each other CPU.
 */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define CPUS_MAX	64
#define PAGE		4096L

static volatile int ready, go, enough;

static int cpus(void)
{
	const char *text = getenv("BENCH_CPUS");
	int number = text ? atoi(text) : 1;

	return number > 0 && number <= CPUS_MAX ? number : 1;
}

int has_cpus(void)
{
	return cpus() > 1;
}

int has_cpus_and_compiler(void)
{
	return has_cpus() && has_compiler();
}

static void pause_here(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static void unpin(void)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

/* One thread on each other CPU. It has begun when this returns, and waits for `go`. */
static void others_begin(pthread_t *threads, void *(*run)(void *))
{
	ready = go = enough = 0;
	pin(0);
	for (long cpu = 1; cpu < cpus(); cpu++)
		if (pthread_create(&threads[cpu], NULL, run, (void *)cpu))
			die("pthread_create");
	while (ready < cpus() - 1)
		sched_yield();
}

static void others_end(pthread_t *threads)
{
	enough = 1;
	for (int cpu = 1; cpu < cpus(); cpu++)
		pthread_join(threads[cpu], NULL);
	unpin();
}

static void begun(long cpu)
{
	pin(cpu);
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
}

/* Has this address space loaded, and interrupts on. */
static void *be_there(void *cpu)
{
	begun((long)cpu);
	while (!enough)
		pause_here();
	return NULL;
}

/* Interrupts all CPUs where this program runs, and waits until each has had it. */
void do_ipi(long count)
{
	pthread_t threads[CPUS_MAX];

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		die("membarrier");
	others_begin(threads, be_there);
	start_clock();
	while (count--)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	stop_clock();
	others_end(threads);
}

/* Takes a right away, which the other CPUs must have forgotten, and gives it back. */
void do_remote_flush(long count)
{
	pthread_t threads[CPUS_MAX];
	volatile char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	memory[0] = 1;
	others_begin(threads, be_there);
	start_clock();
	while (count--) {
		mprotect((void *)memory, PAGE, PROT_READ);
		mprotect((void *)memory, PAGE, PROT_READ | PROT_WRITE);
		memory[0]++;
	}
	stop_clock();
	others_end(threads);
	munmap((void *)memory, PAGE);
}

static char *pages;
static long pages_each;

static void touch_pages(long cpu)
{
	for (long i = 0; i < pages_each; i++)
		pages[(cpu * pages_each + i) * PAGE] = 1;
}

static void *touch(void *cpu)
{
	begun((long)cpu);
	while (!go)
		pause_here();
	touch_pages((long)cpu);
	return NULL;
}

/* First writes to new memory, by all CPUs at once; count is of all of them. */
void do_faults(long count)
{
	pthread_t threads[CPUS_MAX];
	size_t bytes;

	pages_each = count / cpus();
	bytes = pages_each * cpus() * PAGE;
	pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (pages == MAP_FAILED)
		die("mmap");
	madvise(pages, bytes, MADV_NOHUGEPAGE);
	others_begin(threads, touch);
	start_clock();
	go = 1;
	touch_pages(0);
	for (int cpu = 1; cpu < cpus(); cpu++)
		pthread_join(threads[cpu], NULL);
	stop_clock();
	unpin();
	munmap(pages, bytes);
}

/* As many compilers as there are CPUs, none of them tied to one. */
void do_compile_together(long count)
{
	while (count--) {
		pid_t children[CPUS_MAX];

		for (int i = 0; i < cpus(); i++)
			children[i] = start_compiler();
		for (int i = 0; i < cpus(); i++)
			end_compiler(children[i]);
	}
}
