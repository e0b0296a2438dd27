// SPDX-License-Identifier: GPL-2.0
/* The layer's code patches. See patch.h; protected.c knows what must stay. */
#include "patch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../abi/guest.h"
#include "budget.h"
#include "log.h"
#include "protected.h"

#define JUMP_SIZE	RL_PATCH_MIN
#define JUMP_OPCODE	0xe9
#define NOP		0x90
#define CALL_SIZE	5

/*J: launcher.patches
 * Two sorts of kernel code resist a clean interface: the last instructions on
 * the way back to user programs, and a few helpers that use instructions
 * which ring 1 may not execute and which do not even fault. The layer names
 * them in a table, with the bytes that it expects there, and the loader puts
 * a jump over them.
 *
 * A jump over the wrong bytes would be the worst sort of bug, so each place
 * is compared first. And the kernel patches itself too: tracing, jump labels,
 * alternatives, return thunks. A byte that Linux will rewrite later must not
 * be ours, so we read Linux's own lists of such places and keep off them.
 :*/

static bool is_sane(const struct rl_patch *p)
{
	int64_t distance = p->target - (p->gva + JUMP_SIZE);

	return (p->kind & ~RL_PATCH_OPTIONAL) == RL_PATCH_JUMP &&
	       p->len >= JUMP_SIZE && p->len <= RL_PATCH_BYTES &&
	       p->target - RL_LAYER_GVA < RL_LAYER_SIZE &&
	       distance == (int32_t)distance;
}

/*
 * How many bytes a function begins with that are not its own. The call of
 * __fentry__ is where the kernel's list says, as its bytes may be a nop by now.
 */
static size_t entry_size(uint64_t gva, const struct elf_view *kernel,
			 const struct kallsyms *symbols)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const uint8_t *code = elf_at(kernel, gva, sizeof(endbr64));
	size_t size = 0;

	if (code && !memcmp(code, endbr64, sizeof(endbr64)))
		size = sizeof(endbr64);
	if (protected_has_fentry(kernel, symbols, gva + size))
		size += CALL_SIZE;
	return size;
}

int patch_settle(const struct elf_view *layer, uint8_t *data,
		 const struct elf_view *kernel, const struct kallsyms *symbols)
{
	const Elf64_Shdr *s = elf_section(layer, RL_PATCHES_SECTION);
	struct rl_patch p;

	for (size_t i = 0; s && i < s->sh_size / sizeof(p); i++) {
		uint8_t *at = data + s->sh_offset + i * sizeof(p);

		memcpy(&p, at, sizeof(p));
		if (!(p.kind & RL_PATCH_ENTRY))
			continue;
		p.kind &= ~RL_PATCH_ENTRY;
		/* Without its symbol it stays 0, which is for patch_read(). */
		if (p.gva)
			p.gva += entry_size(p.gva, kernel, symbols);
		memcpy(at, &p, sizeof(p));
	}
	return budget_check();
}

int patch_read(const struct elf_view *layer, struct rl_patch **patches,
	       size_t *count)
{
	const Elf64_Shdr *s = elf_section(layer, RL_PATCHES_SECTION);
	struct rl_patch p;

	*count = 0;
	/* None at all is what a layer without patches has. */
	if (!s && budget_check())
		return budget_check();
	*patches = calloc(s ? s->sh_size / sizeof(p) + 1 : 1, sizeof(p));
	if (!*patches) {
		log_warnx("not enough memory");
		return -ENOMEM;
	}
	if (s && s->sh_size % sizeof(p)) {
		log_warnx("the layer's patches are not of this version");
		goto fail;
	}
	for (size_t i = 0; s && i < s->sh_size / sizeof(p); i++) {
		memcpy(&p, layer->data + s->sh_offset + i * sizeof(p),
		       sizeof(p));
		if (!p.target || (!p.gva && (p.kind & RL_PATCH_OPTIONAL)))
			continue;
		if (!p.gva || !is_sane(&p)) {
			log_warnx("the layer's patch %zu is wrong: at 0x%" PRIx64
				  " to 0x%" PRIx64 ", kind 0x%x, %u bytes", i,
				  (uint64_t)p.gva, (uint64_t)p.target, p.kind,
				  p.len);
			goto fail;
		}
		(*patches)[(*count)++] = p;
	}
	return 0;
fail:
	free(*patches);
	*patches = NULL;
	*count = 0;
	return -ENOEXEC;
}

int patch_matches(const struct rl_patch *p, const uint8_t *code)
{
	for (size_t i = 0; i < p->len; i++)
		if ((code[i] ^ p->expect[i]) & p->mask[i])
			return 0;
	return 1;
}

/* "48 8b ?? 05": bytes that are not compared as question marks. */
static void print_bytes(char *out, size_t size, const uint8_t *bytes,
			const uint8_t *mask, size_t count)
{
	size_t at = 0;

	for (size_t i = 0; i < count && at + 4 <= size; i++) {
		const char *space = i ? " " : "";

		if (mask[i])
			at += snprintf(out + at, size - at, "%s%02x", space,
				       bytes[i]);
		else
			at += snprintf(out + at, size - at, "%s??", space);
	}
}

static int check_one(const struct rl_patch *p, const struct elf_view *kernel,
		     const struct kallsyms *symbols, const struct btf *btf)
{
	char want[RL_PATCH_BYTES * 3 + 1], have[RL_PATCH_BYTES * 3 + 1];
	const uint8_t *code = elf_at(kernel, p->gva, p->len);
	const char *name, *list;
	uint64_t offset = 0;

	name = kallsyms_nearest(symbols, p->gva, &offset);
	if (!name && budget_check())
		return budget_check();
	if (!name)
		name = "?";
	if (!code) {
		log_warnx("the layer patches %s+0x%" PRIx64 " (0x%" PRIx64
			  "), which is not in the kernel's code", name, offset,
			  (uint64_t)p->gva);
		return -ENOEXEC;
	}
	if (!patch_matches(p, code)) {
		print_bytes(want, sizeof(want), p->expect, p->mask, p->len);
		print_bytes(have, sizeof(have), code, p->mask, p->len);
		log_warnx("this kernel's code at %s+0x%" PRIx64 " is not what "
			  "the layer knows: %s, expected %s", name, offset,
			  have, want);
		return -ENOEXEC;
	}
	list = protected_find(kernel, symbols, btf, p->gva, p->len);
	if (budget_check())
		return budget_check();
	if (list) {
		log_warnx("the layer cannot patch %s+0x%" PRIx64 ": the "
			  "kernel rewrites these bytes itself (%s)", name,
			  offset, list);
		return -ENOEXEC;
	}
	return 0;
}

int patch_check(const struct rl_patch *patches, size_t count,
		const struct elf_view *kernel, const struct kallsyms *symbols,
		const struct btf *btf)
{
	int ret = 0;

	for (size_t i = 0; i < count && !ret; i++)
		ret = check_one(&patches[i], kernel, symbols, btf);
	return ret;
}

void patch_write(const struct rl_patch *p, uint8_t *code)
{
	int32_t distance = p->target - (p->gva + JUMP_SIZE);

	memset(code, NOP, p->len);
	code[0] = JUMP_OPCODE;
	memcpy(code + 1, &distance, sizeof(distance));
}
