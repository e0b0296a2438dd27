// SPDX-License-Identifier: GPL-2.0
/* gdb's `monitor`: what ringlet knows of its guest beyond what any machine shows. */
#include <stdlib.h>
#include <string.h>

#include "gdb_session.h"
#include "stats.h"

static const char help[] =
"stats       what the module counted since the guest was made\n"
"walk ADDR   how the guest's page tables lead to an address\n"
"gates       where each exception and interrupt of the guest goes\n"
"why         why the last breakpoint was refused\n";

static void show_stats(struct gdb_session *s, FILE *out)
{
	struct rl_stats stats;
	char name[32];

	if (vm_get_stats(s->target->vm_fd, &stats)) {
		fputs("the module gives no statistics\n", out);
		return;
	}
	fprintf(out, "entries %llu, faults injected %llu, interrupts %llu, halts "
		"%llu\nshadow pages %llu, filled entries %llu\n",
		(unsigned long long)stats.entries,
		(unsigned long long)stats.injected_faults,
		(unsigned long long)stats.injected_interrupts,
		(unsigned long long)stats.halts,
		(unsigned long long)stats.shadow_pages,
		(unsigned long long)stats.shadow_fills);
	for (unsigned int i = 0; i < RL_STAT_VECTORS; i++)
		if (stats.exits[i])
			fprintf(out, "exits %s %llu\n",
				stats_exit_name(i, name, sizeof(name)),
				(unsigned long long)stats.exits[i]);
	for (unsigned int i = 0; i < RL_STAT_HYPERCALLS; i++)
		if (stats.hypercalls[i])
			fprintf(out, "hypercall %s %llu\n",
				stats_hypercall_name(i, name, sizeof(name)),
				(unsigned long long)stats.hypercalls[i]);
}

static void show_walk(struct gdb_session *s, const char *text, FILE *out)
{
	struct gdb_step steps[4];
	uint64_t gva, gpa, room;
	char *end;
	int taken;

	gva = strtoull(text, &end, 16);
	if (end == text || *end) {
		fputs("walk ADDR: a hexadecimal number\n", out);
		return;
	}
	taken = gdb_walk_steps(s->target, s->selected, gva, steps);
	for (int i = 0; i < taken; i++)
		fprintf(out, "level %d, at 0x%010llx: 0x%016llx%s%s%s%s%s%s%s%s\n",
			steps[i].level, (unsigned long long)steps[i].at,
			(unsigned long long)steps[i].entry,
			steps[i].entry & 1 ? " present" : " absent",
			steps[i].entry & 2 ? " writable" : "",
			steps[i].entry & 4 ? " user" : "",
			steps[i].entry & 0x20 ? " accessed" : "",
			steps[i].entry & 0x40 ? " dirty" : "",
			steps[i].entry & 0x80 && steps[i].level > 1 &&
				steps[i].level < 4 ? " large" : "",
			steps[i].entry & 0x100 ? " global" : "",
			steps[i].entry >> 63 ? " no-execute" : "");
	if (gdb_walk(s->target, s->selected, gva, &gpa, &room))
		fprintf(out, "0x%016llx is at guest-physical 0x%llx%s\n",
			(unsigned long long)gva, (unsigned long long)gpa,
			memory_at(s->target->memory, gpa, 1) ? "" :
							       ", no memory");
	else
		fprintf(out, "0x%016llx is not mapped\n",
			(unsigned long long)gva);
}

/* What the guest registered; one without a handler is left out. */
static void show_gates(struct gdb_session *s, FILE *out)
{
	for (unsigned int i = 0; i < 256; i++) {
		struct rl_trap t = { .vector = i };

		if (vm_get_trap(s->target->fds[s->selected], &t)) {
			fputs("the module does not tell\n", out);
			return;
		}
		if (t.handler)
			fprintf(out, "0x%02x -> 0x%016llx%s%s\n", i,
				(unsigned long long)t.handler,
				t.flags & RL_TRAP_DIRECT ? ", direct gate" : "",
				t.flags & RL_TRAP_USER ? ", open to ring 3" : "");
	}
}

void gdb_monitor(struct gdb_session *s, const char *words, FILE *out)
{
	const char *why = s->target->refusal;

	if (!strcmp(words, "stats"))
		show_stats(s, out);
	else if (!strncmp(words, "walk ", 5))
		show_walk(s, words + 5, out);
	else if (!strcmp(words, "gates"))
		show_gates(s, out);
	else if (!strcmp(words, "why"))
		fprintf(out, "%s\n", why ? why : "none was");
	else
		fputs(help, out);
}
