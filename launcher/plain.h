/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A place for `make`, which takes every path apart at its blanks, colons, dollars
 * and quotes, and kbuild with it: no quoting helps. So what it works on and what it
 * makes get names in a folder of their own, which has none of these in its path.
 */
#ifndef LAUNCHER_PLAIN_H
#define LAUNCHER_PLAIN_H

#include <stdbool.h>

/* Has this path only characters that mean nothing to make and shells? */
bool plain_path(const char *path);

/*
 * A new folder that nobody else may enter, in $TMPDIR where that is plain and safe,
 * else in /tmp or /var/tmp. For cache_remove() and free(3), or NULL after a message.
 */
char *plain_folder(void);

#endif
