// SPDX-License-Identifier: GPL-2.0
/*
 * Time that the host took away: what Linux counts as "steal" (/proc/stat).
 *
 * The host says it in the shared page; Linux looks there at each tick, and takes it off
 * what the task that seemed to run is charged for.
 */
#include "layer.h"

/* A part of the layer that an image need not allow: see needs.c. */
extern void __static_call_update(void *key, void *trampoline, void *function) __weak;
extern void static_key_enable(void *key) __weak;
extern char __SCK__pv_steal_clock[] __weak, __SCT__pv_steal_clock[] __weak;
extern char paravirt_steal_enabled[] __weak;	/* static_key */
extern char paravirt_steal_rq_enabled[] __weak;	/* where tasks' time is without it, too */

/* Of any CPU, and from any. */
static u64 stolen_of(int cpu)
{
	u64 *page = of_cpu(cpu, entry_stack_storage);

	return READ_ONCE(page[shared_offset(stolen) / sizeof(u64)]);
}

/* When code may be patched and this task may sleep. */
void rl_steal_init(void)
{
	if (!has_part(steal))
		return;
	__static_call_update(__SCK__pv_steal_clock, __SCT__pv_steal_clock, stolen_of);
	static_key_enable(paravirt_steal_enabled);
	if (has_symbol(paravirt_steal_rq_enabled))
		static_key_enable(paravirt_steal_rq_enabled);
}
