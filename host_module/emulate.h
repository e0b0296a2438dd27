/* SPDX-License-Identifier: GPL-2.0 */
/* Privileged instructions, and registers by their number: see emulate.c. */
#ifndef RINGLET_HOST_MODULE_EMULATE_H
#define RINGLET_HOST_MODULE_EMULATE_H

#include <linux/types.h>

struct rl_vcpu;

bool emulate_instruction(struct rl_vcpu *vcpu);
u64 *vcpu_register(struct rl_vcpu *vcpu, unsigned int n);

#endif
