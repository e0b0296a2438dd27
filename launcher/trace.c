// SPDX-License-Identifier: GPL-2.0
/* See trace.h. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../abi/guest.h"
#include "../abi/ringlet.h"
#include "histogram.h"
#include "stats.h"
#include "trace.h"
#include "trace_json.h"

#define VMS	16		/* boots of the guest */
#define VCPUS	(VMS * RL_VCPUS_MAX)	/* that a trace can tell apart */
#define CAUSES	(RL_STAT_VECTORS + RL_STAT_HYPERCALLS)
#define OTHER_CALLS RL_EXITS_HYPERCALL	/* no hypercall that has a counter */

/* Numbers of tracks: see vcpu_track(), vm_track(). */
#define TRACKS_VCPU	2
#define TRACKS_VM	(1 + RL_MMIO_DEVICES)

enum world { WORLD_UNKNOWN, WORLD_GUEST, WORLD_HOST };

struct vcpu_state {
	int vm;
	unsigned int id;
	pid_t tid;		/* of the thread that was seen first */
	enum world world;
	uint64_t since;		/* ns */
	struct trace_event begun;	/* the entry or exit at `since` */
	unsigned int cause;	/* of that exit */
};

struct vm_state {
	int vm;
	bool has_lines;		/* the track is named */
	struct {
		bool named, busy;
		uint64_t since, queue;	/* of the first that waits */
	} rings[RL_MMIO_DEVICES];
};

struct trace {
	struct trace_json json;
	const struct trace_names *names;
	bool started;
	uint64_t last;		/* ns, the greatest */
	unsigned int vcpu_count, vm_count;
	struct vcpu_state vcpus[VCPUS];
	struct vm_state vms[VMS];

	uint64_t events[TRACE_KINDS], unplaced;
	uint64_t exits[CAUSES], injected[256], raised[RL_IRQ_COUNT];
	struct histogram guest, causes[CAUSES], rings[RL_MMIO_DEVICES];
};

/* --- tracks ------------------------------------------------------------------------ */

static unsigned int vcpu_track(const struct trace *t,
			       const struct vcpu_state *v)
{
	return 1 + (v - t->vcpus) * TRACKS_VCPU;
}

static unsigned int vm_track(const struct trace *t, const struct vm_state *vm)
{
	return 1 + VCPUS * TRACKS_VCPU + (vm - t->vms) * TRACKS_VM;
}

/* The vCPU of an event; NULL: there are more than we can tell apart. */
static struct vcpu_state *find_vcpu(struct trace *t, const struct trace_event *e)
{
	struct vcpu_state *v;

	for (unsigned int i = 0; i < t->vcpu_count; i++)
		if (t->vcpus[i].vm == e->vm && t->vcpus[i].id == e->vcpu)
			return &t->vcpus[i];
	if (t->vcpu_count == VCPUS)
		return NULL;
	v = &t->vcpus[t->vcpu_count++];
	v->vm = e->vm;
	v->id = e->vcpu;
	v->tid = e->tid;
	return v;
}

static struct vm_state *find_vm(struct trace *t, int vm)
{
	for (unsigned int i = 0; i < t->vm_count; i++)
		if (t->vms[i].vm == vm)
			return &t->vms[i];
	if (t->vm_count == VMS)
		return NULL;
	t->vms[t->vm_count].vm = vm;
	return &t->vms[t->vm_count++];
}

static unsigned int ring_track(struct trace *t, struct vm_state *vm,
			       unsigned int device)
{
	unsigned int track = vm_track(t, vm) + 1 + device;
	char name[64], buffer[32];

	if (!vm->rings[device].named) {
		snprintf(name, sizeof(name), "vm %d %s: ring", vm->vm,
			 t->names->device(t->names->context, vm->vm, device,
					  buffer, sizeof(buffer)));
		json_track(&t->json, track, name);
		vm->rings[device].named = true;
	}
	return track;
}

/* --- causes -------------------------------------------------------------------------- */

