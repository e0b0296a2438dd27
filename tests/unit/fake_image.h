/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small kernel files for the tests of the image loader: ELF files made of
 * parts, a kernel with all tables that `prepare` reads, and bzImages of it.
 * All that is returned is for free(3).
 */
#ifndef RINGLET_TESTS_FAKE_IMAGE_H
#define RINGLET_TESTS_FAKE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/layer.h"

struct fake_segment {
	uint32_t type, flags;
	uint64_t gva, gpa;
	const void *data;
	size_t size, memory_size;	/* bytes in the file, in memory */
};

struct fake_section {
	const char *name;
	uint32_t type, link;
	const void *data;
	size_t size;
};

/* An ELF64 file; section 0 is the empty one, the last .shstrtab. */
uint8_t *fake_elf(uint16_t type, uint64_t entry,
		  const struct fake_segment *segments, size_t segment_count,
		  const struct fake_section *sections, size_t section_count,
		  size_t *size);

/* Addresses in the fake kernel. */
#define FAKE_TEXT		0xffffffff81000000ull
#define FAKE_TEXT_GPA		0x1000000ull
#define FAKE_DATA		0xffffffff82000000ull
#define FAKE_DATA_GPA		0x2000000ull
#define FAKE_DATA_MEMORY	0x50000ull
#define FAKE_FUNCTION		(FAKE_TEXT + 0x100)	/* 0x40 bytes to patch */
#define FAKE_PERCPU		0x1234ull
#define FAKE_EARLY_TOP_GPA	(FAKE_DATA_GPA + 0x3000)
/* Functions as compilers make them: which of them begin with what. */
#define FAKE_ENDBR_FENTRY	(FAKE_TEXT + 0x7fc)
#define FAKE_ENDBR		(FAKE_TEXT + 0x840)
#define FAKE_PLAIN		(FAKE_TEXT + 0x880)
/* Its lists of what it rewrites, and the tables that tell features. */
#define FAKE_LISTS		(FAKE_TEXT + 0x6000)
#define FAKE_ALTERNATIVE	(FAKE_LISTS + 0x200)	/* room for two */
#define FAKE_XEN_CALL		(FAKE_LISTS + 0x230)	/* what the second puts in */
#define FAKE_XEN_ENTRY		(FAKE_TEXT + 0x240)
#define FAKE_CAP_FLAGS		(FAKE_LISTS + 0x80)
#define FAKE_VDSO_IMAGE		(FAKE_LISTS + 0xc0)
#define FAKE_VDSO		(FAKE_LISTS + 0x100)
#define FAKE_XENPV		0x110
/* What FAKE_CAP_FLAGS begins with: the address of a name, as the needs write it. */
#define FAKE_CAP_NAME		"ffffffff81006180"
#define FAKE_RELEASE		"9.8.7-fake-amd64"
#define FAKE_BUILD_ID		"00112233445566778899aabbccddeeff00112233"

/* What the fake kernel shall be like; all zero is a good one. */
struct fake_kernel {
	bool new_order;		/* kallsyms as since Linux 6.4 */
	bool own_places;	/* kallsyms as since Linux 7.0 */
	bool early_top;		/* early_top_pgt is the table that is filled in */
	bool plain_offsets;	/* no KALLSYMS_ABSOLUTE_PERCPU */
	bool no_kallsyms;
	const char *without;	/* a symbol to leave out */
	const char *release;	/* instead of FAKE_RELEASE */
	bool no_btf;
	bool cfi;		/* built with clang's */
};

uint8_t *fake_kernel(const struct fake_kernel *, size_t *size);

/* BTF alone, as the fake kernel has it. */
uint8_t *fake_btf(size_t *size);

/*
 * A bzImage with payload packed as "xz", "xz-bcj", "gzip", "zstd", "lz4" or
 * "none" (as it is).
 */
uint8_t *fake_bzimage(const void *payload, size_t size, const char *format,
		      size_t *image_size);

/*
 * A layer with those patches and needs (abi/layer.h; NULL: any that hold), entry at its
 * start.
 */
uint8_t *fake_layer(const struct rl_patch *patches, size_t patch_count,
		    const char *needs, size_t needs_size, size_t *size);

/* A symbol that a layer leaves open, and the place that wants it. */
struct fake_open {
	const char *name;
	uint32_t type;		/* R_X86_64_* */
	uint64_t at;		/* its GVA, in FAKE_LAYER_TEXT or FAKE_LAYER_DATA */
	int64_t addend;
	bool weak;
};

#define FAKE_LAYER_TEXT		0xffffffffc0000000ull	/* 100 bytes */
#define FAKE_LAYER_DATA		0xffffffffc0001000ull	/* 50 bytes, 0x2000 in memory */

uint8_t *fake_open_layer(const struct fake_open *opens, size_t count, const char *needs,
			 size_t needs_size, size_t *size);

/* A file of a real kernel on this machine, or NULL (print_message says so). */
char *real_kernel(void);

#endif
