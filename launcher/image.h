/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kernel file as the user names it: a bzImage, or an ELF vmlinux.
 *
 * image_read() reads the file and checks its headers, which is quick;
 * image_unpack() gets the ELF kernel out of it, which for a distribution's
 * xz image is about a second's work, and is left out where the cache has the
 * result already. The contents of the file are hostile until checked.
 *
 * Both return 0 or -errno, after one line through log_warnx() that says what
 * is wrong with the file and what the user can do.
 */
#ifndef LAUNCHER_IMAGE_H
#define LAUNCHER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"

struct image {
	const char *file;	/* the caller's; for messages */
	uint8_t *data;		/* the whole file */
	size_t size;
	char key[DIGEST_SIZE];	/* of the whole file: finds it in the cache */
	size_t payload;		/* offset and size of the packed kernel; */
	size_t payload_size;	/* size 0: the file is an ELF file itself */
	const uint8_t *elf;	/* after image_unpack(): the ELF kernel, */
	size_t elf_size;	/* without the relocations behind it */
	bool i386;		/* it is a 32-bit one */
	uint8_t *unpacked;	/* what image_free() frees, or NULL */
};

int image_read(struct image *, const char *file);
/* The same for `size` bytes at `data`, from malloc(3); image owns them. */
int image_set(struct image *, const char *file, void *data, size_t size);
int image_unpack(struct image *);
void image_free(struct image *);

#endif
