// SPDX-License-Identifier: GPL-2.0
/*
 * The way from rl_start to the kernel's own first C function.
 *
 * Called once, on the boot task's stack, with interrupts virtually off and no
 * handler for any fault until idt_setup_early_handler().
 */
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/paravirt.h>
#include <asm/pgtable.h>
#include <asm/proto.h>
#include <asm/setup.h>
#include <asm/tlbflush.h>

#include "layer.h"

/* What rdcr4 would show on a machine that has just come up. */
#define BOOT_CR4	(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT | X86_CR4_FSGSBASE)

struct rl_shared rl_shared __aligned(PAGE_SIZE);

static struct rl_init init_arguments;

/* The module area's first 2 MB: what shares our page table page stays ours. */
static struct vm_struct layer_area = {
	.addr = (void *)RL_LAYER_GVA,
	.size = PMD_SIZE,
	.flags = VM_MAP | VM_NO_GUARD,
};

static void introduce_to_host(void)
{
	struct rl_init *init = &init_arguments;

	rl_shared.kernel_gs = rdgsbase();
	init->version = RL_GUEST_ABI_VERSION;
	init->shared_gpa = rl_gpa(&rl_shared);
	init->shared_gva = (u64)&rl_shared;
	init->syscall_entry = (u64)rl_syscall_entry;
	init->fault_entry = (u64)rl_fault_entry;
	init->flags = RL_INIT_DEVICE_STATUS;
	init->entry_stack = (u64)&rl_shared + RL_SHARED_ENTRY_STACK;
	init->zone_start = (u64)rl_zone_start;
	init->zone_end = (u64)rl_zone_end;
	init->restart_start = (u64)rl_restart_start;
	init->restart_end = (u64)rl_restart_end;
	if (rl_hypercall(RL_HC_INIT, (u64)init, 0, 0) < 0)
		rl_shutdown(RL_SHUTDOWN_PANIC);
}

/*
 * The early page fault handler fills the direct map into early_top_pgt, and
 * only while CR3 holds that table. The stock image's copy is empty but the
 * kernel's own slot is the same in all tables. init_top_pgt then loses its
 * ready-made maps, as init_mem_mapping() wants to write them itself.
 */
static void switch_to_early_tables(void)
{
	early_top_pgt[511] = init_top_pgt[511];
	pv_ops.mmu.write_cr3(__pa_symbol(early_top_pgt));
	memset(init_top_pgt, 0, 511 * sizeof(pgd_t));
	pv_ops.mmu.flush_tlb_kernel();
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
	introduce_to_host();

	pv_info.name = "ringlet";
	rl_cpu_ops_init();
	rl_segment_ops_init();
	rl_trap_ops_init();
	rl_mmu_ops_init();
	rl_irq_ops_init();
	rl_features_init();
	early_boot_irqs_disabled = true;
	this_cpu_write(cpu_tlbstate.cr4, BOOT_CR4);

	rl_platform_hooks();
	rl_interrupt_hooks();
	rl_time_hooks();

	idt_setup_early_handler();
	switch_to_early_tables();
	vm_area_add_early(&layer_area);

	x86_64_start_reservations((char *)boot_params_gpa);
	rl_shutdown(RL_SHUTDOWN_PANIC);
}
