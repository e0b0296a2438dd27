// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger's view of the guest's memory: what the processor would find there, walked
 * through the guest's own tables. See gdb_target.h. SDM volume 3, 4.5: four levels.
 */
#include <string.h>

#include "gdb_target.h"

#define PRESENT		1ull
#define LARGE		0x80ull
#define ADDRESS		0x000ffffffffff000ull

/* Entries may change while other vCPUs run: each is read once. */
static bool read_entry(const struct gdb_target *t, uint64_t at, uint64_t *entry)
{
	const uint64_t *p = memory_at(t->memory, at, sizeof(*entry));

	if (p)
		*entry = __atomic_load_n(p, __ATOMIC_RELAXED);
	return p;
}

int gdb_walk_steps(const struct gdb_target *t, unsigned int vcpu, uint64_t gva,
		   struct gdb_step steps[4])
{
	struct rl_regs regs;
	uint64_t table;
	int taken = 0;

	if (vm_get_regs(t->fds[vcpu], &regs) || (int64_t)(gva << 16) >> 16 !=
						 (int64_t)gva)
		return 0;
	table = regs.cr3 & ADDRESS;
	for (int level = 4; level; level--) {
		struct gdb_step *s = &steps[taken];

		s->level = level;
		s->at = table + (gva >> (3 + 9 * level) & 511) * 8;
		if (!read_entry(t, s->at, &s->entry))
			return taken;
		taken++;
		if (!(s->entry & PRESENT) || (s->entry & LARGE && level < 4))
			break;
		table = s->entry & ADDRESS;
	}
	return taken;
}

bool gdb_walk(const struct gdb_target *t, unsigned int vcpu, uint64_t gva,
	      uint64_t *gpa, uint64_t *room)
{
	struct gdb_step steps[4];
	int taken = gdb_walk_steps(t, vcpu, gva, steps);
	const struct gdb_step *last = &steps[taken ? taken - 1 : 0];
	uint64_t size;

	if (!taken || !(last->entry & PRESENT) ||
	    (last->level > 1 && !(last->entry & LARGE)) || last->level == 4)
		return false;
	size = 1ull << (3 + 9 * last->level);
	*gpa = (last->entry & ADDRESS & ~(size - 1)) | (gva & (size - 1));
	*room = size - (gva & (size - 1));
	return true;
}

static size_t copy(const struct gdb_target *t, unsigned int vcpu, uint64_t gva,
		   void *to, const void *from, size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint64_t gpa, room;
		size_t part = size - done;
		char *at;

		if (!gdb_walk(t, vcpu, gva + done, &gpa, &room))
			break;
		if (part > room)
			part = room;
		at = memory_at(t->memory, gpa, part);
		if (!at)
			break;
		if (to)
			memcpy((char *)to + done, at, part);
		else
			memcpy(at, (const char *)from + done, part);
		done += part;
	}
	return done;
}

size_t gdb_read(const struct gdb_target *t, unsigned int vcpu, uint64_t gva,
		void *to, size_t size)
{
	return copy(t, vcpu, gva, to, NULL, size);
}

size_t gdb_write(const struct gdb_target *t, unsigned int vcpu, uint64_t gva,
		 const void *from, size_t size)
{
	return copy(t, vcpu, gva, NULL, from, size);
}
