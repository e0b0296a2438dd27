// SPDX-License-Identifier: GPL-2.0
/*
 * From a kernel file to the ELF kernel inside. See image.h; start reading at
 * image_set().
 */
#include "image.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "budget.h"
#include "elfview.h"
#include "log.h"
#include "unpack.h"

/*J: launcher.image
 * A distribution ships its kernel as a *bzImage*: a little real mode code
 * that nobody runs any more, a 64-bit program that unpacks, and the real
 * kernel, an ELF file, in a compressed lump. A boot loader jumps to the
 * unpacker and thinks no further. ringlet cannot: the unpacker would run with
 * privileges that ring 1 lacks, and we want to look at the kernel before it
 * runs. So the launcher takes the lump out itself. The boot header says where
 * it lies (payload_offset, payload_length), the magic bytes say how it is
 * packed, and the last four bytes how large it becomes. Behind the ELF file
 * comes the list of places that a kernel at a random address must correct; we
 * load at the linked address, so it is cut off.
 *
 * None of these numbers can be believed. The size in particular is one that a
 * forger chooses freely, so it has a limit, and the unpackers get exactly
 * that much room.
 :*/

/* Where struct setup_header begins: Documentation/x86/boot.rst of Linux. */
#define HEADER_OFFSET	0x1f1
#define BOOT_FLAG	0xaa55
#define HEADER_MAGIC	0x53726448	/* "HdrS" */
#define VERSION_MIN	0x020c	/* the first with xloadflags */
#define SECTOR		512

#define FILE_MAX	(1ull << 30)
#define UNPACKED_MAX	(1ull << 30)
#define UNPACKED_MIN	4096

#define INSTALL_AGAIN \
	"copy it again, or reinstall the linux-image package it comes from"

static uint32_t get32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static int read_all(int fd, uint8_t *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, data + done, size - done, done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;	/* it shrank under us */
		done += n;
	}
	return 0;
}

static int check_size(const char *file, const struct stat *st)
{
	if (!S_ISREG(st->st_mode)) {
		log_warnx("%s is not a file: give a kernel such as "
			  "/boot/vmlinuz-$(uname -r)", file);
		return -EINVAL;
	}
	if (st->st_size == 0) {
		log_warnx("%s is empty: " INSTALL_AGAIN, file);
		return -EINVAL;
	}
	if ((unsigned long long)st->st_size > FILE_MAX) {
		log_warnx("%s is larger than 1 GB, too large for a kernel: "
			  "strip it of debug information", file);
		return -EFBIG;
	}
	return 0;
}

int image_read(struct image *image, const char *file)
{
	/* O_NONBLOCK: a FIFO is refused below and must not hang us here. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint8_t *data = NULL;
	struct stat st;
	int ret;

	memset(image, 0, sizeof(*image));
	if (fd < 0 || fstat(fd, &st)) {
		ret = -errno;
		log_warn("cannot read the kernel %s", file);
		goto out;
	}
	ret = check_size(file, &st);
	if (ret)
		goto out;
	data = malloc(st.st_size);
	ret = data ? read_all(fd, data, st.st_size) : -ENOMEM;
	if (ret) {
		errno = -ret;
		log_warn("cannot read the kernel %s", file);
		free(data);
		goto out;
	}
	ret = image_set(image, file, data, st.st_size);
out:
	if (fd >= 0)
		close(fd);
	return ret;
}

/* The boot header: is it a bzImage, of which kind, and whole? */
static int check_bzimage(struct image *image)
{
	struct setup_header h = { 0 };
	uint64_t start;

	/* A copy, as no field of it is aligned in the file. */
	if (image->size >= HEADER_OFFSET + sizeof(h))
		memcpy(&h, image->data + HEADER_OFFSET, sizeof(h));
	if (h.boot_flag != BOOT_FLAG || h.header != HEADER_MAGIC) {
		log_warnx("%s is no Linux kernel for x86 (neither a bzImage "
			  "nor an ELF vmlinux): give a kernel such as "
			  "/boot/vmlinuz-$(uname -r)", image->file);
		return -ENOEXEC;
	}
	if (h.version < VERSION_MIN) {
		log_warnx("%s is a kernel older than Linux 3.8: ringlet needs "
			  "a current one", image->file);
		return -ENOEXEC;
	}
	image->i386 = !(h.xloadflags & XLF_KERNEL_64);
	/* Both terms fit 64 bits by far: no overflow. */
	start = ((h.setup_sects ? h.setup_sects : 4) + 1ull) * SECTOR +
		h.payload_offset;
	if (start + h.payload_length > image->size) {
		log_warnx("%s is truncated (%zu of at least %llu bytes): "
			  INSTALL_AGAIN, image->file, image->size,
			  (unsigned long long)start + h.payload_length);
		return -ENOEXEC;
	}
	image->payload = start;
	image->payload_size = h.payload_length;
	if (image->payload_size < 16) {
		log_warnx("%s has no kernel inside: " INSTALL_AGAIN,
			  image->file);
		return -ENOEXEC;
	}
	return 0;
}

static void set_key(struct image *image)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, image->size, image->data);
	digest_end(&ctx, image->key);
}

