// SPDX-License-Identifier: GPL-2.0
/* Writing a newc archive. See cpio.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpio.h"

#define HEADER	110	/* bytes: a magic of 6 and 13 numbers of 8 digits */
#define ALIGN	4

/* Bytes for the archive, which ends at a multiple of 4 afterwards. */
static void put(struct cpio *cpio, const void *data, size_t size)
{
	size_t end = (cpio->size + size + ALIGN - 1) / ALIGN * ALIGN;
	uint8_t *more;

	if (cpio->failed || end < size)
		goto fail;
	if (end > cpio->room) {
		more = realloc(cpio->data, 2 * end);
		if (!more)
			goto fail;
		cpio->data = more;
		cpio->room = 2 * end;
	}
	if (size)
		memcpy(cpio->data + cpio->size, data, size);
	memset(cpio->data + cpio->size + size, 0, end - cpio->size - size);
	cpio->size = end;
	return;
fail:
	cpio->failed = true;
}

void cpio_add(struct cpio *cpio, const char *name, unsigned int mode,
	      const void *data, size_t size)
{
	size_t length = strlen(name) + 1;
	char *head = malloc(HEADER + length);

	if (!head || size > UINT32_MAX) {
		free(head);
		cpio->failed = true;
		return;
	}
	cpio->files++;
	/* ino mode uid gid nlink mtime size, four device numbers, name, sum */
	snprintf(head, HEADER + 1, "070701%08x%08x%08x%08x%08x%08x%08x"
		 "%08x%08x%08x%08x%08x%08x", cpio->files, mode, 0, 0, 1, 0,
		 (unsigned int)size, 0, 0, 0, 0, (unsigned int)length, 0);
	memcpy(head + HEADER, name, length);
	put(cpio, head, HEADER + length);
	put(cpio, data, size);
	free(head);
}

int cpio_end(struct cpio *cpio)
{
	cpio_add(cpio, "TRAILER!!!", 0, NULL, 0);
	return cpio->failed ? -ENOMEM : 0;
}
