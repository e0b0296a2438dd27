// SPDX-License-Identifier: GPL-2.0
/*
 * From ORC to DWARF: how a debugger finds the caller of a function of the kernel.
 *
 * A distribution's kernel keeps no frame pointer, and carries tables of its own instead,
 * two arrays in step: .orc_unwind_ip has for each record the address from which on it
 * holds (as a distance from its own place), .orc_unwind the record, six bytes that say
 * where the stack pointer and RBP were before the call (the kernel's
 * arch/x86/include/asm/orc_types.h). Each becomes a row of a .debug_frame section: the
 * CFA, which is the caller's stack pointer, and RBP and the return address from there.
 *
 * What a row cannot say (entry code, where no function called this one) says that there
 * is no caller: a debugger's list of calls ends there.
 */
#include "symbols.h"

#include <stdbool.h>
#include <string.h>

#include "budget.h"

/*
 * The layout of a record differs from kernel to kernel (two bits of type or three, and
 * since Linux 7.1 other numbers of registers), the image does not say which, and since
 * Linux 7.1 its symbols do not tell either where the tables are. But they are easy to
 * recognise: nothing else in an image is so long an array of ascending places, and most
 * records are of the plainest sort.
 */
#define RECORD_SIZE	6
#define PLACES_MIN	1000	/* of a table that is found by its looks */
#define ROWS_IN_ONE	64	/* a debugger runs through the rows of one FDE */

/* DWARF 4, 6.4.2, 7.23; register numbers: System V ABI, x86-64, figure 3.36. */
enum {
	CFA_ADVANCE4 = 0x04, CFA_UNDEFINED = 0x07, CFA_SAME_VALUE = 0x08,
	CFA_DEF_CFA = 0x0c, CFA_OFFSET = 0x80,
	DWARF_RBP = 6, DWARF_RSP = 7, DWARF_RETURN = 16,
	FACTOR = 8,		/* offsets count in minus this */
};

struct record {
	int16_t sp_offset, bp_offset;
	uint16_t bits;
};

struct tables {
	const uint8_t *places, *records;
	uint64_t places_gva;
	size_t count;
	unsigned int call_type;	/* of a record within a function */
	unsigned int type_mask;
	unsigned int sp, bp;	/* the numbers of RSP and RBP in a record, */
	unsigned int prev_sp;	/* and of the caller's RSP */
};

static uint64_t address_of(const struct tables *t, size_t i)
{
	int32_t distance;

	memcpy(&distance, t->places + 4 * i, sizeof(distance));
	return t->places_gva + 4 * i + (int64_t)distance;
}

static struct record record_of(const struct tables *t, size_t i)
{
	struct record r;

	memcpy(&r, t->records + RECORD_SIZE * i, RECORD_SIZE);
	return r;
}

static unsigned int most(const size_t seen[16])
{
	unsigned int best = 0;

	for (unsigned int i = 1; i < 16; i++)
		if (seen[i] > seen[best])
			best = i;
	return best;
}

/*
 * Up to Linux 6.3 a function's records have type 0, in two bits; since then 2, in three.
 * Most of them count from RSP.
 */
static bool find_call_type(struct tables *t)
{
	size_t seen[2][16] = { 0 };
	unsigned int sp[2];

	for (size_t i = 0; i < t->count && budget_take(1); i++) {
		struct record r = record_of(t, i);

		if (r.sp_offset > 0 && !(r.bits >> 8 & 1))
			seen[r.bits >> 9 & 1][r.bits & 15]++;
	}
	for (int i = 0; i < 2; i++)
		sp[i] = most(seen[i]);
	t->call_type = seen[1][sp[1]] > seen[0][sp[0]] ? 2 : 0;
	t->type_mask = t->call_type ? 7 : 3;
	t->sp = sp[t->call_type / 2];
	return seen[t->call_type / 2][t->sp];
}

static bool is_call(const struct tables *t, struct record r)
{
	return (r.bits >> 8 & t->type_mask) == t->call_type && r.sp_offset > 0;
}

