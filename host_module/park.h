/* SPDX-License-Identifier: GPL-2.0 */
/* vCPUs that wait for another one's word: see park.c. */
#ifndef RINGLET_HOST_MODULE_PARK_H
#define RINGLET_HOST_MODULE_PARK_H

#include <linux/types.h>

struct rl_vcpu;

s64 park(struct rl_vcpu *vcpu, u64 open);
s64 unpark(struct rl_vcpu *caller, u64 id);
bool park_ends(struct rl_vcpu *vcpu);

#endif
