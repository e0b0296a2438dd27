// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU that waits for another one's work on the shadow, and is killed meanwhile. One
 * of the parts of ioctl.c.
 *
 * The other one gets no time to finish: on its pCPU something real-time spins from the
 * moment on in which it is in the midst of it.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ioctl.h"

#define RT_RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
}

/* vCPU 0, which holds the lock most of the time. */
static void *run_on_second(void *argument)
{
	pin(1);
	while (argument)
		ioctl(*(int *)argument, RL_RUN, 0);
	return NULL;
}

/* The guest of tests/tiny/share whose first vCPU compares many tables, all the time. */
static struct image two_long_flushes(void)
{
	struct image share;
	char path[256];

	snprintf(path, sizeof(path), "%.*s/share.tiny",
		 (int)(strrchr(image_path, '/') - image_path), image_path);
	share = image_read(path);
	for (; share.ncases; share.cases++, share.ncases--)
		if (!strcmp(share.cases->name, "two_long_flushes"))
			break;
	CHECK(share.ncases > 0);
	return share;
}

/* The process that shall die. Its first thread is the one that waits. */
static void run_two_long_flushes(const struct rl_info *info)
{
	struct image share = two_long_flushes();
	struct rl_regs regs = { .rip = share.entry, .cr3 = TINY_TABLES };
	struct machine m;
	pthread_t thread;
	int second;

	pin(0);
	machine_create(&m);
	memset(m.memory, 0, TINY_FREE);
	image_load(&share, m.memory);
	mailbox(&m)->tsc_khz = info->tsc_khz * 1000;	/* it takes 1000 s */
	regs.rdi = share.cases->function;
	second = ioctl(m.vm, RL_CREATE_VCPU, 1);
	CHECK(second >= 0 && ioctl(m.vcpu, RL_SET_REGS, &regs) == 0);
	pthread_create(&thread, NULL, run_on_second, &m.vcpu);
	for (;;)
		ioctl(second, RL_RUN, 0);
}

/* 'R', 'D' and so on; 0: there is no such thread. */
static char state(pid_t pid)
{
	char path[64], line[512] = "", *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	at = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	return at ? at[2] : 0;
}

static pid_t starve_second_cpu(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	pin(1);
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) {
				.sched_priority = 1 }))
		_exit(1);
	for (;;)
		__asm__ volatile("pause");
}

/* Asleep for a while, and it was no accident. */
static int waits(pid_t pid)
{
	for (int i = 0; i < 20; i++) {
		if (state(pid) != 'D')
			return 0;
		usleep(10000);
	}
	return 1;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK(WIFSIGNALED(wait_status(pid)));
}

/* As long as a process lives, no real-time limit keeps others alive beside it. */
static void set_rt_runtime(const char *us)
{
	FILE *f = fopen(RT_RUNTIME, "w");

	CHECK(f && fputs(us, f) >= 0 && !fclose(f));
}

static int dies(pid_t pid, unsigned int seconds)
{
	for (unsigned int i = 0; i < 100 * seconds; i++) {
		if (!state(pid) || state(pid) == 'Z' || state(pid) == 'X')
			return 1;
		usleep(10000);
	}
	return 0;
}

/* The waiting one dies although the one that it waits for cannot go on. */
void test_vcpu_kill_of_waiter(void)
{
	struct rl_info info;
	pid_t guest, spinner = 0;
	int met = 0;

	CHECK(ioctl(device, RL_GET_INFO, &info) == 0);
	if (info.max_vcpus < 2 || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		skipped = "it takes two vCPUs and two processors";
		return;
	}
	set_rt_runtime("-1");
	guest = fork();
	if (!guest)
		run_two_long_flushes(&info);
	pin(0);
	usleep(1000000);
	for (int i = 0; i < 1000 && !met; i++) {
		usleep(20000);
		spinner = starve_second_cpu();
		usleep(20000);
		met = waits(guest);
		if (!met)
			end(spinner);
	}
	CHECK(met);
	kill(guest, SIGKILL);
	CHECK(dies(guest, 10));
	/* The other one is still there: that was not the end of the wait. */
	CHECK(waitpid(guest, NULL, WNOHANG) == 0);
	if (met)
		end(spinner);
	CHECK(WIFSIGNALED(wait_status(guest)));
	set_rt_runtime("950000");
}
