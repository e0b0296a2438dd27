// SPDX-License-Identifier: GPL-2.0
/*
 * Where a 32-bit kernel changes address spaces. See i386_switch.h.
 *
 * The image describes no types, and the variable is not exported. But there is one
 * function that writes it, and what it writes tells enough: behind each load of CR3 it
 * stores the new address space into the variable's first word, and a number of 16 bits
 * eight bytes behind that; before, it takes the address of the first generation. Only
 * where all three are of one variable is it believed to be it.
 */
#include "i386_switch.h"

#include <string.h>

#include "budget.h"
#include "i386_insn.h"

#define FUNCTION	"switch_mm_irqs_off"
#define FUNCTION_MOST	8192	/* bytes */
#define ASID		8	/* loaded_mm_asid, behind loaded_mm */
#define CANDIDATES	32

#define PREFIX_FS	0x64
#define PREFIX_16	0x66
#define MOV_TO_MEMORY	0x89
#define MOV_EAX		0xa3
#define LEA		0x8d

/* Addresses that the function's instructions have, each with how often by kind. */
struct operands {
	uint32_t words[CANDIDATES], halves[CANDIDATES], places[CANDIDATES];
	unsigned int word_count, half_count, place_count;
};

static void note(uint32_t *list, unsigned int *count, const uint8_t *address)
{
	if (*count < CANDIDATES)
		memcpy(&list[(*count)++], address, sizeof(*list));
}

/* A store of a register to %fs:address, or LEA address(%reg). */
static void look_at(struct operands *o, const uint8_t *code, unsigned int length)
{
	bool fs = false, half = false;
	unsigned int at = 0;

	for (; at < length && (code[at] == PREFIX_FS || code[at] == PREFIX_16); at++) {
		fs = fs || code[at] == PREFIX_FS;
		half = half || code[at] == PREFIX_16;
	}
	if (fs && ((length - at == 6 && code[at] == MOV_TO_MEMORY &&
		    (code[at + 1] & 0xc7) == 0x05) ||
		   (length - at == 5 && code[at] == MOV_EAX))) {
		if (half)
			note(o->halves, &o->half_count, code + length - 4);
		else
			note(o->words, &o->word_count, code + length - 4);
	} else if (!at && length == 6 && code[0] == LEA && code[1] >> 6 == 2) {
		note(o->places, &o->place_count, code + 2);
	}
}

static bool has(const uint32_t *list, unsigned int count, uint32_t address)
{
	for (unsigned int i = 0; i < count; i++)
		if (list[i] == address)
			return true;
	return false;
}

/* 0: there is none, or there are two. */
static uint32_t find_state(const struct operands *o)
{
	uint32_t found = 0;

	for (unsigned int i = 0; i < o->word_count; i++) {
		uint32_t state = o->words[i];

		if (!has(o->halves, o->half_count, state + ASID) ||
		    !has(o->places, o->place_count, state + RL_TLB_GENERATION))
			continue;
		if (found && found != state)
			return 0;
		found = state;
	}
	return found;
}

void i386_switch_find(const struct kernel *k, struct rl_i386_image *image)
{
	struct operands o = { .word_count = 0 };
	uint64_t start, size;
	const uint8_t *code;
	struct i386_insn in;

	image->switch_start = image->switch_end = image->tlb_state = 0;
	if (kallsyms_find(k->symbols, FUNCTION, &start) != 1)
		return;
	size = kallsyms_room(k->symbols, start);
	if (!size || size > FUNCTION_MOST || !budget_take(size))
		return;
	code = elf_at(&k->elf, start, size);
	if (!code)
		return;
	for (uint64_t at = 0; at < size; at += in.length) {
		if (i386_decode(code + at, size - at, &in))
			return;
		look_at(&o, code + at, in.length);
	}
	image->switch_start = start;
	image->switch_end = start + size;
	image->tlb_state = find_state(&o);
}
