// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest guest: 64 kB, page tables that map them at the top, and a loop.
 * All that `ringlet check` can ask a host without it are promises; this goes through
 * the switcher, takes page faults on a shadow that is empty at first, and comes back.
 */
#include "probe.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "memory.h"
#include "vm.h"

#define GUEST_MEMORY	0x10000ull
/* GPAs. */
#define TABLES		0x1000ull	/* four pages, the top first */
#define CODE		0x8000ull
#define DATA		0x9000ull
/* Where GPA 0 is mapped: a system call in the lower half would be ring 3's. */
#define KERNEL		0xffffffff80000000ull
/* Present, writable, accessed, dirty; not user, of which SMEP lets ring 1 run none. */
#define PTE_FLAGS	0x63
#define TURNS		1000
#define MARK		0x5a

static const uint8_t code[] = {
	0xc6, 0x07, MARK,		/* movb $MARK, (%rdi) */
	0x48, 0xff, 0xc3,		/* 1: inc %rbx */
	0x48, 0xff, 0xc9,		/* dec %rcx */
	0x75, 0xf8,			/* jnz 1b */
	0x31, 0xff,			/* xor %edi, %edi: RL_SHUTDOWN_POWEROFF */
	0xb8, RL_HC_SHUTDOWN, 0, 0, 0,	/* mov $RL_HC_SHUTDOWN, %eax */
	0x0f, 0x05,			/* syscall */
	0x0f, 0x0b,			/* ud2 */
};
_Static_assert(RL_SHUTDOWN_POWEROFF == 0 && RL_HC_SHUTDOWN < 256, "the code");

static void write_guest(uint8_t *memory)
{
	uint64_t *table = (uint64_t *)(memory + TABLES);

	for (int level = 0; level < 3; level++)
		table[512 * level + (KERNEL >> (39 - 9 * level)) % 512] =
			(TABLES + 4096 * (level + 1)) | PTE_FLAGS;
	for (uint64_t page = 0; page < GUEST_MEMORY / 4096; page++)
		table[512 * 3 + page] = page * 4096 | PTE_FLAGS;
	memcpy(memory + CODE, code, sizeof(code));
}

/* 0 where the guest did what it should, else -EIO. */
static int look(int vcpu, const struct rl_run *run, const uint8_t *memory,
		char *why, size_t size)
{
	char reason[RL_KILL_REASON_SIZE];
	struct rl_regs regs = { 0 };

	if (run->exit_reason == RL_EXIT_KILLED)
		snprintf(why, size, "the guest was ended: %s",
			 log_safe(reason, sizeof(reason), run->kill_reason,
				  strnlen(run->kill_reason,
					  sizeof(run->kill_reason))));
	else if (run->exit_reason != RL_EXIT_SHUTDOWN ||
		 run->shutdown != RL_SHUTDOWN_POWEROFF)
		snprintf(why, size, "the guest did not power off (exit %u)",
			 run->exit_reason);
	else if (memory[DATA] != MARK)
		snprintf(why, size, "what the guest wrote is not in its memory");
	else if (vm_get_regs(vcpu, &regs) < 0 || regs.rbx != TURNS)
		snprintf(why, size, "the guest counted to %llu, not %d",
			 (unsigned long long)regs.rbx, TURNS);
	else
		return 0;
	return -EIO;
}

static int run_guest(int vm, struct guest_memory *memory, char *why,
		     size_t size)
{
	struct rl_memory_slot slot = {
		.size = GUEST_MEMORY, .hva = (uintptr_t)memory->hva,
	};
	struct rl_regs regs = {
		.rip = KERNEL + CODE, .cr3 = TABLES, .rcx = TURNS,
		.rdi = KERNEL + DATA,
	};
	struct rl_run *run;
	int ret = vm_set_memory(vm, &slot), vcpu;

	vcpu = ret < 0 ? ret : vm_create_vcpu(vm, 0, &run);
	if (vcpu < 0) {
		snprintf(why, size, "the module cannot make its vCPU (%s)",
			 strerror(-vcpu));
		return vcpu;
	}
	write_guest(memory->hva);
	ret = vm_set_regs(vcpu, &regs);
	while (!ret) {
		ret = vm_run(vcpu);
		if (ret != -EINTR && ret != -EAGAIN)
			break;
		ret = 0;
	}
	if (ret == -EBUSY)
		snprintf(why, size, "perf uses precise events (PEBS) or BTS "
			 "on this processor; end that first");
	else if (ret && run->exit_reason != RL_EXIT_KILLED)
		snprintf(why, size, "the module does not run it (%s)",
			 strerror(-ret));
	else
		ret = look(vcpu, run, memory->hva, why, size);
	vm_close_vcpu(vcpu, run);
	return ret;
}

int probe_run(int device_fd, char *why, size_t size)
{
	struct guest_memory memory;
	int vm = vm_create(device_fd);
	int ret;

	if (vm < 0) {
		snprintf(why, size, "the module cannot make a virtual machine "
			 "(%s)", strerror(-vm));
		return vm;
	}
	ret = memory_create(&memory, GUEST_MEMORY);
	if (ret) {
		snprintf(why, size, "no memory for it (%s)", strerror(-ret));
		close(vm);
		return ret;
	}
	ret = run_guest(vm, &memory, why, size);
	/* The memory last: the module must not look at an unmapped slot. */
	close(vm);
	memory_destroy(&memory);
	return ret;
}
