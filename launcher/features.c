// SPDX-License-Identifier: GPL-2.0
/*
 * Feature numbers, from three tables of the image: the names for /proc/cpuinfo, the
 * list of instructions that the kernel replaces at boot, and the same list of its
 * 32-bit vDSO. See features.h.
 */
#include "features.h"

#include <stdlib.h>
#include <string.h>

#include "budget.h"

#define ENTRY32		"entry32."
#define ENTRY32_MOST	2
#define NAME_SIZE	32	/* with its NUL */
#define FEATURES_MOST	(64 * 32)
/*
 * Where struct alt_instr has the number, in all kernels. "Where the processor does not
 * have it" is a flag: the bit above the number, or, since Linux 6.3, the first bit of
 * another 16 that follow. find_xenpv() sees whether that is so.
 */
#define NUMBER_AT	8
#define NUMBER_MASK	0x7fff
#define FLAGS_AT	10
#define NO_FLAGS	0

#define CLI		0xfa
#define CALL		0xe8
#define CALL_SIZE	5

/*J: launcher.features
 * To Linux a feature of the processor is a number, and the number is nowhere but in
 * the machine code that was compiled from it. Guessing it would be fatal: one number
 * decides whether the kernel believes that it is in ring 0. But the image gives it
 * away. It carries a list of instructions that it will replace when it starts, by
 * features: each call of "disable interrupts" is to become a plain `cli` unless the
 * kernel runs under Xen. So the feature without which a `cli` comes into the code is
 * the one that says "under Xen", by definition, and whatever its number is. And where
 * it is there, the same list puts in calls of xen_error_entry(): that is how we know
 * which of the list's bits says "without".
 :*/

/* A list of struct alt_instr in a piece of memory where offsets are addresses. */
struct alternatives {
	const uint8_t *data;	/* the piece, */
	size_t size;		/* its bytes, and */
	uint64_t start, end;	/* the list, from its start */
	uint64_t gva;		/* of the piece; of the kernel's list only */
	size_t record, flags_at, old_size_at, new_size_at;
};

struct alternative {
	unsigned int number;
	bool without;		/* where the processor does not have it */
	const uint8_t *old, *new;
	size_t old_size, new_size;
};

static bool get_shape(const struct btf *btf, struct alternatives *a)
{
	struct btf_place whole, from, to, old_size, new_size;

	if (btf_find(btf, "alt_instr", "", &whole) ||
	    btf_find(btf, "alt_instr", "instr_offset", &from) ||
	    btf_find(btf, "alt_instr", "repl_offset", &to) ||
	    btf_find(btf, "alt_instr", "instrlen", &old_size) ||
	    btf_find(btf, "alt_instr", "replacementlen", &new_size) ||
	    from.offset != 0 || from.size != 4 || to.offset != 4 || to.size != 4 ||
	    old_size.size != 1 || new_size.size != 1 ||
	    (old_size.offset != FLAGS_AT && old_size.offset != FLAGS_AT + 2) ||
	    new_size.offset != old_size.offset + 1 || new_size.offset >= whole.size)
		return false;
	a->flags_at = old_size.offset == FLAGS_AT ? NO_FLAGS : FLAGS_AT;
	a->record = whole.size;
	a->old_size_at = old_size.offset;
	a->new_size_at = new_size.offset;
	return true;
}

/* `size` bytes at a distance from the word at `from`; NULL: not in the piece. */
static const uint8_t *follow(const struct alternatives *a, uint64_t from, size_t size)
{
	int32_t distance;
	uint64_t to;

	memcpy(&distance, a->data + from, sizeof(distance));
	to = from + (int64_t)distance;
	return to <= a->size && size <= a->size - to ? a->data + to : NULL;
}

