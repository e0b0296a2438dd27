// SPDX-License-Identifier: GPL-2.0
/*
 * Opening a file or block device as a disk: what is refused, and why; the lock
 * that keeps two guests from writing to one image; and what the file can do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk_medium.h"

#define OPEN_THREADS	8	/* of the pool: requests at the same time */
#define DIRECT_ALIGN	4096	/* where the kernel does not say: enough */

/* What is being opened, and where to say what is wrong with it. */
struct opening {
	const struct blk_options *options;
	struct blk_file_setup setup;
	struct stat stat;
	uint64_t bytes;
	unsigned int block_size; /* the guest's */
	unsigned int device_block; /* the device's own least unit */
	unsigned int physical_size;
	char note[160], news[200];
	char *message;
	size_t size;
};

static int complain(const struct opening *o, int error, const char *format,
		    ...) __attribute__((format(printf, 3, 4)));

static int complain(const struct opening *o, int error, const char *format,
		    ...)
{
	va_list arguments;
	int used;

	used = snprintf(o->message, o->size, "disk %s: ", o->options->path);
	if (used < 0 || (size_t)used >= o->size)
		return error;
	va_start(arguments, format);
	vsnprintf(o->message + used, o->size - used, format, arguments);
	va_end(arguments);
	return error;
}

static int open_failed(const struct opening *o, int error)
{
	switch (error) {
	case ENOENT:
		return complain(o, -error, "there is no such file; to make an "
				"empty disk: truncate -s 8G FILE");
	case EACCES:
	case EPERM:
	case EROFS:
		return complain(o, -error, "%s%s", strerror(error),
				o->options->readonly ? "" :
				"; a file that may only be read works with "
				"`,readonly`");
	case EBUSY:
		return complain(o, -error, "the host is using this block "
				"device (mounted, swap, RAID?)");
	default:
		return complain(o, -error, "cannot open it: %s",
				strerror(error));
	}
}

/* Formats that a raw disk is unlikely to begin with. */
static const struct format {
	const char *name;
	const char *magic;
	size_t bytes;
	off_t offset;
} formats[] = {
	{ "qcow2", "QFI\xfb", 4, 0 },
	{ "vmdk", "KDMV", 4, 0 },
	{ "vhdx", "vhdxfile", 8, 0 },
	{ "vpc", "conectix", 8, 0 },
	{ "qed", "QED", 4, 0 },
	{ "vdi", "\x7f\x10\xda\xbe", 4, 64 },
};

/*
 * A guest that saw the container instead of its contents would find no
 * partitions there, and ruin the image with its first write.
 */
static int open_check_format(const struct opening *o)
{
	char head[128] = { 0 };

	if (pread(o->setup.fd, head, sizeof(head), 0) < 0)
		return complain(o, -errno, "cannot read it: %s",
				strerror(errno));
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (!memcmp(head + formats[i].offset, formats[i].magic,
			    formats[i].bytes))
			return complain(o, -EINVAL, "this is a %s image, not "
				"a raw disk; let qemu-nbd read it: qemu-nbd "
				"-f %s -k /tmp/disk.sock FILE, and give --disk "
				"nbd:unix:/tmp/disk.sock", formats[i].name,
				formats[i].name);
	return 0;
}

/*
 * An OFD lock: it belongs to the open file, so it ends with the last fd, also
 * at kill -9, and fork() or another close() in this process does not drop it.
 * QEMU locks single bytes of its images in the same way and is kept out too.
 */
