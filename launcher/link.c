// SPDX-License-Identifier: GPL-2.0
/* Linking the layer to a kernel. See link.h. */
#include "link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../abi/guest.h"
#include "../abi/layer.h"
#include "budget.h"
#include "log.h"

#define PAGE		4096ull

/*J: guest.linking
 * The layer is linked like a program to a shared library that has no idea of
 * being one. First the compiler leaves an object file with holes: calls to
 * printk, accesses to pv_ops. For each hole that has a name we look the name
 * up in the kernel's own symbol tables and tell the linker `printk =
 * 0xffffffff81a3c1f0;`. The result is a program whose calls land in that one
 * kernel. In any other they would land anywhere, which is why the cache is
 * keyed by the kernel's contents and never by its name.
 :*/

/* Names collected for one line of complaint. */
struct names {
	char text[512];
	size_t used, count;
};

static void add_name(struct names *n, const char *name, size_t addresses)
{
	char one[128];

	n->count++;
	if (addresses)
		snprintf(one, sizeof(one), "%s%s (%zu times)",
			 n->used ? ", " : "", name, addresses);
	else
		snprintf(one, sizeof(one), "%s%s", n->used ? ", " : "", name);
	if (n->used + strlen(one) >= sizeof(n->text))
		return;
	strcpy(n->text + n->used, one);
	n->used += strlen(one);
}

static bool is_own(const char *name)
{
	return !strncmp(name, "rl_", 3) || !strncmp(name, "__rl_", 5);
}

static void write_symbol(FILE *f, const struct kallsyms *symbols,
			 const char *name, bool weak, struct names *missing,
			 struct names *ambiguous)
{
	uint64_t address;
	size_t found = kallsyms_find(symbols, name, &address);

	if (found == 1)
		fprintf(f, "%s = 0x%" PRIx64 ";\n", name, address);
	else if (found > 1)
		add_name(ambiguous, name, found);
	else if (!weak && !is_own(name))
		add_name(missing, name, 0);
}

int link_write_symbols(const struct elf_view *object,
		       const struct kallsyms *symbols, const char *file)
{
	struct names missing = { 0 }, ambiguous = { 0 };
	FILE *f = fopen(file, "we");
	int error;

	if (!f) {
		error = -errno;
		log_warn("cannot write %s", file);
		return error;
	}
	for (size_t i = 1; i < elf_symbols(object); i++) {
		Elf64_Sym s;
		const char *name = elf_symbol(object, i, &s);

		if (!name || !*name || s.st_shndx != SHN_UNDEF)
			continue;
		write_symbol(f, symbols, name,
			     ELF64_ST_BIND(s.st_info) == STB_WEAK, &missing,
			     &ambiguous);
	}
	error = fflush(f) ? -errno : 0;
	if (fclose(f) && !error)
		error = -errno;
	if (error) {
		errno = -error;
		log_warn("cannot write %s", file);
		return error;
	}
	if (budget_check())
		return budget_check();
	if (missing.count)
		log_warnx("this kernel lacks %zu symbols that the layer "
			  "needs: %s", missing.count, missing.text);
	else if (ambiguous.count)
		log_warnx("this kernel has more than one symbol of a name "
			  "that the layer needs: %s", ambiguous.text);
	return missing.count || ambiguous.count ? -ENOEXEC : 0;
}

/* Does one layout agree? If not, says how in `text`. */
static bool check_layout(const struct btf *btf, const struct rl_layout *l,
			 char *text, size_t size)
{
	const char *dot = l->member[0] ? "." : "";
	struct btf_place place;
	int ret = btf_find(btf, l->struct_name, l->member, &place);

	if (ret == -ENOENT)
		snprintf(text, size, "it has no struct %s", l->struct_name);
	else if (ret)
		snprintf(text, size, "it has no %s%s%s", l->struct_name, dot,
			 l->member);
	else if (place.offset != l->offset || place.size != l->size)
		snprintf(text, size, "%s%s%s is at %u, %u bytes, in the "
			 "kernel, and at %u, %u bytes, in the headers",
			 l->struct_name, dot, l->member, place.offset,
			 place.size, l->offset, l->size);
	else
		return true;
	return false;
}

int link_check_layouts(const struct elf_view *layer, const struct btf *btf)
{
	const Elf64_Shdr *s = elf_section(layer, RL_LAYOUTS_SECTION);
	char text[300] = "", ignored[300] = "";
	struct rl_layout l;
	size_t wrong = 0;

	if (!s || !s->sh_size)
		return budget_check();
	if (s->sh_size % sizeof(l)) {
		log_warnx("the layer's layout list is not of this version");
		return -ENOEXEC;
	}
	if (!btf) {
		log_warnx("this kernel carries no type data to check layouts "
			  "against: it needs CONFIG_DEBUG_INFO_BTF, which "
			  "Debian's kernels have");
		return -ENOEXEC;
	}
	for (size_t i = 0; i < s->sh_size / sizeof(l); i++) {
		memcpy(&l, layer->data + s->sh_offset + i * sizeof(l),
		       sizeof(l));
		l.struct_name[sizeof(l.struct_name) - 1] = '\0';
		l.member[sizeof(l.member) - 1] = '\0';
		if (!check_layout(btf, &l, wrong ? ignored : text,
				  sizeof(text)))
			wrong++;
	}
	if (budget_check() || !wrong)
		return budget_check();
	log_warnx("the headers do not fit this kernel (%zu layouts differ): "
		  "%s", wrong, text);
	return -ENOEXEC;
}

static const char *check_segment(const Elf64_Phdr *p)
{
	uint64_t offset = p->p_vaddr - RL_LAYER_GVA;

	if (p->p_vaddr < RL_LAYER_GVA || offset > RL_LAYER_SIZE ||
	    p->p_memsz > RL_LAYER_SIZE - offset)
		return "it does not fit its place";
	if (p->p_paddr != RL_LAYER_GPA + offset)
		return "its physical addresses are wrong";
	if ((p->p_flags & PF_W) && (p->p_flags & PF_X))
		return "it has a segment that is writable and executable";
	return NULL;
}

static uint64_t page_down(uint64_t address)
{
	return address & ~(PAGE - 1);
}

/* Two segments in one page would need one set of rights. */
static bool share_page(const Elf64_Phdr *a, const Elf64_Phdr *b)
{
	return a->p_flags != b->p_flags && a->p_memsz && b->p_memsz &&
	       page_down(a->p_vaddr) <= page_down(b->p_vaddr + b->p_memsz - 1) &&
	       page_down(b->p_vaddr) <= page_down(a->p_vaddr + a->p_memsz - 1);
}

int link_check_layer(const struct elf_view *layer)
{
	const char *why = NULL;
	bool entry = false;

	for (size_t i = 0; i < layer->header.e_phnum && !why; i++) {
		const Elf64_Phdr *p = &layer->segments[i];

		if (p->p_type != PT_LOAD)
			continue;
		why = check_segment(p);
		if ((p->p_flags & PF_X) && layer->header.e_entry >= p->p_vaddr &&
		    layer->header.e_entry - p->p_vaddr < p->p_filesz)
			entry = true;
		for (size_t j = 0; j < i && !why; j++)
			if (layer->segments[j].p_type == PT_LOAD &&
			    share_page(p, &layer->segments[j]))
				why = "two of its segments share a page";
	}
	if (!why && !entry)
		why = "its entry is not in its code";
	if (why)
		log_warnx("the linked layer cannot be loaded, %s", why);
	return why ? -ENOEXEC : 0;
}
