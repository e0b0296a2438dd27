/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page table entries as the processor has them, those of a guest as well as those of
 * its shadow, and parts of an address. Address types are the host kernel's own:
 * gva_t, gpa_t, gfn_t, hpa_t.
 */
#ifndef RINGLET_HOST_MODULE_PAGING_H
#define RINGLET_HOST_MODULE_PAGING_H

#include <linux/bits.h>
#include <linux/kvm_types.h>
#include <linux/types.h>

#define RL_SLOT_SHIFT		39	/* of a PGD slot of 4-level paging */
#define RL_SLOT_ADDRESS(n) \
	((u64)((s64)((u64)(n) << (RL_SLOT_SHIFT + 16)) >> 16))

/* Present-entry bits that the shadow uses; the rest of an entry is the HPA. */
#define PTE_P			BIT_ULL(0)
#define PTE_W			BIT_ULL(1)
#define PTE_U			BIT_ULL(2)
#define PTE_A			BIT_ULL(5)
#define PTE_D			BIT_ULL(6)
#define PTE_PS			BIT_ULL(7)
#define PTE_NX			BIT_ULL(63)
#define PTE_ADDRESS		GENMASK_ULL(51, 12)

/* Error code of a page fault. */
#define FAULT_P			BIT(0)
#define FAULT_W			BIT(1)
#define FAULT_U			BIT(2)
#define FAULT_RSVD			BIT(3)
#define FAULT_I			BIT(4)

static inline bool gva_canonical(gva_t gva)
{
	return (u64)((s64)(gva << 16) >> 16) == gva;
}

static inline unsigned int pgd_slot(gva_t gva)
{
	return (gva >> RL_SLOT_SHIFT) & 511;
}

#endif
