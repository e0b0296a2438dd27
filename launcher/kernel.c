// SPDX-License-Identifier: GPL-2.0
/* What a kernel is and whether ringlet can run it. See kernel.h. */
#include "kernel.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "log.h"

#define GNU_BUILD_ID	3	/* NT_GNU_BUILD_ID */
#define PTE_PRESENT	1ull
#define TABLE_ENTRIES	512
#define KERNEL_SLOT	511	/* of the top-level table */

bool kernel_set_release(struct kernel *k, const char *banner, size_t size)
{
	size_t n;

	if (size <= KERNEL_BANNER_SIZE || memcmp(banner, KERNEL_BANNER, KERNEL_BANNER_SIZE))
		return false;
	banner += KERNEL_BANNER_SIZE;
	size -= KERNEL_BANNER_SIZE;
	for (n = 0; n < size && n < sizeof(k->release) - 1; n++) {
		if (!isalnum((unsigned char)banner[n]) &&
		    (!banner[n] || !strchr("._+~-", banner[n])))
			break;
		k->release[n] = banner[n];
	}
	k->release[n] = '\0';
	return n && n < size && banner[n] == ' ' && k->release[0] != '.';
}

static int read_release(struct kernel *k, const char *file)
{
	const char *banner;
	uint64_t gva;
	size_t size;

	if (kallsyms_find(k->symbols, "linux_banner", &gva) == 1) {
		banner = elf_rest(&k->elf, gva, &size);
		if (banner && kernel_set_release(k, banner, size))
			return 0;
	}
	if (budget_check())
		return budget_check();
	log_warnx("the kernel in %s does not tell its release: it is damaged",
		  file);
	return -ENOEXEC;
}

void kernel_read_build_id(struct kernel *k)
{
	size_t size, room = (sizeof(k->build_id) - 1) / 2;
	const uint8_t *id = elf_note(&k->elf, "GNU", GNU_BUILD_ID, &size);

	snprintf(k->build_id, sizeof(k->build_id), "none");
	for (size_t i = 0; id && i < size && i < room; i++)
		snprintf(k->build_id + 2 * i, 3, "%02x", id[i]);
}

static void read_btf(struct kernel *k)
{
	const Elf64_Shdr *s = elf_section(&k->elf, ".BTF");
	uint64_t start, end;
	const char *why;
	const void *data = NULL;
	size_t size = 0;

	if (s) {
		data = k->elf.data + s->sh_offset;
		size = s->sh_size;
	} else if (kallsyms_find(k->symbols, "__start_BTF", &start) == 1 &&
		   kallsyms_find(k->symbols, "__stop_BTF", &end) == 1 &&
		   end > start) {
		data = elf_at(&k->elf, start, end - start);
		size = end - start;
	}
	if (!data)
		return;
	k->btf = btf_read(data, size, &why);
	if (!k->btf)
		log_info("the kernel's type data is not used: %s", why);
}

int kernel_check_symbols(const struct kernel *k, const char *const *names, size_t count)
{
	uint64_t address;

	for (size_t i = 0; i < count; i++)
		if (!kallsyms_find(k->symbols, names[i], &address))
			return budget_check() ? budget_check() : 1;
	return 0;
}

/*
 * Symbols of CONFIG_XEN_PV, which selects PARAVIRT_XXL: without it the
 * privileged instructions are compiled in, and ring 1 could not run them.
 */
static int check_paravirt(const struct kernel *k, const char *file)
{
	static const char *const names[] = {
		"pv_ops", "xen_iret", "asm_xenpv_exc_debug",
	};
	int ret = kernel_check_symbols(k, names, sizeof(names) / sizeof(names[0]));

	if (ret > 0)
		log_warnx("kernel %s in %s is built without PARAVIRT_XXL "
			  "(CONFIG_XEN_PV) and cannot run in ring 1: use one "
			  "that has it, such as Debian's linux-image-amd64",
			  k->release, file);
	return ret > 0 ? -ENOEXEC : ret;
}

/*
 * clang's CFI puts a number in front of each function, and indirect calls look for it:
 * they would stop at the layer's.
 */
static int check_calls(const struct kernel *k, const char *file)
{
	uint64_t address;

	if (!kallsyms_find(k->symbols, "__cfi_x86_init_noop", &address))
		return budget_check();
	log_warnx("kernel %s in %s checks where its calls lead (CONFIG_CFI), and would "
		  "not call ringlet's code: use one that is built without",
		  k->release, file);
	return -ENOEXEC;
}

/* The page table `name` of the image: where it lies, and one of its entries. */
static bool find_entry(const struct kernel *k, const char *name, size_t index,
		       uint64_t *gpa, uint64_t *entry)
{
	const uint8_t *table;
	uint64_t gva;

	if (kallsyms_find(k->symbols, name, &gva) != 1 ||
	    elf_gpa(&k->elf, gva, gpa) || *gpa & 4095)
		return false;
	table = elf_at(&k->elf, gva, TABLE_ENTRIES * sizeof(*entry));
	if (!table)
		return false;
	/* Not aligned in memory, perhaps: copy. */
	memcpy(entry, table + index * sizeof(*entry), sizeof(*entry));
	return true;
}

/*
 * The boot starts on the top-level table whose last slot leads to the kernel; in an
 * image there is one that is filled in, up to Linux 6.9 two. The layer hangs in
 * level2_fixmap_pgt, whose first entry must be free.
 */
static int check_tables(struct kernel *k, const char *file)
{
	static const char *const tops[] = { "init_top_pgt", "early_top_pgt" };
	uint64_t entry;
	bool top = false;

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]) && !top; i++)
		top = find_entry(k, tops[i], KERNEL_SLOT, &k->first_top,
				 &entry) && entry & PTE_PRESENT;
	if (top && find_entry(k, "level2_fixmap_pgt", 0, &k->fixmap, &entry) &&
	    !(entry & PTE_PRESENT))
		return 0;
	if (budget_check())
		return budget_check();
	log_warnx("kernel %s in %s does not have the first page tables that "
		  "ringlet knows", k->release, file);
	return -ENOEXEC;
}

int kernel_open_symbols(struct kernel *k, const struct image *image)
{
	const char *why;
	int ret;

	memset(k, 0, sizeof(*k));
	why = image->i386 ? elf_open_i386(&k->elf, image->elf, image->elf_size) :
			    elf_open(&k->elf, image->elf, image->elf_size, ET_EXEC);
	if (!why)
		k->symbols = kallsyms_read(&k->elf, &why);
	if (!why)
		return 0;
	ret = budget_check();
	if (!ret)
		log_warnx("the kernel in %s cannot be used, %s", image->file, why);
	elf_close(&k->elf);
	return ret ? ret : -ENOEXEC;
}

int kernel_open(struct kernel *k, const struct image *image)
{
	int ret = kernel_open_symbols(k, image);

	if (ret)
		return ret;
	ret = read_release(k, image->file);
	if (!ret)
		ret = check_paravirt(k, image->file);
	if (!ret)
		ret = check_calls(k, image->file);
	if (!ret)
		ret = check_tables(k, image->file);
	if (ret) {
		kernel_close(k);
		return ret;
	}
	kernel_read_build_id(k);
	read_btf(k);
	ret = budget_check();
	if (ret)
		kernel_close(k);
	return ret;
}

void kernel_close(struct kernel *k)
{
	btf_free(k->btf);
	kallsyms_free(k->symbols);
	elf_close(&k->elf);
	memset(k, 0, sizeof(*k));
}
