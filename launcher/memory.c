// SPDX-License-Identifier: GPL-2.0
/*
 * The mapping behind guest RAM.
 *
 * It is private anonymous memory without reservation: a page exists once the
 * loader, a device or the guest touched it. Nothing of it is pinned: the host may
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

int memory_create(struct guest_memory *memory, uint64_t size)
{
	void *hva;

	lay_out(memory, size);
	hva = mmap(NULL, memory->end, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (hva == MAP_FAILED)
		return -errno;
	/* Advice only: a host without huge pages refuses it, which is fine. */
	madvise(hva, memory->end, MADV_NOHUGEPAGE);
	/* A core dump of the launcher shall not carry the guest's secrets. */
	madvise(hva, memory->end, MADV_DONTDUMP);
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
