// SPDX-License-Identifier: GPL-2.0
/*
 * Jumps in place of traps. See i386_jump.h.
 *
 * Registers are the kernel's, and flags are kept but where the instruction changes them:
 * it is not only a compiler's code that is moved.
 */
#include "i386_jump.h"

#include <string.h>

#include "../abi/guest.h"

#define JUMP		5		/* bytes of one */
#define BEFORE		4		/* instructions before the site, at most */
#define WINDOW_CODE	160		/* bytes that become of a window, at most */

#define FLAG		(RL_I386_HOLE + RL_SHARED_VIF)
#define PENDING		(RL_I386_HOLE + RL_SHARED_PENDING)
#define FAULT_ADDRESS	(RL_I386_HOLE + RL_SHARED_CR2)

#define CALL		0xe8
#define HLT		0xf4
#define INT3		0xcc
#define JMP		0xe9
#define JMP_SHORT	0xeb
#define RET		0xc3
#define RET_POP		0xc2

/* --- room ----------------------------------------------------------------------------- */

#define TOP_NAME	"__FIXADDR_TOP"
#define TOP		0xfffff000u	/* what it is in any kernel */
/* struct kernel_symbol: value, name, namespace, each as its distance from here. */
#define SYMBOL		12

static const uint8_t *section_at(const struct elf_view *elf, const char *name,
				 uint64_t *gva, uint64_t *size)
{
	const Elf64_Shdr *s = elf_section(elf, name);

	*gva = s ? s->sh_addr : 0;
	*size = s ? s->sh_size : 0;
	return s && *size ? elf_at(elf, *gva, *size) : NULL;
}

/* Where the variable is, by the table of what modules may use; 0: not there. */
static uint32_t find_top(const struct elf_view *elf)
{
	uint64_t strings_gva, strings_size, gva, size;
	const uint8_t *strings, *table, *name;
	uint32_t name_gva;

	strings = section_at(elf, "__ksymtab_strings", &strings_gva, &strings_size);
	table = section_at(elf, "__ksymtab", &gva, &size);
	name = strings && table ?
	       memmem(strings, strings_size, TOP_NAME, sizeof(TOP_NAME)) : NULL;
	if (!name)
		return 0;
	name_gva = strings_gva + (name - strings);
	for (uint64_t at = 0; at + SYMBOL <= size; at += SYMBOL) {
		uint32_t distance[2], here = gva + at;

		memcpy(distance, table + at, sizeof(distance));
		if (here + 4 + distance[1] == name_gva)
			return here + distance[0];
	}
	return 0;
}

bool i386_jump_make_room(const struct elf_view *elf, uint8_t *image)
{
	uint32_t gva = find_top(elf), top = TOP, ours = RL_I386_HOLE - 4096;
	const uint8_t *at = gva ? elf_at(elf, gva, sizeof(top)) : NULL;

	if (!at || memcmp(at, &top, sizeof(top)))
		return false;
	memcpy(image + (at - elf->data), &ours, sizeof(ours));
	return true;
}

void i386_jump_start(struct i386_jumps *j, const struct elf_view *view, uint8_t *image,
		     uint8_t code[RL_I386_JUMP_BYTES])
{
	j->code = code;
	memset(code, INT3, RL_I386_JUMP_BYTES);
	j->text = elf_at(view, j->map.start, j->map.size);
	j->image = image + (j->text - view->data);
}

/* --- what a window becomes --------------------------------------------------------------- */

struct window {
	struct i386_jumps *jumps;
	uint32_t end;			/* GVA behind what is taken of the kernel's code */
	bool left;			/* the last one never goes on behind itself */
	bool sti;			/* it is an STI */
	unsigned int bytes, traps;
	uint8_t code[WINDOW_CODE];
	struct {
		uint8_t at, instruction;
	} trap[WINDOW_CODE / 8];
};

static void put(struct window *w, const void *bytes, unsigned int count)
{
	memcpy(w->code + w->bytes, bytes, count);
	w->bytes += count;
}

static void put_word(struct window *w, uint32_t word)
{
	put(w, &word, sizeof(word));
}

/* opcode, of one byte or two, and the distance from behind itself. */
static void put_branch(struct window *w, const uint8_t *opcode, unsigned int count,
		       uint32_t target)
{
	put(w, opcode, count);
	put_word(w, target - (RL_I386_JUMPS + w->jumps->used + w->bytes + 4));
}

/* The instruction itself, by the shim. */
static void put_trap(struct window *w, uint8_t instruction)
{
	w->trap[w->traps].at = w->bytes;
	w->trap[w->traps++].instruction = instruction;
	put(w, "\xcc", 1);
}

