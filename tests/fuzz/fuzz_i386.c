// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: i386 code and the file around it. Byte 0 even: the rest is code, swept
 * as the scanner does. Odd: it is an ELF file, with symbols or not.
 *
 * The decoder is a library that ASan did not compile. So the bytes end where a page
 * without rights begins, and one that is read beyond them is a crash.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "launcher/budget.h"
#include "launcher/i386_jump.h"
#include "launcher/i386_scan.h"

#define ROOM	(1u << 20)
#define PAGE	4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
	if (!right)
		abort();
}

static const uint8_t *at_the_end(const uint8_t *data, size_t size)
{
	static uint8_t *room;

	if (!room) {
		room = mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		check(room != MAP_FAILED &&
		      !mprotect(room + ROOM, PAGE, PROT_NONE));
	}
	memcpy(room + ROOM - size, data, size);
	return room + ROOM - size;
}

static void try_code(const uint8_t *code, size_t size)
{
	struct i386_insn in, again;
	uint8_t exact[I386_INSN_MAX];

	for (size_t at = 0; at < size; at += in.length) {
		if (i386_decode(code + at, size - at, &in)) {
			in.length = 1;
			continue;
		}
		check(in.length && in.length <= I386_INSN_MAX &&
		      in.length <= size - at && in.kind < I386_KINDS);
		check(i386_kind_name(in.kind) && i386_effect(in.kind) <=
		      I386_EFFECT_SEGMENT);
		/* What lies behind it does not matter, and all of it does. */
		memcpy(exact, code + at, in.length);
		check(!i386_decode(exact, in.length, &again));
		check(again.length == in.length && again.kind == in.kind);
		check(in.length == 1 ||
		      i386_decode(exact, in.length - 1, &again) ||
		      again.length < in.length);
	}
}

/* All that is written lies in the code, or in what jumps lead to. */
static void try_jumps(struct i386_jumps *j, const struct elf_view *view,
		      const struct i386_scan *scan)
{
	static uint8_t code[RL_I386_JUMP_BYTES];
	uint8_t *image = (uint8_t *)view->data;

	i386_jump_make_room(view, image);
	if (!j->map.size || i386_map_references(&j->map, view, "fuzz"))
		return;
	i386_jump_start(j, view, image, code);
	for (size_t i = 0; i < scan->count; i++)
		i386_jump_over(j, &scan->sites[i]);
	check(j->used <= RL_I386_JUMP_BYTES && j->windows <= scan->count);
	for (uint32_t i = 0; i < j->trap_count; i++)
		check(code[j->traps[i].gva - RL_I386_JUMPS] == 0xcc);
}

static void try_file(const uint8_t *data, size_t size)
{
	static struct i386_jumps jumps;
	struct kallsyms *symbols;
	struct i386_scan scan;
	struct elf_view view;
	const char *why = elf_open_i386(&view, data, size);

	if (why)
		return;
	budget_begin("fuzz", 1 << 22);
	symbols = kallsyms_read(&view, &why);
	memset(&jumps, 0, sizeof(jumps));
	check(!i386_map_init(&jumps.map, &view, "fuzz"));
	if (symbols && !i386_scan(&scan, &jumps.map, &view, symbols, "fuzz")) {
		check(scan.count <= scan.instructions);
		try_jumps(&jumps, &view, &scan);
		i386_scan_free(&scan);
	}
	i386_map_free(&jumps.map);
	kallsyms_free(symbols);
	elf_close(&view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || size > ROOM)
		return 0;
	if (*data & 1)
		try_file(at_the_end(data + 1, size - 1), size - 1);
	else
		try_code(at_the_end(data + 1, size - 1), size - 1);
	return 0;
}
