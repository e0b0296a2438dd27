// SPDX-License-Identifier: GPL-2.0
/* RL_IRQFD and RL_IOEVENTFD, used wrongly: one of the parts of ioctl.c. */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "ioctl.h"

static int irqfd(struct machine *m, int fd, unsigned int line,
		 unsigned int flags, unsigned long long gpa)
{
	struct rl_irqfd arg = {
		.fd = fd, .line = line, .status = 1, .flags = flags,
		.status_gpa = gpa,
	};

	return ioctl(m->vm, RL_IRQFD, &arg);
}

static int ioeventfd(struct machine *m, int fd, unsigned long long gpa,
		     unsigned int bytes, unsigned int flags)
{
	struct rl_ioeventfd arg = {
		.gpa = gpa, .bytes = bytes, .fd = fd, .flags = flags,
	};

	return ioctl(m->vm, RL_IOEVENTFD, &arg);
}

static void bad_irqfds(struct machine *m, int event, int file)
{
	int closed = dup(event);

	close(closed);
	FAILS(irqfd(m, -1, RL_IRQ_DEVICE, 0, 0), EBADF);
	FAILS(irqfd(m, closed, RL_IRQ_DEVICE, 0, 0), EBADF);
	FAILS(irqfd(m, file, RL_IRQ_DEVICE, 0, 0), EINVAL);
	FAILS(irqfd(m, m->vm, RL_IRQ_DEVICE, 0, 0), EINVAL);
	FAILS(irqfd(m, event, RL_IRQ_DEVICE - 1, 0, 0), EINVAL);
	FAILS(irqfd(m, event, RL_IRQ_IPI, 0, 0), EINVAL);
	FAILS(irqfd(m, event, RL_IRQ_COUNT - 1, 0, 0), EINVAL);
	FAILS(irqfd(m, event, RL_IRQ_COUNT, 0, 0), EINVAL);
	FAILS(irqfd(m, event, ~0u, 0, 0), EINVAL);
	FAILS(irqfd(m, event, RL_IRQ_DEVICE, 4, 0), EINVAL);
	FAILS(irqfd(m, event, RL_IRQ_DEVICE, ~0u, 0), EINVAL);
	/* RL_FD_CLEAR is for no descriptor and no register. */
	FAILS(irqfd(m, event, RL_IRQ_DEVICE, RL_FD_CLEAR, 0), EINVAL);
	FAILS(irqfd(m, -1, RL_IRQ_DEVICE, RL_FD_CLEAR, RL_MMIO_BASE), EINVAL);
	FAILS(irqfd(m, -1, RL_IRQ_IPI, RL_FD_CLEAR, 0), EINVAL);
	FAILS(irqfd(m, -1, RL_IRQ_COUNT, RL_FD_CLEAR, 0), EINVAL);
	CHECK(irqfd(m, -1, RL_IRQ_DEVICE, RL_FD_CLEAR, 0) == 0);
	/* No register of a device, or no whole one. */
	FAILS(irqfd(m, event, RL_IRQ_DEVICE, 0, 4), EINVAL);
	FAILS(irqfd(m, event, RL_IRQ_DEVICE, 0, RL_MMIO_BASE + 2), EINVAL);
	FAILS(irqfd(m, event, RL_IRQ_DEVICE, 0, ~3ull), EINVAL);
	FAILS(ioctl(m->vm, RL_IRQFD, (void *)8), EFAULT);
	/* What was never assigned, or not to this line. */
	FAILS(irqfd(m, event, RL_IRQ_DEVICE, RL_FD_REMOVE, 0), ENOENT);
	CHECK(irqfd(m, event, RL_IRQ_DEVICE, 0, 0) == 0);
	FAILS(irqfd(m, event, RL_IRQ_DEVICE + 1, RL_FD_REMOVE, 0), ENOENT);
	FAILS(irqfd(m, closed, RL_IRQ_DEVICE, RL_FD_REMOVE, 0), EBADF);
	/* Twice: as often as it was assigned it can be removed. */
	CHECK(irqfd(m, event, RL_IRQ_DEVICE, 0, 0) == 0);
	CHECK(eventfd_write(event, 1) == 0);
	CHECK(irqfd(m, event, RL_IRQ_DEVICE, RL_FD_REMOVE, 0) == 0);
	CHECK(irqfd(m, event, RL_IRQ_DEVICE, RL_FD_REMOVE, 0) == 0);
	FAILS(irqfd(m, event, RL_IRQ_DEVICE, RL_FD_REMOVE, 0), ENOENT);
}

static void bad_ioeventfds(struct machine *m, int event, int file)
{
	FAILS(ioeventfd(m, -1, RL_MMIO_BASE, 4, 0), EBADF);
	FAILS(ioeventfd(m, file, RL_MMIO_BASE, 4, 0), EINVAL);
	FAILS(ioeventfd(m, event, 0, 4, 0), EINVAL);
	FAILS(ioeventfd(m, event, RL_MMIO_BASE - 2, 4, 0), EINVAL);
	FAILS(ioeventfd(m, event, ~0ull, 4, 0), EINVAL);
	FAILS(ioeventfd(m, event, RL_MMIO_BASE, 3, 0), EINVAL);
	FAILS(ioeventfd(m, event, RL_MMIO_BASE, 0, 0), EINVAL);
	FAILS(ioeventfd(m, event, RL_MMIO_BASE, 4, RL_FD_CLEAR), EINVAL);
	FAILS(ioeventfd(m, event, RL_MMIO_BASE, 4, RL_FD_REMOVE), ENOENT);
	CHECK(ioeventfd(m, event, RL_MMIO_BASE, 4, 0) == 0);
	FAILS(ioeventfd(m, event, RL_MMIO_BASE, 4, 0), EEXIST);
	CHECK(ioeventfd(m, event, RL_MMIO_BASE, 4, RL_FD_REMOVE) == 0);
}

/* Nothing of this is an event's end: a descriptor that is closed stays assigned. */
void test_eventfds(void)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct machine m;

	machine_create(&m);
	CHECK(event >= 0 && file >= 0);
	bad_irqfds(&m, event, file);
	bad_ioeventfds(&m, event, file);
	CHECK(irqfd(&m, event, RL_IRQ_DEVICE, 0, 0) == 0);
	close(event);
	close(file);
	CHECK(runs_to_shutdown(&m));
	machine_destroy(&m);
}
