/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The paravirt layer's own header: what each file offers the others.
 *
 * Start reading at start.S. What each vCPU has of its own is in cpu.h.
 */
#ifndef RINGLET_GUEST_PV_LAYER_H
#define RINGLET_GUEST_PV_LAYER_H

#include "hypercall.h"
#include "kernel.h"

/*
 * Flags of request_threaded_irq() that no image names. The kernel itself notices wrong
 * ones: see timer_init() and rl_power_init().
 */
#define IRQF_TIMER	0x14200	/* a timer's; goes on in a sleep; never a thread */
#define IRQF_ONESHOT	0x2000

/* Linux's number of a virtual interrupt line. */
#define RL_LINUX_IRQ(line)	(16 + (line))

/* What the lines of the guest's own are for (RL_HC_SEND_IPI). */
#define RL_LINE_RESCHEDULE	(RL_IRQ_IPI + 0)
#define RL_LINE_CALL		(RL_IRQ_IPI + 1)
#define RL_LINE_CALL_SINGLE	(RL_IRQ_IPI + 2)
#define RL_LINE_STOP		(RL_IRQ_IPI + 3)

/* GPA of something in the layer's own memory. */
static inline u64 rl_gpa(const volatile void *address)
{
	return (u64)address - RL_LAYER_GVA + RL_LAYER_GPA;
}

/* entry.S. The labels are addresses, not functions that C may call. */
extern char rl_zone_start[], rl_zone_end[];
extern char rl_fault_entry[], rl_iret[], rl_cmpxchg16b[];
extern char rl_gate_0[], rl_gate_3[], rl_gate_4[], rl_gate_5[], rl_gate_6[];
extern char rl_gate_7[], rl_gate_16[], rl_gate_19[], rl_gate_128[];
extern u64 rl_trap_target[256];		/* the kernel's handler of a gate */
unsigned long rl_save_fl(void);
void rl_irq_disable(void);
unsigned long rl_read_cr2(void);
void rl_load_gs_locked(unsigned int selector);
bool rl_vcpu_is_preempted(long cpu);

/* start.c */
void rl_start_kernel(unsigned long boot_params_gpa);

/* pv_*.c: fill in pv_ops, which has such members. */
#define PV(member)	field(pointer, pv_ops, paravirt_patch_template, member)
void rl_cpu_ops_init(void);
void rl_segment_ops_init(void);
void rl_mmu_ops_init(void);
void rl_irq_ops_init(void);
void rl_trap_ops_init(void);

/* pv_trap.c: of this vCPU, what is between vCPUs, and all there is. */
void rl_trap_between(void);
void rl_trap_all(void);

/* pv_mmu.c */
void rl_write_cr3(unsigned long cr3);
void rl_flush_tlb_kernel(void);
void rl_mmu_many(void);
void rl_flush_tlb_kernel_range(u64 start, u64 end);

/* Segment registers. */
#define read_selector(register)					\
({									\
	unsigned int selector_;						\
	asm volatile("movl %%" #register ", %0" : "=r" (selector_));	\
	selector_ & 0xffff;						\
})
#define write_selector(register, selector)				\
	asm volatile("movl %0, %%" #register :: "r" (selector) : "memory")

/* pv_segment.c: selectors are out of use while their descriptors change. */
struct rl_parked {
	unsigned int ds, es, fs, gs;
};
/* Takes those out of their registers where selector & mask is value; and back. */
void rl_park(struct rl_parked *p, unsigned int mask, unsigned int value);
void rl_unpark(const struct rl_parked *p);
void *rl_running_task(void);

/* pv_ldt.c */
#define RL_LATE_SELECTORS	(1 << RL_TLS_COUNT)	/* a bit beside those of TLS entries */
void rl_set_ldt(const void *table, unsigned int entries);
u64 rl_load_late_ldt(void);
void rl_restore_saved(void);

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
#define INIT(hook)		field(pointer, x86_init, x86_init_ops, hook)
#define PLATFORM(kind, member)	field(kind, x86_platform, x86_platform_ops, member)
void rl_time_hooks(void);
u64 rl_wallclock(void);		/* the host's, ns since 1970 */
void rl_get_wallclock(void *now);	/* a timespec64 */
void rl_platform_hooks(void);
void rl_interrupt_hooks(void);
void rl_interrupt_vectors(void);	/* this CPU's */
void rl_console_early(void);
int rl_console_init(void);
void rl_console_flush(void);
void __noreturn rl_shutdown(unsigned long how);

/* locks.c */
void rl_locks_hooks(void);

/* steal.c */
void rl_steal_init(void);

/* smp.c: start.S has rl_second_start, which calls rl_second_cpu() */
extern char rl_second_start[];
void rl_smp_hooks(void);
void rl_list_cpus(void);
void __noreturn rl_second_cpu(unsigned int id);
void __noreturn rl_stop_this_cpu(void);

/* wallclock.c */
int rl_wallclock_init(void);

/* power.c */
void rl_power_refuse(void);
int rl_power_init(void);

/* device_status.c: called by entry.S */
struct rl_register_frame;
void rl_device_access(struct rl_register_frame *frame);

/* devices.c */
int rl_may_wake(void *device);	/* it may end a sleep: 0 or -errno */
int rl_device_init(void);	/* takes the place of a device initcall */

#endif