static int open_lock(const struct opening *o)
{
	struct flock lock = {
		.l_type = o->options->readonly ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (!fcntl(o->setup.fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return complain(o, -EBUSY, "in use by another guest or "
				"program; several can share a disk only when "
				"all have it `,readonly`");
	if (errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL)
		return 0;	/* a file system without locks */
	return complain(o, -errno, "cannot lock it: %s", strerror(errno));
}

static int open_measure_device(struct opening *o)
{
	unsigned int physical = 0;
	uint64_t bytes = 0;
	int logical = 0;

	if (ioctl(o->setup.fd, BLKGETSIZE64, &bytes) ||
	    ioctl(o->setup.fd, BLKSSZGET, &logical))
		return complain(o, -errno, "cannot ask for its size: %s",
				strerror(errno));
	if (ioctl(o->setup.fd, BLKPBSZGET, &physical) || !physical)
		physical = logical;
	o->bytes = bytes;
	o->device_block = logical;
	o->physical_size = physical;
	return 0;
}

/* Where is the header of a GPT: in the second block (UEFI 2.10, 5.3.2). */
static bool open_has_gpt(const struct opening *o, unsigned int block)
{
	char head[8];

	return pread(o->setup.fd, head, sizeof(head), block) == sizeof(head) &&
	       !memcmp(head, "EFI PART", sizeof(head));
}

/*
 * The guest's block: what was asked for, else the device's, else 512. Partition
 * tables count in blocks: an image made for 512 that was copied onto a device
 * of 4096 is unreadable in blocks of that, and works in its own (smaller writes
 * are the host's page cache's affair). A table of the older kind does not tell.
 */
static int open_choose_block(struct opening *o)
{
	o->block_size = o->options->block ? o->options->block : o->device_block;
	if (!o->options->block && o->device_block > BLK_SECTOR &&
	    open_has_gpt(o, BLK_SECTOR) && !open_has_gpt(o, o->device_block)) {
		o->block_size = BLK_SECTOR;
		snprintf(o->news, sizeof(o->news),
			 "its partition table is "
			 "made for blocks of 512 bytes, so it has those in the "
			 "guest, though the device's are of %u; block=%u if "
			 "that is wrong",
			 o->device_block, o->device_block);
	}
	if (o->bytes % o->block_size)
		return complain(o, -EINVAL,
				"its size (%llu bytes) is not a "
				"multiple of its blocks' (%u); block=512?",
				(unsigned long long)o->bytes, o->block_size);
	if (o->physical_size < o->block_size)
		o->physical_size = o->block_size;
	return 0;
}

static int open_measure(struct opening *o)
{
	int error;

	o->bytes = o->stat.st_size;
	/* For a file always 512, whatever lies below. */
	o->device_block = BLK_SECTOR;
	o->physical_size = o->stat.st_blksize;
	if (S_ISBLK(o->stat.st_mode)) {
		error = open_measure_device(o);
		if (error)
			return error;
	}
	if (!o->bytes)
		return complain(o, -EINVAL, "it is empty; give it a size: "
				"truncate -s 8G FILE");
	if (o->bytes % BLK_SECTOR)
		return complain(o, -EINVAL, "its size (%llu bytes) is not a "
				"multiple of 512, so it is no raw disk, or a "
				"part is missing; to fill it up: truncate "
				"-s %%512 FILE",
				(unsigned long long)o->bytes);
	return open_choose_block(o);
}

static int open_kind(struct opening *o)
{
	if (fstat(o->setup.fd, &o->stat))
		return complain(o, -errno, "%s", strerror(errno));
	if (S_ISDIR(o->stat.st_mode))
		return complain(o, -EISDIR, "this is a folder; a disk is an "
				"image file or a block device");
	if (!S_ISREG(o->stat.st_mode) && !S_ISBLK(o->stat.st_mode))
		return complain(o, -EINVAL, "neither a file nor a block "
				"device");
	return 0;
}

/* The same file once more: by name it could be another one by now. */
static int open_again(const struct opening *o, int flags)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", o->setup.fd);
	fd = open(name, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A block device that is written to must not be mounted, and so on. */
static int open_exclusive(struct opening *o)
{
	int fd;

	if (!S_ISBLK(o->stat.st_mode) || o->options->readonly)
		return 0;
	fd = open_again(o, O_RDWR | O_EXCL);
	if (fd < 0)
		return open_failed(o, -fd);
	close(o->setup.fd);
	o->setup.fd = fd;
	return 0;
}

static int open_direct(struct opening *o)
{
	struct statx x;
	int fd;

	if (!o->options->direct)
		return 0;
	fd = open_again(o, O_DIRECT |
			(o->options->readonly ? O_RDONLY : O_RDWR));
	if (fd == -EINVAL)
		return complain(o, fd, "its file system has no direct I/O; "
				"leave `,direct` away");
	if (fd < 0)
		return open_failed(o, -fd);
	o->setup.direct_fd = fd;
	o->setup.memory_align = DIRECT_ALIGN;
	o->setup.offset_align = DIRECT_ALIGN;
	if (S_ISBLK(o->stat.st_mode)) {
		o->setup.memory_align = o->device_block;
		o->setup.offset_align = o->device_block;
	} else if (!statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x) &&
		   (x.stx_mask & STATX_DIOALIGN) && x.stx_dio_offset_align) {
		o->setup.memory_align = x.stx_dio_mem_align;
		o->setup.offset_align = x.stx_dio_offset_align;
	}
	return 0;
}

static int open_engine(struct opening *o)
{
	int error = o->options->threads ? 0 :
		    blk_uring_create(&o->setup.engine);

	if (!error && !o->options->threads) {
		snprintf(o->note, sizeof(o->note), "works with io_uring");
		return 0;
	}
	snprintf(o->note, sizeof(o->note), "works with %d threads%s%s",
		 OPEN_THREADS, error ? ", as this host refuses io_uring: " : "",
		 error ? strerror(-error) : "");
	error = blk_pool_create(&o->setup.engine, OPEN_THREADS);
	if (error)
		return complain(o, error, "%s", strerror(-error));
	return 0;
}

static int open_file(struct opening *o)
{
	int error;

	/* A FIFO must not make us wait. */
	o->setup.fd = open(o->options->path, O_CLOEXEC | O_NONBLOCK |
			   (o->options->readonly ? O_RDONLY : O_RDWR));
	if (o->setup.fd < 0)
		return open_failed(o, errno);
	fcntl(o->setup.fd, F_SETFL, 0);
	if ((error = open_kind(o)) || (error = open_exclusive(o)) ||
	    (error = open_lock(o)) || (error = open_measure(o)) ||
	    (error = open_check_format(o)) || (error = open_direct(o)))
		return error;
	return open_engine(o);
}

int blk_file_open(const struct blk_options *options,
		  struct blk_medium **medium, char *message, size_t size)
{
	struct opening o = {
		.options = options,
		.setup = { .fd = -1, .direct_fd = -1 },
		.message = message,
		.size = size,
	};
	int error = open_file(&o);

	if (error) {
		if (o.setup.direct_fd >= 0)
			close(o.setup.direct_fd);
		if (o.setup.fd >= 0)
			close(o.setup.fd);
		return error;
	}
	error = blk_file_create(&o.setup, medium);
	if (error)
		return complain(&o, error, "%s", strerror(-error));
	(*medium)->bytes = o.bytes;
	(*medium)->readonly = options->readonly;
	(*medium)->can_discard = !options->readonly;
	(*medium)->can_zero = !options->readonly;
	(*medium)->block_size = o.block_size;
	(*medium)->physical_size = o.physical_size;
	memcpy((*medium)->note, o.note, sizeof(o.note));
	memcpy((*medium)->warning, o.news, sizeof(o.news));
	if (*o.news)
		(*medium)->news = (*medium)->warning;
	return 0;
}
