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

static void flip_end(void)
{
	if (!flip.word)
		return;
	flip.stop = true;
	pthread_join(flip.thread, NULL);
	flip.word = NULL;
}

static int flip_start(struct machine *m, uint64_t word, uint64_t values)
{
	flip_end();
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

/*
 * Two pages of a file take turns at a GPA. What was replaced must not be written any
 * more from then on, as it could be anybody's. How often it was; -1: no replacement.
 */
static long replace(struct machine *m, uint64_t gpa, unsigned int which)
{
	static int file = -1;
	static volatile uint64_t *pages;
	volatile uint64_t *old;
	uint64_t seen;
	long bad = 0;

	if (file < 0) {
		file = memfd_create("pages", 0);
		if (file < 0 || ftruncate(file, 8192))
			return -1;
		pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED,
			     file, 0);
	}
	if (mmap(m->memory + gpa, 4096, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, file, which ? 4096 : 0) == MAP_FAILED)
		return -1;
	old = &pages[which ? 0 : 512];
	seen = *old;
	for (volatile int n = 0; n < 20000; n++)
		bad += *old != seen;
	return bad;
}

/* A thread that does it while the guest runs on. */
static struct beside {
	struct machine *machine;	/* NULL: there is none */
	uint64_t gpa;
	volatile bool stop;
	pthread_t thread;
} beside;

static void *replace_beside(void *unused)
{
	volatile struct tiny_mailbox *box = mailbox(beside.machine);

	(void)unused;
	move(2);
	for (unsigned int i = 0; !beside.stop; i++) {
		long bad = replace(beside.machine, beside.gpa, i & 1);

		box->written_later += bad;
		if (bad < 0)
			break;
		box->replaced++;
	}
	return NULL;
}

static int replace_start(struct machine *m, uint64_t gpa)
{
	if (beside.machine)
		return -1;
	beside.machine = m;
	beside.gpa = gpa;
	beside.stop = false;
	return pthread_create(&beside.thread, NULL, replace_beside, NULL);
}

/* The VM goes away: no thread uses it any more. */
void request_end(void)
{
	flip_end();
	if (!beside.machine)
		return;
	beside.stop = true;
	pthread_join(beside.thread, NULL);
	beside.machine = NULL;
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
	else if (box->request == TINY_REPLACE_BESIDE)
		r = replace_start(m, a);
	box->result = r ? -errno : 0;
	if (box->request == TINY_REPLACE && a < TINY_MEMORY - 4096)
		box->result = replace(m, a, b);
	if (box->request == TINY_TIMERS)
		box->result = timer_interrupts();
}
