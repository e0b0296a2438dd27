// SPDX-License-Identifier: GPL-2.0
/*
 * The boot loader's part of a start: setup header, memory map, command line.
 * The initrd is next door in initrd.c.
 *
 * Low memory of a guest (abi/guest.h has the addresses):
 *
 *	0x10000	struct boot_params, one page
 *	0x11000	command line, one page
 *	0x20000	the paravirt layer, and its page table page at 0x60000
 *	0x100000	the end of what the memory map calls reserved
 *
 * Of an i386 kernel the shim takes the place of the layer, with page tables behind it and
 * more of them above 1 MB: see abi/i386.h.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../abi/guest.h"
#include "../abi/i386.h"
#include "boot.h"
#include "i386_acpi.h"
#include "log.h"

/*J: launcher.boot
 * On a PC the kernel asks the firmware how much memory there is, where the
 * disk is, what the screen can do. Our guest has no firmware. But Linux long
 * ago moved those questions to the boot loader: whoever starts a kernel in
 * 64-bit mode fills one page, `struct boot_params`, and hands over its address
 * in RSI. The page says who loaded the kernel, where the command line and the
 * initrd are, and which ranges of physical memory are RAM (the "e820" map,
 * named after the BIOS call it replaces). All else may stay zero.
 *
 * So the firmware of a ringlet guest is this file. It runs before the guest
 * does, writes two pages, and is gone.
 :*/

#define HEADER_OFFSET		0x1f1	/* of the setup header in a bzImage */
#define HEADER_END_OFFSET	0x201	/* its byte says how far behind 0x202
					   the header reaches */
#define HEADER_MAGIC		0x53726448	/* "HdrS" */
#define BOOT_FLAG		0xaa55
#define PROTOCOL_2_12		0x020c	/* the first with xloadflags */
#define LOADER_UNDEFINED	0xff	/* a loader with no number of its own */
#define VIDEO_MODE_NORMAL	0xffff

#define E820_RAM		1
#define E820_RESERVED		2

/*
 * pti=off: there is no second page table to leave ring 1 by, the host's own
 * page table is the isolation. Without it a guest dies on a processor that
 * Linux wants to isolate itself on.
 *
 * noreplace-smp: with one CPU, Linux would rewrite each lock prefix of the
 * kernel and of each module into a NOP, and each rewrite takes two switches
 * of address spaces: thousands of them in a boot.
 *
 * mcheck_init_device() would say on each console, even a quiet one, that there are
 * no machine checks. Its first bytes are an alternative: no place for a patch.
 *
 * print_s5_reset_status_mmio(), since Linux 6.16, reads on each Zen, a guest's too, at a
 * fixed address of its chipset, where a guest has no memory.
 */
#define PTI			"pti="
#define DEFAULT_ARGUMENTS	PTI "off console=hvc0 noreplace-smp " \
			"initcall_blacklist=mcheck_init_device,print_s5_reset_status_mmio"

/*
 * An i386 guest has a PC's hardware (guest_i386/): its console is a serial line. Nothing
 * there could tell that the TSC is wrong. A panic ends in a reboot, at once, as nobody
 * else would notice it.
 */
#define I386_ARGUMENTS	PTI "off console=ttyS0 noreplace-smp tsc=reliable panic=-1 " \
			"initcall_blacklist=mcheck_init_device"
#define I386_INITRD_MAX	0x37ffffff

/* It has nothing as exact as the host's word to measure its TSC by. */
#define TSC_ARGUMENT	"tsc_early_khz=%llu "
#define TSC_BYTES	(sizeof(TSC_ARGUMENT) + 16)

_Static_assert(sizeof(struct boot_params) == 4096, "one page");
_Static_assert(offsetof(struct boot_params, hdr) == HEADER_OFFSET, "protocol");
_Static_assert(BOOT_CMDLINE_MAX + 1 <= GUEST_PAGE_SIZE, "one page");

/* A vmlinux has no setup header; this is what one would say. */
static void make_header(bool i386, struct setup_header *header)
{
	memset(header, 0, sizeof(*header));
	header->boot_flag = BOOT_FLAG;
	header->header = HEADER_MAGIC;
	header->version = PROTOCOL_2_12;
	header->loadflags = LOADED_HIGH;
	header->initrd_addr_max = 0x7fffffff;
	header->xloadflags = XLF_KERNEL_64 | XLF_CAN_BE_LOADED_ABOVE_4G;
	header->cmdline_size = BOOT_CMDLINE_MAX;
	if (!i386)
		return;
	header->initrd_addr_max = I386_INITRD_MAX;
	header->xloadflags = 0;
}

