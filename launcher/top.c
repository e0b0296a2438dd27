// SPDX-License-Identifier: GPL-2.0
/* See top.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "stats.h"
#include "top.h"

/* A guest at both looks. before is NULL where it is new. */
struct pair {
	const struct guest *before, *after;
	double seconds;
};

static struct pair pair_of(const struct guests *before,
			   const struct guest *after, double seconds)
{
	struct pair pair = { NULL, after, seconds };

	for (unsigned int i = 0; i < before->count; i++)
		if (before->list[i].pid == after->pid &&
		    before->list[i].vm == after->vm)
			pair.before = &before->list[i];
	return pair;
}

/* Counters only grow; one that did not is of another module, and no rate. */
static double rate(uint64_t before, uint64_t after, double seconds)
{
	return after > before && seconds > 0 ? (after - before) / seconds : 0;
}

/* RATE(&pair, vm.entries) */
#define RATE(p, field)						\
	((p)->before ? rate((p)->before->counters.field,	\
			    (p)->after->counters.field, (p)->seconds) : 0)

/* Of a thread that both looks saw, in percent of one processor. */
static double thread_percent(const struct pair *p, unsigned int i)
{
	const struct guest_thread *t = &p->after->threads[i];

	for (unsigned int j = 0; p->before && j < p->before->thread_count; j++)
		if (p->before->threads[j].tid == t->tid)
			return 100 * rate(p->before->threads[j].ticks, t->ticks,
					  p->seconds) / sysconf(_SC_CLK_TCK);
	return 0;
}

/* --- what happened how often ------------------------------------------------------ */

struct cause {
	char name[32];
	double rate;
};

static int by_rate(const void *a, const void *b)
{
	const struct cause *x = a, *y = b;

	return (x->rate < y->rate) - (x->rate > y->rate);
}

/* Those that happened, the most frequent first; all exits together in *total. */
static unsigned int exits_of(const struct pair *p,
			     struct cause causes[RL_STAT_VECTORS],
			     double *total)
{
	unsigned int count = 0;
	char buffer[32];

	*total = 0;
	for (unsigned int i = 0; i < RL_STAT_VECTORS; i++) {
		struct cause *c = &causes[count];

		c->rate = RATE(p, vm.exits[i]);
		if (c->rate <= 0)
			continue;
		snprintf(c->name, sizeof(c->name), "%s",
			 stats_exit_name(i, buffer, sizeof(buffer)));
		*total += c->rate;
		count++;
	}
	qsort(causes, count, sizeof(*causes), by_rate);
	return count;
}

static unsigned int hypercalls_of(const struct pair *p,
				  struct cause causes[RL_STAT_HYPERCALLS])
{
	unsigned int count = 0;
	char buffer[32];

	for (unsigned int i = 0; i < RL_STAT_HYPERCALLS; i++) {
		struct cause *c = &causes[count];

		c->rate = RATE(p, vm.hypercalls[i]);
		if (c->rate <= 0)
			continue;
		snprintf(c->name, sizeof(c->name), "%s",
			 stats_hypercall_name(i, buffer, sizeof(buffer)));
		count++;
	}
	qsort(causes, count, sizeof(*causes), by_rate);
	return count;
}

/* --- the table --------------------------------------------------------------------- */

static void print_causes(FILE *out, const char *head,
			 const struct cause *causes, unsigned int count)
{
	fprintf(out, "  %-12s", head);
	for (unsigned int i = 0; i < count; i++)
		fprintf(out, "  %s %.0f", causes[i].name, causes[i].rate);
	fputs(count ? "\n" : "  none\n", out);
}

static void print_threads(FILE *out, const struct pair *p)
{
	for (unsigned int i = 0; i < p->after->thread_count; i++) {
		const struct guest_thread *t = &p->after->threads[i];

		if (!strncmp(t->name, "vcpu", 4))
			fprintf(out, "  %-12s  %c, on processor %d, %.0f%%\n",
				t->name, t->state, t->cpu, thread_percent(p, i));
	}
}

static void print_devices(FILE *out, const struct pair *p)
{
	char buffer[32];

	for (unsigned int d = 0; d < RL_MMIO_DEVICES; d++) {
		unsigned int queues = p->after->counters.devices[d].queues;

		if (!queues)
			continue;
		fprintf(out, "  %-12s ", guest_device(p->after, d, buffer,
						      sizeof(buffer)));
		for (unsigned int q = 0; q < queues; q++)
			fprintf(out, " queue %u: %.0f ", q,
				RATE(p, devices[d].notified[q]));
		fprintf(out, " interrupts: %.0f\n",
			RATE(p, devices[d].interrupts));
	}
}

