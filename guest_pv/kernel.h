/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel as the layer sees it: its functions, its variables, and the little of its
 * inline code that is needed. Its structures are opaque; image.h has their members.
 */
#ifndef RINGLET_GUEST_PV_KERNEL_H
#define RINGLET_GUEST_PV_KERNEL_H

#include <linux/errno.h>

#include "image.h"
#include "types.h"

/* As terminals have it in their interface for programs. */
struct winsize {
	unsigned short ws_row, ws_col, ws_xpixel, ws_ypixel;
};

#define FUNCTION(result, name, parameters, signature)	result name parameters;
#include "functions.h"
#undef FUNCTION

/* What every compiler knows, and what it makes of assignments. */
void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
void *memchr(const void *from, int byte, size_t bytes);
size_t strlen(const char *string);
int strncmp(const char *a, const char *b, size_t most);

/* Variables: structures, of the type that is said here, */
extern char pv_ops[];			/* paravirt_patch_template */
extern char pv_info[];			/* pv_info */
extern char x86_init[];			/* x86_init_ops */
extern char x86_cpuinit[];		/* x86_cpuinit_ops */
extern char x86_platform[];		/* x86_platform_ops */
extern char machine_ops[];		/* machine_ops */
extern char boot_cpu_data[];		/* cpuinfo_x86 */
extern char boot_params[];		/* boot_params */
extern char null_legacy_pic[];		/* legacy_pic */
extern char ioport_resource[], iomem_resource[];	/* resource */
extern char standard_io_resources[];	/* resource: an array */
extern char rtc_resources[];		/* resource: ports, interrupt */
extern char xenboot_console[];		/* console */
extern char xen_vcpuop_clockevent[];	/* clock_event_device */
extern char panic_notifier_list[];	/* atomic_notifier_head */
extern char smp_ops[];			/* smp_ops */
/* and plain ones. */
extern u32 cpu_caps_set[];
extern u64 init_top_pgt[512], early_top_pgt[512];
extern unsigned long page_offset_base;
extern unsigned long __per_cpu_offset[];
extern char cpu_bit_bitmap[];
extern u64 __cpu_online_mask[];
extern char boot_command_line[];
extern bool early_boot_irqs_disabled;
extern void *legacy_pic;
extern void (*pm_power_off)(void);
extern unsigned int pci_probe;
extern int acpi_disabled, acpi_pci_disabled, acpi_noirq;
/* Per CPU: addresses in the area that GS leads to. */
extern char gdt_page[], vector_irq[], cpu_tlbstate[];

/* What a CPU has of a per-CPU variable; the first one in its early days, too. */
static inline void *of_cpu(unsigned int cpu, const char *variable)
{
	return (char *)__per_cpu_offset[cpu] + (unsigned long)variable;
}

static inline void *cpu0(const char *variable)
{
	return of_cpu(0, variable);
}

/* An error that a function gives in the place of a pointer. */
static inline bool is_error(const void *pointer)
{
	return (unsigned long)pointer >= -4095ul;
}

static inline int error_of(const void *pointer)
{
	return is_error(pointer) ? (int)(long)pointer : 0;
}

/* Where Linux maps all memory. */
static inline void *direct_map(u64 gpa)
{
	return (void *)(page_offset_base + gpa);
}

static inline u64 direct_gpa(const void *address)
{
	return (unsigned long)address - page_offset_base;
}

/* A page table entry: present, writable, accessed, dirty, not to be executed. */
#define PTE_DATA	(1ull << 63 | 0x63)

static inline u64 rdfsbase(void)
{
	u64 base;

	asm volatile("rdfsbase %0" : "=r" (base));
	return base;
}

static inline u64 rdgsbase(void)
{
	u64 base;

	asm volatile("rdgsbase %0" : "=r" (base));
	return base;
}

/* What this CPU has of it. Who may move to another one must not call this. */
static inline void *of_this_cpu(const char *variable)
{
	return (char *)rdgsbase() + (unsigned long)variable;
}

static inline void wrfsbase(u64 base)
{
	asm volatile("wrfsbase %0" :: "r" (base) : "memory");
}

static inline void wrgsbase(u64 base)
{
	asm volatile("wrgsbase %0" :: "r" (base) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high));
	return (u64)high << 32 | low;
}

#endif
