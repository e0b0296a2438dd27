// SPDX-License-Identifier: GPL-2.0
/*
 * More than one vCPU, as its launcher sees them: those that the guest never starts
 * sleep, and the end of one is the end of all. One of the parts of ioctl.c.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ioctl.h"

static unsigned int max_vcpus(void)
{
	struct rl_info info;

	CHECK(ioctl(device, RL_GET_INFO, &info) == 0);
	if (info.max_vcpus < 2)
		skipped = "the module allows one vCPU";
	return info.max_vcpus;
}

static struct rl_run *run_page(int vcpu)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
}

/* Every id once; and one VM less afterwards, with files closed in any order. */
void test_vcpu_ids(void)
{
	unsigned int max = max_vcpus();
	int vcpus[RL_VCPUS_MAX], vm;

	if (skipped)
		return;
	vm = ioctl(device, RL_CREATE_VM, 0);
	/* From above: the first one is not the first to be made. */
	for (unsigned int i = max; i--; ) {
		vcpus[i] = ioctl(vm, RL_CREATE_VCPU, i);
		CHECK(vcpus[i] >= 0);
		FAILS(ioctl(vm, RL_CREATE_VCPU, i), EEXIST);
	}
	close(vm);
	for (unsigned int i = 0; i < max; i++)
		close(vcpus[i * 5 % max]);
}

static void *run_it(void *argument)
{
	int vcpu = *(int *)argument;

	return (void *)(long)(ioctl(vcpu, RL_RUN, 0) ? errno : 0);
}

static void *run_on(void *argument)
{
	return (void *)(long)(run(*(int *)argument) ? errno : 0);
}

static long used_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_usec + usage.ru_stime.tv_usec +
	       1000000 * (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec);
}

/* What a VM's file in debugfs says of one vCPU; -1: nothing. */
static long counter_of(unsigned int vcpu, const char *name)
{
	char command[128], line[32] = "";
	FILE *f;

	/* The VM that was made last is the one that sorts last. */
	snprintf(command, sizeof(command), "sed -n 's/^vcpu %u .*%s "
		 "\\([0-9]*\\).*/\\1/p' /sys/kernel/debug/ringlet/%d-*",
		 vcpu, name, getpid());
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f))
		;
	if (f)
		pclose(f);
	return *line ? atol(line) : -1;
}

/* Each vCPU has counters of its own. */
void test_vcpu_counters(void)
{
	struct machine m;
	int second;

	max_vcpus();
	if (skipped)
		return;
	machine_create(&m);
	CHECK(counter_of(0, "entries") == -1);
	second = ioctl(m.vm, RL_CREATE_VCPU, 1);
	CHECK(counter_of(0, "entries") == 0 && counter_of(1, "entries") == 0);
	CHECK(runs_to_shutdown(&m));
	CHECK(counter_of(0, "entries") > 0);
	CHECK(counter_of(0, "page faults") > 0);
	CHECK(counter_of(0, "hypercalls") > 0);
	CHECK(counter_of(1, "entries") == 0);
	CHECK(counter_of(1, "guest ns") == 0);
	CHECK(counter_of(2, "entries") == -1);
	close(second);
	machine_destroy(&m);
}

/* One that was never started sleeps, without a tick; signals and flags end that. */
void test_vcpu_waits(void)
{
	struct machine m;
	struct rl_run *page;
	pthread_t threads[2];
	struct rl_stats *stats = calloc(1, sizeof(*stats));
	void *result;
	long before;
	int second;

	max_vcpus();
	if (skipped)
		return;
	machine_create(&m);
	second = ioctl(m.vm, RL_CREATE_VCPU, 1);
	CHECK(second >= 0);
	page = run_page(second);
	page->immediate_exit = 1;
	FAILS(ioctl(second, RL_RUN, 0), EINTR);
	CHECK(page->exit_reason == RL_EXIT_INTERRUPTED);
	page->immediate_exit = 0;
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run_it, &second);
	before = used_us();
	usleep(500000);
	CHECK(used_us() - before < 250000);
	CHECK(ioctl(m.vm, RL_GET_STATS, stats) == 0);
	CHECK(stats->entries == 0);
	/* Lines are the first one's. */
	CHECK(ioctl(m.vm, RL_IRQ_LINE, 5) == 0);
	/* Its file is closed under the call, and the VM's. */
	page->immediate_exit = 1;
	close(second);
	close(m.vm);
	/* One of them sleeps in the call; the other waits for that one, whatever comes. */
	for (int i = 0; i < 2; i++)
		pthread_kill(threads[i], SIGALRM);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &result);
		CHECK((long)result == EINTR || (long)result == EBADF);
	}
	munmap(page, 4096);
	m.vm = -1;
	machine_destroy(&m);
	free(stats);
}

/* The first one shuts down: the second one's RL_RUN says the same, once. */
void test_vcpu_end(void)
{
	struct machine m;
	struct rl_run *page;
	pthread_t thread;
	void *result;
	int second;

	max_vcpus();
	if (skipped)
		return;
	machine_create(&m);
	second = ioctl(m.vm, RL_CREATE_VCPU, 1);
	page = run_page(second);
	pthread_create(&thread, NULL, run_on, &second);
	usleep(100000);
	CHECK(runs_to_shutdown(&m));
	pthread_join(thread, &result);
	CHECK((long)result == 0);
	CHECK(page->exit_reason == RL_EXIT_SHUTDOWN);
	FAILS(ioctl(second, RL_RUN, 0), EIO);
	FAILS(ioctl(m.vcpu, RL_RUN, 0), EIO);
	munmap(page, 4096);
	close(second);
	machine_destroy(&m);
}

/* Killed while one runs and another sleeps. */
void test_vcpu_kill(void)
{
	max_vcpus();
	if (skipped)
		return;
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct machine m;
			pthread_t thread;
			int second;

			machine_create(&m);
			second = ioctl(m.vm, RL_CREATE_VCPU, 1);
			pthread_create(&thread, NULL, run_it, &second);
			for (;;)
				ioctl(m.vcpu, RL_RUN, 0);
		}
		usleep(5000 * i);
		kill(pid, SIGKILL);
		CHECK(WIFSIGNALED(wait_status(pid)));
	}
}