/* Which of CAUSES: a vector, or behind those a hypercall's number. */
static unsigned int cause_of(const struct trace_event *exit)
{
	/* host_module/exit.c: bits above say where in the switcher it came. */
	uint64_t vector = exit->vector & 0x1ff;

	if (vector < RL_EXITS_HYPERCALL)
		return vector;
	/* 257: SYSCALL of a 32-bit program. */
	return vector == RL_EXITS_HYPERCALL && exit->rax < RL_STAT_HYPERCALLS ?
		       RL_STAT_VECTORS + exit->rax : OTHER_CALLS;
}

static const char *cause_name(unsigned int cause, char *buffer, size_t size)
{
	char call[32];

	if (cause == OTHER_CALLS)
		return "hypercall (other)";
	if (cause < RL_STAT_VECTORS)
		return stats_exit_name(cause, buffer, size);
	snprintf(buffer, size, "hypercall %s",
		 stats_hypercall_name(cause - RL_STAT_VECTORS, call,
				      sizeof(call)));
	return buffer;
}

/* --- events -------------------------------------------------------------------------- */

static void feed_entry(struct trace *t, struct vcpu_state *v,
		       const struct trace_event *e)
{
	char name[64], args[192];

	if (v->world == WORLD_HOST && e->ns >= v->since) {
		histogram_add(&t->causes[v->cause], e->ns - v->since);
		snprintf(args, sizeof(args), "{\"rip\":\"0x%" PRIx64 "\","
			 "\"error\":\"0x%" PRIx64 "\",\"address\":\"0x%" PRIx64
			 "\",\"rax\":\"0x%" PRIx64 "\"}", v->begun.rip,
			 v->begun.error, v->begun.address, v->begun.rax);
		json_slice(&t->json, vcpu_track(t, v), "exit",
			  cause_name(v->cause, name, sizeof(name)), v->since,
			  e->ns, args);
	}
	v->world = WORLD_GUEST;
}

static void feed_exit(struct trace *t, struct vcpu_state *v,
		      const struct trace_event *e)
{
	char name[32], args[96];

	v->cause = cause_of(e);
	t->exits[v->cause]++;
	if (v->world == WORLD_GUEST && e->ns >= v->since) {
		histogram_add(&t->guest, e->ns - v->since);
		snprintf(name, sizeof(name), "guest, from ring %u",
			 v->begun.ring & 3);
		snprintf(args, sizeof(args), "{\"from\":\"0x%" PRIx64 "\","
			 "\"to\":\"0x%" PRIx64 "\"}", v->begun.rip, e->rip);
		json_slice(&t->json, vcpu_track(t, v), "guest", name, v->since, e->ns,
			  args);
	}
	v->world = WORLD_HOST;
}

static void feed_inject(struct trace *t, struct vcpu_state *v,
			const struct trace_event *e)
{
	char name[32], buffer[32], args[96];
	unsigned int vector = e->vector & 0xff;

	t->injected[vector]++;
	if (vector >= RL_IRQ_BASE && vector < RL_IRQ_BASE + RL_IRQ_COUNT)
		snprintf(name, sizeof(name), "line %u", vector - RL_IRQ_BASE);
	else
		snprintf(name, sizeof(name), "%s",
			 stats_exit_name(vector, buffer, sizeof(buffer)));
	snprintf(args, sizeof(args), "{\"rip\":\"0x%" PRIx64 "\",\"error\":"
		 "\"0x%" PRIx64 "\"}", e->rip, e->error);
	json_instant(&t->json, vcpu_track(t, v) + 1, "inject", name, e->ns, args);
}

static void feed_vcpu(struct trace *t, const struct trace_event *e)
{
	struct vcpu_state *v = find_vcpu(t, e);

	if (!v) {
		t->unplaced++;
		return;
	}
	if (e->kind == TRACE_INJECT) {
		feed_inject(t, v, e);
		return;
	}
	if (e->kind == TRACE_ENTRY)
		feed_entry(t, v, e);
	else
		feed_exit(t, v, e);
	v->since = e->ns;
	v->begun = *e;
}

