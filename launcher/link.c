// SPDX-License-Identifier: GPL-2.0
/* Linking the layer to a kernel. See link.h. */
#include "link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../abi/guest.h"
#include "../abi/layer.h"
#include "answer.h"
#include "budget.h"
#include "log.h"

#define PAGE		4096ull

#define OBJECT		"object."
#define OBJECT_ALIGN	64ull
#define OBJECTS_MOST	64		/* of one name */
#define PART		"part."

/*J: guest.linking
 * The layer is linked like a program to a shared library that has no idea of being one.
 * The compiler leaves holes: a call of register_console(), an access to pv_ops. For each
 * hole that has a name we look the name up in the kernel's own symbol tables and write
 * what belongs there. Then its calls land in that one kernel. In any other they would
 * land anywhere, which is why the cache is keyed by the kernel's contents and never by
 * its name.
 *
 * The second kind of hole is about types. `task->thread` is an addition, and how much is
 * added depends on how somebody configured his kernel. So the number is left out, too:
 * the instruction names a symbol that asks for it, and the answer comes from the
 * description of all its types that a kernel carries for its own tracers (BTF).
 :*/

/* Names collected for one line of complaint. */
struct names {
	char text[512];
	size_t used, count;
};

static void add_name(struct names *n, const char *name)
{
	int size;

	n->count++;
	size = snprintf(n->text + n->used, sizeof(n->text) - n->used, "%s%s",
			n->used ? ", " : "", name);
	if (n->used + size < sizeof(n->text))
		n->used += size;
	else
		n->text[n->used] = '\0';
}

/* One linking. */
struct linking {
	struct elf_view *layer;
	uint8_t *data;			/* what `layer` is a view of */
	const struct kernel *kernel;
	uint64_t *values;		/* of the layer's symbols */
	Elf64_Phdr *home;		/* the writable segment: objects go behind it */
	const char *needs;		/* strings, each with its NUL */
	size_t needs_size;
	struct names missing, ambiguous, wrong;
};

/* COUNT.STRUCT.NAME: so much memory, which begins as zero. */
static bool make_object(struct linking *l, const char *words, uint64_t *value)
{
	char question[160], why[256], *end;
	unsigned long count = strtoul(words, &end, 10);
	size_t length = *end == '.' ? strcspn(end + 1, ".") : 0;
	uint64_t size, behind;

	if (!length || count < 1 || count > OBJECTS_MOST || !l->home ||
	    snprintf(question, sizeof(question), "size.%.*s", (int)length, end + 1) >=
		    (int)sizeof(question) ||
	    !answer(l->kernel, question, &size, why, sizeof(why)))
		return false;
	behind = l->home->p_vaddr + l->home->p_memsz;
	behind = (behind + OBJECT_ALIGN - 1) & ~(OBJECT_ALIGN - 1);
	/* Sizes are of 32 bits, so nothing wraps before link_check_layer() sees it. */
	if (behind < RL_LAYER_GVA || behind - RL_LAYER_GVA > RL_LAYER_SIZE)
		return false;
	*value = behind;
	l->home->p_memsz = behind + count * size - l->home->p_vaddr;
	return true;
}

/* The need behind `need`, the first one for NULL; NULL: there is none. */
static const char *next_need(const struct linking *l, const char *need)
{
	if (!need)
		return l->needs;
	need += strlen(need) + 1;
	return need < l->needs + l->needs_size ? need : NULL;
}

/* Is it a need of a part of the layer alone? Then of which, and what it needs. */
static bool of_part(const char *need, const char **part, size_t *size, const char **words)
{
	if (strncmp(need, RL_NEED_PART " ", strlen(RL_NEED_PART " ")))
		return false;
	*part = need + strlen(RL_NEED_PART " ");
	*size = strcspn(*part, " ");
	*words = *part + *size + strspn(*part + *size, " ");
	return true;
}