static uint16_t get_number(const struct alternatives *a, uint64_t at, bool *without)
{
	uint16_t number, flags;

	memcpy(&number, a->data + at + NUMBER_AT, sizeof(number));
	memcpy(&flags, a->data + at + FLAGS_AT, sizeof(flags));
	*without = a->flags_at ? flags & 1 : number > NUMBER_MASK;
	/* With flags of its own the number has all its bits. */
	return a->flags_at ? number : number & NUMBER_MASK;
}

/* Record number i. False behind the last, or where it leads out of the piece. */
static bool get(const struct alternatives *a, size_t i, struct alternative *to)
{
	uint64_t at = a->start + i * a->record;

	if (at > a->end || a->record > a->end - at || !budget_take(1))
		return false;
	to->number = get_number(a, at, &to->without);
	to->old_size = a->data[at + a->old_size_at];
	to->new_size = a->data[at + a->new_size_at];
	to->old = follow(a, at, to->old_size);
	to->new = follow(a, at + 4, to->new_size);
	return to->old && to->new;
}

/* Does it have these two bytes somewhere, in what was or in what comes? */
static bool mentions(const struct alternative *a, const char *bytes)
{
	return memmem(a->old, a->old_size, bytes, 2) ||
	       memmem(a->new, a->new_size, bytes, 2);
}

/* The kernel's list; the piece is the segment that it lies in, as the file has it. */
static bool kernel_alternatives(const struct kernel *k, struct alternatives *a)
{
	uint64_t start, end;

	if (kallsyms_find(k->symbols, "__alt_instructions", &start) != 1 ||
	    kallsyms_find(k->symbols, "__alt_instructions_end", &end) != 1 || end < start)
		return false;
	for (size_t i = 0; i < k->elf.header.e_phnum; i++) {
		const Elf64_Phdr *p = &k->elf.segments[i];

		if (p->p_type != PT_LOAD || start < p->p_vaddr ||
		    end - p->p_vaddr > p->p_filesz)
			continue;
		a->gva = p->p_vaddr;
		a->data = k->elf.data + p->p_offset;
		a->size = p->p_filesz;
		a->start = start - p->p_vaddr;
		a->end = end - p->p_vaddr;
		return get_shape(k->btf, a);
	}
	return false;
}

/* The address that a replacement of one call leads to; it lies where it was linked. */
static uint64_t called(const struct alternatives *a, const uint8_t *new)
{
	int32_t distance;

	memcpy(&distance, new + 1, sizeof(distance));
	return a->gva + (new - a->data) + CALL_SIZE + (int64_t)distance;
}

/* What one of the two kinds of records says; each says the same. */
struct claim {
	bool found, without;
	uint64_t number;
};

static bool add_claim(struct claim *c, uint64_t number, bool without)
{
	bool same = !c->found || (c->number == number && c->without == without);

	*c = (struct claim){ true, without, number };
	return same;
}

/*
 * All places where interrupts are disabled agree on one number, without which they get
 * their cli, and with it one goes to Xen's own code.
 */
static bool find_xenpv(const struct kernel *k, uint64_t *number)
{
	struct claim cli = { 0 }, xen = { 0 };
	struct alternatives a = { 0 };
	uint64_t entry;

	if (!kernel_alternatives(k, &a) ||
	    kallsyms_find(k->symbols, "xen_error_entry", &entry) != 1)
		return false;
	for (uint64_t at = a.start; a.record <= a.end - at; at += a.record) {
		size_t size = a.data[at + a.new_size_at];
		const uint8_t *new = follow(&a, at + 4, size);
		struct claim *claim = NULL;
		uint16_t word;
		bool without;

		if (!budget_take(1))
			return false;
		word = get_number(&a, at, &without);
		if (new && size == 1 && *new == CLI)
			claim = &cli;
		else if (new && size >= CALL_SIZE && *new == CALL &&
			 called(&a, new) == entry)
			claim = &xen;
		if (claim && !add_claim(claim, word, without))
			return false;
	}
	*number = cli.number;
	return cli.found && xen.found && cli.number == xen.number && cli.without &&
	       !xen.without && *number < FEATURES_MOST;
}

