// SPDX-License-Identifier: GPL-2.0
/* Small layers for tests: as the linker leaves them, with and without open symbols. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "abi/guest.h"
#include "fake_image.h"

#define OPENS_MOST	32

static const uint8_t text[100] = { 0xf4, 0x01, 0x02 };
static const uint8_t data[50] = { 7, 8, 9 };

static const struct fake_segment segments[] = {
	{ PT_LOAD, PF_R | PF_X, FAKE_LAYER_TEXT, RL_LAYER_GPA, text, sizeof(text),
	  sizeof(text) },
	{ PT_LOAD, PF_R | PF_W, FAKE_LAYER_DATA, RL_LAYER_GPA + 0x1000, data,
	  sizeof(data), 0x2000 },
};

/* What each of these kernels has, for who does not say. */
static const char default_needs[] = "either pv_ops absent";

static void set_needs(const char **needs, size_t *size)
{
	if (*needs)
		return;
	*needs = default_needs;
	*size = sizeof(default_needs);
}

uint8_t *fake_layer(const struct rl_patch *patches, size_t patch_count,
		    const char *needs, size_t needs_size, size_t *size)
{
	set_needs(&needs, &needs_size);
	struct fake_section sections[] = {
		{ RL_PATCHES_SECTION, SHT_PROGBITS, 0, patches,
		  patch_count * sizeof(*patches) },
		{ RL_NEEDS_SECTION, SHT_PROGBITS, 0, needs, needs_size },
	};

	return fake_elf(ET_EXEC, RL_LAYER_GVA, segments, 2, sections, 2, size);
}

enum { TEXT = 1, DATA, RELA_TEXT, RELA_DATA, SYMBOLS, STRINGS, NEEDS };

/* Sections that lie where a segment does, and lists that belong to them. */
static void settle(uint8_t *file)
{
	Elf64_Ehdr *h = (Elf64_Ehdr *)file;
	Elf64_Phdr *p = (Elf64_Phdr *)(file + h->e_phoff);
	Elf64_Shdr *s = (Elf64_Shdr *)(file + h->e_shoff);

	for (int i = 0; i < 2; i++) {
		s[TEXT + i].sh_offset = p[i].p_offset;
		s[TEXT + i].sh_size = p[i].p_filesz;
		s[TEXT + i].sh_addr = p[i].p_vaddr;
		s[RELA_TEXT + i].sh_link = SYMBOLS;
		s[RELA_TEXT + i].sh_info = TEXT + i;
	}
}

uint8_t *fake_open_layer(const struct fake_open *opens, size_t count, const char *needs,
			 size_t needs_size, size_t *size)
{
	Elf64_Sym symbols[OPENS_MOST + 1] = { { 0 } };
	Elf64_Rela lists[2][OPENS_MOST];
	char strings[4096] = "";
	size_t used = 1, counts[2] = { 0 };
	uint8_t *file;

	assert_true(count <= OPENS_MOST);
	set_needs(&needs, &needs_size);
	for (size_t i = 0; i < count; i++) {
		int in_data = opens[i].at >= FAKE_LAYER_DATA;

		symbols[i + 1].st_name = used;
		symbols[i + 1].st_info = ELF64_ST_INFO(opens[i].weak ? STB_WEAK :
						       STB_GLOBAL, STT_NOTYPE);
		assert_true(used + strlen(opens[i].name) < sizeof(strings));
		strcpy(strings + used, opens[i].name);
		used += strlen(opens[i].name) + 1;
		lists[in_data][counts[in_data]++] = (Elf64_Rela){
			.r_offset = opens[i].at, .r_addend = opens[i].addend,
			.r_info = ELF64_R_INFO(i + 1, opens[i].type),
		};
	}
	{
		struct fake_section sections[] = {
			{ ".text", SHT_PROGBITS, 0, NULL, 0 },
			{ ".data", SHT_PROGBITS, 0, NULL, 0 },
			{ ".rela.text", SHT_RELA, 0, lists[0],
			  counts[0] * sizeof(Elf64_Rela) },
			{ ".rela.data", SHT_RELA, 0, lists[1],
			  counts[1] * sizeof(Elf64_Rela) },
			{ ".symtab", SHT_SYMTAB, STRINGS, symbols,
			  (count + 1) * sizeof(symbols[0]) },
			{ ".strtab", SHT_STRTAB, 0, strings, used },
			{ RL_NEEDS_SECTION, SHT_PROGBITS, 0, needs, needs_size },
		};

		file = fake_elf(ET_EXEC, RL_LAYER_GVA, segments, 2, sections, 7, size);
	}
	settle(file);
	return file;
}