/* Where RBP was saved, it was so below the caller's RSP; and `push %rbp; mov %rsp, %rbp`. */
static void find_registers(struct tables *t)
{
	size_t saved[16] = { 0 }, frame[16] = { 0 };

	for (size_t i = 0; i < t->count && budget_take(1); i++) {
		struct record r = record_of(t, i);
		unsigned int sp = r.bits & 15, bp = r.bits >> 4 & 15;

		if (!is_call(t, r) || r.bp_offset >= 0)
			continue;
		saved[bp] += bp > 0;
		frame[sp] += sp != t->sp && r.sp_offset == 16 &&
			     r.bp_offset == -16;
	}
	t->prev_sp = most(saved);
	t->bp = most(frame);
}

static bool by_symbols(const struct symbols_source *from, struct tables *t)
{
	uint64_t at[4];
	static const char *const names[] = {
		"__start_orc_unwind_ip", "__stop_orc_unwind_ip",
		"__start_orc_unwind", "__stop_orc_unwind",
	};

	for (int i = 0; i < 4; i++)
		if (kallsyms_find(from->names, names[i], &at[i]) != 1)
			return false;
	if (at[1] <= at[0] || at[3] <= at[2])
		return false;
	t->count = (at[1] - at[0]) / 4;
	if (t->count != (at[3] - at[2]) / RECORD_SIZE)
		return false;
	t->places_gva = at[0];
	t->places = elf_at(from->elf, at[0], at[1] - at[0]);
	t->records = elf_at(from->elf, at[2], at[3] - at[2]);
	return t->places && t->records;
}

/* Each word from `place` on leads to the kernel's memory, none below the one before. */
static size_t count_places(const struct tables *all, uint64_t low, uint64_t high,
			   size_t first)
{
	uint64_t last = low;
	size_t i;

	for (i = first; i < all->count && budget_take(1); i++) {
		uint64_t address = address_of(all, i);

		/* Zeros lead to themselves, and are everywhere; a record that
		   begins with a small number would lead right behind itself. */
		if (address < last || address >= high ||
		    address - (all->places_gva + 4 * i) <= INT16_MAX)
			break;
		last = address;
	}
	return i - first;
}

/* The longest of them in one segment, with its records right behind it. */
static void look_in(const Elf64_Phdr *segment, const uint8_t *data, uint64_t low,
		    uint64_t high, struct tables *best)
{
	const struct tables all = {
		.places = data,
		.places_gva = segment->p_vaddr,
		.count = segment->p_filesz / 4,
	};
	size_t run;

	for (size_t i = 0; i < all.count && budget_take(1); i += run ? run : 1) {
		size_t end;

		run = count_places(&all, low, high, i);
		end = 4 * (i + run);
		if (run <= best->count ||
		    run > (segment->p_filesz - end) / RECORD_SIZE)
			continue;
		best->count = run;
		best->places = data + 4 * i;
		best->places_gva = segment->p_vaddr + 4 * i;
		best->records = data + end;
	}
}

/* The per-CPU area is linked at 0. */
static bool is_memory(const Elf64_Phdr *p)
{
	return p->p_type == PT_LOAD && p->p_vaddr && p->p_vaddr + p->p_memsz >= p->p_vaddr;
}

static bool by_looks(const struct symbols_source *from, struct tables *t)
{
	const struct elf_view *elf = from->elf;
	const Elf64_Phdr *end = elf->segments + elf->header.e_phnum;
	uint64_t low = UINT64_MAX, high = 0;

	for (const Elf64_Phdr *p = elf->segments; p < end; p++) {
		if (!is_memory(p))
			continue;
		if (p->p_vaddr < low)
			low = p->p_vaddr;
		if (p->p_vaddr + p->p_memsz > high)
			high = p->p_vaddr + p->p_memsz;
	}
	for (const Elf64_Phdr *p = elf->segments; p < end; p++)
		if (is_memory(p))
			look_in(p, elf->data + p->p_offset, low, high, t);
	return t->count >= PLACES_MIN;
}

static bool find_tables(const struct symbols_source *from, struct tables *t)
{
	memset(t, 0, sizeof(*t));
	if (!by_symbols(from, t)) {
		memset(t, 0, sizeof(*t));
		if (!by_looks(from, t))
			return false;
	}
	if (!find_call_type(t))
		return false;
	find_registers(t);
	return true;
}

