/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tiny guests' library: a kernel of a few hundred lines that takes every
 * trap and lets a test look at it.
 *
 * A test is a folder with main.c (and main.S where C will not do). Each CASE
 * is a function that starts at CPL 1 with every exception handled, virtual
 * interrupts off, and the tables of tests/tiny/guest.c:
 * all memory at TINY_DIRECT (2 MB pages, NX), the kernel at TINY_KERNEL, the
 * user section at 4 MB. A case that returns has succeeded.
 *
 * How a trap is looked at:
 * - in ring 1, an asm that begins with TRY_BEGIN and ends with TRY_END may
 *   fault; `trap` tells what happened, trap.vector is TRAP_NONE if nothing did;
 * - in ring 3, user_run() returns at the first trap or system call, and `trap`
 *   holds the program's registers.
 */
#ifndef TESTS_TINY_LIB_TINY_H
#define TESTS_TINY_LIB_TINY_H

#include <stdbool.h>
#include <stddef.h>
#include "../../../abi/guest.h"
#include "../../../abi/ringlet.h"
#include "mailbox.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef unsigned long u64;
typedef long s64;

/* --- cases and their outcome ------------------------------------------------ */

#define CASE_ENDS(function_, ends_) \
	static void function_(void); \
	static const struct tiny_case case_##function_ \
	__attribute__((section("tiny_cases"), used, aligned(8))) = { \
		.name = #function_, .ends = ends_, \
		.function = (u64)function_, \
	}; \
	static void function_(void)
/* A case that ends with a shutdown, or by being killed for a reason. */
#define CASE(function_) CASE_ENDS(function_, "")
#define CASE_KILLED(function_, reason_) CASE_ENDS(function_, reason_)
/* Either way is right for the guest: the case is about the host. */
#define CASE_HOST_LIVES(function_) CASE_ENDS(function_, "any")

void __attribute__((noreturn)) end(enum tiny_outcome outcome);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void __attribute__((noreturn, format(printf, 2, 3)))
end_with(enum tiny_outcome outcome, const char *format, ...);

#define SKIP(...) end_with(TINY_SKIP, __VA_ARGS__)
#define FAIL(...) end_with(TINY_FAILURE, __VA_ARGS__)
#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define HERE __FILE__ ":" STRING(__LINE__) ": "
/* Ends the case unless the two are equal, or unless the condition holds. */
#define EQUAL(is_, want_) do { \
	u64 is__ = (u64)(is_), want__ = (u64)(want_); \
	if (is__ != want__) \
		FAIL(HERE "%s is 0x%lx, not 0x%lx", #is_, is__, want__); \
} while (0)
#define CHECK(condition_) do { \
	if (!(condition_)) \
		FAIL(HERE "not so: %s", #condition_); \
} while (0)

/* --- traps ------------------------------------------------------------------- */

struct frame {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	u64 rax, rcx, rdx, rsi, rdi;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

#define TRAP_NONE	0xfff
#define TRAP_SYSCALL	0x100		/* a system call of ring 3 */
#define TRAP_WAITING	0x101		/* only in the library: see entry.S */
#define TRAP_DIRECT	0x1000		/* flag in frame.vector: no host in it */

struct trap_record {
	u64 vector;		/* 0-255, TRAP_SYSCALL, TRAP_NONE */
	bool direct;		/* it came through a direct gate */
	u64 cr2;		/* of the shared page */
	u8 vif;			/* when the handler began */
	u64 count;
	struct frame frame;	/* as the handler found it */
};
extern volatile struct trap_record trap;
extern u64 trap_resume, trap_resume_rsp;
/* Of a raw_... case: what every other one begins and ends with. */
void tiny_main(void (*function)(void));
/* Called first for each exception and system call; true: handled. */
extern bool (*trap_hook)(struct frame *f);
extern void (*irq_hook)(struct frame *f, unsigned int line);
extern volatile u64 irq_count[RL_IRQ_COUNT];

void trap_clear(void);
#define TRY_BEGIN "movq $99f, trap_resume\n\tmovq %%rsp, trap_resume_rsp\n\t"
#define TRY_END "\n99:\tmovq $0, trap_resume\n\t"
/* Executes instructions that need nothing and leave nothing. */
#define TRY(instructions_) do { \
	trap_clear(); \
	asm volatile(TRY_BEGIN instructions_ TRY_END ::: "rax", "rcx", "rdx", \
		     "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc"); \
} while (0)
u64 try_read(u64 gva);
void try_write(u64 gva, u64 value);
void try_execute(u64 gva);	/* calls it; a `ret` is due there */

/* Handlers of the library for a vector, and the registration. */
extern char trap_stubs[256][16], trap_direct_stubs[256][16];
s64 trap_set(unsigned int vector, u64 flags);

/* --- ring 3 ------------------------------------------------------------------- */

