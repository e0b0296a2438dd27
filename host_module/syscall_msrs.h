/* SPDX-License-Identifier: GPL-2.0 */
/* Where SYSCALL and SYSENTER go on this pCPU: see syscall_msrs.c. */
#ifndef RINGLET_HOST_MODULE_SYSCALL_MSRS_H
#define RINGLET_HOST_MODULE_SYSCALL_MSRS_H

#include <linux/percpu.h>
#include <linux/types.h>

int syscall_msrs_init(void);
void syscall_msrs_exit(void);
void syscall_msrs_take(void);
void syscall_msrs_exited(void);

/* The registers of this pCPU hold the switcher's addresses. */
DECLARE_PER_CPU(bool, syscall_msrs_loaded);

/* SYSCALL and SYSENTER are the switcher's from now on. Interrupts off. */
static inline void syscall_msrs_load(void)
{
	if (unlikely(!this_cpu_read(syscall_msrs_loaded)))
		syscall_msrs_take();
}

#endif
