// SPDX-License-Identifier: GPL-2.0
/*
 * The tiny kernel: start, outcome, traps, ring 3, requests to the runner.
 */
#include "tiny.h"

volatile struct trap_record trap;
u64 trap_resume, trap_resume_rsp;
bool (*trap_hook)(struct frame *f);
void (*irq_hook)(struct frame *f, unsigned int line);
volatile u64 irq_count[RL_IRQ_COUNT];
struct rl_init init_block;
u64 user_stack[512] __attribute__((section(".user.data"), aligned(16)));

void syscall_entry(void);
void fault_entry(void);
void __attribute__((noreturn)) user_leave(void);
void trap_handle(struct frame *f);

/* --- outcome ------------------------------------------------------------------ */

void end(enum tiny_outcome outcome)
{
	mailbox->outcome = outcome;
	hypercall(RL_HC_SHUTDOWN, RL_SHUTDOWN_POWEROFF, 0, 0);
	for (;;)
		asm volatile("ud2");
}

/* --- traps -------------------------------------------------------------------- */

void trap_clear(void)
{
	trap.vector = TRAP_NONE;
	trap.direct = false;
}

static void record(const struct frame *f)
{
	trap.vector = f->vector & ~(u64)TRAP_DIRECT;
	trap.direct = f->vector & TRAP_DIRECT;
	trap.cr2 = shared_page.cr2;
	trap.vif = shared_page.vif;
	trap.count++;
	trap.frame = *f;
}

static void interrupt(struct frame *f, unsigned int line)
{
	irq_count[line]++;
	if (irq_hook)
		irq_hook(f, line);
}

static void take_waiting(struct frame *f)
{
	shared_page.pending = 0;
	for (unsigned int line = 0; line < RL_IRQ_COUNT; line++)
		if (__atomic_fetch_and(&shared_page.irqs, ~(1UL << line),
				       __ATOMIC_SEQ_CST) >> line & 1)
			interrupt(f, line);
}

/* Called for every trap, with virtual interrupts off. */
void trap_handle(struct frame *f)
{
	u64 vector = f->vector & ~(u64)TRAP_DIRECT;

	if (vector >= RL_IRQ_BASE && vector < RL_IRQ_BASE + RL_IRQ_COUNT &&
	    !(f->vector & TRAP_DIRECT)) {
		interrupt(f, vector - RL_IRQ_BASE);
		return;
	}
	if (vector == TRAP_WAITING) {
		take_waiting(f);
		return;
	}
	record(f);
	if (trap_hook && trap_hook(f))
		return;
	if ((f->cs & 3) == 3)
		user_leave();
	if (trap_resume) {
		f->rip = trap_resume;
		f->rsp = trap_resume_rsp;
		f->rflags &= 0x200;
		return;
	}
	/* Ring 1's code of lib/compat.c. */
	if (f->rip < COMPAT_LOW << 1)
		user_leave();
	end_with(TINY_CRASH,
		 "exception %lu, error 0x%lx, at 0x%lx, address 0x%lx, rsp 0x%lx",
		 vector, f->error, f->rip, (u64)shared_page.cr2, f->rsp);
}

s64 trap_set(unsigned int vector, u64 flags)
{
	u64 handler = (u64)(flags & RL_TRAP_DIRECT ? trap_direct_stubs[vector] :
						     trap_stubs[vector]);

	return hypercall(RL_HC_SET_TRAP, vector, handler, flags);
}

u64 try_read(u64 gva)
{
	u64 value = 0;

	trap_clear();
	asm volatile(TRY_BEGIN "movq (%1), %0" TRY_END
		     : "+r"(value) : "r"(gva) : "memory");
	return value;
}

void try_write(u64 gva, u64 value)
{
	trap_clear();
	asm volatile(TRY_BEGIN "movq %0, (%1)" TRY_END
		     :: "r"(value), "r"(gva) : "memory");
}

void try_execute(u64 gva)
{
	trap_clear();
	asm volatile(TRY_BEGIN "call *%0" TRY_END
		     :: "r"(gva)
		     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
		       "r11", "memory", "cc");
}

/* --- ring 3 --------------------------------------------------------------------- */

void user_start(struct frame *regs, const void *rip)
{
	*regs = (struct frame) {
		.rip = (u64)rip, .cs = RL_USER_CS, .ss = RL_USER_DS,
		.rflags = 0x202, .rsp = (u64)&user_stack[510],
	};
}

void user_run(struct frame *regs)
{
	trap_clear();
	shared_page.sp0 = (u64)trap_stack;
	user_enter(regs);
}

void user_go(const void *rip)
{
	struct frame regs;

	user_start(&regs, rip);
	user_run(&regs);
}

USER_CODE(user_read, "movq (%rdi), %rax\n\tsyscall");
USER_CODE(user_write, "movq %rax, (%rdi)\n\tsyscall");
USER_CODE(user_jump, "jmpq *%rdi");

u64 user_access(const char *code, u64 gva)
{
	struct frame regs;

	user_start(&regs, code);
	regs.rdi = gva;
	user_run(&regs);
	return trap.vector;
}

/* --- the runner -------------------------------------------------------------------- */

s64 request(enum tiny_request what, u64 a, u64 b)
{
	mailbox->request = what;
	mailbox->a = a;
	mailbox->b = b;
	hypercall(RL_HC_CONSOLE_WRITE, 0, 0, 0);
	return mailbox->result;
}

const struct rl_stats *host_stats(void)
{
	static struct rl_stats stats;

	if (request(TINY_STATS, gpa_of(&stats), 0))
		end_with(TINY_ERROR, "no statistics");
	return &stats;
}

/* --- start ------------------------------------------------------------------------- */

static void initialise(void)
{
	init_block = (struct rl_init) {
		.version = RL_GUEST_ABI_VERSION,
		.shared_gpa = gpa_of(&shared_page),
		.shared_gva = (u64)&shared_page,
		.syscall_entry = (u64)syscall_entry,
		.fault_entry = (u64)fault_entry,
		.entry_stack = (u64)entry_stack,
		.zone_start = (u64)zone_start, .zone_end = (u64)zone_end,
		.restart_start = (u64)restart_start,
		.restart_end = (u64)restart_end,
	};
	if (hypercall(RL_HC_INIT, (u64)&init_block, 0, 0))
		end_with(TINY_ERROR, "RL_HC_INIT refused");
	shared_page.sp0 = (u64)trap_stack;
	for (unsigned int v = 0; v < 32; v++)
		trap_set(v, v == 3 || v == 4 ? RL_TRAP_USER : 0);
	for (unsigned int line = 0; line < RL_IRQ_COUNT; line++)
		trap_set(RL_IRQ_BASE + line, 0);
}

/* A case named raw_... does without RL_HC_INIT. */
void tiny_main(void (*function)(void))
{
	if (!mailbox->raw)
		initialise();
	function();
	end(TINY_SUCCESS);
}
