// SPDX-License-Identifier: GPL-2.0
/* See fake_vm.h. File descriptors are real ones, of /dev/null. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_vm.h"

struct fake_vm fake_vm;

/* Of each vCPU, by its id, and its fd: tests have one machine at a time. */
static struct rl_run *run_pages[RL_VCPUS_MAX];
static int fds[RL_VCPUS_MAX];

static int power_off(struct rl_run *run)
{
	run->exit_reason = RL_EXIT_SHUTDOWN;
	run->shutdown = RL_SHUTDOWN_POWEROFF;
	return 0;
}

void fake_vm_reset(void)
{
	memset(&fake_vm, 0, sizeof(fake_vm));
	fake_vm.guest = power_off;
	fake_vm.info.api_version = RL_API_VERSION;
	fake_vm.info.guest_abi_version = RL_GUEST_ABI_VERSION;
	fake_vm.info.paging_levels = 4;
	fake_vm.info.max_vcpus = 1;
}

void *fake_vm_memory(__u64 gpa)
{
	if (gpa >= fake_vm.slot.size)
		abort();
	return (char *)(uintptr_t)fake_vm.slot.hva + gpa;
}

static int some_fd(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int vm_open_device(void)
{
	int fd = fake_vm.open_error ? fake_vm.open_error : some_fd();

	if (fake_vm.device_fd)
		*fake_vm.device_fd = fd;
	return fd;
}

int vm_get_info(int device_fd, struct rl_info *info)
{
	(void)device_fd;
	*info = fake_vm.info;
	return fake_vm.info_error;
}

int vm_create(int device_fd)
{
	(void)device_fd;
	if (fake_vm.create_error)
		return fake_vm.create_error;
	fake_vm.vms++;
	return some_fd();
}

int vm_set_memory(int vm_fd, const struct rl_memory_slot *slot)
{
	(void)vm_fd;
	fake_vm.slot = *slot;
	return fake_vm.memory_error;
}

int vm_get_stats(int vm_fd, struct rl_stats *stats)
{
	(void)vm_fd;
	*stats = fake_vm.stats;
	return fake_vm.stats_error;
}

int vm_raise_irq(int vm_fd, unsigned int line)
{
	(void)vm_fd;
	if (line >= RL_IRQ_COUNT)
		return -EINVAL;
	atomic_fetch_add(&fake_vm.raised[line], 1);
	return 0;
}

int vm_ioeventfd(int vm_fd, const struct rl_ioeventfd *kick)
{
	(void)vm_fd;
	if (fake_vm.kick_error)
		return fake_vm.kick_error;
	if (fake_vm.kick_count == FAKE_VM_FDS)
		return -ENOSPC;
	fake_vm.kicks[fake_vm.kick_count++] = *kick;
	return 0;
}

int vm_irqfd(int vm_fd, const struct rl_irqfd *irqfd)
{
	(void)vm_fd;
	if (irqfd->flags == RL_FD_CLEAR && irqfd->fd == -1 &&
	    !irqfd->status_gpa && irqfd->line < RL_IRQ_COUNT) {
		atomic_fetch_and(&fake_vm.status[irqfd->line],
				 ~irqfd->status);
		return 0;
	}
	if (irqfd->flags)
		return -EINVAL;
	if (fake_vm.irqfd_count == FAKE_VM_FDS)
		return -ENOSPC;
	fake_vm.irqfds[fake_vm.irqfd_count++] = *irqfd;
	return 0;
}

int vm_create_vcpu(int vm_fd, unsigned int id, struct rl_run **run)
{
	(void)vm_fd;
	if (id >= RL_VCPUS_MAX)
		return -EINVAL;
	if (fake_vm.vcpu_error && id >= fake_vm.vcpu_error_from)
		return fake_vm.vcpu_error;
	*run = run_pages[id] = calloc(1, sizeof(**run));
	if (!*run)
		return -ENOMEM;
	fake_vm.vcpus++;
	fake_vm.open_fds++;
	fds[id] = some_fd();
	return fds[id];
}

void vm_close_vcpu(int vcpu_fd, struct rl_run *run)
{
	free(run);
	fake_vm.open_fds--;
	close(vcpu_fd);
}

/* A vCPU that is not the first sleeps until a signal comes, or is as the test says. */
static int second(struct rl_run *run)
{
	if (fake_vm.second)
		return fake_vm.second(run);
	pause();
	return -EINTR;
}

int vm_run(int vcpu_fd)
{
	unsigned int id = 0;

	while (fds[id] != vcpu_fd)
		id++;
	if (!id)
		atomic_fetch_add(&fake_vm.runs, 1);
	if (__atomic_load_n(&run_pages[id]->immediate_exit, __ATOMIC_SEQ_CST))
		return -EINTR;
	return id ? second(run_pages[id]) : fake_vm.guest(run_pages[id]);
}

int vm_get_regs(int vcpu_fd, struct rl_regs *regs)
{
	(void)vcpu_fd;
	*regs = fake_vm.regs;
	return 0;
}

int vm_set_regs(int vcpu_fd, const struct rl_regs *regs)
{
	(void)vcpu_fd;
	fake_vm.regs = *regs;
	return fake_vm.regs_error;
}

int vm_set_debug(int vcpu_fd, const struct rl_debug *debug)
{
	(void)vcpu_fd;
	fake_vm.debug = *debug;
	return fake_vm.debug_error;
}

int vm_get_trap(int vcpu_fd, struct rl_trap *trap)
{
	(void)vcpu_fd;
	trap->handler = fake_vm.traps[trap->vector & 255];
	trap->flags = 0;
	return 0;
}

int vm_get_shadow(int vcpu_fd, struct rl_shadow *shadow)
{
	(void)vcpu_fd;
	memcpy(shadow->entry, fake_vm.shadow.entry, sizeof(shadow->entry));
	return fake_vm.shadow_error;
}
