/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The paravirt layer as it was built with this program: one file that fits each kernel
 * once link.h has put in what it asks of it.
 */
#ifndef LAUNCHER_LAYER_H
#define LAUNCHER_LAYER_H

#include <stddef.h>
#include <stdint.h>

#include "digest.h"

/* The folder where this program lies, with `below` behind it; for free(3). */
char *layer_near_program(const char *below);

/*
 * The layer's file: `wanted`, else $RINGLET_LAYER, else lib/ringlet/layer.elf of the
 * installation, else layer.elf beside this program, in the tree that it was built in.
 * An absolute path for free(3), or NULL where there is none (no message: a cached kernel
 * needs no layer).
 */
char *layer_find(const char *wanted);

/* The same of what i386 kernels have in its place, the shim (shim.elf). */
char *layer_find_shim(const char *wanted);

/* What names the layer's file by hand: `wanted`, else $RINGLET_LAYER; or NULL. */
const char *layer_named(const char *wanted);

/*
 * The hash of what is fitted and of who does it: another version of this program may
 * answer better, so what this one kept is not for that one.
 */
void layer_key(const char *version, const uint8_t *data, size_t size,
	       char key[DIGEST_SIZE]);

/*
 * Reads the whole file: *data for free(3), *size bytes, its layer_key(). 0, or -errno
 * after a message.
 */
int layer_read(const char *file, uint8_t **data, size_t *size, char key[DIGEST_SIZE]);

#endif
