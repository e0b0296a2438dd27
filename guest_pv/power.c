// SPDX-License-Identifier: GPL-2.0
/*
 * Sleeping and starting another kernel: what a guest can do of it, what not. And
 * the button that asks it to end.
 *
 * Power-off, halt, reboot and panic are in platform.c.
 */
#include "layer.h"

/*
 * Weak: a kernel that was built without the feature has no such variable.
 */
extern int kexec_load_disabled __weak;
extern int nohibernate __weak;

/*J: guest.power
 * A kernel that starts another one, or its own from an image on a disk, does what
 * its boot loader did: it makes page tables by hand, loads descriptor tables and
 * jumps, all in ring 0. Both would need a way into ring 1 that only the launcher
 * has, so a guest's kernel has to say no, and it can: each of the two has a switch
 * that an administrator may turn off for good, with an error that programs know.
 * The layer finds them turned off.
 :*/
void rl_power_refuse(void)
{
	if (&kexec_load_disabled)
		kexec_load_disabled = 1;
	if (&nohibernate)
		nohibernate = 1;
}

/*J: guest.power-button
 * Who pulls the plug of a Linux loses what its programs had in their hands. A PC
 * has a button for that, and behind it a long way: ACPI, an input device, a daemon
 * that listens to it, and each of them is a module or a package that a guest may
 * not have. But the kernel itself knows how to ask for its own end: when a
 * processor gets too hot, orderly_poweroff() starts /sbin/poweroff, which every
 * distribution has, and where that cannot be started it syncs its disks and powers
 * off by itself. So the button is an interrupt, and this is its handler.
 *
 * It is a thread, since it may have to wait: a guest that the button woke from its
 * sleep has no programs yet, and would be taken for one that has no /sbin/poweroff.
 :*/
static int button_pressed(int irq, void *nothing)
{
	if (usermodehelper_read_lock_wait(__msecs_to_jiffies(30000)))
		usermodehelper_read_unlock();
	orderly_poweroff(true);
	return enumerator(IRQ_HANDLED);
}

/*
 * Among the device initcalls. The button ends a sleep, too. Linux refuses a thread
 * without a handler of its own that is not a "one shot", and so a wrong number for it.
 */
int rl_power_init(void)
{
	unsigned int irq = RL_LINUX_IRQ(RL_IRQ_POWER);

	irq_set_irq_wake(irq, true);
	return request_threaded_irq(irq, NULL, button_pressed, IRQF_ONESHOT,
				    "power button", NULL);
}
