/* SPDX-License-Identifier: GPL-2.0 */
/* The windows, one for each pCPU: see window.c. */
#ifndef RINGLET_HOST_MODULE_WINDOW_H
#define RINGLET_HOST_MODULE_WINDOW_H

#include <linux/types.h>

#include "../abi/guest.h"
#include "../switcher/layout.h"
#include "paging.h"

struct rl_vcpu;
struct rl_vm;

int window_init(void);
void window_exit(void);
int window_attach(struct rl_vm *vm);
void window_detach(struct rl_vm *vm);
int window_bind(struct rl_vcpu *vcpu, int cpu);
void window_call(void);
bool window_bound(const struct rl_vcpu *vcpu, int cpu);
void window_unbind(struct rl_vcpu *vcpu);

/* GVA, and HVA in the launcher's mm, of a pCPU's window. */
static inline u64 window_address(int cpu)
{
	return RL_SLOT_ADDRESS(RL_WINDOW_SLOT) + (u64)cpu * WINDOW_SIZE;
}

#endif