int boot_parse_header(const void *data, size_t size,
		      struct setup_header *header)
{
	const unsigned char *bytes = data;
	size_t end;

	if (size >= SELFMAG && !memcmp(bytes, ELFMAG, SELFMAG)) {
		make_header(size > EI_CLASS && bytes[EI_CLASS] == ELFCLASS32,
			    header);
		return 0;
	}
	if (size < HEADER_OFFSET + sizeof(*header))
		return -ENOEXEC;
	end = HEADER_END_OFFSET + 1 + bytes[HEADER_END_OFFSET];
	/* A header newer than ours is cut off: we know none of what follows. */
	if (end > HEADER_OFFSET + sizeof(*header))
		end = HEADER_OFFSET + sizeof(*header);
	memset(header, 0, sizeof(*header));
	memcpy(header, bytes + HEADER_OFFSET, end - HEADER_OFFSET);
	if (header->boot_flag != BOOT_FLAG || header->header != HEADER_MAGIC ||
	    header->version < PROTOCOL_2_12)
		return -ENOEXEC;
	return 0;
}

bool boot_is_i386(const char *kernel_file)
{
	struct setup_header header;
	unsigned char data[HEADER_OFFSET + sizeof(header)];
	/* Not to wait at a FIFO. */
	int fd = open(kernel_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t size = fd < 0 ? -1 : pread(fd, data, sizeof(data), 0);

	if (fd >= 0)
		close(fd);
	return size > 0 && !boot_parse_header(data, size, &header) &&
	       !(header.xloadflags & XLF_KERNEL_64);
}

int boot_read_header(const char *kernel_file, struct setup_header *header)
{
	unsigned char data[HEADER_OFFSET + sizeof(*header)];
	int fd = open(kernel_file, O_RDONLY | O_CLOEXEC);
	ssize_t size;
	int error;

	if (fd < 0) {
		error = -errno;
		log_warn("cannot open %s", kernel_file);
		return error;
	}
	size = pread(fd, data, sizeof(data), 0);
	error = size < 0 ? -errno : 0;
	close(fd);
	if (error) {
		errno = -error;
		log_warn("cannot read %s", kernel_file);
		return error;
	}
	if (boot_parse_header(data, size, header)) {
		log_warnx("%s is not a Linux kernel for x86: neither a "
			  "bzImage nor an ELF file", kernel_file);
		return -ENOEXEC;
	}
	return 0;
}

/*
 * Does the text undo pti=off? As Linux looks for it: in all words, whatever
 * quotes or a -- stand before them, and the last one counts.
 */
static bool turns_pti_on(const char *text)
{
	size_t length;

	while (*text) {
		/* Bytes up to the blank are blanks. */
		for (length = 0; (unsigned char)text[length] > ' '; length++)
			;
		if (!strncmp(text, PTI, strlen(PTI)) &&
		    (length != strlen(PTI "off") ||
		     strncmp(text, PTI "off", length)))
			return true;
		text += length + !!text[length];
	}
	return false;
}

/* The user's part, each word after a blank; at most room bytes with the NUL. */
static size_t join(char *to, size_t room, const char *append, char **words,
		   int count)
{
	size_t used = 0;
	int i;

	*to = '\0';
	if (append && *append)
		used += snprintf(to, room, " %s", append);
	for (i = 0; i < count; i++)
		used += snprintf(used < room ? to + used : NULL,
				 used < room ? room - used : 0, " %s",
				 words[i]);
	return used;
}

char *boot_command_line(bool i386, const char *append, char **words, int count)
{
	const char *defaults = i386 ? I386_ARGUMENTS : DEFAULT_ARGUMENTS;
	const size_t own = strlen(defaults);
	const size_t size = BOOT_CMDLINE_MAX + 1;
	char *line = malloc(size);
	size_t used;

	if (!line) {
		log_warn("command line");
		return NULL;
	}
	strcpy(line, defaults);
	used = own + join(line + own, size - own, append, words, count);
	/* Which boot_write_params() puts in front. */
	if (i386)
		used += TSC_BYTES;
	if (used > BOOT_CMDLINE_MAX)
		log_warnx("Linux takes %d bytes of kernel arguments, of which "
			  "ringlet needs %zu; shorten --append or those behind "
			  "-- by %zu", BOOT_CMDLINE_MAX, own,
			  used - BOOT_CMDLINE_MAX);
	else if (turns_pti_on(line))
		log_warnx("a guest runs with %soff only: leave the kernel "
			  "argument %s away", PTI, PTI);
	else
		return line;
	free(line);
	return NULL;
}

void boot_check_console(bool i386, const char *line)
{
	const char *there = i386 ? "ttyS0" : "hvc0";
	const char *word = line, *last = NULL;
	size_t bytes;

	while (*word) {
		if (!strncmp(word, "console=", 8))
			last = word + 8;
		word += strcspn(word, " ");
		word += strspn(word, " ");
	}
	/* ttynull is there, and means it. */
	if (!last || strncmp(last, "tty", 3) || !strncmp(last, "ttynull", 7) ||
	    !strncmp(last, there, strlen(there)))
		return;
	bytes = strcspn(last, " ");
	log_warnx("the last console= of the kernel's arguments is %.*s, which "
		  "a guest does not have: what init writes is lost, and no "
		  "login appears. Leave it out, or put console=%s behind it",
		  (int)bytes, last, there);
}

static void add_e820(struct boot_params *params, uint64_t start, uint64_t end,
		     uint32_t type)
{
	struct boot_e820_entry *entry =
		&params->e820_table[params->e820_entries++];

	entry->addr = start;
	entry->size = end - start;
	entry->type = type;
}

/*
 * The first megabyte holds the paravirt layer and these pages. Linux keeps a reserved
 * first megabyte in its direct map, and so the layer stays reachable there for ever. An
 * i386 kernel has some memory there, and cannot do without.
 */
static void write_memory_map(bool i386, struct boot_params *params,
			     const struct guest_memory *memory)
{
	uint64_t start = GUEST_LOW_MEMORY;

	if (i386) {
		add_e820(params, 0, RL_I386_LOW_RAM, E820_RESERVED);
		add_e820(params, RL_I386_LOW_RAM, RL_I386_LOW_RAM_END, E820_RAM);
		add_e820(params, RL_I386_LOW_RAM_END, RL_I386_POOL_END,
			 E820_RESERVED);
		start = RL_I386_POOL_END;
	} else {
		add_e820(params, 0, GUEST_LOW_MEMORY, E820_RESERVED);
	}
	add_e820(params, start, memory->low, E820_RAM);
	if (memory->end > memory->low)
		add_e820(params, RL_HIGH_MEMORY, memory->end, E820_RAM);
}

void boot_write_params(const struct boot_i386 *i386, const struct guest_memory *memory,
		       const struct setup_header *header,
		       const struct boot_initrd *initrd,
		       const char *command_line)
{
	struct boot_params *params =
		memory_at(memory, RL_BOOT_PARAMS_GPA, sizeof(*params));
	char *line = memory_at(memory, RL_CMDLINE_GPA, BOOT_CMDLINE_MAX + 1);

	if (i386 && i386->tsc_khz)
		line += snprintf(line, TSC_BYTES, TSC_ARGUMENT,
				 (unsigned long long)i386->tsc_khz);
	if (i386)
		params->acpi_rsdp_addr = i386_acpi_write(memory->hva, i386->devices);
	strcpy(line, command_line);
	params->hdr = *header;
	params->hdr.type_of_loader = LOADER_UNDEFINED;
	params->hdr.vid_mode = VIDEO_MODE_NORMAL;
	params->hdr.cmd_line_ptr = RL_CMDLINE_GPA;
	/* Lists of an earlier loader have no meaning here. */
	params->hdr.setup_data = 0;
	params->hdr.ramdisk_image = (uint32_t)initrd->gpa;
	params->hdr.ramdisk_size = (uint32_t)initrd->size;
	params->ext_ramdisk_image = initrd->gpa >> 32;
	params->ext_ramdisk_size = initrd->size >> 32;
	write_memory_map(i386, params, memory);
}
