/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kernel opened for preparation: the unpacked ELF file with its symbols and
 * types, and what identifies it.
 */
#ifndef LAUNCHER_KERNEL_H
#define LAUNCHER_KERNEL_H

#include "btf.h"
#include "elfview.h"
#include "image.h"
#include "kallsyms.h"
#include "prepare.h"

struct kernel {
	struct elf_view elf;
	struct kallsyms *symbols;
	struct btf *btf;	/* NULL: it has none */
	char release[PREPARED_RELEASE_SIZE];
	char build_id[PREPARED_BUILD_ID_SIZE];	/* "none" if it has none */
	uint64_t first_top;	/* GPA of the top-level table to start on */
	uint64_t fixmap;	/* GPA of level2_fixmap_pgt */
};

/*
 * Opens an unpacked image, which must stay until kernel_close(), and checks
 * that it is a kernel that can run in ring 1. 0, or -ENOEXEC after a message, or
 * as budget_check().
 */
int kernel_open(struct kernel *, const struct image *);

/* The same, but only with `elf` and `symbols`, of any kernel that has these. */
int kernel_open_symbols(struct kernel *, const struct image *);

/* 0: it has all of these symbols; 1: not all; -errno as budget_check(). */
int kernel_check_symbols(const struct kernel *, const char *const *names, size_t count);
void kernel_close(struct kernel *);

/* What Linux's banner begins with; its release is the next word. */
#define KERNEL_BANNER		"Linux version "
#define KERNEL_BANNER_SIZE	(sizeof(KERNEL_BANNER) - 1)

/*
 * Sets the release from a banner of at most `size` bytes; false: it is none. It becomes
 * part of paths and messages, so only what Linux releases are made of is let through.
 */
bool kernel_set_release(struct kernel *, const char *banner, size_t size);
void kernel_read_build_id(struct kernel *);

#endif
