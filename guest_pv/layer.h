/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The paravirt layer's own header: what each file offers the others.
 *
 * Start reading at start.S. One vCPU: what is per CPU on a real machine is a
 * plain variable here.
 */
#ifndef RINGLET_GUEST_PV_LAYER_H
#define RINGLET_GUEST_PV_LAYER_H

#include <linux/time64.h>
#include <linux/types.h>

#include "hypercall.h"

/* Linux's number of a virtual interrupt line. */
#define RL_LINUX_IRQ(line)	(16 + (line))

/* GPA of something in the layer's own memory. */
static inline u64 rl_gpa(const volatile void *address)
{
	return (u64)address - RL_LAYER_GVA + RL_LAYER_GPA;
}

/* entry.S. The labels are addresses, not functions that C may call. */
extern char rl_zone_start[], rl_zone_end[];
extern char rl_restart_start[], rl_restart_end[];
extern char rl_syscall_entry[], rl_fault_entry[], rl_iret[], rl_cmpxchg16b[];
extern char rl_gate_0[], rl_gate_3[], rl_gate_4[], rl_gate_5[], rl_gate_6[];
extern char rl_gate_7[], rl_gate_16[], rl_gate_19[], rl_gate_128[];
extern u64 rl_trap_target[256];		/* the kernel's handler of a gate */
unsigned long rl_save_fl(void);
void rl_irq_disable(void);
unsigned long rl_read_cr2(void);
void rl_load_gs_locked(unsigned int selector);

/* start.c */
void rl_start_kernel(unsigned long boot_params_gpa);

/* pv_*.c: fill in pv_ops. */
void rl_cpu_ops_init(void);
void rl_segment_ops_init(void);
void rl_mmu_ops_init(void);
void rl_irq_ops_init(void);
void rl_trap_ops_init(void);

/* pv_segment.c */
long rl_no_such_call(void);	/* takes the place of a system call */

/* text_poke.c */
extern bool rl_text_poked;	/* rl_text_poke_end() is due */
void *rl_text_poke(void (*write)(void *to, const void *from, size_t bytes),
		   void *address, const void *from, size_t bytes);
void rl_text_poke_end(void);

/* features.c */
void rl_cpuid(unsigned int *eax, unsigned int *ebx, unsigned int *ecx,
	      unsigned int *edx);
void rl_features_init(void);

/* time.c, console.c, platform.c, interrupts.c: x86_init and its kin. */
void rl_time_hooks(void);
u64 rl_wallclock(void);		/* the host's, ns since 1970 */
void rl_get_wallclock(struct timespec64 *now);
void rl_platform_hooks(void);
void rl_interrupt_hooks(void);
void rl_console_early(void);
int rl_console_init(void);
void rl_console_flush(void);
void __noreturn rl_shutdown(unsigned long how);

/* wallclock.c */
int rl_wallclock_init(void);

/* power.c */
void rl_power_refuse(void);
int rl_power_init(void);

/* device_status.c: called by entry.S */
struct rl_register_frame;
void rl_device_access(struct rl_register_frame *frame);

/* devices.c */
int rl_device_init(void);	/* takes the place of a device initcall */

#endif
