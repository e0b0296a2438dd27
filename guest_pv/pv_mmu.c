// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.mmu: CR2, CR3, TLB flushes, the end of an address space.
 *
 * Page table entries are written natively: the host's shadow is a TLB and is
 * told of flushes only. What makes that sound is in rl_write_cr3().
 */
#include <linux/mm_types.h>
#include <asm/page.h>
#include <asm/paravirt.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>

#include "layer.h"

static unsigned long current_cr3;

/*J: guest.cr3
 * A hypervisor that shadows page tables has a stale-entry problem: Linux does
 * not flush an address space that is not loaded anywhere, it only counts up a
 * generation number and flushes at the next load. The hypervisor could assume
 * the worst at every load, and old ones did. But Linux knows better, and says
 * so: before it writes CR3 it has noted in cpu_tlbstate which address space
 * (a number that is never used twice) sits in which PCID, at which generation.
 * The layer passes both numbers along, and the host re-checks a shadow only if
 * they moved. That is also why the guest is shown PCIDs even on a processor
 * that has none.
 :*/
static void rl_write_cr3(unsigned long cr3)
{
	unsigned int pcid = cr3 & X86_CR3_PCID_MASK;
	u64 context = 0, generation = 0;

	/* PCID 0: early boot, nothing is known. Context 0 says that. */
	if (pcid && pcid <= TLB_NR_DYN_ASIDS) {
		context = this_cpu_read(cpu_tlbstate.ctxs[pcid - 1].ctx_id);
		generation = this_cpu_read(cpu_tlbstate.ctxs[pcid - 1].tlb_gen);
	}
	current_cr3 = cr3 & ~X86_CR3_PCID_NOFLUSH;
	rl_hypercall(RL_HC_SET_CR3, cr3, context, generation);
}

static unsigned long rl_read_cr3(void)
{
	return current_cr3;
}

static void rl_write_cr2(unsigned long value)
{
	WRITE_ONCE(rl_shared.cr2, value);
}

static void rl_flush_tlb_user(void)
{
	rl_hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
}

static void rl_flush_tlb_kernel(void)
{
	rl_hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
}

static void rl_flush_tlb_one_user(unsigned long address)
{
	rl_hypercall(RL_HC_FLUSH_ONE, address, 0, 0);
}

/* The table's page may be anything tomorrow: the host must forget it today. */
static void rl_pgd_free(struct mm_struct *mm, pgd_t *pgd)
{
	rl_hypercall(RL_HC_DROP_SPACE, __pa(pgd), 0, 0);
}

void rl_mmu_ops_init(void)
{
	pv_ops.mmu.read_cr2 = __PV_IS_CALLEE_SAVE(rl_read_cr2);
	pv_ops.mmu.write_cr2 = rl_write_cr2;
	pv_ops.mmu.read_cr3 = rl_read_cr3;
	pv_ops.mmu.write_cr3 = rl_write_cr3;
	pv_ops.mmu.flush_tlb_user = rl_flush_tlb_user;
	pv_ops.mmu.flush_tlb_kernel = rl_flush_tlb_kernel;
	pv_ops.mmu.flush_tlb_one_user = rl_flush_tlb_one_user;
	pv_ops.mmu.pgd_free = rl_pgd_free;
}
