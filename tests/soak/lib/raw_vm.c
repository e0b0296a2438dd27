// SPDX-License-Identifier: GPL-2.0
/* A VM without an image, and a victim. See raw_vm.h. */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "raw_vm.h"

#define VICTIM_PAGES	256

static const unsigned char code[] = {
	0x48, 0x89, 0xde,		/* 1: mov %rbx, %rsi: first page */
	0x4c, 0x89, 0xc1,		/* mov %r8, %rcx: how many */
	0xc6, 0x06, MARK,		/* 2: movb $MARK, (%rsi) */
	0x48, 0x81, 0xc6, 0, 0x10, 0, 0, /* add $4096, %rsi */
	0x48, 0xff, 0xc9,		/* dec %rcx */
	0x75, 0xf1,			/* jnz 2b */
	0xeb, 0xe9,			/* jmp 1b */
};

struct shared *shared_create(void)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(2, "shared memory");
	return p;
}

void vm_write_guest(struct vm *vm)
{
	uint64_t *table = (uint64_t *)(vm->memory + TABLES);
	unsigned int i;

	/* P, W, A, D; not U, of which SMEP lets ring 1 execute nothing. */
	for (i = 0; i < 3; i++)
		table[512 * i] = (TABLES + PAGE * (i + 1)) | 0x63;
	for (i = 0; i < vm->bytes / PAGE; i++)
		table[512 * 3 + i] = i * PAGE | 0x63;
	memcpy(vm->memory + CODE, code, sizeof(code));
}

void vm_start(struct vm *vm, uint64_t first, uint64_t pages)
{
	struct rl_regs regs = {
		.rip = CODE, .cr3 = TABLES, .rbx = first, .r8 = pages,
	};

	ioctl(vm->vcpu, RL_SET_REGS, &regs);
}

void vm_create(struct vm *vm, int device, size_t bytes)
{
	struct rl_memory_slot slot = { .size = bytes };

	memset(vm, 0, sizeof(*vm));
	vm->bytes = bytes;
	vm->fd = ioctl(device, RL_CREATE_VM, 0);
	vm->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->fd < 0 || vm->memory == MAP_FAILED)
		err(3, "a VM");
	slot.hva = (uintptr_t)vm->memory;
	if (ioctl(vm->fd, RL_SET_MEMORY_SLOT, &slot))
		err(3, "its memory");
	vm->vcpu = ioctl(vm->fd, RL_CREATE_VCPU, 0);
	if (vm->vcpu < 0)
		err(3, "its vCPU");
	vm->run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu,
		       0);
	if (vm->run == MAP_FAILED)
		err(3, "its run page");
	vm_write_guest(vm);
}

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(2, "pCPU %d", cpu);
}

int become_nobody_and_open(void)
{
	int device;

	if (setgid(1000) || setuid(1000))
		err(2, "another user");
	device = open(RL_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	if (device < 0)
		err(3, "%s", RL_DEVICE_PATH);
	return device;
}

static void victim(struct shared *shared)
{
	size_t bytes = VICTIM_PAGES * PAGE;

	while (!shared->stop) {
		unsigned char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			err(2, "the victim's memory");
		/* The first write takes a page; its first byte must be zero. */
		for (size_t i = 0; i < bytes; i += PAGE)
			p[i + 1] = i / PAGE;
		for (size_t i = 0; i < bytes; i += PAGE) {
			shared->spoiled += p[i] != 0;
			p[i] = 1;
		}
		for (int k = 0; k < 4; k++) {
			sched_yield();
			for (size_t i = 0; i < bytes; i += PAGE)
				shared->spoiled += p[i] != 1 ||
						   p[i + 1] != (i / PAGE) % 256;
		}
		munmap(p, bytes);
		shared->checks++;
	}
	exit(0);
}

int victim_start(struct shared *shared, int cpu)
{
	int child = fork();

	if (child < 0)
		err(2, "the victim");
	if (child == 0) {
		if (cpu >= 0)
			pin(cpu);
		victim(shared);
	}
	return child;
}
