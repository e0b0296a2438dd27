/* SPDX-License-Identifier: GPL-2.0 */
/* What anybody may do to a vCPU, whose thread runs or not: see kick.c. */
#ifndef RINGLET_HOST_MODULE_KICK_H
#define RINGLET_HOST_MODULE_KICK_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

struct rl_vcpu;
struct rl_vm;

void vcpu_kick(struct rl_vcpu *vcpu);
void vcpu_comes(struct rl_vcpu *vcpu);
void vcpus_leave(struct rl_vm *vm, u64 mask);
void vcpu_raise(struct rl_vcpu *vcpu, unsigned int line);
void vm_raise(struct rl_vm *vm, unsigned int line);
s64 vm_route(struct rl_vm *vm, u64 line, u64 id);

void vcpu_show_end(struct rl_vcpu *vcpu);
void rl_end_guest(struct rl_vcpu *vcpu, u32 shutdown);

__printf(2, 3)
void rl_kill_guest(struct rl_vcpu *vcpu, const char *format, ...);

#endif
