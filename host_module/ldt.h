/* SPDX-License-Identifier: GPL-2.0 */
/* The LDT of a vCPU: see ldt.c. */
#ifndef RINGLET_HOST_MODULE_LDT_H
#define RINGLET_HOST_MODULE_LDT_H

#include <linux/types.h>

#include "paging.h"

struct rl_vcpu;

s64 ldt_set(struct rl_vcpu *vcpu, gva_t at, u64 entries);
u64 ldt_link(const struct rl_vcpu *vcpu);
void ldt_destroy(struct rl_vcpu *vcpu);

#endif
