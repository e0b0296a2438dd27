/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing an archive that Linux takes for an initramfs: "newc" cpio (the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst).
 */
#ifndef RINGLET_LAUNCHER_CPIO_H
#define RINGLET_LAUNCHER_CPIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: empty. What does not fit sets failed, and stays so. */
struct cpio {
	uint8_t *data;		/* for free(3) */
	size_t size, room;	/* bytes */
	unsigned int files;
	bool failed;
};

/*
 * A file (mode with S_IFREG) or a folder (S_IFDIR, no data) with an absolute or
 * relative name; its folder must be there. It belongs to root.
 */
void cpio_add(struct cpio *cpio, const char *name, unsigned int mode,
	      const void *data, size_t size);
/* The trailer. Another archive may follow. 0 or -ENOMEM. */
int cpio_end(struct cpio *cpio);

#endif
