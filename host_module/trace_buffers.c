// SPDX-License-Identifier: GPL-2.0
/*
 * What a user of perf may have switched on for this thread or this pCPU, and makes
 * the processor itself write to memory.
 *
 * PEBS and BTS write records to linear addresses, of the host's debug store. While
 * a guest's page tables are loaded nothing is there: the write would be a page
 * fault of an instruction that touched no memory. Intel PT writes to physical
 * addresses (SDM volume 3, 33.2.7), LBR and AMD's IBS to registers: they do
 * no harm.
 *
 * perf_guest_get_msrs() would say what to switch off around an entry, but not all:
 * it knows nothing of BTS, leaves PEBS_ENABLE out where VMX isolates PEBS by itself,
 * and an NMI of perf between the switching off and the load of CR3 switches
 * everything on again. So the guest does not run while it is on. Asking is safe from
 * that: with interrupts off perf changes nothing but in an NMI, and that one leaves
 * things as it found them.
 */
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include "compat.h"
#include "trace_buffers.h"

/* From the values of IA32_PEBS_ENABLE and IA32_DEBUGCTL (SDM volume 3, 18.4). */
static bool writes_records(u64 pebs_enable, u64 debugctl)
{
	return pebs_enable || (debugctl & DEBUGCTLMSR_BTS);
}

/*
 * Would the processor write records while a guest runs here? Interrupts off.
 * A function of its own for tests/host/perf-records.
 */
noinline bool trace_buffers_on(void)
{
	u64 pebs_enable = 0, debugctl = 0;

	if (boot_cpu_has(X86_FEATURE_PEBS))
		rdmsrl(MSR_IA32_PEBS_ENABLE, pebs_enable);
	if (boot_cpu_has(X86_FEATURE_BTS))
		rdmsrl(MSR_IA32_DEBUGCTLMSR, debugctl);
	return writes_records(pebs_enable, debugctl);
}