static void print_guest(FILE *out, const struct pair *p)
{
	const struct counters *c = &p->after->counters;
	struct cause exits[RL_STAT_VECTORS], calls[RL_STAT_HYPERCALLS];
	unsigned int exit_count, call_count;
	double total;

	exit_count = exits_of(p, exits, &total);
	call_count = hypercalls_of(p, calls);
	fprintf(out, "%7d %5d %-12.12s %6.1f %6.1f %9.0f %8.0f %7.0f %8lluM %8llu\n",
		p->after->pid, p->after->vm,
		*p->after->name ? p->after->name : "-",
		RATE(p, vm.guest_ns) / 1e7, RATE(p, vm.host_ns) / 1e7, total,
		RATE(p, vm.injected_faults) + RATE(p, vm.injected_interrupts),
		RATE(p, vm.halts),
		(unsigned long long)(c->vm.pages_known * GUEST_PAGE_SIZE) >> 20,
		(unsigned long long)c->vm.shadow_pages);
	print_threads(out, p);
	if (!p->before) {
		fputs("  new: its rates come with the next look\n", out);
		return;
	}
	print_causes(out, "exits/s", exits, exit_count);
	print_causes(out, "hypercalls/s", calls, call_count);
	print_devices(out, p);
}

void top_table(FILE *out, const struct guests *before,
	       const struct guests *after, double seconds)
{
	fprintf(out, "%u %s, over %.1f s\n\n", after->count,
		after->count == 1 ? "guest" : "guests", seconds);
	fputs("    PID    VM NAME         GUEST%  HOST%   EXITS/S INJECT/S "
	      "HALTS/S    KNOWN   SHADOW\n", out);
	for (unsigned int i = 0; i < after->count; i++) {
		struct pair pair = pair_of(before, &after->list[i], seconds);

		print_guest(out, &pair);
	}
}

/* --- for scripts --------------------------------------------------------------------- */

static void figure(FILE *out, const struct pair *p, const char *kind,
		   const char *name, double value)
{
	fprintf(out, "%d\t%d\t%s\t%s\t%s\t%.1f\n", p->after->pid, p->after->vm,
		*p->after->name ? p->after->name : "-", kind, name, value);
}

static void figures_of_causes(FILE *out, const struct pair *p)
{
	struct cause causes[RL_STAT_VECTORS];
	unsigned int count;
	double total;

	count = exits_of(p, causes, &total);
	figure(out, p, "total", "exits", total);
	for (unsigned int i = 0; i < count; i++)
		figure(out, p, "exits", causes[i].name, causes[i].rate);
	count = hypercalls_of(p, causes);
	for (unsigned int i = 0; i < count; i++)
		figure(out, p, "hypercalls", causes[i].name, causes[i].rate);
}

static void figures_of_devices(FILE *out, const struct pair *p)
{
	char buffer[32], name[64];
	const char *device;

	for (unsigned int d = 0; d < RL_MMIO_DEVICES; d++) {
		unsigned int queues = p->after->counters.devices[d].queues;

		if (!queues)
			continue;
		device = guest_device(p->after, d, buffer, sizeof(buffer));
		for (unsigned int q = 0; q < queues; q++) {
			snprintf(name, sizeof(name), "%s queue %u", device, q);
			figure(out, p, "notifications", name,
			       RATE(p, devices[d].notified[q]));
		}
		figure(out, p, "interrupts", device,
		       RATE(p, devices[d].interrupts));
	}
}

void top_batch(FILE *out, const struct guests *before,
	       const struct guests *after, double seconds)
{
	for (unsigned int i = 0; i < after->count; i++) {
		struct pair p = pair_of(before, &after->list[i], seconds);
		const struct rl_stats *vm = &p.after->counters.vm;

		figure(out, &p, "now", "bytes known",
		       vm->pages_known * GUEST_PAGE_SIZE);
		figure(out, &p, "now", "shadow pages", vm->shadow_pages);
		for (unsigned int t = 0; t < p.after->thread_count; t++)
			if (!strncmp(p.after->threads[t].name, "vcpu", 4))
				figure(out, &p, "percent",
				       p.after->threads[t].name,
				       thread_percent(&p, t));
		if (!p.before)
			continue;
		figure(out, &p, "percent", "guest",
		       RATE(&p, vm.guest_ns) / 1e7);
		figure(out, &p, "percent", "host", RATE(&p, vm.host_ns) / 1e7);
		figure(out, &p, "total", "injected",
		       RATE(&p, vm.injected_faults) +
		       RATE(&p, vm.injected_interrupts));
		figure(out, &p, "total", "halts", RATE(&p, vm.halts));
		figures_of_causes(out, &p);
		figures_of_devices(out, &p);
	}
}
