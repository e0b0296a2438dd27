// SPDX-License-Identifier: GPL-2.0
/*
 * Pretends that perf has PEBS on for the first `busy` entries of a guest; `asked`
 * counts the questions. The decision itself is included and tried with values: it
 * loads only where that is right.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#define trace_buffers_on included_trace_buffers_on
#include "host_module/trace_buffers.c"
#undef trace_buffers_on

static ulong busy, asked;
module_param(busy, ulong, 0444);
module_param(asked, ulong, 0444);

static int answered(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (asked++ < busy)
		regs->ax = true;
	return 0;
}

static struct kretprobe question = {
	.kp.symbol_name = "trace_buffers_on",
	.handler = answered,
};

static int __init perf_records_init(void)
{
	if (writes_records(0, 0) || !writes_records(1, 0) ||
	    !writes_records(1ULL << 35, 0) ||
	    !writes_records(0, DEBUGCTLMSR_TR | DEBUGCTLMSR_BTS) ||
	    writes_records(0, DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF |
			   DEBUGCTLMSR_FREEZE_LBRS_ON_PMI) ||
	    included_trace_buffers_on())
		return -EDOM;
	return register_kretprobe(&question);
}

static void __exit perf_records_exit(void)
{
	unregister_kretprobe(&question);
}

module_init(perf_records_init);
module_exit(perf_records_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Pretends that perf has the processor write records");
