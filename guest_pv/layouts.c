// SPDX-License-Identifier: GPL-2.0
/*
 * The members of kernel structures that the layer relies on, as the headers
 * say they are. The launcher compares them with the image's own BTF and
 * refuses to start a guest whose headers tell another story.
 */
#include <linux/clockchips.h>
#include <linux/console.h>
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/kobject.h>
#include <linux/notifier.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <linux/vmalloc.h>
#include <asm/bootparam.h>
#include <asm/desc.h>
#include <asm/paravirt_types.h>
#include <asm/processor.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>
#include <asm/x86_init.h>

#include "abi/layer.h"
#include "hvc.h"

#define L(type, name)						\
	{							\
		.struct_name = #type, .member = #name,		\
		.offset = offsetof(struct type, name),		\
		.size = sizeof_field(struct type, name),	\
	}

static const struct rl_layout layouts[]
__used __section(RL_LAYOUTS_SECTION) = {
	L(gdt_page, gdt),
	L(paravirt_patch_template, cpu),
	L(paravirt_patch_template, irq),
	L(paravirt_patch_template, mmu),
	L(pv_info, name),
	L(pv_cpu_ops, io_delay),
	L(pv_cpu_ops, get_debugreg),
	L(pv_cpu_ops, set_debugreg),
	L(pv_cpu_ops, read_cr0),
	L(pv_cpu_ops, write_cr0),
	L(pv_cpu_ops, write_cr4),
	L(pv_cpu_ops, load_tr_desc),
	L(pv_cpu_ops, load_gdt),
	L(pv_cpu_ops, load_idt),
	L(pv_cpu_ops, set_ldt),
	L(pv_cpu_ops, store_tr),
	L(pv_cpu_ops, load_tls),
	L(pv_cpu_ops, load_gs_index),
	L(pv_cpu_ops, write_gdt_entry),
	L(pv_cpu_ops, write_idt_entry),
	L(pv_cpu_ops, load_sp0),
	L(pv_cpu_ops, invalidate_io_bitmap),
	L(pv_cpu_ops, update_io_bitmap),
	L(pv_cpu_ops, wbinvd),
	L(pv_cpu_ops, cpuid),
	L(pv_cpu_ops, read_msr),
	L(pv_cpu_ops, write_msr),
	L(pv_cpu_ops, read_msr_safe),
	L(pv_cpu_ops, write_msr_safe),
	L(pv_cpu_ops, read_pmc),
	L(pv_irq_ops, save_fl),
	L(pv_irq_ops, irq_disable),
	L(pv_irq_ops, irq_enable),
	L(pv_irq_ops, safe_halt),
	L(pv_irq_ops, halt),
	L(pv_mmu_ops, flush_tlb_user),
	L(pv_mmu_ops, flush_tlb_kernel),
	L(pv_mmu_ops, flush_tlb_one_user),
	L(pv_mmu_ops, read_cr2),
	L(pv_mmu_ops, write_cr2),
	L(pv_mmu_ops, read_cr3),
	L(pv_mmu_ops, write_cr3),
	L(pv_mmu_ops, pgd_free),
	L(tlb_state, ctxs),
	L(tlb_state, cr4),
	L(tlb_context, ctx_id),
	L(tlb_context, tlb_gen),
	L(task_struct, thread),
	L(thread_struct, tls_array),
	L(cpuinfo_x86, x86_capability),
	L(boot_params, hdr),
	L(setup_header, loadflags),
	L(x86_init_ops, resources),
	L(x86_init_ops, mpparse),
	L(x86_init_ops, irqs),
	L(x86_init_ops, oem),
	L(x86_init_ops, timers),
	L(x86_init_ops, pci),
	L(x86_init_resources, probe_roms),
	L(x86_init_resources, reserve_resources),
	L(x86_init_resources, dmi_setup),
	L(x86_init_mpparse, setup_ioapic_ids),
	L(x86_init_mpparse, find_smp_config),
	L(x86_init_mpparse, get_smp_config),
	L(x86_init_irqs, intr_init),
	L(x86_init_irqs, intr_mode_select),
	L(x86_init_irqs, intr_mode_init),
	L(x86_init_oem, arch_setup),
	L(x86_init_timers, setup_percpu_clockev),
	L(x86_init_timers, timer_init),
	L(x86_init_timers, wallclock_init),
	L(x86_init_pci, arch_init),
	L(x86_init_pci, init),
	L(x86_init_pci, init_irq),
	L(x86_cpuinit_ops, setup_percpu_clockev),
	L(x86_platform_ops, calibrate_cpu),
	L(x86_platform_ops, calibrate_tsc),
	L(x86_platform_ops, get_wallclock),
	L(x86_platform_ops, set_wallclock),
	L(x86_platform_ops, get_nmi_reason),
	L(x86_platform_ops, legacy),
	L(x86_platform_ops, set_legacy_features),
	L(x86_platform_ops, realmode_reserve),
	L(x86_platform_ops, realmode_init),
	L(x86_legacy_features, i8042),
	L(x86_legacy_features, rtc),
	L(x86_legacy_features, no_vga),
	L(machine_ops, restart),
	L(machine_ops, halt),
	L(machine_ops, power_off),
	L(machine_ops, shutdown),
	L(machine_ops, crash_shutdown),
	L(machine_ops, emergency_restart),
	L(vm_struct, addr),
	L(vm_struct, size),
	L(vm_struct, flags),
	L(notifier_block, notifier_call),
	L(notifier_block, priority),
	L(clock_event_device, event_handler),
	L(clock_event_device, set_next_event),
	L(clock_event_device, set_state_shutdown),
	L(clock_event_device, features),
	L(clock_event_device, rating),
	L(clock_event_device, irq),
	L(clock_event_device, cpumask),
	L(irq_chip, name),
	L(irq_chip, irq_ack),
	L(irq_chip, irq_mask),
	L(irq_chip, irq_unmask),
	L(platform_device, dev),
	L(device, type),
	L(device_type, name),
	L(device_type, uevent),
	L(kobj_uevent_env, envp),
	L(kobj_uevent_env, envp_idx),
	L(kobj_uevent_env, buflen),
	L(resource, start),
	L(resource, end),
	L(resource, flags),
	L(console, name),
	L(console, write),
	L(console, flags),
	L(console, index),
	L(hv_ops, get_chars),
	L(hv_ops, put_chars),
	L(hv_ops, flush),
	L(hv_ops, notifier_add),
	L(hv_ops, notifier_del),
	L(hv_ops, notifier_hangup),
	L(hv_ops, dtr_rts),
};
