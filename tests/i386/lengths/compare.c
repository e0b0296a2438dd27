// SPDX-License-Identifier: GPL-2.0
/*
 * The shim's lengths of instructions beside Zydis's, for all code of 32-bit ELF files.
 *
 *	compare FILE...
 *
 * Says where they differ, then "INSTRUCTIONS DIFFERENT".
 */
#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest_i386/length.h"
#include "launcher/i386_insn.h"

static unsigned long instructions, different;

static void compare(const char *file, const uint8_t *code, size_t size)
{
	struct i386_insn in;

	for (size_t at = 0; at < size; at += in.length) {
		unsigned int ours;

		if (i386_decode(code + at, size - at, &in))
			in.length = 0;
		ours = insn_length(code + at, size - at);
		instructions++;
		if (ours != in.length && different++ < 20) {
			printf("%s: shim %u, Zydis %u:", file, ours, in.length);
			for (size_t i = at; i < at + 12 && i < size; i++)
				printf(" %02x", code[i]);
			printf("\n");
		}
		if (!in.length)
			in.length = 1;
	}
}

static void look_into(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	const Elf32_Shdr *sections;
	const Elf32_Ehdr *h;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		err(2, "%s", file);
	h = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (h == MAP_FAILED)
		err(2, "%s", file);
	sections = (const void *)((const char *)h + h->e_shoff);
	for (int i = 0; i < h->e_shnum; i++)
		if (sections[i].sh_type == SHT_PROGBITS &&
		    sections[i].sh_flags & SHF_EXECINSTR)
			compare(file, (const uint8_t *)h + sections[i].sh_offset,
				sections[i].sh_size);
	munmap((void *)h, st.st_size);
	close(fd);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		look_into(argv[i]);
	printf("%lu %lu\n", instructions, different);
	return different != 0;
}
