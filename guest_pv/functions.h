/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's functions that the layer calls or replaces, each with its signature: the
 * result, then the parameters, as letters: v none, p a pointer, a digit the bytes of a
 * number, S a structure by value, z a number of 4 or 8 bytes (small, in a register),
 * and at the end v for "...". The image's BTF must say the same of each function that
 * it has (launcher/answer.c).
 *
 * FUNCTION(result, name, (parameters), "signature") is what the includer makes of it:
 * kernel.h declarations, needs.c the list for the launcher.
 */
FUNCTION(int, __irq_alloc_descs, (int irq, unsigned int from, unsigned int count,
				  int node, void *owner, const void *affinity),
	 "44444pp")
FUNCTION(void, irq_set_chip_and_handler_name, (unsigned int irq, const void *chip,
					       const void *handler, const char *name),
	 "v4ppp")
FUNCTION(void, irq_modify_status, (unsigned int irq, unsigned long clear,
				   unsigned long set), "v488")
FUNCTION(void *, irq_to_desc, (unsigned int irq), "p4")
FUNCTION(int, irq_set_irq_wake, (unsigned int irq, unsigned int on), "444")
FUNCTION(int, request_threaded_irq, (unsigned int irq, const void *handler,
				     const void *thread, unsigned long flags,
				     const char *name, void *argument),
	 "44pp8pp")
FUNCTION(void, handle_edge_irq, (void *descriptor), "vp")
FUNCTION(void, handle_percpu_irq, (void *descriptor), "vp")
FUNCTION(void, native_init_IRQ, (void), "v")
FUNCTION(void, x86_init_noop, (void), "v")
FUNCTION(void, idt_setup_early_handler, (void), "v")
FUNCTION(void, smp_prepare_cpus_common, (void), "v")
FUNCTION(int, native_cpu_disable, (void), "4")
FUNCTION(void, play_dead_common, (void), "v")
FUNCTION(void, x86_64_start_reservations, (char *real_mode_data), "vp")
FUNCTION(void, setup_clear_cpu_cap, (unsigned int feature), "v4")

FUNCTION(void *, lookup_address, (unsigned long address, unsigned int *level), "p8p")
FUNCTION(u64, slow_virt_to_phys, (void *address), "8p")
FUNCTION(void *, ioremap, (u64 gpa, unsigned long size), "p88")
FUNCTION(void, iounmap, (void *address), "vp")
FUNCTION(void, vm_area_add_early, (void *area), "vp")
FUNCTION(int, request_resource, (void *root, void *resource), "4pp")
FUNCTION(void, flush_tlb_kernel_range, (unsigned long start, unsigned long end), "v88")
FUNCTION(void *, __text_poke, (void *write, void *address, const void *from,
			       size_t bytes), "pppp8")

FUNCTION(void, register_console, (void *console), "vp")
FUNCTION(int, add_preferred_console, (const char *name, short index, char *options),
	 "4p?p")
FUNCTION(int, cmdline_find_option_bool, (const char *line, const char *option), "4pp")
FUNCTION(int, quiet_kernel, (char *text), "4p")
FUNCTION(void, console_flush_on_panic, (int mode), "v4")
FUNCTION(int, xen_hvc_init, (void), "4")
FUNCTION(int, hvc_instantiate, (u32 terminal, int index, const void *ops), "444p")
FUNCTION(void *, hvc_alloc, (u32 terminal, int data, const void *ops, int outbuf),
	 "p44p4")
/* With its lock held, as in get_chars. */
FUNCTION(void, __hvc_resize, (void *hvc, struct winsize size), "vpS")
FUNCTION(int, notifier_add_irq, (void *hvc, int irq), "4p4")
FUNCTION(void, notifier_del_irq, (void *hvc, int irq), "vp4")
FUNCTION(void, notifier_hangup_irq, (void *hvc, int irq), "vp4")

FUNCTION(int, add_uevent_var, (void *environment, const char *format, ...), "4ppv")
FUNCTION(void, device_set_wakeup_capable, (void *device, bool capable), "vp1")
FUNCTION(int, device_wakeup_enable, (void *device), "4p")
FUNCTION(int, dev_pm_set_wake_irq, (void *device, int irq), "4p4")
FUNCTION(void, pm_wakeup_dev_event, (void *device, unsigned int ms, bool hard), "vp41")
FUNCTION(void *, platform_device_alloc, (const char *name, int id), "pp4")
FUNCTION(int, platform_device_add_resources, (void *device, const void *resources,
					      unsigned int count), "4pp4")
FUNCTION(int, platform_device_add, (void *device), "4p")
FUNCTION(void, platform_device_put, (void *device), "vp")

FUNCTION(int, atomic_notifier_chain_register, (void *chain, void *block), "4pp")
FUNCTION(long, usermodehelper_read_lock_wait, (long jiffies), "88")
FUNCTION(void, usermodehelper_read_unlock, (void), "v")
FUNCTION(void, orderly_poweroff, (bool force), "v1")
FUNCTION(unsigned long, __msecs_to_jiffies, (unsigned int ms), "84")

FUNCTION(void, clockevents_config_and_register, (void *device, u32 hz, unsigned long least,
						 unsigned long most), "vp488")
FUNCTION(void, pvclock_touch_watchdogs, (void), "v")
FUNCTION(s64, ktime_get, (void), "8")
FUNCTION(u64, hrtimer_forward, (void *timer, s64 now, s64 interval), "8p88")
FUNCTION(int, hrtimer_cancel, (void *timer), "4p")
FUNCTION(void, hrtimer_start_range_ns, (void *timer, s64 time, u64 range, int mode),
	 "vp884")
FUNCTION(int, do_settimeofday64, (const void *time), "4p")
FUNCTION(void, rtc_time64_to_tm, (s64 time, void *tm), "v8p")
FUNCTION(s64, rtc_tm_to_time64, (void *tm), "8p")
FUNCTION(void, rtc_update_irq, (void *rtc, unsigned long count, unsigned long events),
	 "vp88")
FUNCTION(void *, devm_rtc_allocate_device, (void *device), "pp")
FUNCTION(int, __devm_rtc_register_device, (void *owner, void *rtc), "4pp")
FUNCTION(void *, ptp_clock_register, (void *info, void *parent), "ppp")

/* One of these two, or of the groups of them, is missing in each kernel. */
FUNCTION(__weak void, hrtimer_setup, (void *timer, const void *function, int clock,
				      int mode), "vpp44")
FUNCTION(__weak void, hrtimer_init, (void *timer, int clock, int mode), "vp44")
FUNCTION(__weak int, generic_processor_info, (int apic, int version), "444")
FUNCTION(__weak void, apic_install_driver, (void *driver), "vp")
FUNCTION(__weak void, topology_register_boot_apic, (u32 apic), "v4")
FUNCTION(__weak void, topology_register_apic, (u32 apic, u32 acpi, bool present), "v441")
FUNCTION(__weak void, ktime_get_snapshot_id, (int clock, void *snapshot), "v4p")
FUNCTION(__weak void, ktime_get_real_ts64, (void *time), "vp")
FUNCTION(__weak void, ktime_get_ts64, (void *time), "vp")
FUNCTION(__weak void, ktime_get_raw_ts64, (void *time), "vp")
