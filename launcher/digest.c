// SPDX-License-Identifier: GPL-2.0
/* A hash as text. See digest.h. */
#include "digest.h"

#include <nettle/base16.h>
#include <nettle/sha2.h>

void digest_end(struct sha256_ctx *ctx, char text[DIGEST_SIZE])
{
	uint8_t bytes[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(bytes), bytes);
	base16_encode_update(text, sizeof(bytes), bytes);
	text[DIGEST_SIZE - 1] = '\0';
}
