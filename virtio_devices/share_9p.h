/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of 9P2000.L here (diod's protocol.md and linux/include/net/9p/9p.h).
 *
 * Each message begins with its size (4 bytes, little endian, itself included), a type
 * (1) and a tag (2), and a reply has the tag of its request. Three messages are looked
 * at more closely: Tattach, which chooses a folder of the server's and always gets
 * ours; Tflush, whose reply means that another request gets none; and Tlopen, which may
 * want what only a file's owner may.
 */
#ifndef RINGLET_VIRTIO_SHARE_9P_H
#define RINGLET_VIRTIO_SHARE_9P_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P9_HEADER	7u		/* size, type, tag */

#define P9_RLERROR	7
#define P9_TLOPEN	12
#define P9_TATTACH	104
#define P9_TFLUSH	108
#define P9_RFLUSH	109

static inline uint16_t p9_get16(const uint8_t *at)
{
	return at[0] | at[1] << 8;
}

static inline uint32_t p9_get32(const uint8_t *at)
{
	return p9_get16(at) | (uint32_t)p9_get16(at + 2) << 16;
}

static inline void p9_put16(uint8_t *at, uint16_t value)
{
	at[0] = value;
	at[1] = value >> 8;
}

static inline void p9_put32(uint8_t *at, uint32_t value)
{
	p9_put16(at, value);
	p9_put16(at + 2, value >> 16);
}

/*
 * Tattach: it attaches the folder (an absolute path) and, unless root serves, as the
 * launcher's user. The message grows by at most the path. False: it is no Tattach.
 */
bool p9_set_folder(uint8_t *message, size_t *bytes, const char *folder);

/*
 * Of a Tlopen, and of no other message: it goes without O_NOATIME. Linux's overlayfs
 * opens what is below it with that, and the host refuses it (EPERM) to who does not own
 * the file.
 */
void p9_allow_open(uint8_t *message, size_t bytes);

#endif
