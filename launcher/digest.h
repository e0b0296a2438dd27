/* SPDX-License-Identifier: GPL-2.0 */
/* SHA-256 (FIPS 180-4) as text, by nettle: what a file's contents are known by. */
#ifndef LAUNCHER_DIGEST_H
#define LAUNCHER_DIGEST_H

#include <nettle/sha2.h>
#include <stddef.h>

#define DIGEST_SIZE	(2 * SHA256_DIGEST_SIZE + 1)	/* with its NUL */

/* The hash of all that ctx was given, in hex; ctx is as new afterwards. */
void digest_end(struct sha256_ctx *ctx, char text[DIGEST_SIZE]);

#endif