/* Does all hold that a part needs? 0 or 1, and false where the layer needs nothing so. */
static bool find_part(struct linking *l, const char *wanted, uint64_t *value)
{
	const char *part, *words;
	char why[256];
	bool any = false;
	size_t size;

	*value = 1;
	for (const char *need = next_need(l, NULL); need; need = next_need(l, need)) {
		if (!of_part(need, &part, &size, &words) || strlen(wanted) != size ||
		    memcmp(part, wanted, size))
			continue;
		any = true;
		if (answer_need(l->kernel, words, why, sizeof(why)))
			continue;
		*value = 0;
		log_info("this kernel does without the layer's %s, as it lacks: %s", wanted,
			 why);
	}
	return any;
}

static void find_question(struct linking *l, const char *question, uint64_t *value)
{
	char why[256];

	if (!strncmp(question, OBJECT, strlen(OBJECT))) {
		if (!make_object(l, question + strlen(OBJECT), value))
			add_name(&l->wrong, question);
	} else if (!strncmp(question, PART, strlen(PART))) {
		if (!find_part(l, question + strlen(PART), value))
			add_name(&l->wrong, question);
	} else if (!answer(l->kernel, question, value, why, sizeof(why))) {
		add_name(&l->wrong, why);
	}
}

static void find_symbol(struct linking *l, const char *name, bool weak, uint64_t *value)
{
	size_t found = kallsyms_find(l->kernel->symbols, name, value);

	if (found == 1)
		return;
	*value = 0;
	if (found)
		add_name(&l->ambiguous, name);
	else if (!weak)
		add_name(&l->missing, name);
}

/* The values of all that the layer has no place of its own for. */
static void find_values(struct linking *l)
{
	for (size_t i = 1; i < elf_symbols(l->layer); i++) {
		Elf64_Sym s;
		const char *name = elf_symbol(l->layer, i, &s);

		if (!name || !*name || s.st_shndx != SHN_UNDEF)
			continue;
		if (!strncmp(name, RL_QUESTION, strlen(RL_QUESTION)))
			find_question(l, name + strlen(RL_QUESTION), &l->values[i]);
		else
			find_symbol(l, name, ELF64_ST_BIND(s.st_info) == STB_WEAK,
				    &l->values[i]);
	}
}

static bool damaged(void)
{
	log_warnx("the paravirt layer is damaged: build or install ringlet again");
	return false;
}

/* False: the layer does not say what it needs, or not to the end. */
static bool read_needs(struct linking *l)
{
	const Elf64_Shdr *s = elf_section(l->layer, RL_NEEDS_SECTION);
	const char *need = s ? (const char *)l->data + s->sh_offset : NULL;

	if (!s || !s->sh_size)
		return budget_check() ? false : damaged();
	l->needs = need;
	l->needs_size = s->sh_size;
	for (size_t left = s->sh_size, size; left; left -= size, need += size) {
		const char *end = memchr(need, 0, left);

		if (!end || end - need >= RL_NEED_BYTES)
			return damaged();
		size = end + 1 - need;
	}
	return true;
}

static void check_needs(struct linking *l)
{
	const char *part, *words;
	size_t size;
	char why[256];

	for (const char *need = next_need(l, NULL); need; need = next_need(l, need))
		if (!of_part(need, &part, &size, &words) &&
		    !answer_need(l->kernel, need, why, sizeof(why)))
			add_name(&l->wrong, why);
}

/* 0, or what all of it means to the user. */
static int complain(const struct linking *l)
{
	if (budget_check())
		return budget_check();
	if (l->missing.count)
		log_warnx("this kernel lacks %zu symbols that the layer "
			  "needs: %s", l->missing.count, l->missing.text);
	else if (l->ambiguous.count)
		log_warnx("this kernel has more than one symbol of a name "
			  "that the layer needs: %s", l->ambiguous.text);
	else if (l->wrong.count)
		log_warnx("the paravirt layer does not know a kernel of this kind "
			  "(%zu facts about its types and code are missing): %s",
			  l->wrong.count, l->wrong.text);
	return l->missing.count || l->ambiguous.count || l->wrong.count ? -ENOEXEC : 0;
}