static bool read_word(const struct kernel *k, uint64_t gva, const char *member,
		      uint64_t *value)
{
	struct btf_place place;
	const void *word;

	if (btf_find(k->btf, "vdso_image", member, &place) || place.size != sizeof(*value))
		return false;
	word = elf_at(&k->elf, gva + place.offset, sizeof(*value));
	if (word)
		memcpy(value, word, sizeof(*value));
	return word;
}

/* The list of the 32-bit vDSO, which is a file of its own in the image. */
static bool vdso_alternatives(const struct kernel *k, uint64_t gva,
			      struct alternatives *a)
{
	uint64_t data, size, length;

	if (!read_word(k, gva, "data", &data) || !read_word(k, gva, "size", &size) ||
	    !read_word(k, gva, "alt", &a->start) ||
	    !read_word(k, gva, "alt_len", &length))
		return false;
	a->data = elf_at(&k->elf, data, size);
	a->size = size;
	if (!a->data || a->start > size || length > size - a->start)
		return false;
	a->end = a->start + length;
	return get_shape(k->btf, a);
}

/* The features by which INT $0x80, SYSENTER and SYSCALL are exchanged there. */
static bool find_entry32(const struct kernel *k, unsigned int wanted, uint64_t *number)
{
	unsigned int numbers[ENTRY32_MOST], count = 0, i;
	struct alternatives a;
	struct alternative one;
	uint64_t gva;

	*number = -1ull;
	/* A name until Linux 6.x, and the one since then. */
	if (kallsyms_find(k->symbols, "vdso_image_32", &gva) != 1 &&
	    kallsyms_find(k->symbols, "vdso32_image", &gva) != 1)
		return false;
	if (!vdso_alternatives(k, gva, &a))
		return false;
	for (size_t n = 0; a.record <= a.end - a.start - n * a.record; n++) {
		if (!get(&a, n, &one))
			return false;
		if (!mentions(&one, "\xcd\x80") && !mentions(&one, "\x0f\x34") &&
		    !mentions(&one, "\x0f\x05"))
			continue;
		for (i = 0; i < count && numbers[i] != one.number; i++)
			;
		if (i == ENTRY32_MOST || one.number >= FEATURES_MOST)
			return false;
		if (i == count)
			numbers[count++] = one.number;
	}
	if (wanted < count)
		*number = numbers[wanted];
	/* One is the least: a kernel with none has it where nobody looked. */
	return count;
}

/* Names that are no names: NULL. */
static bool find_name(const struct kernel *k, const char *name, uint64_t *number)
{
	uint64_t gva, pointer;
	size_t size = strlen(name) + 1, room;
	const void *word, *text;

	if (size > NAME_SIZE || kallsyms_find(k->symbols, "x86_cap_flags", &gva) != 1)
		return false;
	room = kallsyms_room(k->symbols, gva) / sizeof(pointer);
	for (size_t i = 0; i < room && i < FEATURES_MOST && budget_take(1); i++) {
		word = elf_at(&k->elf, gva + i * sizeof(pointer), sizeof(pointer));
		if (!word)
			return false;
		memcpy(&pointer, word, sizeof(pointer));
		text = pointer ? elf_at(&k->elf, pointer, size) : NULL;
		if (!text || memcmp(text, name, size))
			continue;
		*number = i;
		return true;
	}
	return false;
}

bool features_find(const struct kernel *k, const char *name, uint64_t *number)
{
	char *end;

	if (!strcmp(name, "xenpv"))
		return find_xenpv(k, number);
	if (strncmp(name, ENTRY32, strlen(ENTRY32)))
		return find_name(k, name, number);
	name += strlen(ENTRY32);
	return find_entry32(k, strtoul(name, &end, 10), number) && end != name && !*end;
}