int image_set(struct image *image, const char *file, void *data, size_t size)
{
	int ret = 0;

	memset(image, 0, sizeof(*image));
	image->file = file;
	image->data = data;
	image->size = size;
	if (size < SELFMAG || memcmp(data, ELFMAG, SELFMAG))
		ret = check_bzimage(image);
	else
		image->i386 = size > EI_CLASS &&
			      image->data[EI_CLASS] == ELFCLASS32;
	if (ret)
		image_free(image);
	else
		set_key(image);
	return ret;
}

static int unpack_payload(struct image *image)
{
	const uint8_t *p = image->data + image->payload;
	size_t size = image->payload_size;
	size_t out_size = get32(p + size - 4);
	const char *why;

	/* CONFIG_KERNEL_UNCOMPRESSED */
	if (!memcmp(p, ELFMAG, SELFMAG)) {
		image->elf = p;
		image->elf_size = size;
		return 0;
	}
	if (!unpack_format(p, size)) {
		log_warnx("%s is damaged, or packed in a way that is not xz, "
			  "gzip, zstd or lz4: " INSTALL_AGAIN, image->file);
		return -ENOEXEC;
	}
	if (out_size < UNPACKED_MIN || out_size > UNPACKED_MAX) {
		log_warnx("%s is damaged: it claims to unpack to %zu bytes: "
			  INSTALL_AGAIN, image->file, out_size);
		return -ENOEXEC;
	}
	image->unpacked = malloc(out_size);
	if (!image->unpacked) {
		log_warnx("not enough memory to unpack %s (%zu MB needed)",
			  image->file, out_size >> 20);
		return -ENOMEM;
	}
	if (!budget_take(size / 4 + out_size))
		return budget_check();
	why = unpack(p, size, image->unpacked, out_size);
	if (why) {
		log_warnx("%s cannot be unpacked, %s: " INSTALL_AGAIN,
			  image->file, why);
		return -ENOEXEC;
	}
	image->elf = image->unpacked;
	image->elf_size = out_size;
	return 0;
}

int image_unpack(struct image *image)
{
	struct elf_view view;
	const char *why;
	int ret;

	image->elf = image->data;
	image->elf_size = image->size;
	if (image->payload_size) {
		ret = unpack_payload(image);
		if (ret)
			return ret;
	}
	why = image->i386 ? elf_open_i386(&view, image->elf, image->elf_size) :
			    elf_open(&view, image->elf, image->elf_size, ET_EXEC);
	if (why) {
		log_warnx("the kernel in %s cannot be used, %s: "
			  INSTALL_AGAIN, image->file, why);
		return -ENOEXEC;
	}
	image->elf_size = elf_extent(&view);
	elf_close(&view);
	return 0;
}

void image_free(struct image *image)
{
	free(image->unpacked);
	free(image->data);
	memset(image, 0, sizeof(*image));
}
