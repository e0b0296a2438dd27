// SPDX-License-Identifier: GPL-2.0
/*
 * pv_ops.mmu: CR2, CR3, TLB flushes, the end of an address space.
 *
 * Page table entries are written natively: the host's shadow is a TLB and is
 * told of flushes only. What makes that sound is in rl_write_cr3().
 */
#include "layer.h"

#define CR3_PCID	0xffful
#define CR3_NOFLUSH	(1ul << 63)
#define USER_END	(1ul << 47)	/* of the lower half */
#define KERNEL_START	(-1ul << 47)

/* A word of the running CPU's TLB state; what comes before it is a per-CPU variable. */
#define this_cpu_word(offset)						\
({									\
	u64 word_;							\
									\
	asm volatile("movq %%gs:cpu_tlbstate(%1), %0"			\
		     : "=r" (word_) : "r" (offset) : "memory");		\
	word_;								\
})

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
void rl_write_cr3(unsigned long cr3)
{
	unsigned int pcid = cr3 & CR3_PCID;
	u64 context = 0, generation = 0, place;

	/* PCID 0: early boot, nothing is known. Context 0 says that. */
	if (pcid && pcid <= count_of(tlb_state, ctxs)) {
		place = (pcid - 1) * size_of(tlb_context) +
			IMAGE("at.whole.tlb_state.ctxs");
		context = this_cpu_word(place + IMAGE("at.u64.tlb_context.ctx_id"));
		generation = this_cpu_word(place + IMAGE("at.u64.tlb_context.tlb_gen"));
	}
	scratch_write(CR3, cr3 & ~CR3_NOFLUSH);
	rl_hypercall(RL_HC_SET_CR3, cr3, context, generation);
}

static unsigned long rl_read_cr3(void)
{
	return scratch_read(CR3);
}

static void rl_write_cr2(unsigned long value)
{
	shared_write(cr2, value);
}

static void rl_flush_tlb_user(void)
{
	rl_hypercall(RL_HC_FLUSH_USER, 0, 0, 0);
}

void rl_flush_tlb_kernel(void)
{
	rl_hypercall(RL_HC_FLUSH_KERNEL, 0, 0, 0);
}

static void rl_flush_tlb_one_user(unsigned long address)
{
	rl_hypercall(RL_HC_FLUSH_ONE, address, 0, 0);
}

/* The table's page may be anything tomorrow: the host must forget it today. */
static void rl_pgd_free(void *mm, void *pgd)
{
	rl_hypercall(RL_HC_DROP_SPACE, direct_gpa(pgd), 0, 0);
}

/*J: guest.remote-flush
 * When a program with threads gives memory back, no processor may know of it any more.
 * Linux interrupts all that may, waits, and each flushes its TLB. For a guest such an
 * interrupt is two world switches and a handler on each vCPU; and one that its host is
 * just not running must first be scheduled to be told to forget what it has forgotten
 * long ago. The host knows which vCPUs are in the guest. So it is asked once: it takes
 * the entries out of all shadows and makes those leave that are inside, and the guest's
 * processors never hear of it.
 *
 * They do not note in cpu_tlbstate that they are up to date, so at their next load of
 * this address space its generation is new to the host, which compares once more. Only
 * the caller's own is noted, if nothing else is missing there.
 :*/
static void note_own_flush(void *mm, u64 generation)
{
	void *state = of_this_cpu(cpu_tlbstate);
	unsigned int asid = field(u16, state, tlb_state, loaded_mm_asid);
	void *context = (char *)part(state, tlb_state, ctxs) +
			asid * size_of(tlb_context);
	u64 *known = &field(u64, context, tlb_context, tlb_gen);

	if (field(pointer, state, tlb_state, loaded_mm) == mm &&
	    *known + 1 == generation)
		*known = generation;
}

/* What Linux has there, by interrupts. */
static void (*flush_tlb_multi_by_linux)(const u64 *mask, const void *info);

/* The range of an address space is forgotten on the CPUs of the mask. */
static void rl_flush_tlb_multi(const u64 *mask, const void *info)
{
	void *mm = field(pointer, info, flush_tlb_info, mm);
	struct rl_flush flush = {
		.vcpus = mask[0],
		.start = field(u64, info, flush_tlb_info, start),
		.end = field(u64, info, flush_tlb_info, end),
	};
	u8 was;

	/* Reclaim takes pages of many address spaces, and has one flush for all: each CPU
	   compares the generation of what it has loaded. */
	if (!mm) {
		flush_tlb_multi_by_linux(mask, info);
		return;
	}
	flush.cr3 = direct_gpa(field(pointer, mm, mm_struct, pgd));
	if (flush.end > USER_END) {
		flush.start = 0;
		flush.end = USER_END;
	}
	if (flush.start < flush.end)
		rl_hypercall(RL_HC_FLUSH_VCPUS, (u64)&flush, 0, 0);
	was = rl_irq_save();
	note_own_flush(mm, field(u64, info, flush_tlb_info, new_tlb_gen));
	rl_irq_restore(was);
}

/*
 * In place of Linux's, which interrupts every vCPU and has each of them ask for one
 * address after the other. Kernel memory is all vCPUs', whichever are online.
 */
void rl_flush_tlb_kernel_range(u64 start, u64 end)
{
	struct rl_flush flush = {
		.vcpus = ~0ull,
		.start = start < KERNEL_START ? KERNEL_START : start,
		.end = end,
	};

	if (flush.start < flush.end)
		rl_hypercall(RL_HC_FLUSH_VCPUS, (u64)&flush, 0, 0);
}

/* There is more than one vCPU. */
void rl_mmu_many(void)
{
	flush_tlb_multi_by_linux = (void *)PV(mmu.flush_tlb_multi);
	PV(mmu.flush_tlb_multi) = rl_flush_tlb_multi;
}

void rl_mmu_ops_init(void)
{
	PV(mmu.read_cr2.func) = rl_read_cr2;
	PV(mmu.write_cr2) = rl_write_cr2;
	PV(mmu.read_cr3) = rl_read_cr3;
	PV(mmu.write_cr3) = rl_write_cr3;
	PV(mmu.flush_tlb_user) = rl_flush_tlb_user;
	PV(mmu.flush_tlb_kernel) = rl_flush_tlb_kernel;
	PV(mmu.flush_tlb_one_user) = rl_flush_tlb_one_user;
	PV(mmu.pgd_free) = rl_pgd_free;
}
