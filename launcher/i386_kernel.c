// SPDX-License-Identifier: GPL-2.0
/*
 * Preparing and loading a 32-bit kernel. See i386_kernel.h; the shim is guest_i386/.
 */
#include "i386_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../abi/guest.h"
#include "../abi/i386.h"
#include "budget.h"
#include "i386_jump.h"
#include "i386_scan.h"
#include "i386_switch.h"
#include "log.h"

#define PAGE		4096ull
#define LARGE_PAGE	(2ull << 20)
#define ENTRIES		512

#define PTE_PRESENT	(1ull << 0)
#define PTE_RW		(1ull << 1)
#define PTE_ACCESSED	(1ull << 5)
#define PTE_DIRTY	(1ull << 6)
#define PTE_LARGE	(1ull << 7)
#define PTE_TABLE	(PTE_PRESENT | PTE_RW | PTE_ACCESSED)

/* --- opening ---------------------------------------------------------------------- */

/* kallsyms has functions only, so the banner is looked for in all that is loaded. */
static bool find_release(struct kernel *k)
{
	for (size_t i = 0; i < k->elf.header.e_phnum; i++) {
		const Elf64_Phdr *p = &k->elf.segments[i];
		const uint8_t *at = k->elf.data + p->p_offset, *end = at + p->p_filesz;

		if (p->p_type != PT_LOAD || !budget_take(p->p_filesz / BUDGET_BYTES))
			continue;
		while ((at = memmem(at, end - at, KERNEL_BANNER, KERNEL_BANNER_SIZE))) {
			if (kernel_set_release(k, (const char *)at, end - at))
				return true;
			at++;
		}
	}
	return false;
}

/* pud_populate() is a function in PAE kernels alone. */
static int check_kind(const struct kernel *k, const char *file)
{
	static const char *const names[] = { "startup_32", "pud_populate" };
	int ret = kernel_check_symbols(k, names, sizeof(names) / sizeof(names[0]));

	if (ret > 0)
		log_warnx("kernel %s in %s is a 32-bit one without PAE: use one that "
			  "has it, such as Debian's linux-image-686-pae",
			  k->release, file);
	return ret > 0 ? -ENOEXEC : ret;
}

int i386_kernel_open(struct kernel *k, const struct image *image)
{
	int ret = kernel_open_symbols(k, image);

	if (ret)
		return ret;
	if (!find_release(k)) {
		ret = budget_check();
		if (!ret)
			log_warnx("the kernel in %s does not tell its release: it is "
				  "damaged", image->file);
		ret = ret ? ret : -ENOEXEC;
	}
	if (!ret)
		ret = check_kind(k, image->file);
	if (ret) {
		kernel_close(k);
		return ret;
	}
	kernel_read_build_id(k);
	return 0;
}

/* --- sites --------------------------------------------------------------------------- */

/*J: launcher.i386
 * Where a 64-bit kernel calls a function for what needs ring 0, a 32-bit one has the
 * instruction itself. So each such place gets a trap of the same size or less: a
 * breakpoint over one byte, the undefined instruction over more. What stood there goes
 * into a list for the shim, which the trap leads to.
 *
 * Some stay as they are: loads of segments, which trap by themselves where their
 * selector is one of ring 0, and what the processor that this guest is shown does not
 * have.
 :*/
static bool wants_trap(enum i386_kind kind)
{
	switch (kind) {
	case I386_PUSHF: case I386_POPF: case I386_IRET: case I386_CPUID:
	case I386_SGDT: case I386_SIDT: case I386_SLDT: case I386_STR: case I386_SMSW:
	case I386_CLI: case I386_STI: case I386_HLT:
	case I386_IN: case I386_OUT:
	case I386_RDMSR: case I386_WRMSR: case I386_RDPMC:
	case I386_READ_CR: case I386_WRITE_CR: case I386_READ_DR: case I386_WRITE_DR:
	case I386_CLTS: case I386_LGDT: case I386_LIDT: case I386_LLDT: case I386_LTR:
	case I386_INVLPG: case I386_INVD: case I386_WBINVD: case I386_XSETBV:
		return true;
	default:
		return false;
	}
}

