// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that runs, and what ends that: signals, other threads, files closed under
 * it, processes that fork or are killed. One of the parts of ioctl.c.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ioctl.h"

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

/* An alarm interrupts what runs, and is counted. */
void catch_alarms(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGALRM, &action, NULL);
}

/* The guest's first instruction becomes an endless loop. */
static void make_spin(struct machine *m)
{
	memcpy(m->memory + (image.entry - TINY_KERNEL), "\xeb\xfe", 2);
}

void test_interruption(void)
{
	struct machine m;

	machine_create(&m);
	make_spin(&m);
	m.run->immediate_exit = 1;
	FAILS(ioctl(m.vcpu, RL_RUN, 0), EINTR);
	CHECK(m.run->exit_reason == RL_EXIT_INTERRUPTED);
	m.run->immediate_exit = 0;
	alarm(1);
	do
		FAILS(ioctl(m.vcpu, RL_RUN, 0), EINTR);
	while (!signals);
	machine_destroy(&m);
}

static void *run_it(void *argument)
{
	struct machine *m = argument;

	return (void *)(long)(ioctl(m->vcpu, RL_RUN, 0) ? errno : 0);
}

void test_two_threads(void)
{
	struct machine m;
	pthread_t threads[4];
	void *result;

	machine_create(&m);
	make_spin(&m);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, run_it, &m);
	usleep(100000);
	for (int i = 0; i < 200; i++)
		CHECK(ioctl(m.vm, RL_IRQ_LINE, i % RL_IRQ_IPI) == 0);
	/* Closing the files under a running call is no problem either. */
	close(m.vm);
	m.run->immediate_exit = 1;
	for (int i = 0; i < 4; i++) {
		pthread_kill(threads[i], SIGALRM);
		pthread_join(threads[i], &result);
		CHECK((long)result == EINTR);
	}
	m.vm = -1;
	machine_destroy(&m);
}

void test_close_while_running(void)
{
	struct machine m;
	pthread_t thread;
	void *result;

	machine_create(&m);
	make_spin(&m);
	pthread_create(&thread, NULL, run_it, &m);
	usleep(50000);
	close(m.vcpu);
	close(m.vm);
	pthread_kill(thread, SIGALRM);
	pthread_join(thread, &result);
	CHECK((long)result == EINTR);
	munmap(m.run, 4096);
	munmap(m.memory, TINY_MEMORY);
}

/* --- other processes -------------------------------------------------------------------- */

int wait_status(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

void test_fork(void)
{
	struct machine m;
	pid_t pid;

	machine_create(&m);
	pid = fork();
	if (!pid) {
		int good = ioctl(m.vcpu, RL_RUN, 0) == -1 && errno == EINVAL;

		good &= add_slot(m.vm, 3, TINY_HIGH_GPA, 4096, m.memory) == -1;
		_exit(good ? 0 : 1);
	}
	CHECK(wait_status(pid) == 0);
	CHECK(runs_to_shutdown(&m));
	/* The child keeps the files; we go first. */
	pid = fork();
	if (!pid) {
		usleep(100000);
		_exit(0);
	}
	machine_destroy(&m);
	CHECK(wait_status(pid) == 0);
	/* The parent is killed, its child has the files. */
	pid = fork();
	if (!pid) {
		machine_create(&m);
		make_spin(&m);
		if (!fork()) {
			usleep(200000);
			_exit(0);
		}
		alarm(0);
		signal(SIGALRM, SIG_DFL);
		ualarm(50000, 0);
		ioctl(m.vcpu, RL_RUN, 0);
		_exit(0);
	}
	wait_status(pid);
	usleep(300000);
}

void test_kill(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct machine m;

			machine_create(&m);
			make_spin(&m);
			for (;;)
				ioctl(m.vcpu, RL_RUN, 0);
		}
		usleep(1000 * i * 3);
		kill(pid, SIGKILL);
		CHECK(WIFSIGNALED(wait_status(pid)));
	}
}
