// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to CPL 0 that the processor offers: each must end in a fault, or in the
 * stubs of the switcher.
 */
#include "tiny.h"

static void must_fault(const char *what, u64 selector)
{
	if (trap.vector != 13)
		FAIL("%s to 0x%lx: vector %lu", what, selector, trap.vector);
	if ((trap.frame.error & 0xfffc) != (selector & 0xfffc))
		FAIL("%s to 0x%lx: error 0x%lx", what, selector,
		     trap.frame.error);
}

/* Every selector with CPL 0 behind it, or with nothing, a TSS, an LDT. */
static bool is_ours(u64 s)
{
	return s == RL_KERNEL_CS || s == RL_USER_CS || s == RL_USER32_CS;
}

static void far_return(u64 selector)
{
	trap_clear();
	asm volatile(TRY_BEGIN "pushq %0\n\tpushq $1f\n\tlretq\n1:" TRY_END
		     :: "r"(selector) : "memory");
}

CASE(far_returns)
{
	/* RPL 3 is a return to a program; from_ring_3 below. */
	for (u64 s = 0; s < 0x100; s++) {
		if (is_ours(s) || (s & 3) == 3)
			continue;
		far_return(s);
		must_fault("lret", s);
	}
	far_return(RL_KERNEL_CS);
	EQUAL(trap.vector, TRAP_NONE);
}

static struct {
	u64 offset;
	u16 selector;
} __attribute__((packed)) far_pointer;

CASE(far_jumps_and_calls)
{
	for (u64 s = 0; s < 0x100; s++) {
		/* RPL 0 or 1 of our own segment stays at CPL 1. */
		if (is_ours(s) || s == (RL_KERNEL_CS & ~3))
			continue;
		far_pointer.selector = s;
		trap_clear();
		asm volatile(TRY_BEGIN "movq $1f, far_pointer\n\t"
			     "rex.w ljmp *far_pointer\n1:" TRY_END
			     ::: "memory");
		must_fault("ljmp", s);
		trap_clear();
		asm volatile(TRY_BEGIN "movq $1f, far_pointer\n\t"
			     "rex.w lcall *far_pointer\n1:" TRY_END
			     ::: "memory");
		must_fault("lcall", s);
	}
}

static void iret_to(u64 rip, u64 cs, u64 flags, u64 rsp, u64 ss)
{
	trap_clear();
	asm volatile(TRY_BEGIN
		     "pushq %4\n\tpushq %3\n\tpushq %2\n\tpushq %1\n\tpushq %0\n\t"
		     "iretq" TRY_END
		     :: "r"(rip), "r"(cs), "r"(flags), "r"(rsp), "r"(ss)
		     : "memory");
}

CASE(irets)
{
	u64 stack = (u64)trap_stack;

	for (u64 cs = 0; cs < 0x100; cs++) {
		if (is_ours(cs) || (cs & 3) == 3)
			continue;
		iret_to((u64)irets, cs, 2, stack, RL_KERNEL_SS);
		must_fault("iret", cs);
	}
	iret_to((u64)irets, RL_KERNEL_CS, 2, stack, RL_SWITCHER_SS);
	must_fault("iret with SS", RL_SWITCHER_SS);
	iret_to((u64)irets, RL_KERNEL_CS, 2, stack, RL_SWITCHER_SS | 1);
	must_fault("iret with SS", RL_SWITCHER_SS);
	iret_to(1UL << 47, RL_KERNEL_CS, 2, stack, RL_KERNEL_SS);
	CHECK(trap.vector == 13 || trap.vector == 14);
}

CASE(iret_with_nt)
{
	trap_clear();
	asm volatile(TRY_BEGIN "pushfq\n\torq $0x4000, (%%rsp)\n\tpopfq\n\t"
		     "pushq $1\n\tpushq $0\n\tpushq $2\n\tpushq %0\n\t"
		     "pushq $1f\n\tiretq\n1:" TRY_END
		     :: "i"(RL_KERNEL_CS) : "memory", "cc");
	EQUAL(trap.vector, 13);
}

CASE(data_segments)
{
	for (u64 s = 4; s < 0x100; s++) {
		bool user = (s | 3) == RL_USER_CS || (s | 3) == RL_USER_DS ||
			    (s | 3) == RL_USER32_CS;

		/* 0x78 is for LSL, readable data with DPL 3. */
		if (user || (s | 3) == (RL_KERNEL_CS | 3) || (s | 3) == 0x7b)
			continue;
		trap_clear();
		asm volatile(TRY_BEGIN "movw %w0, %%ds" TRY_END :: "r"(s));
		must_fault("mov to DS", s);
		trap_clear();
		asm volatile(TRY_BEGIN "movw %w0, %%gs" TRY_END :: "r"(s));
		must_fault("mov to GS", s);
		trap_clear();
		asm volatile(TRY_BEGIN "movw %w0, %%ss" TRY_END :: "r"(s));
		must_fault("mov to SS", s);
	}
	asm volatile("movw %w0, %%ds\n\tmovw %w0, %%gs\n\tmovw %w0, %%fs"
		     :: "r"(0));
}

