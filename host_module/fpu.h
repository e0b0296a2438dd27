/* SPDX-License-Identifier: GPL-2.0 */
/* The FPU's registers of a vCPU: see fpu.c. */
#ifndef RINGLET_HOST_MODULE_FPU_H
#define RINGLET_HOST_MODULE_FPU_H

#include <linux/types.h>

struct rl_vcpu;

int fpu_create(struct rl_vcpu *vcpu);
void fpu_destroy(struct rl_vcpu *vcpu);
void fpu_swap(struct rl_vcpu *vcpu, bool to_guest);
void fpu_load(struct rl_vcpu *vcpu);

#endif
