/* SPDX-License-Identifier: GPL-2.0 */
/* Faults and interrupts for the guest's kernel: see inject.c. */
#ifndef RINGLET_HOST_MODULE_INJECT_H
#define RINGLET_HOST_MODULE_INJECT_H

#include <linux/kvm_types.h>
#include <linux/types.h>

#include "vcpu.h"

void inject_fault(struct rl_vcpu *vcpu, unsigned int vector, bool has_error,
		  u32 error);
void inject_page_fault(struct rl_vcpu *vcpu, gva_t gva, u32 error);
void inject_interrupts(struct rl_vcpu *vcpu);
bool inject_possible(struct rl_vcpu *vcpu);
bool inject_wanted_now(struct rl_vcpu *vcpu);
bool inject_nmi_now(const struct rl_vcpu *vcpu);
void inject_nmi(struct rl_vcpu *vcpu);
void inject_settle(struct rl_vcpu *vcpu);
bool inject_from_iret(struct rl_vcpu *vcpu);

/* Must inject_interrupts() run before the next entry? */
static inline bool inject_wanted(struct rl_vcpu *vcpu)
{
	return READ_ONCE(*vcpu->irqs) && inject_wanted_now(vcpu);
}

/* And inject_nmi()? */
static inline bool inject_nmi_wanted(const struct rl_vcpu *vcpu)
{
	return unlikely(READ_ONCE(vcpu->nmi)) && inject_nmi_now(vcpu);
}

#endif
