// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: what a cache entry holds, as a guest is loaded from it: a
 * kernel and the layer, which somebody may have put there who is no friend.
 *
 *	bytes 0 to 3	how much of the rest is the kernel
 *	bytes 4 to 7	the GPA of its page table for the fixmap
 *	then		the kernel; the layer
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/prepare.h"
#include "quiet_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY	(48ull << 20)

static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("entry", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct prepared entry = {
		.vmlinux = (char *)"vmlinux",
		.layer = (char *)"layer.elf",
		.held = true,
	};
	uint64_t end = 0;
	uint32_t kernel, fixmap;
	uint8_t *memory;

	if (size < 8)
		return 0;
	memcpy(&kernel, data, 4);
	memcpy(&fixmap, data + 4, 4);
	data += 8;
	size -= 8;
	if (kernel > size)
		kernel = size;
	entry.fixmap = fixmap;
	entry.vmlinux_fd = file_of(data, kernel);
	entry.layer_fd = file_of(data + kernel, size - kernel);
	/* With nothing beside it: an access over an end is a fault. */
	memory = mmap(NULL, MEMORY + 2 * 4096, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED ||
	    mprotect(memory + 4096, MEMORY, PROT_READ | PROT_WRITE))
		abort();
	if (!prepared_load(&entry, memory + 4096, MEMORY, &end) &&
	    (!end || end > MEMORY))
		abort();
	munmap(memory, MEMORY + 2 * 4096);
	close(entry.vmlinux_fd);
	close(entry.layer_fd);
	return 0;
}