static void put_cli(struct window *w)
{
	put(w, "\xc6\x05", 2);			/* movb $0, FLAG */
	put_word(w, FLAG);
	put(w, "\x00", 1);
}

static void put_sti(struct window *w)
{
	put(w, "\xc6\x05", 2);			/* movb $1, FLAG */
	put_word(w, FLAG);
	put(w, "\x01\x51\x0f\xb6\x0d", 5);	/* push %ecx; movzbl PENDING, %ecx */
	put_word(w, PENDING);
	put(w, "\xe3\x01", 2);			/* jecxz 1f */
	put_trap(w, 0xfb);			/* sti */
	put(w, "\x59", 1);			/* 1: pop %ecx */
}

/* The real flag is always 1. */
static void put_pushf(struct window *w)
{
	put(w, "\x9c\x51\x0f\xb6\x0d", 5);	/* pushf; push %ecx; movzbl FLAG, %ecx */
	put_word(w, FLAG);
	put(w, "\xe3\x02"			/* jecxz 1f */
	       "\xeb\x0e"			/* jmp 2f */
	       "\x8b\x4c\x24\x04"		/* 1: mov 4(%esp), %ecx */
	       "\x8d\x89\x00\xfe\xff\xff"	/* lea -0x200(%ecx), %ecx */
	       "\x89\x4c\x24\x04"		/* mov %ecx, 4(%esp) */
	       "\x59", 19);			/* 2: pop %ecx */
}

static void put_popf(struct window *w)
{
	put(w, "\xf6\x44\x24\x01\x02"		/* testb $2, 1(%esp) */
	       "\x74\x13", 7);			/* jz 1f */
	put(w, "\xc6\x05", 2);			/* movb $1, FLAG */
	put_word(w, FLAG);
	put(w, "\x01\x80\x3d", 3);		/* cmpb $0, PENDING */
	put_word(w, PENDING);
	put(w, "\x00\x74\x0a", 3);		/* je 2f */
	put_trap(w, 0x9d);			/* popf */
	put(w, "\xeb\x08", 2);			/* jmp 3f */
	put_cli(w);				/* 1: */
	put(w, "\x9d", 1);			/* 2: popf, 3: */
}

static void put_read_cr2(struct window *w, uint8_t reg)
{
	uint8_t modrm = reg << 3 | 5;

	put(w, "\x8b", 1);
	put(w, &modrm, 1);
	put_word(w, FAULT_ADDRESS);
}

/* MOV from CR2 is the one of those that is worth it. */
static bool reads_cr2(const uint8_t *code, const struct i386_insn *in)
{
	return in->kind == I386_READ_CR && in->length == 3 && code[0] == 0x0f &&
	       (code[2] & 0xf8) == 0xd0;
}

/* Jumps are longer there, as they lead farther. A call is one from where it was. */
static bool put_relative(struct window *w, uint32_t gva, const uint8_t *code,
			 const struct i386_insn *in)
{
	uint32_t next = gva + in->length, target = next + in->distance;
	uint8_t opcode[2] = { 0x0f, code[1] };

	if (code[0] == CALL && in->length == 5) {
		put(w, "\x68", 1);		/* push $next */
		put_word(w, next);
		put_branch(w, (const uint8_t[]) { JMP }, 1, target);
		w->left = true;
	} else if (code[0] == JMP || code[0] == JMP_SHORT) {
		put_branch(w, (const uint8_t[]) { JMP }, 1, target);
		w->left = true;
	} else if (code[0] >> 4 == 7) {
		opcode[1] = 0x80 | (code[0] & 15);
		put_branch(w, opcode, 2, target);
	} else if (code[0] == 0x0f && code[1] >> 4 == 8) {
		put_branch(w, opcode, 2, target);
	} else {
		return false;
	}
	return true;
}

static bool put_plain(struct window *w, uint32_t gva, const uint8_t *code,
		      const struct i386_insn *in)
{
	if (in->relative)
		return put_relative(w, gva, code, in);
	/* FF: a call would come back to here, and whoever follows stacks would see it. */
	if (code[0] == 0xff && (code[1] >> 3 & 7) >= 2 && (code[1] >> 3 & 7) <= 5)
		return false;
	w->left = code[0] == RET || code[0] == RET_POP;
	put(w, code, in->length);
	return true;
}

