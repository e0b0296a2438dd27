/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ioctls of /dev/ringlet as functions, and nothing more: no state, no
 * messages. Everything above this file runs in unit tests with another
 * implementation of this header (tests/unit/fake_vm.c).
 *
 * All return -errno on failure.
 */
#ifndef RINGLET_LAUNCHER_VM_H
#define RINGLET_LAUNCHER_VM_H

#include "../abi/guest.h"
#include "../abi/ringlet.h"

/* An fd of /dev/ringlet; close(2) it. */
int vm_open_device(void);
int vm_get_info(int device_fd, struct rl_info *info);

/* An fd of a new VM. Its guest dies with the last fd of VM and vCPUs. */
int vm_create(int device_fd);
int vm_set_memory(int vm_fd, const struct rl_memory_slot *slot);
int vm_get_stats(int vm_fd, struct rl_stats *stats);

/* Raise a virtual interrupt line (an edge). Any thread, at any time. */
int vm_raise_irq(int vm_fd, unsigned int line);

/* Register accesses that the module serves itself: see abi/ringlet.h. */
int vm_ioeventfd(int vm_fd, const struct rl_ioeventfd *kick);
int vm_irqfd(int vm_fd, const struct rl_irqfd *irqfd);

/*
 * An fd of a new vCPU, whose run page is mapped at *run until
 * vm_close_vcpu().
 */
int vm_create_vcpu(int vm_fd, unsigned int id, struct rl_run **run);
void vm_close_vcpu(int vcpu_fd, struct rl_run *run);

/*
 * Run the guest until it needs the launcher (0; see run->exit_reason), a
 * signal arrives (-EINTR), or it is dead (-EIO).
 */
int vm_run(int vcpu_fd);
int vm_get_regs(int vcpu_fd, struct rl_regs *regs);
int vm_set_regs(int vcpu_fd, const struct rl_regs *regs);

/* For a debugger; see abi/ringlet.h. */
int vm_set_debug(int vcpu_fd, const struct rl_debug *debug);
int vm_get_trap(int vcpu_fd, struct rl_trap *trap);
int vm_get_shadow(int vcpu_fd, struct rl_shadow *shadow);

#endif
