/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guests of this host, seen from outside: by the module's files in debugfs,
 * /sys/kernel/debug/ringlet/PID-VM, and by what /proc says of PID, their launcher.
 *
 * A guest's name is that of its --config file without .conf (so `web` for the
 * service ringlet@web); one without has none.
 */
#ifndef RINGLET_LAUNCHER_GUESTS_H
#define RINGLET_LAUNCHER_GUESTS_H

#include <stdint.h>
#include <sys/types.h>

#include "counters.h"

/* Where they are; tests have others. */
struct guests_place {
	const char *debugfs, *proc;
};
extern const struct guests_place guests_place;

#define GUEST_NAME	32
#define GUEST_THREADS	64	/* that are looked at */

struct guest_thread {
	pid_t tid;
	char name[16];		/* "vcpu0", "disk0" */
	char state;		/* as ps shows it */
	int cpu;		/* that it ran on last */
	uint64_t ticks;		/* of processor time, in sysconf(_SC_CLK_TCK) */
};

struct guest {
	pid_t pid;
	int vm;			/* anew with each boot */
	char name[GUEST_NAME];	/* or "" */
	struct counters counters;
	unsigned int thread_count;
	struct guest_thread threads[GUEST_THREADS];	/* by tid */
};

struct guests {
	unsigned int count;
	struct guest *list;	/* by pid, then vm */
};

/*
 * All guests with their names, counters and threads; those that end meanwhile are
 * left out. 0, or -errno for guests_explain().
 */
int guests_read(const struct guests_place *place, struct guests *guests);
/* A line about it that says what to do. program: which command, "top". */
void guests_explain(const struct guests_place *place, const char *program,
		    int error);
void guests_free(struct guests *guests);

/*
 * Which launcher does word mean, a PID or a name? Its PID, or -ENOENT after a line.
 */
pid_t guests_choose(const struct guests *guests, const char *word);

/*
 * The name of device n: that of the n-th thread that is neither the launcher's first
 * nor a vCPU's, as each device has one and they start in order. "device 3" where the
 * numbers of both do not agree.
 */
const char *guest_device(const struct guest *guest, unsigned int n,
			 char *buffer, size_t size);

#endif
