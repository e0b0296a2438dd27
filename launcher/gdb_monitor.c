// SPDX-License-Identifier: GPL-2.0
/* gdb's `monitor`: what ringlet knows of its guest beyond what any machine shows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gdb_session.h"
#include "stats.h"

static const char help[] =
"stats       what the module counted since the guest was made\n"
"walk ADDR   how the guest's page tables lead to an address\n"
"shadow ADDR the same, beside what the processor walks in its place\n"
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

#define PRESENT		1ull
#define WRITABLE	2ull
#define ADDRESS		0x000ffffffffff000ull

/* An entry of either kind of table, its names behind it, and the end of the line. */
static void show_entry(uint64_t entry, int level, FILE *out)
{
	fprintf(out, "0x%016llx%s%s%s%s%s%s%s%s\n",
		(unsigned long long)entry,
		entry & PRESENT ? " present" : " absent",
		entry & WRITABLE ? " writable" : "",
		entry & 4 ? " user" : "",
		entry & 0x20 ? " accessed" : "",
		entry & 0x40 ? " dirty" : "",
		entry & 0x80 && level > 1 && level < 4 ? " large" : "",
		entry & 0x100 ? " global" : "",
		entry >> 63 ? " no-execute" : "");
}

/* The argument of `name`; false: it is none, and the user is told. */
static bool take_address(const char *text, const char *name, uint64_t *gva,
			 FILE *out)
{
	char *end;

	*gva = strtoull(text, &end, 16);
	if (end != text && !*end)
		return true;
	fprintf(out, "%s ADDR: a hexadecimal number\n", name);
	return false;
}

static void show_walk(struct gdb_session *s, const char *text, FILE *out)
{
	struct gdb_step steps[4];
	uint64_t gva, gpa, room;
	int taken;

	if (!take_address(text, "walk", &gva, out))
		return;
	taken = gdb_walk_steps(s->target, s->selected, gva, steps);
	for (int i = 0; i < taken; i++) {
		fprintf(out, "level %d, at 0x%010llx: ", steps[i].level,
			(unsigned long long)steps[i].at);
		show_entry(steps[i].entry, steps[i].level, out);
	}
	if (gdb_walk(s->target, s->selected, gva, &gpa, &room))
		fprintf(out, "0x%016llx is at guest-physical 0x%llx%s\n",
			(unsigned long long)gva, (unsigned long long)gpa,
			memory_at(s->target->memory, gpa, 1) ? "" :
							       ", no memory");
	else
		fprintf(out, "0x%016llx is not mapped\n",
			(unsigned long long)gva);
}

/* What the last line about a shadow says of the next access; mapped: by the guest. */
static const char *shadow_verdict(const struct rl_shadow *shadow, bool mapped,
				  uint64_t gpa, bool writable)
{
	uint64_t all = ~0ull;

	if (shadow->entry[0] == RL_SHADOW_MARK)
		return mapped ? "the shadow has a mark: a touch goes to the guest first "
				"(a device's register, or an entry made since)" :
				"the shadow has a mark: a touch is the guest's own "
				"fault, without the host";
	if (!(shadow->entry[0] & PRESENT))
		return mapped ? "the shadow has nothing: a touch is a fault, and the "
				"host copies what the guest has" :
				"neither has a page: a touch is a fault, and the host "
				"hands it to the guest";
	if (!mapped || (shadow->entry[0] & ADDRESS) != (gpa & ADDRESS))
		return "the shadow is older than the guest's tables: so may a TLB be "
		       "until the guest flushes";
	for (int i = 0; i < 4; i++)
		all &= shadow->entry[i];
	if (writable && !(all & WRITABLE))
		return "both lead to the same page; the first write is a fault, and the "
		       "host sets the guest's dirty bit";
	return "both lead to the same page";
}

static void show_shadow(struct gdb_session *s, const char *text, FILE *out)
{
	struct rl_shadow shadow = { .gva = 0 };
	struct gdb_step steps[4];
	uint64_t gva, gpa = 0, room, all = ~0ull;
	int taken, error;
	bool mapped;

	if (!take_address(text, "shadow", &gva, out))
		return;
	shadow.gva = gva;
	error = vm_get_shadow(s->target->fds[s->selected], &shadow);
	if (error) {
		fputs(error == -EINVAL ? "this is no address of the guest's\n" :
					 "the module does not tell\n", out);
		return;
	}
	taken = gdb_walk_steps(s->target, s->selected, gva, steps);
	for (int level = 4; level; level--) {
		uint64_t entry = shadow.entry[level - 1];

		if (4 - level < taken) {
			fprintf(out, "level %d  guest  ", level);
			show_entry(steps[4 - level].entry, level, out);
			all &= steps[4 - level].entry;
		}
		if (!entry)
			continue;
		fprintf(out, "level %d  shadow ", level);
		if (entry == RL_SHADOW_MARK)
			fputs("a mark\n", out);
		else
			show_entry(entry, level, out);
	}
	mapped = gdb_walk(s->target, s->selected, gva, &gpa, &room);
	fprintf(out, "%s\n", shadow_verdict(&shadow, mapped, gpa,
					    all & WRITABLE));
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
	else if (!strncmp(words, "shadow ", 7))
		show_shadow(s, words + 7, out);
	else if (!strcmp(words, "gates"))
		show_gates(s, out);
	else if (!strcmp(words, "why"))
		fprintf(out, "%s\n", why ? why : "none was");
	else
		fputs(help, out);
}
