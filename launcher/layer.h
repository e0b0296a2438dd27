/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Building the paravirt layer for one kernel: where its source is, where the
 * kernel's headers are, and running make.
 */
#ifndef LAUNCHER_LAYER_H
#define LAUNCHER_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"

/* The folder where this program lies, with `below` behind it; for free(3). */
char *layer_near_program(const char *below);

/*
 * The folder of the layer's source: `wanted`, else $RINGLET_LAYER, else
 * share/ringlet/guest_pv of the installation, else guest_pv of the tree that
 * this program was built in. An absolute path for free(3), or NULL where
 * there is none (no message: a cached kernel needs no source).
 */
char *layer_find_source(const char *wanted);

/* A hash of all source files, those of ../abi included. 0 or -errno. */
int layer_hash(const char *source, char key[DIGEST_SIZE]);

/*
 * The header package's folder for a kernel release: `wanted`, else
 * /lib/modules/RELEASE/build, else /usr/src/linux-headers-RELEASE. For
 * free(3), or NULL after a message.
 */
char *layer_find_headers(const char *wanted, const char *release);

struct layer_build {
	/* Absolute paths; all that make is told are plain ones (plain.h). */
	const char *source;
	const char *headers;
	const char *plain;	/* a private folder for temporary files */
	const char *out;	/* folder for what is made */
	const char *symbols;	/* linker script with the kernel's symbols */
	const char *log;	/* file that gets what make prints */
	bool verbose;		/* ... instead of standard error */
};

/*
 * Makes `target` ("layer.o" or "layer.elf") in out. 0; -EIO when make failed
 * (no message: the caller knows what becomes of the log, and budget_check() whether
 * a signal is to blame); or another -errno after a message. A signal of
 * budget_signals() that the caller holds back ends it.
 */
int layer_make(const struct layer_build *, const char *target);

#endif
