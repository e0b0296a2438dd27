// SPDX-License-Identifier: GPL-2.0
/*
 * A machine without a chipset: what Linux must not look for, and how a guest
 * ends.
 */
#include "layer.h"

#define SET_MAYBE_INIT(hook, f)	set_maybe(pointer, x86_init, x86_init_ops, hook, f)
#define MACHINE(hook)		field(pointer, machine_ops, machine_ops, hook)

#define LAST_PORT		0xffff
#define KASLR_FLAG		(1 << 1)	/* the boot protocol's, in loadflags */

/* One of these is missing in some kernels. */
extern char x86_bios_cpu_apicid_early_map[] __weak;
extern char x86_cpu_to_apicid_early_map[];

void __noreturn rl_shutdown(unsigned long how)
{
	rl_console_flush();
	rl_irq_save();
	for (;;)
		rl_hypercall(RL_HC_SHUTDOWN, how, 0, 0);
}

static void machine_restart_guest(char *command)
{
	rl_shutdown(RL_SHUTDOWN_REBOOT);
}

static void machine_stop(void)
{
	rl_shutdown(RL_SHUTDOWN_POWEROFF);
}

static void machine_crash(void *regs)
{
	rl_shutdown(RL_SHUTDOWN_PANIC);
}

static void machine_emergency(void)
{
	rl_shutdown(RL_SHUTDOWN_REBOOT);
}

/* On the way to reboot or power-off: one CPU and nothing to quiesce. */
static void machine_quiet(void)
{
}

/* The last of the notifiers: the message is printed, the others have run. */
static int panic_ends_guest(void *block, unsigned long event,
			    void *message)
{
	console_flush_on_panic(enumerator(CONSOLE_FLUSH_PENDING));
	rl_shutdown(RL_SHUTDOWN_PANIC);
}

static void register_panic(void)
{
	void *block = object(notifier_block, panic);

	field(pointer, block, notifier_block, notifier_call) = panic_ends_guest;
	field(u32, block, notifier_block, priority) = 1u << 31;	/* INT_MIN */
	atomic_notifier_chain_register(panic_notifier_list, block);
}

/* Right after Linux has copied its boot parameters. */
static void set_legacy_features(void)
{
	/* Linux's own random placement needs what head_64.S would have done. */
	field(u8, boot_params, boot_params, hdr.loadflags) &= ~KASLR_FLAG;

	PLATFORM(u32, legacy.i8042) = enumerator(X86_LEGACY_I8042_PLATFORM_ABSENT);
	PLATFORM(u32, legacy.rtc) = 0;
	PLATFORM(u32, legacy.warm_reset) = 0;
	PLATFORM(u32, legacy.no_vga) = 1;
	PLATFORM(u32, legacy.reserve_bios_regions) = 0;
	PLATFORM(u32, legacy.devices.pnpbios) = 0;
}

/*J: guest.no-hardware
 * A PC kernel spends its first second looking for things that a PC has: a
 * keyboard controller, interrupt controllers, a BIOS, a PCI bus. A guest in
 * ring 1 has none of it, and each look costs an exit or, worse, a timeout. So
 * the hooks where Linux asks its platform are answered with "absent" before
 * it starts, and the whole I/O port space is marked as taken, which tells
 * every old driver that somebody else has its device.
 :*/
static void take_ports(void)
{
	void *ports = object(resource, ports);

	field(u64, ports, resource, end) = LAST_PORT;
	field(pointer, ports, resource, name) = "ringlet: no ports";
	/* Busy ports: as those of a PC's board are. */
	field(u64, ports, resource, flags) =
		field(u64, standard_io_resources, resource, flags);
	request_resource(ioport_resource, ports);
}

static void arch_setup(void)
{
	rl_console_early();
	rl_power_refuse();
	take_ports();
	register_panic();
}

static unsigned char no_nmi_reason(void)
{
	return 0;
}

/* "Done" in the language of PCI's hooks. */
static int no_pci(void)
{
	return 0;
}

static void hook_mpparse(void)
{
	INIT(mpparse.setup_ioapic_ids) = x86_init_noop;
	SET_MAYBE_INIT(mpparse.find_mptable, x86_init_noop);
	SET_MAYBE_INIT(mpparse.early_parse_smp_cfg, x86_init_noop);
	SET_MAYBE_INIT(mpparse.parse_smp_cfg, rl_list_cpus);
	SET_MAYBE_INIT(mpparse.find_smp_config, x86_init_noop);
	SET_MAYBE_INIT(mpparse.get_smp_config, rl_list_cpus);
}

/* The kernel's first idea of it says that it is unknown. */
static void set_apic_id(void)
{
	memset(x86_cpu_to_apicid_early_map, 0, IMAGE("variable.x86_cpu_to_apicid"));
	if (has_symbol(x86_bios_cpu_apicid_early_map))
		memset(x86_bios_cpu_apicid_early_map, 0,
		       IMAGE("variable.x86_cpu_to_apicid"));
}

static void hook_init(void)
{
	INIT(resources.probe_roms) = x86_init_noop;
	INIT(resources.reserve_resources) = x86_init_noop;
	INIT(resources.dmi_setup) = x86_init_noop;
	hook_mpparse();
	INIT(oem.arch_setup) = arch_setup;
	INIT(pci.arch_init) = no_pci;
	INIT(pci.init) = no_pci;
	INIT(pci.init_irq) = x86_init_noop;
	pci_probe = 0;
}

void rl_platform_hooks(void)
{
	acpi_disabled = acpi_pci_disabled = acpi_noirq = 1;
	hook_init();
	PLATFORM(pointer, set_legacy_features) = set_legacy_features;
	PLATFORM(pointer, get_nmi_reason) = no_nmi_reason;
	PLATFORM(pointer, realmode_reserve) = x86_init_noop;
	PLATFORM(pointer, realmode_init) = x86_init_noop;
	set_apic_id();

	MACHINE(restart) = machine_restart_guest;
	MACHINE(halt) = machine_stop;
	MACHINE(power_off) = machine_stop;
	MACHINE(shutdown) = machine_quiet;
	MACHINE(crash_shutdown) = machine_crash;
	MACHINE(emergency_restart) = machine_emergency;
	pm_power_off = machine_stop;
}
