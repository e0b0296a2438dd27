/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The modules of an installed kernel: which files a module needs, by what
 * depmod(8) wrote into modules.dep, and their contents, unpacked.
 */
#ifndef RINGLET_LAUNCHER_MODULES_H
#define RINGLET_LAUNCHER_MODULES_H

#include <stddef.h>
#include <stdint.h>

#define MODULES_MAX	64	/* files */

/* The texts end in a NUL. All zero: nothing is known. */
struct modules {
	char *folder;		/* /lib/modules/RELEASE */
	char *dep, *builtin;	/* modules.dep and modules.builtin */
	char *files[MODULES_MAX];	/* below folder, in the order of loading */
	size_t count;
};

/* Of the kernel with this `uname -r`. 0, or -errno after a message. */
int modules_open(struct modules *modules, const char *release);
void modules_close(struct modules *modules);

/*
 * Adds the files of the module, those that it needs in front of it; nothing where
 * it is built in. 0, or without a message -ENOENT (this kernel does not have it),
 * -EINVAL (modules.dep is damaged), -E2BIG, -ENOMEM.
 */
int modules_add(struct modules *modules, const char *name);

/*
 * What finit_module(2) takes, for free(3), from a file that may be compressed.
 * NULL and errno after a message.
 */
uint8_t *modules_read(const char *path, size_t *size);

#endif