/* push %cs; push $1f; iret; 1: does in ring 1 what it does in ring 0. */
static bool returns_to_next(const uint8_t *code, size_t before, uint32_t gva)
{
	uint32_t next = gva + 1;

	return before >= 6 && code[-6] == 0x0e && code[-5] == 0x68 &&
	       !memcmp(code - 4, &next, sizeof(next));
}

/* Code that is copied over other code has no place of its own. */
static bool is_replacement(const struct elf_view *kernel, uint32_t gva)
{
	const Elf64_Shdr *s = elf_section(kernel, ".altinstr_replacement");

	return s && gva >= s->sh_addr && gva - s->sh_addr < s->sh_size;
}

/* mov $SELECTOR, %reg; mov %reg, %fs or %ss, which every entry of the kernel has. */
static void change_selector(uint8_t *code, size_t before)
{
	static const struct {
		uint8_t segment, from, to;
	} changes[] = { { 4, 0xd8, 0x49 }, { 2, 0x68, 0x69 } };

	/* MOV to a segment register from a register, behind MOV of 32 bits to that. */
	if (before < 5 || code[0] != 0x8e || code[1] < 0xc0 ||
	    code[-5] != (0xb8 | (code[1] & 7)))
		return;
	for (int i = 0; i < 2; i++)
		if ((code[1] >> 3 & 7) == changes[i].segment &&
		    code[-4] == changes[i].from && !code[-3] && !code[-2] && !code[-1])
			code[-4] = changes[i].to;
}

/*
 * Linux looks for a table of processors in all that could be a BIOS's, with a new mapping
 * for every 16 bytes: 70,000 flushes of a page, each of which is an exit. There is none.
 * So the function returns at once, behind its call of __fentry__ (which ftrace rewrites).
 */
static void leave_out(const struct kernel *k, uint8_t *bytes)
{
	static const char name[] = "default_find_smp_config";
	const uint8_t *at = NULL;
	uint64_t gva;

	if (kallsyms_find(k->symbols, name, &gva) == 1)
		at = elf_at(&k->elf, gva, 6);
	/* push %ebp */
	if (at && at[0] == 0xe8 && at[5] == 0x55)
		bytes[at + 5 - k->elf.data] = 0xc3;
}

struct fitting {
	const struct kernel *kernel;
	const struct image *image;
	uint8_t *bytes;			/* of the image */
	struct rl_i386_image *list;	/* in the shim */
	struct i386_jumps jumps;
};

static int too_many(const struct fitting *f)
{
	log_warnx("the kernel in %s has more privileged instructions than ringlet has "
		  "room for", f->image->file);
	return -ENOEXEC;
}

/* One site: the image's bytes, and the list's entry. */
static int fit_site(struct fitting *f, const struct i386_site *site)
{
	const struct elf_view *elf = &f->kernel->elf;
	const uint8_t *at = elf_at(elf, site->gva, site->length);
	uint8_t *code = f->bytes + (at - elf->data);
	struct rl_site *entry = &f->list->sites[f->list->count];

	if (!wants_trap(site->kind) || is_replacement(elf, site->gva) ||
	    (site->kind == I386_IRET &&
	     returns_to_next(code, at - elf->data, site->gva)) ||
	    i386_jump_over(&f->jumps, site))
		return 0;
	if (f->list->count == RL_I386_SITES || site->length > RL_SITE_BYTES)
		return too_many(f);
	entry->gva = site->gva;
	entry->length = site->length;
	memcpy(entry->bytes, code, site->length);
	f->list->count++;
	memcpy(code, site->length == 1 ? "\xcc" : "\x0f\x0b", site->length == 1 ? 1 : 2);
	return 0;
}

static int ascending(const void *a, const void *b)
{
	const struct i386_site *x = a, *y = b;

	return (x->gva > y->gva) - (x->gva < y->gva);
}

