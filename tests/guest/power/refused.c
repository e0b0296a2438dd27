// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to another kernel: each ends in the guest kernel's own refusal.
 *
 * The arguments are good ones, so that nothing else is refused: the kernel's
 * file for kexec_file_load(), a page of it for kexec_load().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include "check.h"

static const char *kernel;

static void no_kexec_load(void)
{
	static char page[4096] __attribute__((aligned(4096))) = { 0xf4 };
	struct kexec_segment segment = {
		.buf = page, .bufsz = sizeof(page),
		.mem = (void *)0x1000000, .memsz = sizeof(page),
	};

	errno = 0;
	CHECK_IS(syscall(SYS_kexec_load, 0x1000000ul, 1ul, &segment,
			 KEXEC_ARCH_DEFAULT), -1);
	CHECK_IS(errno, EPERM);
}

static void no_kexec_file_load(void)
{
	int fd = open(kernel, O_RDONLY);

	NEED(fd >= 0);
	errno = 0;
	CHECK_IS(syscall(SYS_kexec_file_load, fd, -1, 1ul, "",
			 KEXEC_FILE_NO_INITRAMFS), -1);
	CHECK_IS(errno, EPERM);
	close(fd);
}

/* With nothing loaded. */
static void no_kexec(void)
{
	errno = 0;
	CHECK_IS(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			 LINUX_REBOOT_CMD_KEXEC, NULL), -1);
	CHECK_IS(errno, EINVAL);
}

static void no_hibernation(void)
{
	int fd = open("/sys/power/state", O_WRONLY);

	NEED(fd >= 0);
	errno = 0;
	CHECK_IS(write(fd, "disk", 4), -1);
	CHECK_IS(errno, EPERM);
	close(fd);
	errno = 0;
	CHECK_IS(open("/dev/snapshot", O_RDONLY), -1);
	CHECK_IS(errno, EPERM);
	errno = 0;
	CHECK_IS(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			 LINUX_REBOOT_CMD_SW_SUSPEND, NULL), -1);
	CHECK_IS(errno, EPERM);
}

int main(int argc, char **argv)
{
	NEED(argc == 2);
	kernel = argv[1];
	CASE(no_kexec_load);
	CASE(no_kexec_file_load);
	CASE(no_kexec);
	CASE(no_hibernation);
	DONE();
}
