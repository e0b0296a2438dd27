// SPDX-License-Identifier: GPL-2.0
/* See counters.h. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"

#define FIELD(name) offsetof(struct rl_stats, name)

static const struct {
	const char *name;
	size_t offset;
} fields[] = {
	{ "injected faults", FIELD(injected_faults) },
	{ "injected interrupts", FIELD(injected_interrupts) },
	{ "emulated instructions", FIELD(emulated) },
	{ "returns to launcher", FIELD(user_exits) },
	{ "entries", FIELD(entries) },
	{ "halts", FIELD(halts) },
	{ "migrations", FIELD(migrations) },
	{ "shadow pages", FIELD(shadow_pages) },
	{ "shadow pages peak", FIELD(shadow_pages_peak) },
	{ "shadow fills", FIELD(shadow_fills) },
	{ "shadow syncs", FIELD(shadow_syncs) },
	{ "shadow zaps", FIELD(shadow_zaps) },
	{ "pages known", FIELD(pages_known) },
	{ "guest ns", FIELD(guest_ns) },
	{ "host ns", FIELD(host_ns) },
	{ "nmis", FIELD(nmis) },
	{ "mmio exits", FIELD(mmio_exits) },
	{ "mmio signalled", FIELD(mmio_signalled) },
	{ "mmio status", FIELD(mmio_status) },
	{ "irqfd signals", FIELD(irqfd_signals) },
	{ "lock ns, longest", FIELD(lock_ns) },
};

/* Digits and nothing else, up to `end`. */
static bool number_of(const char *text, int base, const char *end,
		      uint64_t *number)
{
	char *behind;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &behind, base);
	return !errno && behind == end;
}

/* Takes the blanks and the number off the end of the line. */
static bool split(char *line, uint64_t *value)
{
	char *last = strrchr(line, ' ');

	if (!last || !number_of(last + 1, 10, last + 1 + strlen(last + 1),
				value))
		return false;
	while (last > line && last[-1] == ' ')
		last--;
	*last = '\0';
	return last > line;
}

/* "exits vector 0x0e", "hypercall 3": an array of counters. */
static bool indexed(const char *name, const char *head, int base,
		    uint64_t limit, uint64_t *index)
{
	size_t size = strlen(head);

	return !strncmp(name, head, size) &&
	       number_of(name + size, base, name + strlen(name), index) &&
	       *index < limit;
}

/* "queue 2.1": of the third device the second. */
static bool queue(const char *name, uint64_t value, struct counters *c)
{
	const char *dot = strchr(name, '.');
	uint64_t device, number;

	if (strncmp(name, "queue ", 6) || !dot ||
	    !number_of(name + 6, 10, dot, &device) ||
	    !number_of(dot + 1, 10, dot + strlen(dot), &number) ||
	    device >= RL_MMIO_DEVICES || number >= COUNTERS_QUEUES)
		return false;
	c->devices[device].notified[number] = value;
	if (c->devices[device].queues <= number)
		c->devices[device].queues = number + 1;
	return true;
}

static bool take(const char *name, uint64_t value, struct counters *c)
{
	uint64_t i;

	if (!strcmp(name, "exits hypercall"))
		c->vm.exits[RL_EXITS_HYPERCALL] = value;
	else if (indexed(name, "exits vector ", 16, RL_EXITS_HYPERCALL, &i))
		c->vm.exits[i] = value;
	else if (indexed(name, "hypercall ", 10, RL_STAT_HYPERCALLS, &i))
		c->vm.hypercalls[i] = value;
	else if (indexed(name, "interrupts ", 10, RL_MMIO_DEVICES, &i))
		c->devices[i].interrupts += value; /* a line for each kind */
	else
		return queue(name, value, c);
	return true;
}

static bool field(const char *name, uint64_t value, struct rl_stats *vm)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!strcmp(name, fields[i].name)) {
			memcpy((char *)vm + fields[i].offset, &value,
			       sizeof(value));
			return true;
		}
	return false;
}

unsigned int counters_parse(char *text, struct counters *counters)
{
	unsigned int understood = 0;
	uint64_t value;
	char *line;

	memset(counters, 0, sizeof(*counters));
	while ((line = strsep(&text, "\n")))
		if (split(line, &value) &&
		    (field(line, value, &counters->vm) ||
		     take(line, value, counters)))
			understood++;
	return understood;
}
