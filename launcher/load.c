// SPDX-License-Identifier: GPL-2.0
/*
 * prepared_load(): a cache entry into guest memory. See prepare.h. The files
 * are our own, but a cache may be damaged or half copied, so all is checked
 * against the guest's memory again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../abi/guest.h"
#include "budget.h"
#include "elfview.h"
#include "i386_kernel.h"
#include "link.h"
#include "log.h"
#include "memory.h"
#include "patch.h"
#include "prepare.h"

#define PAGE		4096ull
#define CHUNK		(1u << 20)	/* read at once */
#define LOW_END		0x100000ull	/* kernels load above this GPA */

#define PTE_PRESENT	(1ull << 0)
#define PTE_RW		(1ull << 1)
#define PTE_ACCESSED	(1ull << 5)
#define PTE_DIRTY	(1ull << 6)
#define PTE_NX		(1ull << 63)

/*J: launcher.load
 * Loading is what a boot loader does, with one difference. A kernel that was
 * put at its physical place has static page tables for its virtual one; the
 * layer is not in them. But they have room: the 2 MB behind the kernel's
 * image, where modules go, is the first entry of level2_fixmap_pgt, and it is
 * empty. The loader hangs one page table page there, which maps the layer's
 * code executable and its data not, and from its first instruction the guest
 * finds the layer as if it were a module that has always been loaded.
 :*/

/* An ELF file of the cache, mapped; headers are read from the mapping. */
struct loaded_file {
	int fd;
	void *map;
	size_t size;
	struct elf_view elf;
};

static void close_file(struct loaded_file *f)
{
	elf_close(&f->elf);
	if (f->map)
		munmap(f->map, f->size);
	if (f->fd >= 0)
		close(f->fd);
}

/* held: the file as it was opened before, or -1. */
static int open_file(struct loaded_file *f, const char *path, int held)
{
	const char *why = "it is empty";
	struct stat st;
	int error;

	memset(f, 0, sizeof(*f));
	f->fd = held >= 0 ? fcntl(held, F_DUPFD_CLOEXEC, 0) :
			    open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st))
		goto unreadable;
	if (st.st_size > 0) {
		f->size = st.st_size;
		f->map = mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, f->fd, 0);
		if (f->map == MAP_FAILED) {
			f->map = NULL;
			goto unreadable;
		}
		why = elf_open(&f->elf, f->map, f->size, ET_EXEC);
	}
	if (!why)
		return 0;
	log_warnx("the cache entry %s is damaged, %s: remove its folder", path,
		  why);
	close_file(f);
	return -EIO;
unreadable:
	error = -errno;
	log_warn("the cache entry %s cannot be read", path);
	close_file(f);
	return error;
}

