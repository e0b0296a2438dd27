// SPDX-License-Identifier: GPL-2.0
/*
 * The LDT of a vCPU: a copy of the guest's own, entry by entry as segment.c lets it through.
 *
 * It is mapped in the guest's view alone, read-only, at WINDOW_LDT, by two tables of the
 * vCPU's that the window links while it is bound there. The entry loads LDTR, the exit
 * clears it again, and both do so only where shared->ldt says that there is an LDT.
 *
 * Owner: the holder of vcpu->lock, outside the guest. While shared->ldt is 0 nothing refers
 * to the table, which may then hold what has not been checked yet; never when ldt_set() has
 * returned.
 *
 * Source: SDM volume 3, 3.5.1 (segment descriptor tables), 3.5.2 (in 64-bit mode).
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include "ldt.h"
#include "segment.h"
#include "vcpu.h"
#include "walk.h"
#include "window.h"

#define LDT_BYTES	(RL_LDT_ENTRIES * sizeof(u64))
#define LDT_GVA		(RL_SLOT_ADDRESS(RL_WINDOW_SLOT) + WINDOW_LDT)

/* What the vCPU's window has for WINDOW_LDT, on level 3. */
u64 ldt_link(const struct rl_vcpu *vcpu)
{
	return vcpu->ldt ? __pa(vcpu->ldt_tables[0]) | PTE_P | PTE_A : 0;
}

void ldt_destroy(struct rl_vcpu *vcpu)
{
	free_page((unsigned long)vcpu->ldt_tables[0]);
	free_page((unsigned long)vcpu->ldt_tables[1]);
	vfree(vcpu->ldt);
}

/* Makes room for the largest, for good: most guests never come here. 0 or -ENOMEM. */
static int make(struct rl_vcpu *vcpu)
{
	u64 **tables = vcpu->ldt_tables;
	u64 *ldt;

	for (int i = 0; i < 2; i++)
		if (!tables[i])
			tables[i] = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	ldt = __vmalloc(LDT_BYTES, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!ldt || !tables[0] || !tables[1]) {
		vfree(ldt);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < LDT_BYTES / PAGE_SIZE; i++)
		tables[1][i] = (u64)vmalloc_to_pfn(&ldt[512 * i]) << PAGE_SHIFT |
			       PTE_P | PTE_A | PTE_D | PTE_NX;
	tables[0][0] = __pa(tables[1]) | PTE_P | PTE_A;
	vcpu->ldt = ldt;
	return 0;
}

static void describe(struct rl_vcpu *vcpu, unsigned int entries)
{
	segment_describe_ldt(vcpu->gdt, LDT_GVA, entries);
	vcpu->shared->ldt = entries ? RL_LDT_SELECTOR : 0;
}

/* Each descriptor is read once, then checked where it is. */
static s64 copy(struct rl_vcpu *vcpu, gva_t at, u64 entries)
{
	u64 *ldt = vcpu->ldt;
	gva_t fault;
	u32 error;

	if (guest_read(vcpu, at, ldt, entries * sizeof(u64), 0, &error, &fault))
		return -EFAULT;
	for (u64 i = 0; i < entries; i++)
		if (!segment_ldt_ok(ldt[i], &ldt[i]))
			return -EINVAL;
	return 0;
}

/*
 * Does the frame's code segment, one of an LDT, end before RIP? A program comes there when an
 * interrupt is taken behind the last instruction that fits, before the processor sees that
 * no other one follows. An IRET to that place fails in ring 0, which would end the guest.
 */
bool ldt_ends_before_rip(const struct rl_vcpu *vcpu)
{
	return vcpu->ldt && vcpu->regs->rip >
	       segment_limit(vcpu->ldt[(vcpu->regs->cs & 0xffff) >> 3]);
}

/*J: gates.ldt
 * Wine and programs older than 64 bits describe segments of their own in a second table,
 * the LDT. It is like the GDT in what it can do to the host, so nobody uses the guest's own
 * memory for it: the guest names its table, each descriptor is read once, and the checked
 * copy is what the processor sees. The host's kernel knows nothing of it, because LDTR is
 * loaded behind CR3 on the way in and cleared before CR3 on the way out.
 :*/

/*
 * RL_HC_SET_LDT, with all arguments as the guest gave them. Where that makes vcpu->ldt, the
 * caller unbinds the window, so that the next entry maps it. 0, -EINVAL (too many entries,
 * or one that segment_ldt_ok() refuses), -EFAULT or -ENOMEM; in each of these cases the
 * vCPU has no LDT any more. May sleep.
 */
s64 ldt_set(struct rl_vcpu *vcpu, gva_t at, u64 entries)
{
	s64 r;

	describe(vcpu, 0);
	if (entries > RL_LDT_ENTRIES)
		return -EINVAL;
	if (!entries)
		return 0;
	r = vcpu->ldt ? 0 : make(vcpu);
	if (r)
		return r;
	r = copy(vcpu, at, entries);
	if (r)
		memset(vcpu->ldt, 0, LDT_BYTES);
	else
		describe(vcpu, entries);
	return r;
}
