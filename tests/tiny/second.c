// SPDX-License-Identifier: GPL-2.0
/*
 * The second vCPU of a case whose name begins with two_: a thread on another pCPU that
 * runs it, until the case is over.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "runner.h"

static struct second {
	int vcpu;
	struct rl_run *run;
	volatile bool over;
	pthread_t thread;
} second = { .vcpu = -1 };

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(2, "sched_setaffinity");
}

static void *run_second(void *unused)
{
	(void)unused;
	pin(1);
	while (!second.over) {
		if (ioctl(second.vcpu, RL_RUN, 0)) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (second.run->exit_reason == RL_EXIT_MMIO)
			second.run->result = TINY_REGISTER;
		else if (second.run->exit_reason == RL_EXIT_SHUTDOWN ||
			 second.run->exit_reason == RL_EXIT_KILLED)
			break;
		else	/* it has no console */
			second.run->result = -EIO;
	}
	return NULL;
}

static void do_nothing(int number)
{
	(void)number;
}

/* Makes vCPU 1 of the machine and its thread; the caller is on another pCPU then. */
void second_begin(struct machine *m)
{
	sigset_t alarms;

	second.vcpu = ioctl(m->vm, RL_CREATE_VCPU, 1);
	if (second.vcpu < 0)
		err(2, "RL_CREATE_VCPU 1");
	second.run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			  second.vcpu, 0);
	if (second.run == MAP_FAILED)
		err(2, "mmap of the second run page");
	second.over = false;
	sigaction(SIGUSR1, &(struct sigaction) { .sa_handler = do_nothing },
		  NULL);
	/* The alarm is for the first one's thread. */
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	errno = pthread_create(&second.thread, NULL, run_second, NULL);
	if (errno)
		err(2, "pthread_create");
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	pin(0);
}

/* The case is over; nothing where there was no second vCPU. */
void second_end(void)
{
	cpu_set_t all;

	if (second.vcpu < 0)
		return;
	second.over = true;
	second.run->immediate_exit = 1;
	pthread_kill(second.thread, SIGUSR1);
	pthread_join(second.thread, NULL);
	munmap(second.run, 4096);
	close(second.vcpu);
	second.vcpu = -1;
	CPU_ZERO(&all);
	for (uint64_t cpu = 0; cpu < ncpus && cpu < CPU_SETSIZE; cpu++)
		CPU_SET(cpu, &all);
	sched_setaffinity(0, sizeof(all), &all);
}