static int read_at(int fd, uint8_t *to, size_t size, uint64_t offset)
{
	while (size) {
		size_t most = size < CHUNK ? size : CHUNK;
		ssize_t n;

		if (!budget_take(1 + most / BUDGET_BYTES))
			return budget_check();
		n = pread(fd, to, most, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		to += n;
		size -= n;
		offset += n;
	}
	return 0;
}

/* Is it kernel memory, and is there as much? */
static int check_segment(const Elf64_Phdr *p, uint64_t size)
{
	if (p->p_paddr < LOW_END) {
		log_warnx("the kernel wants to lie below 1 MB, where ringlet "
			  "puts other things");
		return -ENOEXEC;
	}
	if (p->p_paddr + p->p_memsz > size) {
		log_warnx("the kernel alone needs %llu MB of memory, the guest "
			  "has %llu: give it more with --memory",
			  (unsigned long long)(p->p_paddr + p->p_memsz +
					       0xfffff) >> 20,
			  (unsigned long long)size >> 20);
		return -ENOMEM;
	}
	return 0;
}

/*
 * Whole pages are mapped, and the host copies one when the guest writes it: a boot
 * leaves half of the kernel alone. The rest of the last page is read.
 */
static int load_segment(int fd, const Elf64_Phdr *p, uint8_t *memory)
{
	bool mappable = !((p->p_offset | p->p_paddr) & (PAGE - 1));
	uint64_t whole = mappable ? p->p_filesz & ~(PAGE - 1) : 0;
	int error = memory_replace(memory + p->p_paddr, whole, fd, p->p_offset);

	if (error)
		return error;
	return read_at(fd, memory + p->p_paddr + whole, p->p_filesz - whole,
		       p->p_offset + whole);
}

static int load_kernel(const struct loaded_file *f, uint8_t *memory,
		       uint64_t size, uint64_t *end)
{
	const struct elf_view *elf = &f->elf;
	const Elf64_Phdr *highest = NULL;
	int ret;

	*end = 0;
	/* The highest first, so that a complaint names the whole need. */
	for (size_t i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segments[i];

		if (p->p_type != PT_LOAD || p->p_paddr + p->p_memsz <= *end)
			continue;
		highest = p;
		*end = p->p_paddr + p->p_memsz;
	}
	if (!highest) {
		log_warnx("the prepared kernel has no contents: remove the "
			  "cache entry");
		return -EIO;
	}
	ret = check_segment(highest, size);
	for (size_t i = 0; i < elf->header.e_phnum && !ret; i++) {
		const Elf64_Phdr *p = &elf->segments[i];

		if (p->p_type != PT_LOAD)
			continue;
		ret = check_segment(p, size);
		if (ret)
			break;
		ret = load_segment(f->fd, p, memory);
		if (ret && !budget_check()) {
			errno = -ret;
			log_warn("cannot read the prepared kernel");
		}
	}
	return ret;
}

/* The rights of a segment's pages: code is never writable. */
static uint64_t page_rights(const Elf64_Phdr *p)
{
	uint64_t rights = PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;

	if (p->p_flags & PF_W)
		rights |= PTE_RW;
	if (!(p->p_flags & PF_X))
		rights |= PTE_NX;
	return rights;
}

static void map_segment(const Elf64_Phdr *p, uint64_t *table)
{
	uint64_t first = (p->p_vaddr - RL_LAYER_GVA) / PAGE;
	uint64_t last = (p->p_vaddr - RL_LAYER_GVA + p->p_memsz - 1) / PAGE;

	for (uint64_t i = first; i <= last; i++)
		table[i] = (RL_LAYER_GPA + i * PAGE) | page_rights(p);
}

/* link_check_layer() has seen to it that the segments are in their home. */
static int load_layer(const struct elf_view *elf, uint8_t *memory)
{
	uint64_t *table = (uint64_t *)(memory + RL_LAYER_PT_GPA);
	int ret = link_check_layer(elf);

	if (ret)
		return ret;
	for (size_t i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segments[i];

		if (p->p_type != PT_LOAD || !p->p_memsz)
			continue;
		memcpy(memory + p->p_paddr, elf->data + p->p_offset,
		       p->p_filesz);
		map_segment(p, table);
	}
	return 0;
}

static int patch_kernel(const struct elf_view *layer,
			const struct elf_view *kernel, uint8_t *memory,
			uint64_t size)
{
	struct rl_patch *patches;
	size_t count;
	int ret = patch_read(layer, &patches, &count);

	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++) {
		const struct rl_patch *p = &patches[i];
		uint64_t gpa;

		if (elf_gpa(kernel, p->gva, &gpa) || gpa > size ||
		    p->len > size - gpa || !patch_matches(p, memory + gpa)) {
			log_warnx("the prepared kernel and its layer do not "
				  "fit together: remove the cache entry");
			ret = -EIO;
			break;
		}
		patch_write(p, memory + gpa);
	}
	free(patches);
	return ret;
}

/* Entry 0 of level2_fixmap_pgt leads to the layer's page table page. */
static int hook_fixmap(const struct prepared *prepared, uint8_t *memory,
		       uint64_t size)
{
	uint64_t entry = RL_LAYER_PT_GPA | PTE_PRESENT | PTE_RW | PTE_ACCESSED;

	if (prepared->fixmap > size - PAGE || prepared->cr3 > size - PAGE ||
	    prepared->fixmap & (PAGE - 1) || prepared->cr3 & (PAGE - 1)) {
		log_warnx("the cache entry %s is damaged: remove it",
			  prepared->dir);
		return -EIO;
	}
	memcpy(memory + prepared->fixmap, &entry, sizeof(entry));
	return 0;
}

int prepared_load(const struct prepared *prepared, void *memory, uint64_t size,
		  uint64_t *kernel_end)
{
	struct loaded_file kernel, layer;
	int ret;

	budget_begin("the prepared kernel", BUDGET_STEPS);
	ret = open_file(&kernel, prepared->vmlinux,
			prepared->held ? prepared->vmlinux_fd : -1);
	if (ret)
		return ret;
	ret = open_file(&layer, prepared->layer,
			prepared->held ? prepared->layer_fd : -1);
	if (ret)
		goto close_kernel;
	/* This also sees that there is memory for what lies below 1 MB. */
	ret = load_kernel(&kernel, memory, size, kernel_end);
	if (!ret)
		ret = load_layer(&layer.elf, memory);
	if (!ret && prepared_is_i386(prepared))
		i386_kernel_map(memory);
	else if (!ret)
		ret = hook_fixmap(prepared, memory, size);
	if (!ret && !prepared_is_i386(prepared))
		ret = patch_kernel(&layer.elf, &kernel.elf, memory, size);
	close_file(&layer);
close_kernel:
	close_file(&kernel);
	return ret;
}
