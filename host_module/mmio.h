/* SPDX-License-Identifier: GPL-2.0 */
/* Device registers, ioeventfds and irqfds: see mmio.c. */
#ifndef RINGLET_HOST_MODULE_MMIO_H
#define RINGLET_HOST_MODULE_MMIO_H

#include <linux/kvm_types.h>
#include <linux/types.h>

#include "../abi/guest.h"
#include "../abi/ringlet.h"
#include "exit.h"

struct rl_vcpu;
struct rl_vm;
struct seq_file;

#define MMIO_END (RL_MMIO_BASE + RL_MMIO_DEVICES * RL_MMIO_STRIDE)

static inline bool mmio_is_device(gpa_t gpa)
{
	return gpa >= RL_MMIO_BASE && gpa < MMIO_END;
}

enum exit_action mmio_access(struct rl_vcpu *vcpu, gpa_t gpa);
void mmio_complete(struct rl_vcpu *vcpu);
int mmio_ioeventfd(struct rl_vm *vm, const struct rl_ioeventfd *arg);
int mmio_irqfd(struct rl_vm *vm, const struct rl_irqfd *arg);
void mmio_show(struct rl_vm *vm, struct seq_file *m);
void mmio_create(struct rl_vm *vm);
void mmio_destroy(struct rl_vm *vm);

#endif
