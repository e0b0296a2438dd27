/* SPDX-License-Identifier: GPL-2.0 */
/* What a launcher does with files again and again. */
#ifndef RINGLET_LAUNCHER_FILES_H
#define RINGLET_LAUNCHER_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* dir/name for free(3), or NULL. */
char *files_join(const char *dir, const char *name);

/* All bytes, or false and errno. */
bool files_write(int fd, const void *data, size_t size);

/* What `from` still has, behind what `to` has. False and errno: not all of it. */
bool files_copy(int from, int to);

/*
 * Can a program of this name be started, by PATH or, where an ordinary user's PATH
 * does not lead to servers, from /usr/sbin?
 */
bool files_has_program(const char *name);

#endif