CASE(null_ss)
{
	if (under_tcg())
		SKIP("TCG gives CPL 0 for a NULL SS: only a processor can tell");
	for (u64 s = 0; s < 4; s++) {
		trap_clear();
		asm volatile(TRY_BEGIN "movw %w0, %%ss" TRY_END :: "r"(s));
		EQUAL(trap.vector, s == 1 ? TRAP_NONE : 13);
	}
}

/* A segment that is loaded and then taken away: the switcher's own load faults. */
CASE_KILLED(descriptor_taken_away, "invalid segment state on entry")
{
	u64 data = 0x00cff3000000ffff;

	EQUAL(hypercall(RL_HC_SET_TLS, 0, data, 0), 0);
	load_data_segments(0x63);
	hypercall(RL_HC_DELIVER, 0, 0, 0);
	hypercall(RL_HC_SET_TLS, 0, 0, 0);
}

/* --- gates in the descriptors that a guest may write -------------------------- */

CASE(system_descriptors)
{
	for (u64 type = 0; type < 16; type++)
		for (u64 dpl = 0; dpl < 4; dpl++) {
			u64 d = type << 40 | dpl << 45 | 1UL << 47 |
				(u64)RL_SWITCHER_CS << 16 | 0x1000;

			for (u64 n = 0; n < 3; n++)
				CHECK(hypercall(RL_HC_SET_TLS, n, d, 0) < 0);
		}
	/* Conforming code, and code with L. */
	for (u64 type = 12; type < 16; type++)
		CHECK(hypercall(RL_HC_SET_TLS, 0, 0x00cf90000000ffff |
				type << 40, 0) < 0);
	CHECK(hypercall(RL_HC_SET_TLS, 0, 0x00af9a000000ffff, 0) < 0);
	CHECK(hypercall(RL_HC_SET_TLS, 0, 0x00ef9a000000ffff, 0) < 0);
}

CASE(tls_code_has_dpl_3)
{
	/* 32-bit code. With DPL 1, ring 1 could go there. */
	for (u64 dpl = 0; dpl < 4; dpl++) {
		EQUAL(hypercall(RL_HC_SET_TLS, 0,
				0x00cf9a000000ffff | dpl << 45, 0), 0);
		for (u64 rpl = 0; rpl < 3; rpl++) {
			far_return(0x60 | rpl);
			must_fault("lret", 0x60);
		}
	}
}

/* A descriptor that changes while a program's segment register holds it. */
USER_CODE(user_load_tls, "movl $0x63, %eax\n\tmovw %ax, %ds\n\tmovw %ax, %es\n\t"
	  "movw %ax, %fs\n\tmovw %ax, %gs\n\tsyscall\n\t"
	  "movl (%rsp), %eax\n\tsyscall");

CASE_KILLED(descriptor_changed_while_loaded, "invalid segment state on entry")
{
	struct frame regs;

	EQUAL(hypercall(RL_HC_SET_TLS, 0, 0x00cff2000000ffff, 0), 0);
	user_go(user_load_tls);
	EQUAL(trap.vector, TRAP_SYSCALL);
	regs = trap.frame;
	/* Execute only. Loading it at the entry is the switcher's work. */
	hypercall(RL_HC_SET_TLS, 0, 0x00cff8000000ffff, 0);
	user_run(&regs);
}

/* --- SYSENTER and SYSCALL in other modes ---------------------------------------- */

USER_CODE(user_sysenter, "sysenter\n\tud2");
USER_CODE(user_compat, "pushq $0x23\n\tpushq $1f\n\tlretq\n"
	  ".code32\n1:\tsyscall\n\tud2\n.code64");
USER_CODE(user_compat_sysenter, "pushq $0x23\n\tpushq $1f\n\tlretq\n"
	  ".code32\n1:\tsysenter\n\tud2\n.code64");
USER_CODE(user_compat_int80, "pushq $0x23\n\tpushq $1f\n\tlretq\n"
	  ".code32\n1:\tint $0x80\n\tud2\n.code64");
USER_CODE(user_compat_gate, "pushq $0x23\n\tpushq $1f\n\tlretq\n"
	  ".code32\n1:\tlcall $0x10, $0\n\tud2\n.code64");
USER_CODE(user_compat_iret, "pushq $0x23\n\tpushq $1f\n\tlretq\n"
	  ".code32\n1:\tpushl $0x18\n\tpushl $0\n\tpushl $2\n\tpushl $0x10\n\t"
	  "pushl $0\n\tiretl\n\tud2\n.code64");

CASE(sysenter)
{
	user_go(user_sysenter);
	CHECK(trap.vector == 13 || trap.vector == 6);
	EQUAL(trap.frame.rip, user_sysenter);
	TRY("sysenter");
	CHECK(trap.vector == 13 || trap.vector == 6);
	user_go(user_compat_sysenter);
	CHECK(trap.vector == 13 || trap.vector == 6);
	EQUAL(trap.frame.cs, RL_USER32_CS);
}

CASE(compat_syscall)
{
	user_go(user_compat);
	EQUAL(trap.vector, 6);
	EQUAL(trap.frame.cs, RL_USER32_CS);
	/* At the instruction, not behind it. */
	EQUAL(*(u16 *)trap.frame.rip, 0x050f);
}

