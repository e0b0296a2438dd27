// SPDX-License-Identifier: GPL-2.0
/*
 * The host without global pages, for as long as a vCPU stays on its pCPU.
 *
 * What Linux is told of none of this rests on:
 *
 * - Linux switches PGE on behind our back (a flush of its own, or another bit of CR4).
 *   So each entry asks the register and not a note of ours, and a guest always starts
 *   without (invariant 12).
 * - What Linux flushes here in between is gone: INVPCID takes all there is; a change of
 *   PGE does, and Linux's own pair of writes ends with one that changes it; INVLPG and
 *   a load of CR3 take what has the PCID of the moment. Another task or a return to the
 *   program ends the stay, so there is one PCID of the host's in it. (Where Linux gives the
 *   address space another one for INVLPGB, it does not go back to the first; and nothing
 *   below RL_RUN goes to and fro between address spaces, as text_poke() does.) The end
 *   changes PGE, which leaves nothing of any PCID (SDM volume 3, 4.10.4.1).
 * - What other pCPUs want flushed here comes as an interrupt, so by an exit, and is done
 *   before they go on; or by AMD's INVLPGB, which asks nobody which PCID is in use; or by a
 *   hypervisor below, which does for a whole virtual processor what the interrupt would.
 * - Translations of the guest have PCID 0, which Linux uses for no task; if it did, such an
 *   exit would keep nothing. A load of CR3 for a shadow root never keeps them.
 */
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>
#include "global_pages.h"
#include "vcpu.h"

#ifdef CONFIG_PREEMPT_NOTIFIERS

static bool lazy_global = true;
module_param(lazy_global, bool, 0644);
MODULE_PARM_DESC(lazy_global, "keep the host's translations over short exits, from the next RL_RUN on (default Y)");

/*J: global_pages.lazy
 * Linux marks its own pages global: their translations outlive a load of CR3. Ring 1
 * is supervisor, too, and could read through one that is left, so no guest runs with
 * global pages on. But each change of that bit empties the whole TLB, once on the way in
 * and once on the way out, and behind an exit that is served in a microsecond the
 * host needs a few dozen translations that it had a moment before.
 *
 * So the bit stays off. From the first entry on the host goes without global pages, too,
 * and where the processor tags translations with PCIDs it comes back to its own
 * tables by a load that throws nothing away. When another task gets the pCPU, or the
 * launcher's program goes on, the bit comes back, which empties the TLB once.
 :*/

/* Interrupts off, so that nobody else changes CR4 in between. */
static void give_back(const struct rl_vcpu *vcpu)
{
	unsigned long cr4 = native_read_cr4();

	if (vcpu->global & ~cr4)
		asm volatile("mov %0, %%cr4"
			     :: "r"(cr4 | vcpu->global) : "memory");
}

static void comes(struct preempt_notifier *notifier, int cpu)
{
}

static void goes(struct preempt_notifier *notifier, struct task_struct *next)
{
	give_back(container_of(notifier, struct rl_vcpu, notifier));
}

/*
 * From here on the scheduler looks for notifiers: Linux writes over a jump in it, on all
 * pCPUs. Once for all VMs, because what runs under QEMU with a thread for each processor
 * may see the INT3 of such a change for ever (Documentation/testing.md). May sleep.
 */
void global_pages_init(void)
{
	preempt_notifier_inc();
}

void global_pages_exit(void)
{
	preempt_notifier_dec();
}

void global_pages_begin(struct rl_vcpu *vcpu)
{
	static struct preempt_ops ops = { .sched_in = comes, .sched_out = goes };
	unsigned long cr4 = native_read_cr4();

	/* Linux has the same on all pCPUs. */
	vcpu->global = READ_ONCE(lazy_global) ? cr4 & X86_CR4_PGE : 0;
	preempt_notifier_init(&vcpu->notifier, &ops);
	preempt_notifier_register(&vcpu->notifier);
}

void global_pages_end(struct rl_vcpu *vcpu)
{
	unsigned long flags;

	/* From here to the return nothing enters a guest; until then it may still go. */
	local_irq_save(flags);
	give_back(vcpu);
	local_irq_restore(flags);
	preempt_notifier_unregister(&vcpu->notifier);
}

#endif