static void feed_notify(struct trace *t, const struct trace_event *e)
{
	uint64_t device = (e->address - RL_MMIO_BASE) / RL_MMIO_STRIDE;
	struct vm_state *vm = find_vm(t, e->vm);
	char name[48];

	if (!vm || e->address < RL_MMIO_BASE || device >= RL_MMIO_DEVICES) {
		t->unplaced++;
		return;
	}
	snprintf(name, sizeof(name), "notify queue %" PRIu64, e->queue);
	json_instant(&t->json, ring_track(t, vm, device), "ring", name, e->ns, "{}");
	if (!vm->rings[device].busy) {
		vm->rings[device].busy = true;
		vm->rings[device].since = e->ns;
		vm->rings[device].queue = e->queue;
	}
}

static void end_ring(struct trace *t, struct vm_state *vm, unsigned int device,
		     uint64_t ns)
{
	unsigned int track = ring_track(t, vm, device);
	char name[48];

	json_instant(&t->json, track, "ring", "interrupt", ns, "{}");
	if (!vm->rings[device].busy || ns < vm->rings[device].since)
		return;
	vm->rings[device].busy = false;
	histogram_add(&t->rings[device], ns - vm->rings[device].since);
	snprintf(name, sizeof(name), "queue %" PRIu64, vm->rings[device].queue);
	json_slice(&t->json, track, "ring", name, vm->rings[device].since, ns, "{}");
}

static void feed_raise(struct trace *t, const struct trace_event *e)
{
	struct vm_state *vm = find_vm(t, e->vm);
	char name[32], args[32];

	if (!vm || e->line >= RL_IRQ_COUNT) {
		t->unplaced++;
		return;
	}
	t->raised[e->line]++;
	if (!vm->has_lines) {
		vm->has_lines = true;
		snprintf(name, sizeof(name), "vm %d: lines raised", vm->vm);
		json_track(&t->json, vm_track(t, vm), name);
	}
	snprintf(name, sizeof(name), "line %u", e->line);
	snprintf(args, sizeof(args), "{\"vcpu\":%u}", e->vcpu);
	json_instant(&t->json, vm_track(t, vm), "line", name, e->ns, args);
	if (e->line >= RL_IRQ_DEVICE &&
	    e->line < RL_IRQ_DEVICE + RL_MMIO_DEVICES)
		end_ring(t, vm, e->line - RL_IRQ_DEVICE, e->ns);
}

void trace_feed(struct trace *t, const struct trace_event *e)
{
	if (!t->started) {
		t->started = true;
		t->json.first = t->last = e->ns;
	}
	if (e->ns > t->last)
		t->last = e->ns;
	t->events[e->kind]++;
	if (e->kind == TRACE_RAISE)
		feed_raise(t, e);
	else if (e->kind == TRACE_NOTIFY)
		feed_notify(t, e);
	else
		feed_vcpu(t, e);
}

void trace_gap(struct trace *t)
{
	for (unsigned int i = 0; i < t->vcpu_count; i++)
		t->vcpus[i].world = WORLD_UNKNOWN;
	for (unsigned int i = 0; i < t->vm_count; i++)
		for (unsigned int d = 0; d < RL_MMIO_DEVICES; d++)
			t->vms[i].rings[d].busy = false;
}

/* --- life ---------------------------------------------------------------------------- */

struct trace *trace_begin(FILE *out, pid_t pid, const char *name,
			  const struct trace_names *names)
{
	struct trace *t = calloc(1, sizeof(*t));
	char title[64];

	if (!t)
		return NULL;
	t->json.out = out;
	t->json.pid = pid;
	t->names = names;
	snprintf(title, sizeof(title), "guest%s%s", *name ? " " : "", name);
	json_begin(&t->json, title);
	return t;
}

/*
 * At the end and not with a thread's first event: that may be older than its name, and
 * than our last look at the launcher.
 */
static void name_vcpus(struct trace *t)
{
	for (unsigned int i = 0; i < t->vcpu_count; i++) {
		const struct vcpu_state *v = &t->vcpus[i];
		char name[64], buffer[32];
		const char *thread = t->names->thread(t->names->context, v->tid,
						      buffer, sizeof(buffer));

		snprintf(name, sizeof(name), "vm %d %s", v->vm, thread);
		json_track(&t->json, vcpu_track(t, v), name);
		snprintf(name, sizeof(name), "vm %d %s: injected", v->vm, thread);
		json_track(&t->json, vcpu_track(t, v) + 1, name);
	}
}

