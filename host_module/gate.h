/* SPDX-License-Identifier: GPL-2.0 */
/* The handlers that a guest registers, and the IDT that comes of them: see gate.c. */
#ifndef RINGLET_HOST_MODULE_GATE_H
#define RINGLET_HOST_MODULE_GATE_H

#include <linux/kvm_types.h>
#include <linux/types.h>

struct rl_vcpu;

struct trap {
	gva_t handler;		/* 0: none */
	u8 flags;		/* RL_TRAP_* */
};

int gate_set(struct rl_vcpu *vcpu, u64 vector, gva_t handler, u64 flags);
void gate_build(struct rl_vcpu *vcpu, unsigned int vector);
void gate_build_all(struct rl_vcpu *vcpu);

#endif
