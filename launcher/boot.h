/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a boot loader does for Linux: the boot parameters, the memory map, the
 * command line and the initrd, by the 64-bit boot protocol (the kernel's
 * Documentation/x86/boot.rst). The kernel itself is placed by prepare.h.
 *
 * Messages are printed here; a caller only passes the error on.
 */
#ifndef RINGLET_LAUNCHER_BOOT_H
#define RINGLET_LAUNCHER_BOOT_H

#include <asm/bootparam.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"

/* Bytes of a command line without its NUL: the most that x86 Linux keeps. */
#define BOOT_CMDLINE_MAX	2047

/*
 * The setup header out of the first size bytes of a kernel file: a bzImage
 * carries one, for a plain ELF file one is made up. -ENOEXEC: neither.
 */
int boot_parse_header(const void *data, size_t size,
		      struct setup_header *header);
int boot_read_header(const char *kernel_file, struct setup_header *header);

/* Is the file a 32-bit kernel? false also where it is none, or cannot be read. */
bool boot_is_i386(const char *kernel_file);

/*
 * The default arguments, then append (may be NULL), then words[0..count):
 * with Linux the last one that sets a thing wins, and what follows a -- is
 * init's. The caller frees it. NULL: too long, or it contradicts what a guest
 * cannot do without (said aloud).
 */
char *boot_command_line(bool i386, const char *append, char **words, int count);
/* Says so where the last console= is one that a guest does not have. */
void boot_check_console(bool i386, const char *line);

/*
 * As high as possible in the memory that begins at GPA 0, page aligned, above
 * kernel_end (GPA) and not above what the kernel can reach. 0 or -ENOSPC.
 */
int boot_place_initrd(const struct setup_header *header, uint64_t memory_size,
		      uint64_t kernel_end, uint64_t size, uint64_t *gpa);

/* An open initrd file and, once boot_load_initrd() succeeded, its place. */
struct boot_initrd {
	int fd;			/* -1: none */
	uint64_t size;		/* bytes */
	uint64_t gpa;
};

/* path may be NULL: no initrd. 0 or -errno. */
int boot_open_initrd(const char *path, struct boot_initrd *initrd);
int boot_load_initrd(struct boot_initrd *initrd,
		     const struct setup_header *header,
		     const struct guest_memory *memory, uint64_t kernel_end);
void boot_close_initrd(struct boot_initrd *initrd);

/*
 * Can a kernel that ends at kernel_end (GPA) start in so much memory, with an
 * initrd of so many bytes? A message and -ENOSPC if not.
 */
int boot_check_memory(uint64_t memory_size, uint64_t kernel_end,
		      uint64_t initrd_size);

/* What a 32-bit guest is told besides. */
struct boot_i386 {
	uint64_t tsc_khz;	/* of the host; 0: not known */
	unsigned int devices;	/* virtio devices, from the first one on */
};

/*
 * Write boot parameters and command line to RL_BOOT_PARAMS_GPA and
 * RL_CMDLINE_GPA. The memory there must still be zeros. i386: of an
 * i386 kernel, else NULL; ACPI tables are written as well then.
 */
void boot_write_params(const struct boot_i386 *i386, const struct guest_memory *memory,
		       const struct setup_header *header,
		       const struct boot_initrd *initrd,
		       const char *command_line);

#endif
