/* SPDX-License-Identifier: GPL-2.0 */
/* A debugger in the launcher: see debug.c. */
#ifndef RINGLET_HOST_MODULE_DEBUG_H
#define RINGLET_HOST_MODULE_DEBUG_H

#include "vcpu.h"

long debug_set(struct rl_vcpu *vcpu, const void __user *from);
long debug_get_trap(struct rl_vcpu *vcpu, void __user *to);
long debug_get_shadow(struct rl_vcpu *vcpu, void __user *to);
bool debug_exception(struct rl_vcpu *vcpu, unsigned int vector);
void debug_resume(struct rl_vcpu *vcpu);

/* What SET_REGS may change of RFLAGS beneath a debugger: what a program can. */
#define DEBUG_RFLAGS (X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | \
		      X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_DF | \
		      X86_EFLAGS_OF)

#endif
