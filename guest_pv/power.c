// SPDX-License-Identifier: GPL-2.0
/*
 * Sleeping and starting another kernel: what a guest can do of it, what not.
 *
 * Power-off, halt, reboot and panic are in platform.c.
 */
#include <linux/types.h>

#include "layer.h"

/*
 * Weak: a kernel that was built without the feature has no such variable.
 * Neither is declared in a header.
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
