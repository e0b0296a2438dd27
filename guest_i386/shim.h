/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shim: 64-bit code in ring 1 that a 32-bit kernel in ring 1 runs on.
 *
 * Every way out of 32-bit code leads here (entry.S), and what happened is in the one
 * frame that there is: there is one vCPU, the shim is never interrupted, and a fault of
 * its own is the guest's end. Registers of 32-bit code are 64-bit words in the frame whose
 * upper halves mean nothing: a processor need not keep them over the change of modes.
 *
 * The kernel's memory, in the low 4 GB, is read and written where it is, under the
 * kernel's own page tables. Start reading at trap.c.
 */
#ifndef RINGLET_GUEST_I386_SHIM_H
#define RINGLET_GUEST_I386_SHIM_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/guest.h"
#include "abi/i386.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

/* As entry.S pushes it; the last five words are the processor's. */
struct frame {
	u64 rbp, rbx, rax, rcx, rdx, rsi, rdi;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

/* In place of a vector: lines wait, at the end of a trap. */
#define VECTOR_PENDING	256

/* Selectors of i386 Linux, as ring 1 has them. */
#define KERNEL_CS	0x61
#define KERNEL_SS	0x69
#define USER_CS		0x73
#define USER_SS		0x7b
#define HOST_USER_CS	0x23	/* not Linux's, but as good */
#define HOST_USER_SS	0x2b
#define PERCPU_FS	0x49
#define ESPFIX_INDEX	26	/* in Linux's GDT, which is longer than the real one */
#define PERCPU_INDEX	27	/* as that */
#define TLS_INDEX	6	/* three of them */
#define SELECTOR_TI	4	/* an entry of the LDT */

#define FLAG_TF		(1u << 8)
#define FLAG_IF		(1u << 9)
#define FLAG_NT		(1u << 14)
#define FLAG_RF		(1u << 16)
#define FLAG_VM		(1u << 17)
#define FLAG_FIXED	2u

/* The page that shim and host share. */
extern volatile struct rl_shared shared;
extern const struct rl_i386_image image;

static inline bool in_user(const struct frame *f)
{
	return (f->cs & 3) == 3;
}

/* Is it an entry of the LDT that a #GP or #NP is about? SDM volume 3, 6.13: TI, not IDT. */
static inline bool is_about_ldt(const struct frame *f)
{
	return (f->error & (SELECTOR_TI | 2)) == SELECTOR_TI;
}

/* The kernel's memory at a 32-bit address. */
#define KERNEL(type, address)	(*(volatile type *)(u64)(u32)(address))
/* Guest-physical memory below 4 GB. */
#define PHYSICAL(type, gpa)	((volatile type *)(RL_I386_DIRECT + (u64)(gpa)))

static inline u64 gpa_of(const volatile void *of_the_shim)
{
	return (u64)of_the_shim - RL_LAYER_GVA + RL_LAYER_GPA;
}

static inline u64 now(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high));
	return (u64)high << 32 | low;
}

/* entry.S */
s64 hypercall(u64 number, u64 a, u64 b, u64 c);

/* trap.c */
void forward(struct frame *f, unsigned int vector);
void halt(void);

/* insn.c: see there. */
enum outcome { DONE, REFUSED, UNKNOWN };
enum outcome insn_execute(struct frame *f, const u8 *bytes);
enum outcome insn_selector(struct frame *f);
extern u32 idt_base;

/* module.c */
#define MARK_PUSHF	0x6c
#define MARK_POPF	0x6d
bool module_arrives(u32 header, u32 sections);

/* paging.c */
void paging_start(void);
u32 paging_cr0(void);
u32 paging_cr3(void);
u32 paging_cr4(void);
void paging_set_cr0(u32 value);
void paging_set_cr3(u32 value, u32 rip);
void paging_set_cr4(u32 value);

/* fast.S, which reads what the others own. */
extern u32 gdt_base, tss_base, exit_rip, exit_rsp;
extern u16 gdt_limit;
extern u64 tls[3];
extern bool ldt_waits;

/* segment.c */
u32 segment_gdt(u16 *limit);
void segment_set_gdt(u32 base, u16 limit);
void segment_set_tss(u16 selector);
u32 segment_kernel_stack(void);
u32 segment_percpu(void);
bool segment_sync_tls(void);
u16 segment_ldt(void);
void segment_set_ldt(u16 selector);
bool segment_sync_ldt(void);
bool segment_is_kernel(u16 selector);
bool segment_is_code(u16 selector);
bool segment_is_stack(u16 selector);
void segment_load(unsigned int which, u16 selector);

/* cpu.c */
void cpu_cpuid(u32 leaf, u32 subleaf, u32 out[4]);
bool cpu_read_msr(u32 msr, u64 *value);
bool cpu_write_msr(u32 msr, u64 value);
bool cpu_set_xcr(u32 index, u64 value);

/* port.c: bytes is 1, 2 or 4. */
u32 port_read(u16 port, unsigned int bytes);
void port_write(u16 port, unsigned int bytes, u32 value);

/* pic.c */
void pic_raise(unsigned int irq);
void pic_level(unsigned int irq, bool on);
int pic_take(void);
bool pic_waits(void);
u8 pic_read(u16 port);
void pic_write(u16 port, u8 value);

/* pit.c */
void pit_start(void);
void pit_expired(void);
u8 pit_read(u16 port);
void pit_write(u16 port, u8 value);

/* serial.c */
void serial_input(void);
u8 serial_read(u16 port);
void serial_write(u16 port, u8 value);

/* power.c */
void power_button(void);
void power_panics(void);
void power_reset(void);
u16 power_read(u16 port);
void power_write(u16 port, u16 value);

/* clock.c */
u8 clock_read(u8 reg);

/* console.c */
void console_put(char c);
void console_flush(void);
unsigned int console_get(u8 *to, unsigned int room);
void fatal(const char *why, const struct frame *f) __attribute__((noreturn));

#endif
