// SPDX-License-Identifier: GPL-2.0
/*
 * A machine without a chipset: what Linux must not look for, and how a guest
 * ends.
 */
#include <linux/acpi.h>
#include <linux/console.h>
#include <linux/init.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/pm.h>
#include <asm/bootparam.h>
#include <asm/mpspec.h>
#include <asm/pci_x86.h>
#include <asm/processor.h>
#include <asm/reboot.h>
#include <asm/setup.h>
#include <asm/smp.h>
#include <asm/x86_init.h>

#include "layer.h"

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

static void machine_crash(struct pt_regs *regs)
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
static int panic_ends_guest(struct notifier_block *block, unsigned long event,
			    void *message)
{
	console_flush_on_panic(CONSOLE_FLUSH_PENDING);
	rl_shutdown(RL_SHUTDOWN_PANIC);
}

static struct notifier_block panic_block = {
	.notifier_call = panic_ends_guest,
	.priority = INT_MIN,
};

/* Right after Linux has copied its boot parameters. */
static void set_legacy_features(void)
{
	/* Linux's own random placement needs what head_64.S would have done. */
	boot_params.hdr.loadflags &= ~KASLR_FLAG;

	x86_platform.legacy.i8042 = X86_LEGACY_I8042_PLATFORM_ABSENT;
	x86_platform.legacy.rtc = 0;
	x86_platform.legacy.warm_reset = 0;
	x86_platform.legacy.no_vga = 1;
	x86_platform.legacy.reserve_bios_regions = 0;
	x86_platform.legacy.devices.pnpbios = 0;
}

/*J: guest.no-hardware
 * A PC kernel spends its first second looking for things that a PC has: a
 * keyboard controller, interrupt controllers, a BIOS, a PCI bus. A guest in
 * ring 1 has none of it, and each look costs an exit or, worse, a timeout. So
 * the hooks where Linux asks its platform are answered with "absent" before
 * it starts, and the whole I/O port space is marked as taken, which tells
 * every old driver that somebody else has its device.
 :*/
static void arch_setup(void)
{
	rl_console_early();
	rl_power_refuse();
	paravirt_disable_iospace();
	/* No BIOS table lists the boot CPU. */
	phys_cpu_present_map.mask[0] |= 1;
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
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

static void hook_init(void)
{
	x86_init.resources.probe_roms = x86_init_noop;
	x86_init.resources.reserve_resources = x86_init_noop;
	x86_init.resources.dmi_setup = x86_init_noop;
	x86_init.mpparse.setup_ioapic_ids = x86_init_noop;
	x86_init.mpparse.find_smp_config = x86_init_noop;
	x86_init.mpparse.get_smp_config = x86_init_uint_noop;
	x86_init.oem.arch_setup = arch_setup;
	x86_init.pci.arch_init = no_pci;
	x86_init.pci.init = no_pci;
	x86_init.pci.init_irq = x86_init_noop;
	pci_probe = 0;
}

void rl_platform_hooks(void)
{
	disable_acpi();
	hook_init();
	x86_platform.set_legacy_features = set_legacy_features;
	x86_platform.get_nmi_reason = no_nmi_reason;
	x86_platform.realmode_reserve = x86_init_noop;
	x86_platform.realmode_init = x86_init_noop;
	/* The boot CPU's APIC ID, which no table tells. */
	early_per_cpu(x86_cpu_to_apicid, 0) = 0;
	early_per_cpu(x86_bios_cpu_apicid, 0) = 0;

	machine_ops.restart = machine_restart_guest;
	machine_ops.halt = machine_stop;
	machine_ops.power_off = machine_stop;
	machine_ops.shutdown = machine_quiet;
	machine_ops.crash_shutdown = machine_crash;
	machine_ops.emergency_restart = machine_emergency;
	pm_power_off = machine_stop;
}