static bool put_insn(struct window *w, uint32_t gva, const uint8_t *code,
		     const struct i386_insn *in)
{
	bool one = in->length == 1;

	w->sti = one && in->kind == I386_STI;
	if (in->kind == I386_PLAIN)
		return put_plain(w, gva, code, in);
	else if (one && in->kind == I386_CLI)
		put_cli(w);
	else if (w->sti)
		put_sti(w);
	else if (one && in->kind == I386_PUSHF)
		put_pushf(w);
	else if (one && in->kind == I386_POPF)
		put_popf(w);
	else if (reads_cr2(code, in))
		put_read_cr2(w, code[2] & 7);
	else
		return false;
	return true;
}

/* --- windows ------------------------------------------------------------------------------ */

/* May the instruction go? Nothing may lead into the window but to its start. */
static bool may_move(const struct i386_map *map, uint32_t start, uint32_t gva,
		     unsigned int length)
{
	if (!(i386_map_at(map, gva) & I386_MAP_START))
		return false;
	for (uint32_t at = gva; at < gva + length; at++)
		if (i386_map_at(map, at) & I386_MAP_FIXED ||
		    (at != start && i386_map_at(map, at) & I386_MAP_TARGET))
			return false;
	return true;
}

/* Instructions from `start` on, past the site and at least a jump long. */
static bool collect(struct window *w, uint32_t start, uint32_t site)
{
	const struct i386_jumps *j = w->jumps;
	const struct i386_map *map = &j->map;
	struct i386_insn in;

	for (w->end = start; w->end <= site || w->end - start < JUMP;
	     w->end += in.length) {
		uint32_t at = w->end - map->start;

		if (w->left || w->bytes > WINDOW_CODE - 64 || at >= map->size ||
		    i386_decode(j->text + at, map->size - at, &in) ||
		    !may_move(map, start, w->end, in.length) ||
		    !put_insn(w, w->end, j->text + at, &in))
			return false;
	}
	/* STI and HLT are one for the shim. */
	if (w->sti && w->end - map->start < map->size &&
	    j->text[w->end - map->start] == HLT)
		return false;
	if (!w->left)
		put_branch(w, (const uint8_t[]) { JMP }, 1, w->end);
	return true;
}

static bool has_room(const struct i386_jumps *j, const struct window *w)
{
	return j->used + w->bytes <= RL_I386_JUMP_BYTES &&
	       j->trap_count + w->traps <= RL_I386_SITES;
}

/* From here on the image has the jump. */
static void place(struct i386_jumps *j, const struct window *w, uint32_t start)
{
	uint32_t to = RL_I386_JUMPS + j->used, distance = to - (start + JUMP);
	uint8_t *at = j->image + (start - j->map.start);

	memcpy(j->code + j->used, w->code, w->bytes);
	for (unsigned int i = 0; i < w->traps; i++)
		j->traps[j->trap_count++] = (struct rl_site) {
			.gva = to + w->trap[i].at, .length = 1,
			.bytes = { w->trap[i].instruction },
		};
	j->used += w->bytes;
	memset(at, INT3, w->end - start);
	at[0] = JMP;
	memcpy(at + 1, &distance, sizeof(distance));
	memset(j->map.bytes + (start - j->map.start), I386_MAP_FIXED, w->end - start);
	j->windows++;
	j->start = start;
	j->end = w->end;
}

/* The instruction before this one, or 0. */
static uint32_t before(const struct i386_map *map, uint32_t gva)
{
	for (uint32_t at = gva - 1; at >= gva - I386_INSN_MAX; at--)
		if (i386_map_at(map, at) & I386_MAP_START)
			return at;
	return 0;
}

/*J: launcher.jumps
 * A trap costs a hundred instructions and more, and what a kernel does most often is to
 * keep interrupts out for a moment. So where `cli` and its kin stand among whole
 * instructions that nothing else leads into, five bytes of them become a jump, to where the
 * kernel's code ends and ours begins: the same instructions, but for the interrupt flag,
 * which is a byte of the shared page there. Setting it costs a look at whether anything
 * waits; only then there is a trap.
 :*/
bool i386_jump_over(struct i386_jumps *j, const struct i386_site *site)
{
	uint32_t start = site->gva;

	if (!j->image || start - j->map.start >= j->map.size)
		return false;
	/* A window of a site before this one. */
	if (!(i386_map_at(&j->map, start) & I386_MAP_START))
		return true;
	for (int i = 0; start && i <= BEFORE; i++) {
		struct window w = { .jumps = j };

		if (collect(&w, start, site->gva)) {
			if (!has_room(j, &w))
				return false;
			place(j, &w, start);
			return true;
		}
		start = before(&j->map, start);
	}
	return false;
}
