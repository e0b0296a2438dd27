// SPDX-License-Identifier: GPL-2.0
/*
 * Sweeping the code of an i386 kernel, instruction by instruction.
 *
 * A sweep is right as long as it is in step with the code. Debian's kernels have no data
 * among it, and each symbol is a place where an instruction begins, so it begins anew at
 * each: what does not end exactly there was not an instruction. Nothing is skipped, and
 * nothing is guessed: one byte too many would make a harmless operand of a `popf`.
 */
#include "i386_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "log.h"

/* An instruction takes 90 ns, a step of the budget up to 20. */
#define STEPS_PER_INSN	8

struct sweep {
	struct i386_scan *scan;
	struct i386_map *map;	/* may be NULL */
	const struct kallsyms *symbols;
	const char *file;
	size_t room;		/* sites that there is memory for */
	uint32_t *starts;	/* addresses of symbols, ascending */
	size_t start_count;
};

static int add_site(struct sweep *s, uint32_t gva, const struct i386_insn *in)
{
	struct i386_scan *scan = s->scan;

	if (scan->count == s->room) {
		size_t room = s->room ? 2 * s->room : 4096;
		void *more = realloc(scan->sites, room * sizeof(*scan->sites));

		if (!more) {
			log_warnx("not enough memory for the privileged "
				  "instructions of %s", s->file);
			return -ENOMEM;
		}
		scan->sites = more;
		s->room = room;
	}
	scan->sites[scan->count++] = (struct i386_site) {
		.gva = gva, .length = in->length, .kind = in->kind,
	};
	return 0;
}

static int refuse(const struct sweep *s, uint32_t gva, const uint8_t *bytes,
		  size_t left)
{
	char hex[3 * I386_INSN_MAX + 1] = "";
	uint64_t offset = 0;
	const char *name = kallsyms_nearest(s->symbols, gva, &offset);

	if (budget_check())
		return budget_check();
	for (size_t i = 0; i < left && i < 8; i++)
		snprintf(hex + 3 * i, 4, " %02x", bytes[i]);
	log_warnx("the kernel in %s has code at 0x%x (%s+0x%llx) that ringlet cannot "
		  "read:%s", s->file, gva, name ? name : "?",
		  (unsigned long long)offset, hex);
	return -ENOEXEC;
}

/* One stretch of code, from a symbol to the next. */
static int sweep_function(struct sweep *s, uint32_t gva, const uint8_t *code,
			  size_t size)
{
	struct i386_insn in;
	int ret;

	s->scan->functions++;
	for (size_t at = 0; at < size; at += in.length) {
		if (!budget_take(STEPS_PER_INSN))
			return budget_check();
		if (i386_decode(code + at, size - at, &in))
			return refuse(s, gva + at, code + at, size - at);
		s->scan->instructions++;
		s->scan->counts[in.kind]++;
		if (s->map)
			i386_map_insn(s->map, gva + at, &in);
		if (i386_effect(in.kind) <= I386_EFFECT_HARMLESS)
			continue;
		ret = add_site(s, gva + at, &in);
		if (ret)
			return ret;
	}
	return 0;
}

/* The first symbol behind gva, or `end`. */
static uint64_t next_start(const struct sweep *s, uint64_t gva, uint64_t end)
{
	size_t low = 0, high = s->start_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->starts[middle] > gva)
			high = middle;
		else
			low = middle + 1;
	}
	return low < s->start_count && s->starts[low] < end ? s->starts[low] : end;
}

static int sweep_section(struct sweep *s, uint64_t gva, const uint8_t *code,
			 size_t size)
{
	uint64_t end = gva + size, next;
	int ret = 0;

	for (; gva < end && !ret; gva = next) {
		next = next_start(s, gva, end);
		ret = sweep_function(s, gva, code, next - gva);
		code += next - gva;
	}
	return ret;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int collect_starts(struct sweep *s)
{
	size_t count = kallsyms_count(s->symbols);

	/* A sort takes about 20 steps each. */
	if (!budget_take(20 * (uint64_t)count))
		return budget_check();
	s->starts = calloc(count + 1, sizeof(*s->starts));
	if (!s->starts) {
		log_warnx("not enough memory for the symbols of %s", s->file);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t address;
		char type;

		kallsyms_get(s->symbols, i, &address, &type);
		if (address > UINT32_MAX)
			continue;
		s->starts[s->start_count++] = address;
		if (s->map)
			i386_map_symbol(s->map, address);
	}
	qsort(s->starts, s->start_count, sizeof(*s->starts), ascending);
	return 0;
}

static int sweep_image(struct sweep *s, const struct elf_view *view)
{
	bool code = false;
	int ret = 0;

	for (size_t i = 0; i < view->header.e_shnum && !ret; i++) {
		const Elf64_Shdr *h = &view->sections[i];
		const void *bytes;

		if (h->sh_type != SHT_PROGBITS || !(h->sh_flags & SHF_EXECINSTR))
			continue;
		bytes = elf_at(view, h->sh_addr, h->sh_size);
		if (!bytes) {
			log_warnx("the kernel in %s has code that is in no segment",
				  s->file);
			return -ENOEXEC;
		}
		code = true;
		ret = sweep_section(s, h->sh_addr, bytes, h->sh_size);
	}
	if (!ret && !code) {
		log_warnx("the kernel in %s has no code, by its section headers",
			  s->file);
		ret = -ENOEXEC;
	}
	return ret;
}

int i386_scan(struct i386_scan *scan, struct i386_map *map,
	      const struct elf_view *view, const struct kallsyms *symbols,
	      const char *file)
{
	struct sweep s = {
		.scan = scan, .map = map, .symbols = symbols, .file = file,
	};
	int ret;

	memset(scan, 0, sizeof(*scan));
	ret = collect_starts(&s);
	if (!ret)
		ret = sweep_image(&s, view);
	if (ret)
		i386_scan_free(scan);
	free(s.starts);
	return ret;
}

void i386_scan_free(struct i386_scan *scan)
{
	free(scan->sites);
	memset(scan, 0, sizeof(*scan));
}
