// SPDX-License-Identifier: GPL-2.0
/*
 * Work that goes through every path of the switcher, over and over, and checks
 * every register on the way. tests/tiny/nmi_soak runs it under a storm of NMIs;
 * among the other guests it is over in a moment.
 */
#include "tiny.h"

#define USER_GVA 0x700000000000UL

static u64 end_time;

static void start(void)
{
	end_time = rdtsc() + shared_page.tsc_khz *
		   (mailbox->seconds ? mailbox->seconds * 1000 : 50);
}

/* The time is over, and there is something to show for it. */
static bool over(u64 count)
{
	return rdtsc() > end_time && count > 100;
}

static void report(const char *what, u64 count)
{
	const struct rl_stats *s = host_stats();

	print("%lu %s, %lu NMIs, %lu entries\n", count, what, (u64)s->nmis,
	      (u64)s->entries);
}

/* --- system calls -------------------------------------------------------------- */

USER_CODE(user_work,
	  "1:\tmovl $39, %eax\n\tsyscall\n\tint $0x80\n\tincq %rbx\n\t"
	  "pushq %rbx\n\tpopq %rbp\n\tint3\n\tjmp 1b");

static u64 rounds;
static unsigned int stage;

static bool check_program(struct frame *f)
{
	static const u64 want[] = { TRAP_SYSCALL, 0x80, 3 };
	static const u8 at[] = { 7, 9, 15 };
	u64 vector = f->vector & ~(u64)TRAP_DIRECT;

	if (vector != want[stage] || f->rip != (u64)user_work + at[stage] ||
	    f->rax != 39 || f->rbx != rounds + (stage == 2) ||
	    f->rsp != (u64)&user_stack[510] || f->cs != RL_USER_CS ||
	    f->ss != RL_USER_DS || f->r15 != 15 || f->rdi != 0x123)
		FAIL("round %lu, stage %u: vector %lu at +%lu, rax %lu, rbx %lu",
		     rounds, stage, vector, f->rip - (u64)user_work, f->rax,
		     f->rbx);
	stage = (stage + 1) % 3;
	if (!stage)
		rounds++;
	return stage || rounds % 256 || !over(rounds);
}

CASE(system_calls)
{
	struct frame regs;

	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	trap_set(3, RL_TRAP_USER);	/* this one through the host */
	trap_hook = check_program;
	start();
	user_start(&regs, user_work);
	regs.r15 = 15;
	regs.rdi = 0x123;
	user_run(&regs);
	report("rounds of three traps", rounds);
}

/* --- hypercalls ------------------------------------------------------------------ */

/* A hypercall that must change nothing but RAX, RCX and R11. */
static void checked_call(u64 nr, u64 rdi, u64 rsi)
{
	u64 rax = nr, rbx = 0xb, rdx = 1, di = rdi, si = rsi;

	asm volatile("movq $0x1008, %%r8\n\tmovq $0x1009, %%r9\n\t"
		     "movq $0x100a, %%r10\n\tmovq $0x100c, %%r12\n\t"
		     "syscall\n\t"
		     "subq $0x1008, %%r8\n\tsubq $0x1009, %%r9\n\t"
		     "subq $0x100a, %%r10\n\tsubq $0x100c, %%r12\n\t"
		     "orq %%r9, %%r8\n\torq %%r10, %%r8\n\torq %%r12, %%r8\n\t"
		     "orq %%r8, %%rax"
		     : "+a"(rax), "+b"(rbx), "+d"(rdx), "+D"(di), "+S"(si)
		     :: "rcx", "r8", "r9", "r10", "r11", "r12", "memory", "cc");
	EQUAL(rax, 0);
	EQUAL(rbx, 0xb);
	EQUAL(rdx, 1);
	EQUAL(di, rdi);
	EQUAL(si, rsi);
}

CASE(hypercalls)
{
	volatile u64 *word = (volatile u64 *)USER_GVA;
	u64 top[2], count = 0;

	for (int i = 0; i < 2; i++) {
		u64 page = page_alloc();

		top[i] = top_copy();
		*(u64 *)direct(page) = i;
		map_page_in(top[i], USER_GVA, page | P_P | P_W | P_U);
		load_cr3(top[i] | (i + 1), i + 1, 1);
	}
	start();
	while (!over(count)) {
		for (int n = 0; n < 64; n++, count++) {
			int i = n & 1;

			/* Mostly the fast one, sometimes with an exit. */
			checked_call(RL_HC_SET_CR3, top[i] | (i + 1) |
				     (n & 15 ? 1UL << 63 : 0), i + 1);
			EQUAL(*word, i);
			checked_call(RL_HC_DELIVER, n, count);
		}
	}
	report("pairs of hypercalls", count);
}