#define USER __attribute__((section(".user.data")))	/* data of ring 3 */
/* A piece of assembly of ring 3, which `name` points to. */
#define USER_CODE(name, text) \
	extern char name[]; \
	asm(".pushsection .user, \"awx\"\n\t.balign 16\n\t.globl " #name "\n" #name ":\n\t" \
	    text "\n\t.popsection")

extern u64 user_stack[512];	/* in the user section */
/* Runs ring 3 from these registers until its first trap; see `trap`. */
void user_run(struct frame *regs);
void user_start(struct frame *regs, const void *rip);	/* fresh registers */
void user_go(const void *rip);				/* both */
void user_enter(struct frame *regs);	/* user_run() without preparations */
/* One access of ring 3 to gva; a system call when it succeeded. */
extern char user_read[], user_write[], user_jump[];
u64 user_access(const char *code, u64 gva);		/* trap.vector */

/* --- 32-bit code in ring 1 or 3: lib/compat.c ------------------------------------- */

#define COMPAT_KERNEL_CS	0x61
#define COMPAT_KERNEL_SS	0x69
#define COMPAT_USER_CS		0x73
#define COMPAT_USER_SS		0x7b
#define COMPAT_LOW		0xc0000000UL	/* ring 1's view of the user section */

/* 32-bit code that both rings can run, each at its own address: see compat_at(). */
#define COMPAT_CODE(name, text) \
	USER_CODE(name, ".code32\n\t" text "\n\t.code64")

/* Data of the user section as the 64-bit kernel reaches it: GPA is GVA there. */
#define COMPAT_DATA(x) (*(volatile __typeof__(x) *)direct((u64)&(x)))

void compat_init(u64 flags);	/* segments, the low pages, RL_HC_INIT with flags */
u64 compat_at(const volatile void *user, int ring);
/* Registers for compat code; user_run() runs it until its first trap. */
void compat_start(struct frame *regs, const void *code, int ring);
u64 compat_go(const void *code, int ring);		/* both; trap.vector */

/* --- hypercalls, the shared page, the machine --------------------------------- */

s64 hypercall(u64 nr, u64 a, u64 b, u64 c);
extern volatile struct rl_shared shared_page;
extern struct rl_init init_block;
extern char zone_start[], zone_end[], restart_start[], restart_end[];
extern u64 entry_stack[], trap_stack[];

#define mailbox ((volatile struct tiny_mailbox *)TINY_DIRECT)
s64 request(enum tiny_request what, u64 a, u64 b);
const struct rl_stats *host_stats(void);

static inline u64 gpa_of(const volatile void *kernel_address)
{
	return (u64)kernel_address - TINY_KERNEL;
}

static inline void *direct(u64 gpa)
{
	return (void *)(TINY_DIRECT + gpa);
}

static inline bool under_tcg(void)
{
	return mailbox->flags & TINY_ENV_TCG;
}

/* Of the #GP of INT n. QEMU 7.2's TCG takes the offset in the IDT for the number. */
static inline bool int_error_ok(u64 n, u64 error)
{
	return error == n * 8 + 2 || (under_tcg() && error == n * 16 + 2);
}

/* Into the four data segment registers. */
static inline void load_data_segments(u32 selector)
{
	asm volatile("movl %0, %%ds\n\tmovl %0, %%es\n\tmovl %0, %%fs\n\t"
		     "movl %0, %%gs" :: "r"(selector));
}

static inline void irq_enable(void)
{
	shared_page.vif = 1;
	asm volatile("" ::: "memory");
	if (shared_page.pending)
		hypercall(RL_HC_DELIVER, 0, 0, 0);
}

static inline void irq_disable(void)
{
	shared_page.vif = 0;
	asm volatile("" ::: "memory");
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

static inline void spin_us(u64 us)
{
	u64 until = rdtsc() + us * shared_page.tsc_khz / 1000;

	while (rdtsc() < until)
		asm volatile("pause");
}

/* --- page tables --------------------------------------------------------------- */

#define P_P	1ULL
#define P_W	2ULL
#define P_U	4ULL
#define P_A	0x20ULL
#define P_D	0x40ULL
#define P_PS	0x80ULL
#define P_NX	(1ULL << 63)
#define P_ADDRESS 0x000ffffffffff000ULL

u64 page_alloc(void);				/* GPA of a zeroed page */
u64 page_with(u64 value);			/* its first word is value */
u64 *entry_of(u64 top, u64 gva, int level);	/* makes tables on the way */
void map_page(u64 gva, u64 entry);		/* 4 KB, in the first table */
void map_page_in(u64 top, u64 gva, u64 entry);
u64 top_copy(void);				/* GPA of a second top table */
void flush_one(u64 gva);
s64 load_cr3(u64 value, u64 context, u64 generation);

/* --- a second vCPU: cases named two_... ------------------------------------------ */

extern volatile struct rl_shared second_page;
/* Starts vCPU 1 in function, which never returns, without RL_HC_INIT. */
s64 second_start(void (*function)(void));
s64 second_start_in(void (*function)(void), u64 cr3);
s64 second_init(void);		/* called by it: with second_page, without handlers */

#endif
