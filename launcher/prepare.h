/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Preparing a stock kernel for ring 1: once per kernel, the paravirt layer is fitted to
 * its types, linked to its symbols, checked against its bytes, and put into a cache. A
 * start then needs no decompression.
 *
 * prepare_kernel() finds or makes the cache entry; prepared_load() puts it
 * into guest memory, any number of times (a reboot loads again).
 */
#ifndef LAUNCHER_PREPARE_H
#define LAUNCHER_PREPARE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "../abi/i386.h"
#include "budget.h"
#include "exit.h"

/* A NULL means the default, see cache.h and layer.h. */
struct prepare_options {
	const char *cache_dir;		/* where prepared kernels are kept */
	const char *layer;		/* the file of the paravirt layer */
};

#define PREPARED_BUILD_ID_SIZE	65
#define PREPARED_RELEASE_SIZE	65

struct prepared {
	char *dir;		/* of the cache entry */
	char *vmlinux;		/* in it: the kernel, an ELF file */
	char *layer;		/* in it: the linked layer, an ELF file */
	uint64_t entry;		/* GVA of rl_start */
	uint64_t cr3;		/* GPA of the top-level table to start on */
	uint64_t fixmap;	/* GPA of level2_fixmap_pgt */
	uint64_t vmlinux_size;	/* bytes */
	uint64_t layer_size;	/* bytes */
	char build_id[PREPARED_BUILD_ID_SIZE];	/* hex */
	char release[PREPARED_RELEASE_SIZE];	/* as uname -r */
	bool cached;		/* the cache had it */
	bool held;		/* these are open: see prepared_hold() */
	int vmlinux_fd, layer_fd;
};

/*
 * Both return 0, or -errno after one line through log_warnx() that says what
 * is wrong and what to do. -ENOEXEC: the kernel cannot be used; -EROFS: the cache
 * cannot; -EINTR: a signal came, see budget_signal(); other values: something around it (the
 * layer's file, memory).
 */
int prepare_kernel(const char *kernel_file, const struct prepare_options *,
		   struct prepared *);

/* An i386 kernel, whose layer is the shim. The others begin with a table of their own. */
static inline bool prepared_is_i386(const struct prepared *prepared)
{
	return prepared->cr3 == RL_I386_TOP_GPA;
}

/* The launcher's exit status (exit.h) for an error of prepare_kernel(). */
static inline int prepare_status(int error)
{
	if (error == -EINTR)
		return STATUS_SIGNAL + budget_signal();
	return error == -EROFS ? STATUS_ERROR : STATUS_KERNEL;
}

/*
 * mem is the guest's memory, GPA 0 first, `size` bytes of whole pages that read as
 * zeros. Puts there: the kernel at its physical addresses, by mappings of its file
 * where that is possible; the layer and the page table page that maps it; the hook in level2_fixmap_pgt;
 * the code patches. *kernel_end: the first GPA behind the kernel. Errors are those
 * of prepare_kernel().
 */
int prepared_load(const struct prepared *, void *mem, uint64_t size,
		  uint64_t *kernel_end);

/*
 * Keep its files open, so that prepared_load() also works when they cannot be
 * opened any more (sandbox.h). 0 or -errno, said like the others.
 */
int prepared_hold(struct prepared *);

void prepared_free(struct prepared *);

#endif