/* The same with an LDT: LDTR is loaded and cleared on the way, and four selectors are. */
CASE(ldt)
{
	static u64 table[2] = { 0, 0x00cff2000000ffff };
	u64 count = 0, rights;
	u16 ds, gs;

	EQUAL(hypercall(RL_HC_SET_LDT, (u64)table, 2, 0), 0);
	load_data_segments(0xf);
	start();
	while (!over(count)) {
		checked_call(RL_HC_DELIVER, count, 1);
		asm volatile("movw %%ds, %0\n\tmovw %%gs, %1\n\tlar %w3, %2"
			     : "=r"(ds), "=r"(gs), "=r"(rights) : "r"(0xf) : "cc");
		EQUAL(ds, 0xf);
		EQUAL(gs, 0xf);
		EQUAL(rights & 0xff00, 0xf300);
		count++;
	}
	load_data_segments(0);
	report("hypercalls with an LDT", count);
}

/* --- faults and interrupts ---------------------------------------------------------- */

static void again(struct frame *f, unsigned int line)
{
	(void)f;
	(void)line;
	hypercall(RL_HC_SET_TIMER, 200000, 0, 0);
}

CASE(faults)
{
	u64 page = page_alloc(), count = 0;

	irq_hook = again;
	irq_enable();
	hypercall(RL_HC_SET_TIMER, 200000, 0, 0);
	start();
	while (!over(count)) {
		for (u64 i = 0; i < 64; i++, count++) {
			u64 gva = USER_GVA + i * 4096;

			map_page(gva, page | P_P | P_W);
			*(volatile u64 *)gva = count;
			EQUAL(*(volatile u64 *)gva, count);
			map_page(gva, 0);
			flush_one(gva);
			try_write(gva, 1);
			EQUAL(trap.vector, 14);
			EQUAL(trap.cr2, gva);
			EQUAL(trap.frame.error, 2);
		}
	}
	irq_disable();
	CHECK(irq_count[RL_IRQ_TIMER] > 0);
	report("faults", count);
}

/* --- page faults that the switcher passes on ----------------------------------------- */

/* Two pages that can only be read, in turn. */
USER_CODE(user_touch,
	  "1:\tmovq (%rdi), %rax\n\tmovq %rbx, (%rdi)\n\t"
	  "incq %rbx\n\txorq $0x1000, %rdi\n\tjmp 1b");

static bool check_touch(struct frame *f)
{
	u64 gva = USER_GVA + (rounds & 1) * 0x1000;

	if ((f->vector & ~(u64)TRAP_DIRECT) != 14 || f->error != 7 ||
	    f->rip != (u64)user_touch + 3 || shared_page.cr2 != gva ||
	    f->rax != 0x77 || f->rbx != rounds || f->rdi != gva ||
	    f->rsp != (u64)&user_stack[510] || f->cs != RL_USER_CS ||
	    f->ss != RL_USER_DS || f->r15 != 15 || !(f->rflags & 0x200))
		FAIL("round %lu: vector 0x%lx, error 0x%lx at +%lu for 0x%lx, rax 0x%lx, rbx %lu",
		     rounds, f->vector, f->error, f->rip - (u64)user_touch,
		     (u64)shared_page.cr2, f->rax, f->rbx);
	f->rip += 3;
	rounds++;
	return rounds % 256 || !over(rounds);
}

CASE(user_faults)
{
	struct frame regs;
	u64 page = page_alloc();

	*(u64 *)direct(page) = 0x77;
	map_page(USER_GVA, page | P_P | P_U);
	map_page(USER_GVA + 0x1000, page | P_P | P_U);
	trap_hook = check_touch;
	start();
	user_start(&regs, user_touch);
	regs.r15 = 15;
	regs.rdi = USER_GVA;
	user_run(&regs);
	report("writes to what is read-only", rounds);
}

/* --- nothing at all ------------------------------------------------------------------- */

/* Registers of code that makes no call: an NMI must not be seen in any. */
CASE(registers)
{
	u64 count = 0;
	u32 bad = 0;

	start();
	while (!over(count)) {
		asm volatile("movl $1000, %%ecx\n\tmovq $0x55, %%rbx\n\t"
			     "movq $0xaa, %%rdx\n\tmovq $7, %%r8\n"
			     "1:\tpushq %%rdx\n\taddq $8, %%rbx\n\t"
			     "subq $8, %%rbx\n\tcmpq $0x55, %%rbx\n\tjne 2f\n\t"
			     "popq %%rax\n\tcmpq $0xaa, %%rax\n\tjne 2f\n\t"
			     "cmpq $7, %%r8\n\tjne 2f\n\tdecl %%ecx\n\tjnz 1b\n\t"
			     "jmp 3f\n2:\tmovl $1, %0\n3:"
			     : "+r"(bad)
			     :: "rax", "rbx", "rcx", "rdx", "r8", "memory",
				"cc");
		count++;
		EQUAL(bad, 0);
	}
	report("thousands of loops", count);
}