/* Puts a value into its place. False: of a kind that is not known, or too wide. */
static bool relocate(uint8_t *place, size_t room, uint64_t gva, uint32_t type,
		     uint64_t value)
{
	size_t size = type == R_X86_64_64 ? 8 : 4;
	uint64_t relative = value - gva;

	if (size > room)
		return false;
	switch (type) {
	case R_X86_64_64:
		break;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		value = relative;
		/* fall through */
	case R_X86_64_32S:
		if ((int64_t)value != (int32_t)value)
			return false;
		break;
	case R_X86_64_32:
		if (value != (uint32_t)value)
			return false;
		break;
	default:
		return false;
	}
	memcpy(place, &value, size);
	return true;
}

/* One section's relocations, as far as the linker could not do them. */
static bool relocate_section(struct linking *l, const Elf64_Shdr *list)
{
	const Elf64_Shdr *target;
	size_t symbols = elf_symbols(l->layer);

	if (list->sh_info >= l->layer->header.e_shnum ||
	    list->sh_offset > l->layer->size ||
	    list->sh_size > l->layer->size - list->sh_offset)
		return damaged();
	target = &l->layer->sections[list->sh_info];
	if (target->sh_type != SHT_PROGBITS || target->sh_offset > l->layer->size ||
	    target->sh_size > l->layer->size - target->sh_offset)
		return damaged();
	for (size_t i = 0; i < list->sh_size / sizeof(Elf64_Rela); i++) {
		Elf64_Rela r;
		Elf64_Sym s;
		const char *name;
		uint64_t at;

		memcpy(&r, l->data + list->sh_offset + i * sizeof(r), sizeof(r));
		at = r.r_offset - target->sh_addr;
		if (ELF64_R_SYM(r.r_info) >= symbols)
			return damaged();
		name = elf_symbol(l->layer, ELF64_R_SYM(r.r_info), &s);
		if (!name)
			return budget_check() ? false : damaged();
		if (!*name || s.st_shndx != SHN_UNDEF)
			continue;
		if (at > target->sh_size ||
		    !relocate(l->data + target->sh_offset + at, target->sh_size - at,
			      r.r_offset, ELF64_R_TYPE(r.r_info),
			      l->values[ELF64_R_SYM(r.r_info)] + r.r_addend)) {
			log_warnx("the paravirt layer cannot be linked to this kernel: "
				  "what it has for %s does not fit its place", name);
			return false;
		}
	}
	return true;
}

static bool relocate_all(struct linking *l)
{
	for (size_t i = 0; i < l->layer->header.e_shnum; i++)
		if (l->layer->sections[i].sh_type == SHT_RELA &&
		    !relocate_section(l, &l->layer->sections[i]))
			return false;
	return true;
}

/* The segment that objects go behind, in the view. */
static Elf64_Phdr *find_home(const struct elf_view *layer)
{
	Elf64_Phdr *found = NULL;

	for (size_t i = 0; i < layer->header.e_phnum; i++)
		if (layer->segments[i].p_type == PT_LOAD &&
		    layer->segments[i].p_flags & PF_W)
			found = &layer->segments[i];
	return found;
}

int link_fit(struct elf_view *layer, uint8_t *data, const struct kernel *kernel)
{
	struct linking l = {
		.layer = layer, .data = data, .kernel = kernel,
		.values = calloc(elf_symbols(layer) + 1, sizeof(*l.values)),
		.home = find_home(layer),
	};
	int ret;

	if (!l.values) {
		log_warnx("there is not enough memory to prepare a kernel");
		return -ENOMEM;
	}
	if (!kernel->btf) {
		free(l.values);
		log_warnx("this kernel carries no type data to fit the paravirt layer "
			  "to: it needs CONFIG_DEBUG_INFO_BTF, which Debian's kernels "
			  "have");
		return -ENOEXEC;
	}
	ret = -ENOEXEC;
	if (read_needs(&l)) {
		find_values(&l);
		check_needs(&l);
		ret = complain(&l);
	}
	if (!ret && !relocate_all(&l))
		ret = -ENOEXEC;
	if (budget_check())
		ret = budget_check();
	/* The file's own table has what the view says now. */
	if (!ret && l.home)
		memcpy(data + layer->header.e_phoff +
			       (l.home - layer->segments) * sizeof(*l.home),
		       l.home, sizeof(*l.home));
	free(l.values);
	return ret;
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
