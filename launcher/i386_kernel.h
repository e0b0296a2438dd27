/* SPDX-License-Identifier: GPL-2.0 */
/*
 * 32-bit kernels: what of their preparation and loading is not that of 64-bit ones.
 *
 * Each function gives 0 or -errno as its kin in kernel.h and prepare.h, after a message.
 */
#ifndef LAUNCHER_I386_KERNEL_H
#define LAUNCHER_I386_KERNEL_H

#include "elfview.h"
#include "image.h"
#include "kernel.h"

/* As kernel_open(). -ENOEXEC also where it is not one with PAE. */
int i386_kernel_open(struct kernel *, const struct image *);

/*
 * Fits kernel and shim to each other. In the image, which must be the one that the kernel
 * was opened from, each instruction that would do something else in ring 1 becomes a
 * trap; the shim's data, which `shim` is a view of, gets the list of them.
 *
 * Afterwards the kernel's header is that of a 64-bit file, as the cache keeps no other.
 */
int i386_kernel_fit(struct kernel *, const struct image *, const struct elf_view *shim,
		    uint8_t *data);

/* Writes the first page tables (abi/i386.h) into guest memory, from GPA 0 on. */
void i386_kernel_map(uint8_t *memory);

#endif
