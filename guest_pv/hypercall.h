/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hypercalls and the virtual interrupt flag, for the layer's C files.
 *
 * Rules: results that come back in the shared page (value, cpuid) are read
 * with the virtual interrupt flag off, or an interrupt handler's own hypercall
 * would overwrite them.
 */
#ifndef RINGLET_GUEST_PV_HYPERCALL_H
#define RINGLET_GUEST_PV_HYPERCALL_H

#include "cpu.h"
#include "types.h"

#include "abi/guest.h"

static __always_inline long rl_hypercall(unsigned long number, u64 a, u64 b,
					 u64 c)
{
	long result;

	asm volatile("syscall"
		     : "=a" (result), "+D" (a), "+S" (b), "+d" (c)
		     : "0" (number)
		     : "rcx", "r11", "memory", "cc");
	return result;
}

/* The virtual flag off; returns what it was, for rl_irq_restore(). */
static __always_inline u8 rl_irq_save(void)
{
	u8 was = shared_read(vif);

	shared_write(vif, 0);
	barrier();
	return was;
}

void rl_irq_enable(void);	/* entry.S */

static __always_inline void rl_irq_restore(u8 was)
{
	barrier();
	if (was)
		rl_irq_enable();
}

/* A hypercall with a second result in shared->value. Again where an NMI came upon it. */
static __always_inline long rl_hypercall_value(unsigned long number, u64 a,
					       u64 *value)
{
	u8 was = rl_irq_save();
	long result;
	u64 nmis;

	do {
		nmis = shared_read(nmis);
		result = rl_hypercall(number, a, 0, 0);
		*value = shared_read(value);
	} while (shared_read(nmis) != nmis);
	rl_irq_restore(was);
	return result;
}

#endif
