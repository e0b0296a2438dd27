/* SPDX-License-Identifier: GPL-2.0 */
/* vCPUs that the guest starts and stops: see start.c. */
#ifndef RINGLET_HOST_MODULE_START_H
#define RINGLET_HOST_MODULE_START_H

#include <linux/types.h>

struct rl_vcpu;

s64 start_vcpu(struct rl_vcpu *caller, u64 id, u64 at);
void start_stop(struct rl_vcpu *vcpu);
void start_wait(struct rl_vcpu *vcpu);

#endif
