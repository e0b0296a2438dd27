// SPDX-License-Identifier: GPL-2.0
/*
 * The LDT: what comes into it, and who can use it for what. Where it goes away, and that it
 * is its vCPU's own, is in changes.c.
 */
#include "ldt.h"

u64 table[8192] __attribute__((aligned(4096)));
static struct frame regs;

static u64 with_base(u64 descriptor, u64 base)
{
	return descriptor | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
}

/* --- descriptors ------------------------------------------------------------------- */

/* Code that is not conforming, and data: S and one of twelve types. */
static bool is_good(u64 type)
{
	return type >= 16 && type < 28;
}

CASE(descriptors)
{
	for (u64 type = 0; type < 32; type++)
		for (u64 dpl = 0; dpl < 4; dpl++) {
			s64 want = is_good(type) ? 0 : EINVAL_;

			table[0] = 0x00cf80000000ffff | type << 40 | DPL(dpl);
			if (set_ldt(1) != want)
				FAIL("0x%lx", table[0]);
			/* What was refused left nothing behind, not the last one either. */
			if (want)
				EQUAL(rights(SELECTOR(0)), 0);
			else	/* ring 3's, accessed in advance */
				EQUAL(rights(SELECTOR(0)) & 0xe100, 0xe100);
			/* 64-bit code; of data the bit means nothing. */
			table[0] |= LONG_MODE;
			EQUAL(set_ldt(1), type < 24 ? want : EINVAL_);
			/* What is not present may be anything; it is nothing, or waits for #NP. */
			table[0] &= ~PRESENT;
			EQUAL(set_ldt(1), 0);
			EQUAL(rights(SELECTOR(0)) & 0xe100,
			      is_good(type) && type < 24 ? 0x6100 : 0);
			table[0] &= ~LONG_MODE;
			EQUAL(set_ldt(1), 0);
			EQUAL(rights(SELECTOR(0)) & 0xe100, is_good(type) ? 0x6100 : 0);
		}
}

/* A stack of 16 bits; of code and of what is no stack the bit stays what it was. */
CASE(no_stack_of_16_bits)
{
	table[0] = DATA32 & ~BIG;
	table[1] = CODE32 & ~BIG;
	table[2] = DATA32 & ~BIG & ~(2UL << 40);
	EQUAL(set_ldt(3), 0);
	EQUAL(rights(SELECTOR(0)) & 0x400000, 0x400000);
	EQUAL(rights(SELECTOR(1)) & 0x400000, 0);
	EQUAL(rights(SELECTOR(2)) & 0x400000, 0);
}

CASE(one_bad_one)
{
	for (u64 i = 0; i < 8192; i++)
		table[i] = DATA32;
	for (u64 bad = 1; bad <= 8192; bad <<= 1) {
		table[bad - 1] = 0x00008c0000100000;	/* a call gate */
		EQUAL(set_ldt(8192), EINVAL_);
		EQUAL(rights(SELECTOR(0)), 0);
		EQUAL(rights(SELECTOR(bad - 1)), 0);
		table[bad - 1] = DATA32;
	}
	EQUAL(set_ldt(8192), 0);
}

/* --- arguments ---------------------------------------------------------------------- */

static void none_after(u64 at, u64 entries, s64 want)
{
	table[0] = DATA32;
	EQUAL(set_ldt(1), 0);
	CHECK(rights(SELECTOR(0)));
	EQUAL(hypercall(RL_HC_SET_LDT, at, entries, 0), want);
	EQUAL(rights(SELECTOR(0)), 0);
}

CASE(arguments)
{
	map_page(FAR, page_with(DATA32) | P_P);
	none_after((u64)table, 0, 0);
	none_after(0, 0, 0);
	none_after((u64)table, 8193, EINVAL_);
	none_after((u64)table, ~0UL, EINVAL_);
	none_after((u64)table, 1UL << 32 | 1, EINVAL_);
	none_after((u64)table, 1UL << 61 | 1, EINVAL_);
	none_after(FAR + 8192, 1, EFAULT_);
	none_after(FAR + 4088, 2, EFAULT_);
	none_after(FAR + 4089, 1, EFAULT_);
	none_after(1UL << 63, 1, EFAULT_);
	none_after(~7UL, 2, EFAULT_);
	none_after(0xffff800000002000, 1, EFAULT_);	/* the window */
	none_after(LDT, 1, EFAULT_);
	none_after(0xfffffe0000000000, 1, EFAULT_);
	EQUAL(hypercall(RL_HC_SET_LDT, FAR, 1, 0), 0);
	CHECK(rights(SELECTOR(0)));
}

CASE(limits)
{
	static const u64 sizes[] = { 1, 2, 511, 512, 513, 8191, 8192 };

	for (u64 i = 0; i < 8192; i++)
		table[i] = DATA32;
	for (u64 i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		/* What a larger one leaves behind is not in a smaller one. */
		EQUAL(set_ldt(8192), 0);
		EQUAL(set_ldt(sizes[i]), 0);
		CHECK(rights(SELECTOR(sizes[i] - 1)));
		for (u64 n = sizes[i]; n < 8192; n++)
			EQUAL(rights(SELECTOR(n)), 0);
	}
}

