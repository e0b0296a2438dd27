/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds where a 32-bit kernel changes address spaces, for the shim: see abi/i386.h.
 */
#ifndef LAUNCHER_I386_SWITCH_H
#define LAUNCHER_I386_SWITCH_H

#include "../abi/i386.h"
#include "kernel.h"

/*
 * Sets switch_start, switch_end and tlb_state of *image. Where the kernel's code is not
 * as expected tlb_state is 0, and the guest's address spaces are compared at each change.
 */
void i386_switch_find(const struct kernel *, struct rl_i386_image *);

#endif
