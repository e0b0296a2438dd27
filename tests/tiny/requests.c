// SPDX-License-Identifier: GPL-2.0
/*
 * What the runner does for a tiny guest: enum tiny_request of lib/mailbox.h.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "runner.h"

struct delayed {
	int vm;
	unsigned long line, us;
};

static void *raise_later(void *argument)
{
	struct delayed *d = argument;

	usleep(d->us);
	ioctl(d->vm, RL_IRQ_LINE, d->line);
	close(d->vm);
	free(d);
	return NULL;
}

static int raise_line(struct machine *m, unsigned long line, unsigned long us)
{
	struct delayed *d;
	pthread_t thread;

	if (!us)
		return ioctl(m->vm, RL_IRQ_LINE, line);
	d = malloc(sizeof(*d));
	*d = (struct delayed) { .vm = dup(m->vm), .line = line, .us = us };
	if (pthread_create(&thread, NULL, raise_later, d))
		return -1;
	return pthread_detach(thread);
}

/* A word of the guest's that two values take turns in, as fast as can be. */
static struct flip {
	volatile uint64_t *word;
	uint64_t values[2];
	volatile bool stop;
	pthread_t thread;
} flip;

static void *flip_it(void *unused)
{
	(void)unused;
	while (!flip.stop) {
		*flip.word = flip.values[0];
		*flip.word = flip.values[1];
	}
	return NULL;
}

/* The VM goes away: no thread uses it any more. */
void request_end(void)
{
	if (!flip.word)
		return;
	flip.stop = true;
	pthread_join(flip.thread, NULL);
	flip.word = NULL;
}

static int flip_start(struct machine *m, uint64_t word, uint64_t values)
{
	request_end();
	if (!word)
		return 0;
	memcpy(flip.values, m->memory + values, sizeof(flip.values));
	flip.word = (uint64_t *)(m->memory + word);
	flip.stop = false;
	return pthread_create(&flip.thread, NULL, flip_it, NULL);
}

/* How often the host's own timers have interrupted it so far. */
static long timer_interrupts(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[4096], *at;
	long sum = 0;

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, "LOC:");
		if (!at)
			continue;
		at += 4;
		for (uint64_t cpu = 0; cpu < ncpus; cpu++)
			sum += strtol(at, &at, 10);
	}
	if (f)
		fclose(f);
	return sum;
}

static int move(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/*
 * The pages go, and somebody else takes them at once: the kernel gives out first
 * what it got last, and the guest's next fault there would find the same page.
 */
static int discard(unsigned char *at, size_t bytes)
{
	size_t taken = bytes < 65536 ? 4 * bytes : 262144;
	int r = madvise(at, bytes, MADV_DONTNEED);
	unsigned char *others = mmap(NULL, taken, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (others == MAP_FAILED)
		return -1;
	memset(others, 0x5a, taken);	/* until the runner ends */
	return r;
}

/* Does what the guest asks for in its mailbox. */
void request_serve(struct machine *m)
{
	volatile struct tiny_mailbox *box = mailbox(m);
	uint64_t a = box->a, b = box->b;
	int r = -1;

	if (box->request == TINY_RAISE)
		r = raise_line(m, a, b);
	else if (box->request == TINY_MOVE)
		r = move(a);
	else if (a >= TINY_MEMORY - 4096)
		r = -1;
	else if (box->request == TINY_STATS)
		r = ioctl(m->vm, RL_GET_STATS, m->memory + a);
	else if (box->request == TINY_REGS)
		r = ioctl(m->vcpu, RL_GET_REGS, m->memory + a);
	else if (box->request == TINY_DISCARD)
		r = discard(m->memory + a, b);
	else if (box->request == TINY_FLIP && b < TINY_MEMORY - 4096)
		r = flip_start(m, a, b);
	box->result = r ? -errno : 0;
	if (box->request == TINY_TIMERS)
		box->result = timer_interrupts();
}