/* --- what the table is in memory --------------------------------------------------------- */

CASE(not_written)
{
	table[0] = DATA32;
	EQUAL(set_ldt(1), 0);
	for (u64 at = LDT; at < LDT + 0x10000; at += 0x1000) {
		try_read(at);
		EQUAL(trap.vector, TRAP_NONE);
		try_write(at, 0);
		EQUAL(trap.vector, 14);
		EQUAL(trap.frame.error, 3);
		try_execute(at);
		EQUAL(trap.vector, 14);
		EQUAL(trap.frame.error, 0x11);
		EQUAL(user_access(user_read, at), 14);
		EQUAL(user_access(user_write, at), 14);
	}
	try_read(LDT + 0x10000);
	EQUAL(trap.vector, 14);
	try_read(LDT - 8);
	EQUAL(trap.vector, 14);
	/* Nothing marks an entry, and what the guest does with its own is its own. */
	table[0] = 0;
	CHECK(rights(SELECTOR(0)));
}

CASE(not_there_before)
{
	try_read(LDT);
	EQUAL(trap.vector, 14);
	EQUAL(set_ldt(0), 0);
	try_read(LDT);
	EQUAL(trap.vector, 14);
	EQUAL(rights(SELECTOR(0)), 0);
	TRY("movl $0x50, %%eax\n\tmovl %%eax, %%ds");
	EQUAL(trap.vector, 13);
}

/* --- ring 1 ------------------------------------------------------------------------------ */

#define ATTEMPT(instructions_, selector_) do { \
	trap_clear(); \
	asm volatile(TRY_BEGIN instructions_ TRY_END \
		     :: "r"((u64)(selector_)) : "rax", "memory"); \
} while (0)

static struct {
	u64 offset;
	u16 selector;
} __attribute__((packed)) far_pointer;

static void must_fault(const char *what, u64 selector)
{
	if (trap.vector < 10 || trap.vector > 13)
		FAIL("%s with 0x%lx: vector %lu", what, selector, trap.vector);
	EQUAL(trap.frame.error & 0xfffc, selector & 0xfffc);
}

/* No entry of any kind is a way from ring 1 to anywhere, or a stack of it. */
CASE(no_way_up)
{
	u64 n = 0;

	for (u64 type = 16; type < 28; type++)
		for (u64 dpl = 0; dpl < 4; dpl++)
			table[n++] = 0x00cf80000000ffff | type << 40 | DPL(dpl);
	EQUAL(set_ldt(n), 0);
	for (u64 s = 4; s < n * 8 + 16; s = (s + 1) | 4) {
		if ((s & 3) != 3) {
			ATTEMPT("pushq %0\n\tpushq $1f\n\tlretq\n1:", s);
			must_fault("lret", s);
		}
		far_pointer.selector = s;
		ATTEMPT("movq $1f, far_pointer\n\trex.w ljmp *far_pointer\n1:", s);
		must_fault("ljmp", s);
		ATTEMPT("movq $1f, far_pointer\n\trex.w lcall *far_pointer\n1:", s);
		must_fault("lcall", s);
		ATTEMPT("movw %w0, %%ss", s);
		must_fault("mov to SS", s);
	}
	/* The descriptor of the LDT itself, and LDTR. */
	for (u64 s = 0x50; s < 0x60; s++) {
		if (s & 4)
			continue;
		ATTEMPT("movw %w0, %%ds", s);
		must_fault("mov to DS", s);
		ATTEMPT("pushq %0\n\tpushq $1f\n\tlretq\n1:", s);
		must_fault("lret", s);
		ATTEMPT("lldt %w0", s);
		EQUAL(trap.vector, 13);
	}
}

static u64 fs_word(void)
{
	u64 value;

	asm volatile("movq %%fs:0, %0" : "=r"(value));
	return value;
}

