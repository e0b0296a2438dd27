// SPDX-License-Identifier: GPL-2.0
/*
 * The way from rl_start to the kernel's own first C function.
 *
 * Called once, on the boot task's stack, with interrupts virtually off and no
 * handler for any fault until idt_setup_early_handler().
 */
#include <asm/processor-flags.h>

#include "layer.h"

#define PMD_SIZE	(2ul << 20)

/* What rdcr4 would show on a machine that has just come up. */
#define BOOT_CR4	(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT | X86_CR4_FSGSBASE)

/* The module area's first 2 MB: what shares our page table page stays ours. */
static void keep_area(void)
{
	void *area = object(vm_struct, layer);

	field(pointer, area, vm_struct, addr) = (void *)RL_LAYER_GVA;
	field(u64, area, vm_struct, size) = PMD_SIZE;
	vm_area_add_early(area);
}

/*
 * The early page fault handler fills the direct map into early_top_pgt, and
 * only while CR3 holds that table. The kernel's own slot is the same in both, but
 * not each image has both filled in. init_top_pgt then loses its ready-made maps,
 * as init_mem_mapping() wants to write them itself.
 */
static void switch_to_early_tables(void)
{
	if (init_top_pgt[511])
		early_top_pgt[511] = init_top_pgt[511];
	else
		init_top_pgt[511] = early_top_pgt[511];
	rl_write_cr3(gpa_of(early_top_pgt));
	memset(init_top_pgt, 0, 511 * sizeof(init_top_pgt[0]));
	rl_flush_tlb_kernel();
}

/*J: guest.boot-order
 * The kernel's own head_64.S and x86_64_start_kernel() are skipped: they set
 * up what a guest is born with. But some of their chores remain, and their
 * order matters. The host must know the shared page before anything may turn
 * interrupts off. The feature bits must be forced before anyone asks, because
 * code paths are chosen by them for good. The early exception handlers must
 * stand before the direct map is used, because that map is built by page
 * faults: the kernel touches an address, faults, and the handler adds 2 MB.
 * Then the kernel starts like on any machine, with "Linux version".
 :*/
void rl_start_kernel(unsigned long boot_params_gpa)
{
	rl_cpu_begin();

	field(pointer, pv_info, pv_info, name) = "ringlet";
	rl_cpu_ops_init();
	rl_segment_ops_init();
	rl_trap_ops_init();
	rl_mmu_ops_init();
	rl_irq_ops_init();
	rl_features_init();
	early_boot_irqs_disabled = true;
	field(u64, cpu0(cpu_tlbstate), tlb_state, cr4) = BOOT_CR4;

	rl_platform_hooks();
	rl_interrupt_hooks();
	rl_smp_hooks();
	rl_time_hooks();

	idt_setup_early_handler();
	switch_to_early_tables();
	keep_area();

	x86_64_start_reservations((char *)boot_params_gpa);
	rl_shutdown(RL_SHUTDOWN_PANIC);
}