/* Before any code is moved: the two instructions need not stay together. */
static void change_selectors(struct fitting *f, const struct i386_scan *scan)
{
	const struct elf_view *elf = &f->kernel->elf;

	for (size_t i = 0; i < scan->count; i++) {
		const struct i386_site *site = &scan->sites[i];
		const uint8_t *at = elf_at(elf, site->gva, site->length);

		if (site->kind == I386_LOAD_SEGMENT)
			change_selector(f->bytes + (at - elf->data), at - elf->data);
	}
}

/* With the map filled, and where the hole is ours. */
static void begin_jumps(struct fitting *f)
{
	struct i386_jumps *j = &f->jumps;

	f->list->hole = j->map.size && i386_jump_make_room(&f->kernel->elf, f->bytes);
	if (f->list->hole)
		i386_jump_start(j, &f->kernel->elf, f->bytes, f->list->jumps);
}

/* What jumps lead to has traps of its own. They lie above all others. */
static int end_jumps(struct fitting *f)
{
	struct rl_i386_image *list = f->list;
	uint32_t count = f->jumps.trap_count;

	if (count > RL_I386_SITES - list->count)
		return too_many(f);
	memcpy(list->sites + list->count, f->jumps.traps, count * sizeof(*list->sites));
	list->count += count;
	return 0;
}

static int fit_scanned(struct fitting *f)
{
	struct i386_map *map = &f->jumps.map;
	struct i386_scan scan;
	int ret = i386_scan(&scan, map, &f->kernel->elf, f->kernel->symbols,
			    f->image->file);

	if (ret)
		return ret;
	ret = i386_map_references(map, &f->kernel->elf, f->image->file);
	/* By section, and these may lie in any order. */
	qsort(scan.sites, scan.count, sizeof(*scan.sites), ascending);
	change_selectors(f, &scan);
	if (!ret)
		begin_jumps(f);
	for (size_t i = 0; i < scan.count && !ret; i++)
		ret = fit_site(f, &scan.sites[i]);
	log_info("%zu instructions of the kernel looked at, %u are traps now; %u jumps",
		 scan.instructions, f->list->count, f->jumps.windows);
	if (!ret)
		ret = end_jumps(f);
	i386_scan_free(&scan);
	return ret;
}

static int fit_sites(struct fitting *f)
{
	int ret = i386_map_init(&f->jumps.map, &f->kernel->elf, f->image->file);

	if (ret)
		return ret;
	ret = fit_scanned(f);
	i386_map_free(&f->jumps.map);
	return ret;
}

/* One more site, where a function begins. A kernel without modules lacks one of these. */
static int fit_function(struct fitting *f, const char *name, uint8_t which)
{
	const struct kernel *k = f->kernel;
	struct rl_site *sites = f->list->sites;
	uint32_t i = f->list->count;
	const uint8_t *at;
	uint64_t gva;

	if (!kallsyms_find(k->symbols, name, &gva))
		return budget_check();
	at = elf_at(&k->elf, gva, 6);
	if (!at || at[0] != 0xe8 || at[5] != RL_SITE_FUNCTION || i == RL_I386_SITES) {
		log_warnx("kernel %s in %s has another %s() than ringlet expects",
			  k->release, f->image->file, name);
		return -ENOEXEC;
	}
	for (; i && sites[i - 1].gva > gva + 5; i--)
		sites[i] = sites[i - 1];
	sites[i] = (struct rl_site) {
		.gva = gva + 5, .length = 1, .bytes = { RL_SITE_FUNCTION, which },
	};
	f->list->count++;
	f->bytes[at + 5 - k->elf.data] = 0xcc;
	return 0;
}

static int fit_functions(struct fitting *f)
{
	static const struct {
		const char *name;
		uint8_t which;
	} all[] = {
		{ "module_finalize", RL_FUNCTION_MODULE },
		{ "panic", RL_FUNCTION_PANIC },
		/* They would say that it is done, and the program would fault. */
		{ "__ia32_sys_ioperm", RL_FUNCTION_ABSENT },
		{ "__ia32_sys_iopl", RL_FUNCTION_ABSENT },
	};
	int ret = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !ret; i++)
		ret = fit_function(f, all[i].name, all[i].which);
	return ret;
}

