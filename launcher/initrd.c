// SPDX-License-Identifier: GPL-2.0
/*
 * The initrd: opened before anything else is done, so that a mistyped name is
 * reported at once; placed and read once the kernel's end is known. A reboot
 * reads it again from the same file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "log.h"

#define MEGABYTE (1ull << 20)

/*
 * What Linux needs beside its image to get as far as its first process: page
 * structures, per-CPU areas, slabs. With less it dies in silence.
 */
#define WORKING_MEMORY (24 * MEGABYTE)

int boot_check_memory(uint64_t memory_size, uint64_t kernel_end,
		      uint64_t initrd_size)
{
	uint64_t need = kernel_end + initrd_size + WORKING_MEMORY;

	if (memory_size >= need)
		return 0;
	log_warnx("%llu MB of memory are too little for this kernel%s: give "
		  "--memory %lluM or more",
		  (unsigned long long)(memory_size / MEGABYTE),
		  initrd_size ? " and initrd" : "",
		  (unsigned long long)(need / MEGABYTE + 1));
	return -ENOSPC;
}

int boot_place_initrd(const struct setup_header *header, uint64_t memory_size,
		      uint64_t kernel_end, uint64_t size, uint64_t *gpa)
{
	uint64_t top = memory_size;
	uint64_t reach = (uint64_t)header->initrd_addr_max + 1;

	if (!(header->xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G) && top > reach)
		top = reach;
	if (kernel_end < GUEST_LOW_MEMORY)
		kernel_end = GUEST_LOW_MEMORY;
	if (top < kernel_end || size > top - kernel_end)
		return -ENOSPC;
	*gpa = (top - size) & ~(GUEST_PAGE_SIZE - 1);
	return *gpa < kernel_end ? -ENOSPC : 0;
}

int boot_open_initrd(const char *path, struct boot_initrd *initrd)
{
	struct stat status;

	initrd->fd = -1;
	initrd->size = 0;
	initrd->gpa = 0;
	if (!path)
		return 0;
	initrd->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (initrd->fd < 0) {
		log_warn("cannot open the initrd %s", path);
		return -errno;
	}
	if (fstat(initrd->fd, &status) || !S_ISREG(status.st_mode) ||
	    !status.st_size) {
		log_warnx("the initrd %s is %s", path,
			  S_ISREG(status.st_mode) ? "empty" :
			  "not a regular file");
		boot_close_initrd(initrd);
		return -EINVAL;
	}
	initrd->size = status.st_size;
	return 0;
}

void boot_close_initrd(struct boot_initrd *initrd)
{
	if (initrd->fd >= 0)
		close(initrd->fd);
	initrd->fd = -1;
}

/* All size bytes of fd, or a message and -errno. */
static int read_all(int fd, char *to, uint64_t size)
{
	uint64_t done = 0;
	ssize_t got;

	while (done < size) {
		got = pread(fd, to + done, size - done, done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			log_warn("cannot read the initrd");
			return -errno;
		}
		if (got == 0) {
			log_warnx("the initrd became shorter while it was "
				  "read; start again");
			return -EIO;
		}
		done += got;
	}
	return 0;
}

int boot_load_initrd(struct boot_initrd *initrd,
		     const struct setup_header *header,
		     const struct guest_memory *memory, uint64_t kernel_end)
{
	int error;

	if (initrd->fd < 0)
		return 0;
	error = boot_place_initrd(header, memory->low, kernel_end,
				  initrd->size, &initrd->gpa);
	if (error) {
		log_warnx("the initrd (%llu MB) does not fit behind the kernel "
			  "into %llu MB of memory; give more with --memory",
			  (unsigned long long)(initrd->size / MEGABYTE + 1),
			  (unsigned long long)(memory->low / MEGABYTE));
		return error;
	}
	error = read_all(initrd->fd,
			 memory_at(memory, initrd->gpa, initrd->size),
			 initrd->size);
	if (!error)
		log_info("initrd: %llu bytes at 0x%llx",
			 (unsigned long long)initrd->size,
			 (unsigned long long)initrd->gpa);
	return error;
}