CASE(compat_others)
{
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	user_go(user_compat_int80);
	EQUAL(trap.vector, 0x80);
	EQUAL(trap.frame.cs, RL_USER32_CS);
	user_go(user_compat_gate);
	must_fault("32-bit lcall", 0x10);
	user_go(user_compat_iret);
	must_fault("32-bit iret", 0x10);
}

/* --- SYSCALL at the edges of the address space ------------------------------------- */

/* The last two bytes of the lower half: RCX is not canonical. */
CASE(syscall_below_the_hole)
{
	u64 page = page_alloc();
	struct frame regs;

	map_page(0x00007ffffffff000, page | P_P | P_W | P_U);
	*(u16 *)((char *)direct(page) + 4094) = 0x050f;
	user_start(&regs, (void *)0x00007ffffffffffe);
	user_run(&regs);
	EQUAL(trap.vector, TRAP_SYSCALL);
	EQUAL(trap.frame.rip, 1UL << 47);
	/* And back to there: it is the program's fault. */
	regs = trap.frame;
	user_run(&regs);
	EQUAL(trap.vector, 13);
	EQUAL(trap.frame.cs, RL_USER_CS);
}

/* The last two bytes of all: RCX is 0, so ring 1 looks like a program. */
static bool back(struct frame *f)
{
	f->rip = trap_resume;
	f->rsp = trap_resume_rsp;
	f->cs = 0x10;
	f->rflags = 2;
	return true;
}

CASE(syscall_at_the_top)
{
	u64 page = page_alloc();

	map_page(0xfffffffffffff000, page | P_P | P_W);
	*(u16 *)((char *)direct(page) + 4094) = 0x050f;
	trap_hook = back;
	trap_clear();
	asm volatile(TRY_BEGIN "movl %0, %%eax\n\tjmp *%1" TRY_END
		     :: "i"(RL_HC_DELIVER), "r"(0xfffffffffffffffeUL)
		     : "rax", "rcx", "r11", "memory");
	EQUAL(trap.vector, TRAP_SYSCALL);
	EQUAL(trap.frame.rip, 0);
}

/* Ring 1 in the lower half: its SYSCALL is a program's. No way up. */
CASE_HOST_LIVES(syscall_of_ring_1_below)
{
	u64 page = page_alloc();

	map_page(0x600000, page | P_P | P_W);
	*(u16 *)direct(page) = 0x050f;
	asm volatile("jmp *%0" :: "r"(0x600000UL), "a"(RL_HC_SHUTDOWN)
		     : "rcx", "r11", "memory");
}

/* --- bases ------------------------------------------------------------------------ */

CASE(bases)
{
	static const u64 bad[] = {
		1UL << 47, 1UL << 63, 0xfffe000000000000, 0x123456789abcdef0
	};
	static const u32 msrs[] = { 0xc0000100, 0xc0000101, 0xc0000102 };

	for (int i = 0; i < 4; i++)
		for (int m = 0; m < 3; m++) {
			CHECK(hypercall(RL_HC_WRMSR, msrs[m], bad[i], 0) < 0);
			trap_clear();
			asm volatile(TRY_BEGIN "wrmsr" TRY_END
				     :: "c"(msrs[m]), "a"((u32)bad[i]),
				     "d"(bad[i] >> 32) : "memory");
			EQUAL(trap.vector, 13);
		}
	/* By instruction, with whatever the host's processor accepts. */
	for (int i = 0; i < 4; i++) {
		trap_clear();
		asm volatile(TRY_BEGIN "wrfsbase %0" TRY_END :: "r"(bad[i]));
		hypercall(RL_HC_DELIVER, 0, 0, 0);
		asm volatile(TRY_BEGIN "wrgsbase %0" TRY_END :: "r"(bad[i]));
		hypercall(RL_HC_DELIVER, 0, 0, 0);
	}
}

/* --- flags ------------------------------------------------------------------------- */

CASE(popf)
{
	u64 flags;

	asm volatile("pushfq\n\torq $0x1b3000, (%%rsp)\n\tpopfq\n\tpushfq\n\t"
		     "popq %0" : "=r"(flags) :: "cc", "memory");
	EQUAL(flags & 0x3000, 0);	/* IOPL */
	asm volatile("pushfq\n\tandq $~0x200, (%%rsp)\n\tpopfq\n\tpushfq\n\t"
		     "popq %0" : "=r"(flags) :: "cc", "memory");
	CHECK(flags & 0x200);		/* the real IF stays on */
}

CASE(iret_keeps_iopl_and_if)
{
	u64 flags;

	asm volatile("movq %%rsp, %%rax\n\tpushq $1\n\tpushq %%rax\n\t"
		     "pushq $0x3002\n\tpushq %1\n\tpushq $1f\n\tiretq\n1:\t"
		     "pushfq\n\tpopq %0"
		     : "=r"(flags) : "i"(RL_KERNEL_CS) : "rax", "cc", "memory");
	EQUAL(flags & 0x3000, 0);
	CHECK(flags & 0x200);
}