int i386_kernel_fit(struct kernel *k, const struct image *image,
		    const struct elf_view *shim, uint8_t *data)
{
	const Elf64_Shdr *s = elf_section(shim, RL_I386_SECTION);
	/* The image's own memory: image.h has it const for all others. */
	struct fitting f = {
		.kernel = k, .image = image, .bytes = (uint8_t *)image->elf,
	};
	uint64_t entry, gpa;
	int ret;

	if (!s || s->sh_size != sizeof(*f.list) || s->sh_offset % 8) {
		log_warnx("what --layer names is not the shim of i386 kernels");
		return -ENOEXEC;
	}
	f.list = (struct rl_i386_image *)(data + s->sh_offset);
	if (kallsyms_find(k->symbols, "startup_32", &entry) != 1 ||
	    elf_gpa(&k->elf, entry, &gpa) ||
	    entry - gpa != RL_I386_PAGE_OFFSET || gpa < RL_I386_POOL_END) {
		ret = budget_check();
		if (!ret)
			log_warnx("kernel %s in %s does not begin where ringlet "
				  "expects it", k->release, image->file);
		return ret ? ret : -ENOEXEC;
	}
	f.list->entry = gpa;
	f.list->count = 0;
	/* Before anything is a trap. */
	i386_switch_find(k, f.list);
	log_info("address spaces are %s", f.list->tlb_state ? "told apart" :
		 "compared at each change");
	leave_out(k, f.bytes);
	ret = fit_sites(&f);
	if (!ret)
		ret = fit_functions(&f);
	k->elf.header.e_ident[EI_CLASS] = ELFCLASS64;
	k->elf.header.e_machine = EM_X86_64;
	k->elf.header.e_ehsize = sizeof(Elf64_Ehdr);
	return ret;
}

/* --- loading ---------------------------------------------------------------------------- */

static void set(uint8_t *memory, uint64_t table, uint64_t gva, unsigned int level,
		uint64_t entry)
{
	uint64_t index = gva >> (12 + 9 * level) & (ENTRIES - 1);

	memcpy(memory + table + index * sizeof(entry), &entry, sizeof(entry));
}

void i386_kernel_map(uint8_t *memory)
{
	set(memory, RL_I386_TOP_GPA, RL_LAYER_GVA, 3, RL_I386_SHIM_PDPT_GPA | PTE_TABLE);
	set(memory, RL_I386_SHIM_PDPT_GPA, RL_LAYER_GVA, 2,
	    RL_I386_SHIM_PD_GPA | PTE_TABLE);
	set(memory, RL_I386_SHIM_PD_GPA, RL_LAYER_GVA, 1, RL_LAYER_PT_GPA | PTE_TABLE);
	set(memory, RL_I386_TOP_GPA, 0, 3, RL_I386_LOW_PDPT_GPA | PTE_TABLE);
	set(memory, RL_I386_TOP_GPA, RL_I386_DIRECT, 3, RL_I386_LOW_PDPT_GPA | PTE_TABLE);
	for (uint64_t i = 0; i < 4; i++)
		set(memory, RL_I386_LOW_PDPT_GPA, i << 30, 2,
		    (RL_I386_LOW_PD_GPA + i * PAGE) | PTE_TABLE);
	for (uint64_t gpa = 0; gpa < 1ull << 32; gpa += LARGE_PAGE)
		set(memory, RL_I386_LOW_PD_GPA + (gpa >> 30) * PAGE, gpa, 1,
		    gpa | PTE_TABLE | PTE_DIRTY | PTE_LARGE);
	/* Of memory that the kernel has there nothing is the first table's business. */
	for (int i = 0; i < 2; i++) {
		uint64_t gva = RL_I386_HOLE - (i ? RL_I386_PAGE_OFFSET : 0);

		set(memory, RL_I386_LOW_PD_GPA + (gva >> 30) * PAGE, gva, 1,
		    RL_I386_HOLE_PT_GPA | PTE_TABLE);
	}
}
