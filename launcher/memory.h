/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's RAM: one mapping of the launcher, GPA 0 = hva, with a hole where
 * device registers are (abi/guest.h). The only way from a GPA to a pointer is
 * memory_at(), which checks.
 */
#ifndef RINGLET_LAUNCHER_MEMORY_H
#define RINGLET_LAUNCHER_MEMORY_H

#include <stdint.h>

struct guest_memory {
	void *hva;
	uint64_t size;		/* bytes of RAM, a multiple of the page size */
	uint64_t low;		/* RAM is at GPA [0, low), below the hole, */
	uint64_t end;		/* and at [RL_HIGH_MEMORY, end) behind it;
				   end = low where there is none behind it */
	uint64_t files;		/* below this GPA a page may be one of a file */
};

#define GUEST_PAGE_SIZE		4096ull
#define GUEST_LOW_MEMORY	0x100000ull	/* never RAM for the guest */

/* size: bytes, page aligned. 0 or -errno. The memory reads as zeros. */
int memory_create(struct guest_memory *memory, uint64_t size);
void memory_destroy(struct guest_memory *memory);

/*
 * Pages of guest RAM, by an address from memory_at(), become those of the file at
 * `offset`, each copied when it is first written; with fd -1, zeros. bytes and
 * offset: multiples of the page size. 0 or -errno, and then they are as before.
 */
int memory_replace(void *at, uint64_t bytes, int fd, uint64_t offset);

/* The host takes these pages back; they read as zeros. 0 or -errno. */
int memory_discard(const struct guest_memory *memory, uint64_t gpa,
		   uint64_t bytes);

/*
 * The bytes [gpa, gpa + bytes) in the launcher's address space, or NULL where
 * they are not all guest RAM. What is behind the pointer may change under the
 * reader at any moment while the guest runs.
 */
void *memory_at(const struct guest_memory *memory, uint64_t gpa,
		uint64_t bytes);

#endif