void trace_end(struct trace *t)
{
	name_vcpus(t);
	json_end(&t->json);
	free(t);
}

/* --- the summary --------------------------------------------------------------------- */

/* Nanoseconds as microseconds; a line of the table. */
static void row(FILE *to, const char *name, uint64_t count,
		const struct histogram *h)
{
	fprintf(to, "%-26s %9" PRIu64 " %11.3f %11.3f %13.3f\n", name, count,
		histogram_percentile(h, 50) / 1e3,
		histogram_percentile(h, 99) / 1e3, h->total / 1e6);
}

/* Causes by the time that they took, the longest first. */
static const struct trace *sorted;

static int by_total(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;
	uint64_t tx = sorted->causes[x].total, ty = sorted->causes[y].total;

	return tx != ty ? (tx < ty) - (tx > ty) : (x > y) - (x < y);
}

static void summary_of_exits(const struct trace *t, FILE *to)
{
	unsigned int order[CAUSES], count = 0;
	char name[64];

	fputs("exit                           count      p50 us      p99 us"
	      "      total ms\n", to);
	for (unsigned int i = 0; i < CAUSES; i++)
		if (t->exits[i])
			order[count++] = i;
	sorted = t;
	if (count)
		qsort(order, count, sizeof(*order), by_total);
	for (unsigned int i = 0; i < count; i++)
		row(to, cause_name(order[i], name, sizeof(name)),
		    t->exits[order[i]], &t->causes[order[i]]);
	row(to, "in the guest", t->guest.count, &t->guest);
}

static void summary_of_rings(const struct trace *t, FILE *to)
{
	char name[64], buffer[32];
	bool head = false;

	for (unsigned int i = 0; i < RL_MMIO_DEVICES; i++) {
		if (!t->rings[i].count)
			continue;
		if (!head)
			fputs("\nnotification to interrupt\n", to);
		head = true;
		row(to, json_plain(t->names->device(t->names->context,
					       t->vm_count ? t->vms[0].vm : 0, i,
					       buffer, sizeof(buffer)),
			      name, sizeof(name)),
		    t->rings[i].count, &t->rings[i]);
	}
}

static void summary_of_injections(const struct trace *t, FILE *to)
{
	char buffer[32];

	fputs("\ninjected\n", to);
	for (unsigned int i = 0; i < 256; i++) {
		if (!t->injected[i])
			continue;
		if (i >= RL_IRQ_BASE && i < RL_IRQ_BASE + RL_IRQ_COUNT)
			snprintf(buffer, sizeof(buffer), "line %u",
				 i - RL_IRQ_BASE);
		fprintf(to, "%-26s %9" PRIu64 "\n",
			i >= RL_IRQ_BASE && i < RL_IRQ_BASE + RL_IRQ_COUNT ?
				buffer :
				stats_exit_name(i, buffer, sizeof(buffer)),
			t->injected[i]);
	}
	fputs("\nlines raised\n", to);
	for (unsigned int i = 0; i < RL_IRQ_COUNT; i++)
		if (t->raised[i])
			fprintf(to, "line %-21u %9" PRIu64 "\n", i,
				t->raised[i]);
}

void trace_summary(const struct trace *t, FILE *to, uint64_t lost)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < TRACE_KINDS; i++)
		all += t->events[i];
	fprintf(to, "%" PRIu64 " events in %.3f s\n\n", all,
		(t->last - t->json.first) / 1e9);
	summary_of_exits(t, to);
	summary_of_rings(t, to);
	summary_of_injections(t, to);
	if (t->unplaced)
		fprintf(to, "\n%" PRIu64 " events were of too many vCPUs or "
			"boots, or of none\n", t->unplaced);
	if (lost)
		fprintf(to, "\n%" PRIu64 " events were LOST: give it more room "
			"(--buffer)\n", lost);
}
