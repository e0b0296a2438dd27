/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cache of prepared kernels: a folder with one folder per entry, named
 *
 *	<build id>.<CRC of the kernel file>.<CRC of the layer's source>
 *
 * which holds vmlinux, layer.elf and manifest. Names depend on contents
 * alone, so a cache may be copied to other machines, and a kernel file is
 * found by one pass over its bytes.
 *
 * An entry is made in a folder of another name and renamed, so what has an
 * entry's name is whole; any number of processes may use one cache.
 */
#ifndef LAUNCHER_CACHE_H
#define LAUNCHER_CACHE_H

#include <stdint.h>

#include "prepare.h"

/*
 * The cache folder: `wanted`, else $RINGLET_CACHE, else
 * $XDG_CACHE_HOME/ringlet, else ~/.cache/ringlet; as an absolute path for
 * free(3), or NULL and errno after a message.
 */
char *cache_path(const char *wanted);

/*
 * Fills *prepared from the entry of a kernel file. layer_key 0 takes any
 * layer, the youngest first (for machines without the source). 0, or -ENOENT.
 */
int cache_find(const char *cache, uint64_t image_key, uint64_t layer_key,
	       struct prepared *);

/* A new folder in the cache to make an entry in; for free(3), or NULL. */
char *cache_begin(const char *cache);

/*
 * Writes the manifest into `work`, and renames it to its entry's name; sets
 * the paths and sizes in *prepared. 0 or -errno after a message.
 */
int cache_publish(const char *cache, const char *work, uint64_t image_key,
		  uint64_t layer_key, struct prepared *);

/* Removes a folder and all in it. */
void cache_remove(const char *dir);

#endif
