// SPDX-License-Identifier: GPL-2.0
/*
 * A guest of KVM that counts for a while, comes back, and so on. Between two of its
 * times the program makes a system call, and so finds out what KVM has left in LSTAR.
 *
 *	kvm_guest SECONDS ITERATIONS
 *	kvm_guest SECONDS FILE		its memory is this file, and each of its times
 *					lasts until the byte at STOP is not 0
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Real mode: ECX down to 0, OUT, and again. */
static unsigned char code[] = {
	0x66, 0xb9, 0, 0, 0, 0,		/* mov $iterations, %ecx */
	0x66, 0x49,			/* dec %ecx */
	0x75, 0xfc,			/* jnz */
	0xe6, 0x10,			/* out %al, $0x10 */
	0xeb, 0xf2,			/* jmp to the start */
};

#define STOP 128

/* The same until somebody writes there. */
static const unsigned char waiting[] = {
	0x80, 0x3e, STOP, 0, 0,		/* cmpb $0, STOP */
	0x74, 0xf9,			/* jz */
	0xe6, 0x10,			/* out %al, $0x10 */
	0xeb, 0xf5,			/* jmp to the start */
};

static int checked(int r, const char *what)
{
	if (r < 0)
		err(2, "%s", what);
	return r;
}

int main(int argc, char **argv)
{
	struct kvm_userspace_memory_region memory = { .memory_size = 4096 };
	const char *file = argc > 2 && *argv[2] == '/' ? argv[2] : NULL;
	unsigned int iterations = argc > 2 ? atoi(argv[2]) : 1000;
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1);
	int kvm = checked(open("/dev/kvm", O_RDWR), "/dev/kvm");
	int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	struct kvm_run *run;
	unsigned long rounds = 0;
	void *page;
	int vcpu, fd = -1;

	memcpy(code + 2, &iterations, sizeof(iterations));
	if (file) {
		fd = checked(open(file, O_RDWR | O_CREAT, 0600), file);
		checked(ftruncate(fd, 4096), file);
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | (file ? 0 : MAP_ANONYMOUS), fd, 0);
	if (page == MAP_FAILED)
		err(2, "mmap");
	memcpy(page, file ? waiting : code,
	       file ? sizeof(waiting) : sizeof(code));
	memory.userspace_addr = (unsigned long)page;
	checked(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &memory), "memory");
	vcpu = checked(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	run = mmap(NULL, checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "size"),
		   PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(2, "mmap of the run page");
	checked(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	checked(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	checked(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	do {
		checked(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
		if (run->exit_reason != KVM_EXIT_IO)
			errx(1, "exit %u", run->exit_reason);
		rounds++;
	} while (time(NULL) < end);
	printf("%lu times in a guest of KVM\n", rounds);
	return 0;
}
