/* SPDX-License-Identifier: GPL-2.0 */
/* MSRs and debug registers of a vCPU: see msr.c. */
#ifndef RINGLET_HOST_MODULE_MSR_H
#define RINGLET_HOST_MODULE_MSR_H

#include <linux/types.h>

struct rl_vcpu;

int msr_read(struct rl_vcpu *vcpu, u32 msr, u64 *value);
int msr_write(struct rl_vcpu *vcpu, u32 msr, u64 value);
bool debugreg_address_ok(u64 value);
void debugreg_reload(struct rl_vcpu *vcpu);
int debugreg_write(struct rl_vcpu *vcpu, unsigned int n, u64 value);
int debugreg_read(struct rl_vcpu *vcpu, unsigned int n, u64 *value);

#endif
