// SPDX-License-Identifier: GPL-2.0
/* The ioctls of /dev/ringlet. See vm.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

/* A vCPU fd shows its run page at offset 0: one page, whatever it holds. */
#define RUN_PAGE_SIZE 4096

static int result_of(int value)
{
	return value < 0 ? -errno : value;
}

int vm_open_device(void)
{
	return result_of(open(RL_DEVICE_PATH, O_RDWR | O_CLOEXEC));
}

int vm_get_info(int device_fd, struct rl_info *info)
{
	return result_of(ioctl(device_fd, RL_GET_INFO, info));
}

int vm_create(int device_fd)
{
	return result_of(ioctl(device_fd, RL_CREATE_VM, 0));
}

int vm_set_memory(int vm_fd, const struct rl_memory_slot *slot)
{
	return result_of(ioctl(vm_fd, RL_SET_MEMORY_SLOT, slot));
}

int vm_get_stats(int vm_fd, struct rl_stats *stats)
{
	return result_of(ioctl(vm_fd, RL_GET_STATS, stats));
}

int vm_raise_irq(int vm_fd, unsigned int line)
{
	return result_of(ioctl(vm_fd, RL_IRQ_LINE, (unsigned long)line));
}

int vm_ioeventfd(int vm_fd, const struct rl_ioeventfd *kick)
{
	return result_of(ioctl(vm_fd, RL_IOEVENTFD, kick));
}

int vm_irqfd(int vm_fd, const struct rl_irqfd *irqfd)
{
	return result_of(ioctl(vm_fd, RL_IRQFD, irqfd));
}

int vm_create_vcpu(int vm_fd, unsigned int id, struct rl_run **run)
{
	int fd, error;
	void *page;

	fd = ioctl(vm_fd, RL_CREATE_VCPU, (unsigned long)id);
	if (fd < 0)
		return -errno;
	page = mmap(NULL, RUN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	if (page == MAP_FAILED) {
		error = -errno;
		close(fd);
		return error;
	}
	*run = page;
	return fd;
}

void vm_close_vcpu(int vcpu_fd, struct rl_run *run)
{
	munmap(run, RUN_PAGE_SIZE);
	close(vcpu_fd);
}

int vm_run(int vcpu_fd)
{
	return result_of(ioctl(vcpu_fd, RL_RUN, 0));
}

int vm_get_regs(int vcpu_fd, struct rl_regs *regs)
{
	return result_of(ioctl(vcpu_fd, RL_GET_REGS, regs));
}

int vm_set_regs(int vcpu_fd, const struct rl_regs *regs)
{
	return result_of(ioctl(vcpu_fd, RL_SET_REGS, regs));
}

int vm_set_debug(int vcpu_fd, const struct rl_debug *debug)
{
	return result_of(ioctl(vcpu_fd, RL_SET_DEBUG, debug));
}

int vm_get_trap(int vcpu_fd, struct rl_trap *trap)
{
	return result_of(ioctl(vcpu_fd, RL_GET_TRAP, trap));
}

int vm_get_shadow(int vcpu_fd, struct rl_shadow *shadow)
{
	return result_of(ioctl(vcpu_fd, RL_GET_SHADOW, shadow));
}
