// SPDX-License-Identifier: GPL-2.0
/*
 * What the layer takes for granted and no symbol asks for: one line each for the
 * launcher, in a section that is never loaded into a guest (abi/layer.h has the words).
 */
#include "abi/layer.h"

#define NEED(words)							\
	asm(".pushsection " RL_NEEDS_SECTION ",\"\",@progbits\n"	\
	    ".asciz \"" words "\"\n"					\
	    ".popsection")

#define FUNCTION(result, name, parameters, signature)			\
	NEED(RL_NEED_FUNCTION " " #name " " signature);
#include "functions.h"
#undef FUNCTION

/* Members that point to functions, and those that the layer puts there. */
#define POINTER(member, signatures)					\
	NEED(RL_NEED_POINTER " " member " " signatures)
POINTER("pv_cpu_ops.get_debugreg", "84");
POINTER("pv_cpu_ops.set_debugreg", "v48");
POINTER("pv_cpu_ops.read_cr0", "8");
POINTER("pv_cpu_ops.write_cr0", "v8");
POINTER("pv_cpu_ops.write_cr4", "v8");
POINTER("pv_cpu_ops.load_tr_desc", "v");
POINTER("pv_cpu_ops.load_gdt", "vp");
POINTER("pv_cpu_ops.load_idt", "vp");
POINTER("pv_cpu_ops.set_ldt", "vp4");
POINTER("pv_cpu_ops.store_tr", "8");
POINTER("pv_cpu_ops.load_tls", "vp4");
POINTER("pv_cpu_ops.load_gs_index", "v4");
POINTER("pv_cpu_ops.write_gdt_entry", "vp4p4");
POINTER("pv_cpu_ops.write_idt_entry", "vp4p");
POINTER("pv_cpu_ops.load_sp0", "v8");
POINTER("pv_cpu_ops.invalidate_io_bitmap", "v");
POINTER("pv_cpu_ops.update_io_bitmap", "v");
POINTER("pv_cpu_ops.io_delay", "v");
POINTER("pv_cpu_ops.wbinvd", "v");
POINTER("pv_cpu_ops.cpuid", "vpppp");
POINTER("pv_cpu_ops.read_msr", "84");
POINTER("pv_cpu_ops.write_msr", "v444|v48");
POINTER("pv_cpu_ops.read_msr_safe", "84p|44p");
POINTER("pv_cpu_ops.write_msr_safe", "4444|448");
POINTER("pv_cpu_ops.read_pmc", "84");
POINTER("pv_irq_ops.safe_halt", "v");
POINTER("pv_irq_ops.halt", "v");
POINTER("pv_mmu_ops.flush_tlb_user", "v");
POINTER("pv_mmu_ops.flush_tlb_kernel", "v");
POINTER("pv_mmu_ops.flush_tlb_one_user", "v8");
POINTER("pv_mmu_ops.flush_tlb_multi", "vpp");
POINTER("pv_mmu_ops.write_cr2", "v8");
POINTER("pv_mmu_ops.read_cr3", "8");
POINTER("pv_mmu_ops.write_cr3", "v8");
POINTER("pv_mmu_ops.pgd_free", "vpp");
POINTER("x86_init_resources.probe_roms", "v");
POINTER("x86_init_resources.reserve_resources", "v");
POINTER("x86_init_resources.dmi_setup", "v");
POINTER("x86_init_mpparse.setup_ioapic_ids", "v");
POINTER("x86_init_mpparse.find_mptable", "v");
POINTER("x86_init_mpparse.early_parse_smp_cfg", "v");
POINTER("x86_init_mpparse.parse_smp_cfg", "v");
POINTER("x86_init_mpparse.find_smp_config", "v");
POINTER("x86_init_mpparse.get_smp_config", "v4");
POINTER("x86_init_irqs.intr_init", "v");
POINTER("x86_init_irqs.intr_mode_select", "v");
POINTER("x86_init_irqs.intr_mode_init", "v");
POINTER("x86_init_oem.arch_setup", "v");
POINTER("x86_init_timers.setup_percpu_clockev", "v");
POINTER("x86_init_timers.timer_init", "v");
POINTER("x86_init_timers.wallclock_init", "v");
POINTER("x86_init_pci.arch_init", "4");
POINTER("x86_init_pci.init", "4");
POINTER("x86_init_pci.init_irq", "v");
POINTER("x86_cpuinit_ops.setup_percpu_clockev", "v");
POINTER("x86_platform_ops.calibrate_cpu", "8");
POINTER("x86_platform_ops.calibrate_tsc", "8");
POINTER("x86_platform_ops.get_wallclock", "vp");
POINTER("x86_platform_ops.set_wallclock", "4p");
POINTER("x86_platform_ops.get_nmi_reason", "1");
POINTER("x86_platform_ops.set_legacy_features", "v");
POINTER("x86_platform_ops.realmode_reserve", "v");
POINTER("x86_platform_ops.realmode_init", "v");
POINTER("machine_ops.restart", "vp");
POINTER("machine_ops.halt", "v");
POINTER("machine_ops.power_off", "v");
POINTER("machine_ops.shutdown", "v");
POINTER("machine_ops.crash_shutdown", "vp");
POINTER("machine_ops.emergency_restart", "v");
POINTER("smp_ops.smp_prepare_cpus", "v4");
POINTER("smp_ops.smp_send_reschedule", "v4");
POINTER("smp_ops.send_call_func_ipi", "vp");
POINTER("smp_ops.send_call_func_single_ipi", "v4");
POINTER("smp_ops.stop_other_cpus", "v4");
POINTER("smp_ops.cpu_disable", "4");
POINTER("smp_ops.play_dead", "v");
POINTER("apic.wakeup_secondary_cpu_64", "448|4484");
POINTER("apic.phys_pkg_id", "444");
POINTER("apic.get_apic_id", "48|44");
POINTER("apic.send_IPI_mask", "vp4");
POINTER("notifier_block.notifier_call", "4p8p");
POINTER("clock_event_device.event_handler", "vp");
POINTER("clock_event_device.set_next_event", "48p");
POINTER("clock_event_device.set_state_shutdown", "4p");
POINTER("irq_chip.irq_ack", "vp");
POINTER("irq_chip.irq_mask", "vp");
POINTER("irq_chip.irq_unmask", "vp");
POINTER("irq_chip.irq_set_affinity", "4pp1");
POINTER("device_type.uevent", "4pp");
POINTER("dev_pm_ops.suspend", "4p");
POINTER("dev_pm_ops.resume", "4p");
POINTER("console.write", "vpp4");
POINTER("hv_ops.get_chars", "z4pz");
POINTER("hv_ops.put_chars", "z4pz");
POINTER("hv_ops.notifier_add", "4p4");
POINTER("hv_ops.notifier_del", "vp4");
POINTER("hv_ops.notifier_hangup", "vp4");
POINTER("rtc_class_ops.read_time", "4pp");
POINTER("rtc_class_ops.set_alarm", "4pp");
POINTER("rtc_class_ops.alarm_irq_enable", "4p4");
POINTER("hrtimer.function", "4p");
POINTER("ptp_clock_info.gettimex64", "4ppp");
POINTER("ptp_clock_info.adjfine", "4p8");
POINTER("ptp_clock_info.adjtime", "4p8");
POINTER("ptp_clock_info.settime64", "4pp");
POINTER("ptp_clock_info.enable", "4pp4");

/* Of these each is set where it is, so that one must be. */
#define EITHER(words)	NEED(RL_NEED_EITHER " " words)
EITHER("__top_init_kernel_stack initial_stack __end_init_task");
EITHER("x86_init_mpparse.find_mptable x86_init_mpparse.find_smp_config");
EITHER("x86_init_mpparse.parse_smp_cfg x86_init_mpparse.get_smp_config");
EITHER("pv_cpu_ops.io_delay pv_info.io_delay");

/*
 * Where code looks for one thing and then uses others: what it looks for, and what it
 * uses where that is, or is not. tests/lint/layer asks for each weak symbol here.
 */
#define WITH(words)	NEED(RL_NEED_WITH " " words)
#define WITHOUT(words)	NEED(RL_NEED_WITHOUT " " words)
WITH("pcpu_hot pcpu_hot.current_task");
WITHOUT("pcpu_hot current_task");
WITHOUT("hrtimer_setup hrtimer_init hrtimer.function");
WITH("topology_register_boot_apic topology_register_apic apic_install_driver");
WITHOUT("topology_register_boot_apic phys_cpu_present_map generic_processor_info");
WITHOUT("topology_register_boot_apic boot_cpu_apic_version boot_cpu_physical_apicid");
WITH("ptp_system_timestamp.pre_sts ptp_system_timestamp.post_sts ktime_get_snapshot_id");
WITHOUT("ptp_system_timestamp.pre_sts ptp_system_timestamp.pre_ts "
	"ptp_system_timestamp.post_ts ktime_get_real_ts64");
WITH("ptp_system_timestamp.clockid ktime_get_ts64 ktime_get_raw_ts64");
WITH("asm_exc_machine_check asm_xenpv_exc_machine_check");

/*
 * Parts of the layer that a guest can do without: what else such a part takes for granted,
 * each line as it would be without the first two words. What the image has must be what
 * functions.h and the questions in the code say of it.
 */
#define PART(words)	NEED(RL_NEED_PART " " words)
PART("locks with pv_ops __pv_init_lock_hash __pv_queued_spin_lock_slowpath "
     "__raw_callee_save___pv_queued_spin_unlock nopvspin pv_lock_ops.wait "
     "pv_lock_ops.kick pv_lock_ops.vcpu_is_preempted.func smp_ops.smp_prepare_boot_cpu");
PART("locks without pv_ops_lock paravirt_patch_template.lock");
PART("locks with __SCK__queued_spin_unlock __SCT__queued_spin_unlock "
     "__SCK__queued_spin_lock_slowpath __SCT__queued_spin_lock_slowpath "
     "__static_call_update");
PART("locks without __SCK__queued_spin_unlock pv_lock_ops.queued_spin_lock_slowpath "
     "pv_lock_ops.queued_spin_unlock.func");
PART("locks pointer pv_lock_ops.queued_spin_lock_slowpath vp4");
PART("locks pointer pv_lock_ops.wait vp1");
PART("locks pointer pv_lock_ops.kick v4");
PART("locks pointer smp_ops.smp_prepare_boot_cpu v");
PART("locks function __pv_init_lock_hash v");
PART("locks function __pv_queued_spin_lock_slowpath vp4");
PART("locks function __static_call_update vppp");
PART("locks variable __SCK__queued_spin_lock_slowpath static_call_key");
PART("locks variable __SCK__queued_spin_unlock static_call_key");
PART("locks variable pv_ops_lock pv_lock_ops");
PART("locks variable nopvspin u8");
PART("steal with pv_ops __SCK__pv_steal_clock __SCT__pv_steal_clock __static_call_update "
     "paravirt_steal_enabled static_key_enable native_steal_clock");
PART("steal function native_steal_clock 84");
PART("steal function __static_call_update vppp");
PART("steal function static_key_enable vp");
PART("steal variable __SCK__pv_steal_clock static_call_key");
PART("steal variable paravirt_steal_enabled static_key");
PART("steal variable paravirt_steal_rq_enabled static_key");

/* Variables that are structures, or as large as one: behind each there is room. */
#define VARIABLE(words)	NEED(RL_NEED_VARIABLE " " words)
VARIABLE("pv_ops paravirt_patch_template");
VARIABLE("pv_info pv_info");
VARIABLE("x86_init x86_init_ops");
VARIABLE("x86_cpuinit x86_cpuinit_ops");
VARIABLE("x86_platform x86_platform_ops");
VARIABLE("machine_ops machine_ops");
VARIABLE("boot_cpu_data cpuinfo_x86");
VARIABLE("boot_params boot_params");
VARIABLE("null_legacy_pic legacy_pic");
VARIABLE("ioport_resource resource");
VARIABLE("iomem_resource resource");
VARIABLE("standard_io_resources resource");
VARIABLE("rtc_resources resource");
VARIABLE("xenboot_console console$write");
VARIABLE("xen_vcpuop_clockevent clock_event_device");
VARIABLE("gdt_page gdt_page");
VARIABLE("cpu_tlbstate tlb_state");
VARIABLE("entry_stack_storage entry_stack_page");
VARIABLE("smp_ops smp_ops");
VARIABLE("apic_noop apic");
VARIABLE("pcpu_hot pcpu_hot");
VARIABLE("panic_notifier_list atomic_notifier_head");
VARIABLE("cpu_bit_bitmap cpumask*65");
VARIABLE("cpu_caps_set cpuinfo_x86.x86_capability");
/* Plain ones. */
VARIABLE("init_top_pgt u64*512");
VARIABLE("early_top_pgt u64*512");
VARIABLE("page_offset_base u64");
VARIABLE("__per_cpu_offset u64");
VARIABLE("phys_cpu_present_map u64");
VARIABLE("__cpu_online_mask u64");
VARIABLE("initial_code pointer");
VARIABLE("real_mode_header pointer");
VARIABLE("smp_found_config u32");
VARIABLE("boot_cpu_physical_apicid u32");
VARIABLE("boot_cpu_apic_version u8");
VARIABLE("initial_stack u64");
VARIABLE("current_task pointer");
VARIABLE("vector_irq pointer*256");
VARIABLE("legacy_pic pointer");
VARIABLE("pm_power_off pointer");
VARIABLE("pci_probe u32");
VARIABLE("acpi_disabled u32");
VARIABLE("acpi_pci_disabled u32");
VARIABLE("acpi_noirq u32");
VARIABLE("kexec_load_disabled u32");
VARIABLE("nohibernate u32");
VARIABLE("early_boot_irqs_disabled u8");
VARIABLE("x86_cpu_to_apicid_early_map u8*4");
VARIABLE("x86_bios_cpu_apicid_early_map u8*4");

/* What two of them hold when the kernel starts, which nothing else does. */
#define WORD(words)	NEED(RL_NEED_WORD " " words)
WORD("page_offset_base ffff888000000000");
WORD("cpu_bit_bitmap+cpumask 1");	/* the mask of CPU 0 */
