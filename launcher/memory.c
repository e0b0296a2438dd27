// SPDX-License-Identifier: GPL-2.0
/*
 * The mapping behind guest RAM.
 *
 * It is private anonymous memory without reservation: a page exists once the
 * loader, a device or the guest touched it. The kernel's pages are those of its file
 * in the cache, until they are written. Nothing of it is pinned: the host may
 * swap, move and take back what it likes. Huge pages are switched off, because the
 * module maps and forgets single pages: of a huge one it has only the splitting.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#include "../abi/guest.h"
#include "memory.h"

/*J: launcher.memory
 * What is a machine's memory? For the guest, a range of physical addresses
 * that begins at 0. For the host, some virtual memory of an ordinary process:
 * this one. The launcher asks for it as any program asks for memory, tells the
 * module "guest-physical 0 is at this address of mine", and from then on can
 * read and write its guest's memory with plain pointers. That is how the
 * kernel gets loaded and how devices move data: no copying through the
 * kernel, no special file.
 *
 * The other side of the coin is that the guest writes this memory too, while
 * we look at it, and that it tells us where to look. So a guest-physical
 * address is never turned into a pointer but by memory_at(), which checks that
 * the whole range lies in the mapping and cannot be fooled by a sum that
 * wraps.
 :*/

/* Where RAM ends below and behind the hole. */
static void lay_out(struct guest_memory *memory, uint64_t size)
{
	memory->size = size;
	if (size <= RL_MMIO_BASE) {
		memory->low = memory->end = size;
		return;
	}
	memory->low = RL_MMIO_BASE;
	memory->end = RL_HIGH_MEMORY + (size - RL_MMIO_BASE);
}

/* MAP_FAILED with errno, or where it is; at may be NULL. */
static void *map(void *at, uint64_t bytes, int fd, uint64_t offset)
{
	int flags = MAP_PRIVATE | MAP_NORESERVE | (at ? MAP_FIXED : 0) |
		    (fd < 0 ? MAP_ANONYMOUS : 0);
	void *hva = mmap(at, bytes, PROT_READ | PROT_WRITE, flags, fd, offset);

	if (hva == MAP_FAILED)
		return hva;
	/* Advice only: a host without huge pages refuses it, which is fine. */
	madvise(hva, bytes, MADV_NOHUGEPAGE);
	/* A core dump of the launcher shall not carry the guest's secrets. */
	madvise(hva, bytes, MADV_DONTDUMP);
	return hva;
}

int memory_create(struct guest_memory *memory, uint64_t size)
{
	void *hva;

	lay_out(memory, size);
	memory->files = 0;
	hva = map(NULL, memory->end, -1, 0);
	if (hva == MAP_FAILED)
		return -errno;
	memory->hva = hva;
	/* A mistake of ours in the hole shall not look like memory. */
	if (memory->end > memory->low &&
	    mprotect((char *)hva + memory->low, RL_HIGH_MEMORY - memory->low,
		     PROT_NONE)) {
		memory_destroy(memory);
		return -ENOMEM;
	}
	return 0;
}

void memory_destroy(struct guest_memory *memory)
{
	munmap(memory->hva, memory->end);
	memory->hva = NULL;
	memory->size = memory->low = memory->end = 0;
}

/* Is [gpa, gpa + bytes) in [start, end)? Nothing here can wrap. */
static bool is_within(uint64_t gpa, uint64_t bytes, uint64_t start,
		      uint64_t end)
{
	return gpa >= start && gpa <= end && bytes <= end - gpa;
}

void *memory_at(const struct guest_memory *memory, uint64_t gpa,
		uint64_t bytes)
{
	if (is_within(gpa, bytes, 0, memory->low) ||
	    (memory->end > memory->low &&
	     is_within(gpa, bytes, RL_HIGH_MEMORY, memory->end)))
		return (char *)memory->hva + gpa;
	return NULL;
}

int memory_replace(void *at, uint64_t bytes, int fd, uint64_t offset)
{
	return bytes && map(at, bytes, fd, offset) == MAP_FAILED ? -errno : 0;
}

/*
 * A page of a file, given back, would show the file again: zeros take its place. The
 * others stay one mapping.
 */
int memory_discard(const struct guest_memory *memory, uint64_t gpa,
		   uint64_t bytes)
{
	char *start = memory_at(memory, gpa, bytes);
	uint64_t of_files = gpa < memory->files ? memory->files - gpa : 0;
	int error = 0;

	if (!start || (gpa | bytes | memory->files) % GUEST_PAGE_SIZE)
		return -EINVAL;
	if (of_files > bytes)
		of_files = bytes;
	if (of_files < bytes &&
	    madvise(start + of_files, bytes - of_files, MADV_DONTNEED))
		error = -errno;
	return error ? error : memory_replace(start, of_files, -1, 0);
}