static uint8_t *put(uint8_t *at, const void *data, size_t size)
{
	memcpy(at, data, size);
	return at + size;
}

/* DWARF 4, 7.6: seven bits in a byte, the lowest first. */
static uint8_t *put_number(uint8_t *at, uint32_t value)
{
	for (; value > 127; value >>= 7)
		*at++ = value | 128;
	*at++ = value;
	return at;
}

/* A row of at most 16 bytes. */
static uint8_t *put_row(uint8_t *at, const struct tables *t, struct record r)
{
	unsigned int sp = r.bits & 15, bp = r.bits >> 4 & 15;

	if (!is_call(t, r) || !sp || (sp != t->sp && sp != t->bp)) {
		*at++ = CFA_UNDEFINED;
		*at++ = DWARF_RETURN;
		return at;
	}
	*at++ = CFA_DEF_CFA;
	*at++ = sp == t->sp ? DWARF_RSP : DWARF_RBP;
	at = put_number(at, r.sp_offset);
	*at++ = CFA_OFFSET | DWARF_RETURN;
	*at++ = 1;
	if (bp && bp == t->prev_sp && r.bp_offset < 0 && r.bp_offset % FACTOR == 0) {
		*at++ = CFA_OFFSET | DWARF_RBP;
		return put_number(at, -r.bp_offset / FACTOR);
	}
	*at++ = bp ? CFA_UNDEFINED : CFA_SAME_VALUE;
	*at++ = DWARF_RBP;
	return at;
}

static void write_entry(FILE *out, const uint8_t *data, size_t size)
{
	uint32_t padded = (size + 7) & ~7u;	/* zeros are DW_CFA_nop */

	fwrite(&padded, sizeof(padded), 1, out);
	fwrite(data, size, 1, out);
	for (; size < padded; size++)
		fputc(0, out);
}

static void write_cie(FILE *out)
{
	static const uint8_t cie[] = {
		0xff, 0xff, 0xff, 0xff,		/* it is a CIE */
		1,				/* version */
		0,				/* no augmentation */
		1,				/* code counts in bytes, */
		0x78,				/* offsets in -8 */
		DWARF_RETURN,
		CFA_DEF_CFA, DWARF_RSP, 8,
		CFA_OFFSET | DWARF_RETURN, 1,
	};

	write_entry(out, cie, sizeof(cie));
}

/* Records [first, end) as one FDE, which reaches to the record behind. */
static void write_fde(const struct symbols_source *from, const struct tables *t,
		      size_t first, size_t end, FILE *out)
{
	uint8_t data[20 + ROWS_IN_ONE * 24], *at = data;
	const uint32_t cie = 0;
	uint64_t start = address_of(t, first), now = start;
	uint64_t length = address_of(t, end) - start;
	uint64_t moved = start + from->offset;

	at = put(at, &cie, sizeof(cie));
	at = put(at, &moved, sizeof(moved));
	at = put(at, &length, sizeof(length));
	for (size_t i = first; i < end; i++) {
		uint32_t step = address_of(t, i) - now;

		if (step) {
			*at++ = CFA_ADVANCE4;
			at = put(at, &step, sizeof(step));
		}
		now += step;
		at = put_row(at, t, record_of(t, i));
	}
	write_entry(out, data, at - data);
}

/* Are the addresses of these records in order, and close enough? */
static bool in_order(const struct tables *t, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (address_of(t, i + 1) - address_of(t, i) > INT32_MAX)
			return false;
	return address_of(t, first) != address_of(t, end);
}

size_t symbols_frames(const struct symbols_source *from, FILE *out)
{
	struct tables t;
	size_t rows = 0, end;

	if (!find_tables(from, &t))
		return 0;
	write_cie(out);
	/* The last record is only the end of the one before. */
	for (size_t i = 0; i + 1 < t.count && budget_take(ROWS_IN_ONE);
	     i = end) {
		end = i + ROWS_IN_ONE < t.count ? i + ROWS_IN_ONE : t.count - 1;
		if (!in_order(&t, i, end))
			continue;
		write_fde(from, &t, i, end, out);
		rows += end - i;
	}
	return rows;
}
