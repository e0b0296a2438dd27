/* SPDX-License-Identifier: GPL-2.0 */
/* The LDT of a vCPU: see ldt.c. */
#ifndef RINGLET_HOST_MODULE_LDT_H
#define RINGLET_HOST_MODULE_LDT_H

#include <linux/types.h>

#include "paging.h"
#include "vcpu.h"

#define SEGMENT_TI	4	/* of a selector: it means the LDT */

bool ldt_ends_before_rip(const struct rl_vcpu *vcpu);

/* Must the program get a #GP at the place where it is, as the processor would give it? */
static inline bool ldt_fault_wanted(const struct rl_vcpu *vcpu)
{
	return unlikely(vcpu->regs->cs & SEGMENT_TI) && ldt_ends_before_rip(vcpu);
}

s64 ldt_set(struct rl_vcpu *vcpu, gva_t at, u64 entries);
u64 ldt_link(const struct rl_vcpu *vcpu);
void ldt_destroy(struct rl_vcpu *vcpu);

#endif