/* In ring 1's registers over exits, also to another pCPU. */
CASE(kept_in_ring_1)
{
	static u64 word USER = 4711;
	u16 ds, es, fs, gs;

	table[2] = with_base(DATA32, (u64)&word);
	EQUAL(set_ldt(3), 0);
	load_data_segments(SELECTOR(2));
	for (int i = 0; i < 20; i++) {
		if (i % 4 == 3)
			request(TINY_MOVE, i / 4 % mailbox->cpus, 0);
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		asm volatile("movw %%ds, %0\n\tmovw %%es, %1\n\tmovw %%fs, %2\n\t"
			     "movw %%gs, %3" : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
		EQUAL(ds, SELECTOR(2));
		EQUAL(es, SELECTOR(2));
		EQUAL(fs, SELECTOR(2));
		EQUAL(gs, SELECTOR(2));
		EQUAL(fs_word(), 4711);
		/* A base of another kind stays, too. */
		asm volatile("wrfsbase %0" :: "r"(direct((u64)&word)));
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		EQUAL(fs_word(), 4711);
		asm volatile("movl %0, %%fs" :: "r"((u32)SELECTOR(2)));
	}
	load_data_segments(0);
}

/* --- ring 3 ------------------------------------------------------------------------------ */

static u64 user_word USER = 4711;

/* EAX: a word by DS, ECX times, with ES, FS and GS in use. */
COMPAT_CODE(c_sum, "movl %edx, %ds\n\tmovl %edx, %es\n\tmovl %edx, %fs\n\tmovl %edx, %gs\n"
	    "1:\tpushl %ds:0\n\tpopl %eax\n\tcmpl %fs:0, %eax\n\tjne 2f\n\t"
	    "cmpl %gs:0, %eax\n\tjne 2f\n\tcmpl %es:0, %eax\n\tjne 2f\n\t"
	    "loop 1b\n2:\tint $0x80\n\tud2");

static void start_sum(u64 times)
{
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	/* The first write to the page of the stack is news for this kernel. */
	user_access(user_write, (u64)user_stack);
	user_access(user_write, (u64)user_stack);
	table[4] = CODE32;
	table[5] = with_base(DATA32, (u64)&user_word);
	table[6] = DATA32;
	compat_start(&regs, c_sum, 3);
	regs.cs = SELECTOR(4);
	regs.ss = SELECTOR(6);
	regs.rdx = SELECTOR(5);
	regs.rcx = times;
}

static void check_sum(void)
{
	EQUAL(trap.vector, 0x80);
	EQUAL(trap.frame.cs, SELECTOR(4));
	EQUAL(trap.frame.ss, SELECTOR(6));
	EQUAL(trap.frame.rcx, 0);
	EQUAL(trap.frame.rax, 4711);
}

/* All six registers, over interrupts of the host's. */
CASE(programs)
{
	u64 before = host_stats()->entries;

	start_sum(3000000);
	EQUAL(set_ldt(7), 0);
	user_run(&regs);
	check_sum();
	CHECK(host_stats()->entries > before + 20);
}

/* A return to what the table has no more is the guest's fault, for its own IRET. */
CASE(returns_to_nothing)
{
	start_sum(1);
	EQUAL(set_ldt(4), 0);
	user_run(&regs);
	EQUAL(trap.vector, 13);
	EQUAL(trap.frame.error & 0xfffc, SELECTOR(4) & 0xfffc);
	start_sum(1);
	EQUAL(set_ldt(6), 0);
	user_run(&regs);
	EQUAL(trap.vector, 13);
	EQUAL(trap.frame.error & 0xfffc, SELECTOR(6) & 0xfffc);
	EQUAL(set_ldt(7), 0);
	user_run(&regs);
	check_sum();
}

COMPAT_CODE(c_beyond, "jmp 1f\n\t.balign 32\n1:\tjmp 1b");

/*
 * Where an interrupt came at the end of a segment, the host does not fall with the
 * program's next step. A processor refuses the jump itself; TCG, which knows no limit of
 * code, goes on to where only the host's interrupts end it.
 */
CASE(interrupted_at_the_end)
{
	start_sum(1);
	table[4] = with_base(CODE32 & ~(0xfUL << 48 | 1UL << 55 | 0xffff), (u64)c_beyond) | 15;
	EQUAL(set_ldt(7), 0);
	compat_start(&regs, c_beyond, 3);
	regs.rip = 0;
	regs.cs = SELECTOR(4);
	regs.ss = SELECTOR(6);
	user_run(&regs);
	EQUAL(trap.vector, 13);
	EQUAL(trap.frame.error, 0);
	EQUAL(trap.frame.cs, SELECTOR(4));
}

COMPAT_CODE(c_lcall, "lcall *%ss:(%ebx)\n\tud2");
COMPAT_CODE(c_arrive, "int $0x80\n\tud2");
static struct {
	u32 offset;
	u16 selector;
} far32 USER;

/* Ring 3 reaches ring 3's code, by any RPL, and nothing else. */
CASE(calls)
{
	start_sum(1);
	EQUAL(set_ldt(7), 0);
	COMPAT_DATA(far32).offset = (u32)(u64)c_arrive;
	for (u64 s = 4; s < 0x60; s = (s + 1) | 4) {
		COMPAT_DATA(far32).selector = s;
		compat_start(&regs, c_lcall, 3);
		regs.cs = SELECTOR(4);
		regs.ss = SELECTOR(6);
		regs.rbx = (u64)&far32;
		user_run(&regs);
		EQUAL(trap.frame.cs & 3, 3);
		if (s >> 3 == 4) {
			EQUAL(trap.vector, 0x80);
			EQUAL(trap.frame.cs, SELECTOR(4));
			continue;
		}
		CHECK(trap.vector == 13 || trap.vector == 11);
		EQUAL(trap.frame.error & 0xfffc, s & 0xfffc);
	}
}
