/* SPDX-License-Identifier: GPL-2.0 */
/* The one-shot timer of a vCPU: see timer.c. */
#ifndef RINGLET_HOST_MODULE_TIMER_H
#define RINGLET_HOST_MODULE_TIMER_H

#include <linux/types.h>

struct rl_vcpu;

void timer_init(struct rl_vcpu *vcpu);
void timer_set(struct rl_vcpu *vcpu, u64 ns);
void timer_stop(struct rl_vcpu *vcpu);

#endif
