/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cache of prepared kernels: a folder with one folder per entry, named
 *
 *	<build id>.<SHA-256 of the kernel file>.<SHA-256 of the layer's source>
 *
 * which holds vmlinux, layer.elf and manifest. Names depend on contents
 * alone, so a cache may be copied to other machines. What a guest runs comes from
 * here: so the hash is one that nobody can forge, and what others than root and
 * the user could have written is refused.
 *
 * A kernel file is read and hashed once: its hash is remembered in a file .known.*
 * beside its device, inode, size and times.
 *
 * An entry is made in a folder of another name and renamed, so what has an
 * entry's name is whole; any number of processes may use one cache.
 */
#ifndef LAUNCHER_CACHE_H
#define LAUNCHER_CACHE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "digest.h"
#include "prepare.h"

/* The system's cache, /var/cache/ringlet; only tests name another. */
extern const char *cache_system;

/*
 * The cache folder: `wanted`, else $RINGLET_CACHE, else
 * $XDG_CACHE_HOME/ringlet, else ~/.cache/ringlet; as an absolute path for
 * free(3), or NULL and errno after a message.
 */
char *cache_path(const char *wanted);

/*
 * A second folder to look in, never to write to: the system's, where it is root's
 * and nobody else's to write. NULL: there is none, or `wanted` names the only one.
 */
const char *cache_second(const char *wanted);

/*
 * May its contents be trusted, or can it be made if it is not there? 0, or -EROFS
 * after a message.
 */
int cache_check(const char *cache);

/*
 * mkdir -p; the last part is private to the user, or the system's for all. 0, also
 * where it is there, or -errno.
 */
int cache_make(const char *cache);

/* Is what has this stat(2) ours or root's, and nobody else's to write? */
bool cache_trusts(const struct stat *st);

/*
 * Fills *prepared from the entry of a kernel file. layer_key NULL takes any
 * layer, the youngest first (for machines without the source). 0, or -ENOENT.
 */
int cache_find(const char *cache, const char *image_key,
	       const char *layer_key, struct prepared *);

/*
 * The entry of that name, if it is nobody else's work and what its name says: 0,
 * for prepared_free(), or -errno.
 */
int cache_read(const char *cache, const char *name, struct prepared *);

/*
 * The hash of the file with this stat(2), if it was remembered. And remembering it,
 * where that can be done; st was taken before the file was read, and no other after.
 */
bool cache_recall(const char *cache, const struct stat *st,
		  char key[DIGEST_SIZE]);
void cache_remember(const char *cache, const struct stat *st, const char *key);

/* A new folder in the cache to make an entry in; for free(3), or NULL. */
char *cache_begin(const char *cache);

/*
 * Writes the manifest into `work`, and renames it to its entry's name; sets
 * the paths and sizes in *prepared. 0 or -errno after a message.
 */
int cache_publish(const char *cache, const char *work, const char *image_key,
		  const char *layer_key, struct prepared *);

/* Removes a folder and all in it. 0, or -errno (and errno) if it is still there. */
int cache_remove(const char *dir);

#endif
