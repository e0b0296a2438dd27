// SPDX-License-Identifier: GPL-2.0
/*
 * Linux keeps a table for each way in which it patches itself. Each record
 * begins with the place, either its address or its distance from the record.
 */
#include "protected.h"

#include <stdio.h>
#include <string.h>

#include "budget.h"

enum place { ADDRESS, DISTANCE };

struct list {
	const char *name;		/* as its section is called */
	const char *start, *end;	/* symbols */
	enum place place;
	size_t record;			/* bytes; 0: ask BTF */
	size_t length;			/* of the code; 0: in the record */
	const char *type, *length_member;	/* for BTF */
};

static const struct list lists[] = {
	/* The first: see protected_has_fentry(). */
	{ "mcount", "__start_mcount_loc", "__stop_mcount_loc",
	  ADDRESS, 8, 5, NULL, NULL },
	{ "return_sites", "__return_sites", "__return_sites_end",
	  DISTANCE, 4, 5, NULL, NULL },
	/* A conditional jump to a thunk is the longest: 6 bytes. */
	{ "retpoline_sites", "__retpoline_sites", "__retpoline_sites_end",
	  DISTANCE, 4, 6, NULL, NULL },
	{ "call_sites", "__call_sites", "__call_sites_end",
	  DISTANCE, 4, 5, NULL, NULL },
	{ "ibt_endbr_seal", "__ibt_endbr_seal", "__ibt_endbr_seal_end",
	  DISTANCE, 4, 4, NULL, NULL },
	{ "altinstructions", "__alt_instructions", "__alt_instructions_end",
	  DISTANCE, 0, 0, "alt_instr", "instrlen" },
	{ "parainstructions", "__parainstructions", "__parainstructions_end",
	  ADDRESS, 0, 0, "paravirt_patch_site", "len" },
	{ "static_call_sites", "__start_static_call_sites",
	  "__stop_static_call_sites", DISTANCE, 8, 5, NULL, NULL },
	{ "__jump_table", "__start___jump_table", "__stop___jump_table",
	  DISTANCE, 16, 5, NULL, NULL },
	/* The lock prefix alone. */
	{ "smp_locks", "__smp_locks", "__smp_locks_end",
	  DISTANCE, 4, 1, NULL, NULL },
};

/* The shape of a list's records, filled in from BTF where need be. */
struct shape {
	size_t record, length, length_at;
};

static bool get_shape(const struct list *list, const struct btf *btf,
		      struct shape *shape)
{
	struct btf_place whole, length;

	shape->record = list->record;
	shape->length = list->length;
	shape->length_at = 0;
	if (list->record)
		return true;
	if (!btf || btf_find(btf, list->type, "", &whole) ||
	    btf_find(btf, list->type, list->length_member, &length) ||
	    whole.size < 8 || length.size != 1 ||
	    length.offset >= whole.size)
		return false;
	shape->record = whole.size;
	shape->length_at = length.offset;
	return true;
}

static uint64_t place_of(const struct list *list, const uint8_t *record,
			 uint64_t record_gva)
{
	int32_t distance;
	uint64_t address;

	if (list->place == DISTANCE) {
		memcpy(&distance, record, sizeof(distance));
		return record_gva + (int64_t)distance;
	}
	memcpy(&address, record, sizeof(address));
	return address;
}

static bool list_has(const struct list *list, const struct elf_view *kernel,
		     const struct kallsyms *symbols, const struct btf *btf,
		     uint64_t gva, size_t size)
{
	uint64_t start, end;
	const uint8_t *table;
	struct shape shape;

	if (!kallsyms_find(symbols, list->start, &start))
		return false;
	if (kallsyms_find(symbols, list->end, &end) != 1 || end < start)
		return true;
	if (end == start)
		return false;
	table = elf_at(kernel, start, end - start);
	if (!table || !get_shape(list, btf, &shape))
		return true;
	for (size_t at = 0; shape.record <= end - start - at;
	     at += shape.record) {
		uint64_t place = place_of(list, table + at, start + at);
		size_t length = shape.length ? shape.length :
					       table[at + shape.length_at];

		/* In doubt it is one that the kernel rewrites. */
		if (!budget_take(1) ||
		    (place < gva + size && gva < place + length))
			return true;
	}
	return false;
}

/*
 * Constants that are known late in the boot, such as the address of a hash table,
 * are operands of instructions since Linux 6.11. Each has a list of its own, by its
 * name. The widest operand has 8 bytes.
 */
static bool is_constant(const struct elf_view *kernel,
			const struct kallsyms *symbols, uint64_t gva,
			size_t size)
{
	static const char prefix[] = "__start_runtime_";
	char end[128];
	struct list list = {
		.end = end, .place = DISTANCE, .record = 4, .length = 8,
	};

	for (size_t i = 0; i < kallsyms_count(symbols); i++) {
		uint64_t address;
		char type;

		list.start = kallsyms_get(symbols, i, &address, &type);
		if (!budget_take(1))
			return true;
		if (strncmp(list.start, prefix, sizeof(prefix) - 1))
			continue;
		/* A name that is cut off has no end, which is a hit. */
		snprintf(end, sizeof(end), "__stop_runtime_%s",
			 list.start + sizeof(prefix) - 1);
		if (list_has(&list, kernel, symbols, NULL, gva, size))
			return true;
	}
	return false;
}

const char *protected_find(const struct elf_view *kernel,
			   const struct kallsyms *symbols,
			   const struct btf *btf, uint64_t gva, size_t size)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (list_has(&lists[i], kernel, symbols, btf, gva, size))
			return lists[i].name;
	return is_constant(kernel, symbols, gva, size) ? "runtime constants" :
							 NULL;
}

bool protected_has_fentry(const struct elf_view *kernel,
			  const struct kallsyms *symbols, uint64_t gva)
{
	return list_has(&lists[0], kernel, symbols, NULL, gva, 1);
}
