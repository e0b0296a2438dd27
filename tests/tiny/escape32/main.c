// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to CPL 0 that compatibility mode has, at CPL 1 and at CPL 3. Each must end in a
 * fault, in a gate of the guest's own, or in a stub of the switcher's.
 *
 * Where a selector is let in, the code goes on to an `int $0x80`, which is the same
 * instruction in 32 and 64-bit code: the frame there tells how privileged it became. From
 * CPL 0 that gate would be a fault in the window, and the end of the guest.
 */
#include "tiny.h"

#define EACH_RING(ring) for (int ring = 1; ring <= 3; ring += 2)

static struct frame regs;
static struct {
	u32 offset;
	u16 selector;
} far_pointer USER;

COMPAT_CODE(c_arrive, "int $0x80\n\tud2");
COMPAT_CODE(c_ljmp, "ljmp *%ss:(%ebx)\n\tud2");
COMPAT_CODE(c_lcall, "lcall *%ss:(%ebx)\n\tud2");
COMPAT_CODE(c_lret, "pushl %edx\n\tpushl %ecx\n\tpushl %eax\n\tpushl %edi\n\tlret");
COMPAT_CODE(c_iret, "pushl %edx\n\tpushl %ecx\n\tpushl $0x3002\n\tpushl %eax\n\t"
	    "pushl %edi\n\tiretl");
COMPAT_CODE(c_ds, "movw %ax, %ds\n\tint $0x80");
COMPAT_CODE(c_es, "movw %ax, %es\n\tint $0x80");
COMPAT_CODE(c_fs, "movw %ax, %fs\n\tint $0x80");
COMPAT_CODE(c_gs, "movw %ax, %gs\n\tint $0x80");
COMPAT_CODE(c_ss, "movw %ax, %ss\n\tint $0x80");

static void start(void)
{
	compat_init(RL_INIT_32BIT);
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
}

static u64 attempt(const char *code, int ring, u64 selector)
{
	COMPAT_DATA(far_pointer).offset = compat_at(c_arrive, ring);
	COMPAT_DATA(far_pointer).selector = selector;
	compat_start(&regs, code, ring);
	regs.rax = selector;
	regs.rbx = compat_at(&far_pointer, ring);
	regs.rcx = regs.rsp - 256;
	regs.rdx = regs.ss;
	regs.rdi = compat_at(c_arrive, ring);
	user_run(&regs);
	return trap.vector;
}

/* The segments of each ring: 64-bit and 32-bit code, data. */
static bool is_code(u64 s, int ring)
{
	u64 index = s >> 3;

	if (s & 4)
		return false;
	return ring == 1 ? index == 1 || index == 12 :
			   index == 4 || index == 6 || index == 14;
}

static bool is_data(u64 s, int ring)
{
	u64 index = s >> 3;

	/* Code is readable; ring 1 may load what ring 3 may, not the other way. */
	return !(s & 4) && (is_code(s, 3) || index == 5 || index == 15 ||
			    (ring == 1 && (s & 3) < 2 &&
			     (is_code(s, 1) || index == 13)));
}

/* A selector that is not let in: #GP, or #SS or #NP, with its number. */
static void must_fault(const char *what, int ring, u64 s)
{
	if (trap.vector < 10 || trap.vector > 13)
		FAIL("%s to 0x%lx from ring %d: vector %lu", what, s, ring,
		     trap.vector);
	if ((trap.frame.error & 0xfffc) != (s & 0xfffc))
		FAIL("%s to 0x%lx from ring %d: error 0x%lx", what, s, ring,
		     trap.frame.error);
	EQUAL(trap.frame.cs & 3, ring);
}

static void must_arrive(const char *what, int ring, u64 s)
{
	if (trap.vector != 0x80)
		FAIL("%s to 0x%lx from ring %d: vector %lu", what, s, ring,
		     trap.vector);
	EQUAL(trap.frame.cs & 3, ring);
	EQUAL(trap.frame.cs >> 3, s >> 3);
}

CASE(far_jumps_and_calls)
{
	start();
	EACH_RING(ring)
		for (u64 s = 0; s < 0x200; s++) {
			bool in = is_code(s, ring) && (int)(s & 3) <= ring;

			attempt(c_ljmp, ring, s);
			(in ? must_arrive : must_fault)("ljmp", ring, s);
			attempt(c_lcall, ring, s);
			(in ? must_arrive : must_fault)("lcall", ring, s);
		}
}

/* RPL 3 from ring 1 is the way out to ring 3: `returns_to_programs`. */
CASE(far_returns)
{
	start();
	EACH_RING(ring)
		for (u64 s = 0; s < 0x200; s++) {
			bool in = is_code(s, ring) && (int)(s & 3) == ring;

			if (ring == 1 && is_code(s, 3) && (s & 3) == 3)
				continue;
			attempt(c_lret, ring, s);
			(in ? must_arrive : must_fault)("lret", ring, s);
			attempt(c_iret, ring, s);
			(in ? must_arrive : must_fault)("iret", ring, s);
			if (in)
				EQUAL(trap.frame.rflags & 0x3000, 0);
		}
}

CASE(returns_to_programs)
{
	static const u64 good[] = { RL_USER32_CS, RL_USER_CS, COMPAT_USER_CS };

	start();
	for (u64 i = 0; i < 3; i++)
		for (u64 ss = 0; ss < 0x80; ss++) {
			bool in = ss == RL_USER_DS || ss == COMPAT_USER_SS;

			/* 64-bit code in ring 3 must have an SS, too. */
			compat_start(&regs, c_iret, 1);
			regs.rax = good[i];
			regs.rcx = (u64)&user_stack[200];
			regs.rdx = ss;
			regs.rdi = (u64)c_arrive;
			user_run(&regs);
			if (!in) {
				must_fault("iret with SS", 1, ss);
				continue;
			}
			EQUAL(trap.vector, 0x80);
			EQUAL(trap.frame.cs, good[i]);
			EQUAL(trap.frame.ss, ss);
			EQUAL(trap.frame.rflags & 0x3000, 0);
		}
}

CASE(data_segments)
{
	static const char *const loads[] = { c_ds, c_es, c_fs, c_gs };

	start();
	EACH_RING(ring)
		for (u64 s = 0; s < 0x200; s++)
			for (int i = 0; i < 4; i++) {
				bool in = s < 4 || is_data(s, ring);

				attempt(loads[i], ring, s);
				if (in)
					EQUAL(trap.vector, 0x80);
				else
					must_fault("mov to a segment", ring, s);
			}
}

CASE(stack_segments)
{
	start();
	EACH_RING(ring)
		for (u64 s = 0; s < 0x200; s++) {
			u64 index = s & 4 ? 0 : s >> 3;
			bool in = (int)(s & 3) == ring &&
				  (ring == 1 ? index == 13 :
					       index == 5 || index == 15);

			attempt(c_ss, ring, s);
			if (!in) {
				must_fault("mov to SS", ring, s);
				continue;
			}
			EQUAL(trap.vector, 0x80);
			EQUAL(trap.frame.cs & 3, ring);
		}
}

/* --- with the selector in the instruction --------------------------------------- */

COMPAT_CODE(c_ljmp_cs, "ljmp $0x10, $0");
COMPAT_CODE(c_lcall_cs, "lcall $0x10, $0");
COMPAT_CODE(c_ljmp_ss, "ljmp $0x18, $0");
COMPAT_CODE(c_lcall_tss, "lcall $0x40, $0");
COMPAT_CODE(c_ljmp_tss, "ljmp $0x40, $0");

CASE(immediate_selectors)
{
	static const struct {
		const char *code;
		u64 selector;
	} all[] = {
		{ c_ljmp_cs, 0x10 }, { c_lcall_cs, 0x10 }, { c_ljmp_ss, 0x18 },
		{ c_lcall_tss, 0x40 }, { c_ljmp_tss, 0x40 },
	};

	start();
	EACH_RING(ring)
		for (int i = 0; i < 5; i++) {
			compat_go(all[i].code, ring);
			must_fault("an immediate", ring, all[i].selector);
		}
}

/* --- SYSENTER, SYSCALL, int ---------------------------------------------------------- */

COMPAT_CODE(c_sysenter, "sysenter\n\tud2");
COMPAT_CODE(c_sysexit, "sysexit\n\tud2");
COMPAT_CODE(c_syscall, "syscall\n\tud2");
COMPAT_CODE(c_sysret, "sysret\n\tud2");

CASE(sysenter)
{
	start();
	EACH_RING(ring) {
		compat_go(c_sysenter, ring);
		CHECK(trap.vector == 13 || trap.vector == 6);
		EQUAL(trap.frame.rip, compat_at(c_sysenter, ring));
		EQUAL(trap.frame.cs & 3, ring);
		compat_go(c_sysexit, ring);
		CHECK(trap.vector == 13 || trap.vector == 6);
		compat_go(c_sysret, ring);
		CHECK(trap.vector == 13 || trap.vector == 6);
	}
}

/*
 * Some processors execute it, and do not tell whose it was: ring 1's looks like a
 * program's. In each case a #UD at the instruction.
 */
CASE(syscall)
{
	start();
	EACH_RING(ring) {
		compat_go(c_syscall, ring);
		EQUAL(trap.vector, 6);
		EQUAL(trap.frame.rip, compat_at(c_syscall, ring));
		CHECK(trap.frame.cs == RL_USER32_CS ||
		      (trap.frame.cs & 3) == (u64)ring);
	}
}

static u8 c_int_n[4] USER = { 0xcd, 0, 0x0f, 0x0b };

/* Only the gates that are for programs, from both rings; all others: #GP. */
CASE(int_n)
{
	start();
	EACH_RING(ring)
		for (u64 n = 0; n < 256; n++) {
			COMPAT_DATA(c_int_n)[1] = n;
			compat_go((char *)c_int_n, ring);
			EQUAL(trap.frame.cs & 3, ring);
			if (n == 3 || n == 4 || n == 0x80) {
				EQUAL(trap.vector, n);
				continue;
			}
			EQUAL(trap.vector, 13);
			CHECK(int_error_ok(n, trap.frame.error));
		}
}

/* --- privileged instructions ------------------------------------------------------------ */

#define PRIVILEGED(X) \
	X(cli, "cli") X(sti, "sti") X(hlt, "hlt") X(clts, "clts") \
	X(in, "inb %dx, %al") X(out, "outb %al, %dx") X(ins, "insb") X(outs, "outsb") \
	X(in_imm, "inl $0x60, %eax") X(out_imm, "outl %eax, $0x60") \
	X(rdmsr, "rdmsr") X(wrmsr, "wrmsr") X(invd, "invd") X(wbinvd, "wbinvd") \
	X(read_cr0, "movl %cr0, %eax") X(write_cr0, "movl %eax, %cr0") \
	X(read_cr3, "movl %cr3, %eax") X(write_cr3, "movl %eax, %cr3") \
	X(read_cr4, "movl %cr4, %eax") X(write_cr4, "movl %eax, %cr4") \
	X(write_dr7, "movl %eax, %dr7") X(read_dr7, "movl %dr7, %eax") \
	X(lgdt, "lgdt (%ebx)") X(lidt, "lidt (%ebx)") X(lldt, "lldt %ax") \
	X(ltr, "ltr %ax") X(lmsw, "lmsw %ax") X(invlpg, "invlpg (%ebx)")

#define DEFINE(name, text) COMPAT_CODE(c_p_##name, text "\n\tint $0x80");
PRIVILEGED(DEFINE)

/* QEMU 10 forgets to ask who executes these two. */
static bool emptied(const char *code)
{
	return code == c_p_invd || code == c_p_wbinvd;
}

/* None is done behind the guest's back: the bytes are 32-bit ones. */
CASE(privileged)
{
	static const struct {
		const char *name, *code;
	} all[] = {
#define LIST(name, text) { text, c_p_##name },
		PRIVILEGED(LIST)
	};
	u64 emulated;

	start();
	emulated = host_stats()->emulated;
	EACH_RING(ring)
		for (u64 i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			attempt(all[i].code, ring, 0);
			if (trap.vector == 0x80 && under_tcg() && emptied(all[i].code)) {
				print("this TCG lets everybody execute %s\n", all[i].name);
				continue;
			}
			if (trap.vector != 13)
				FAIL("%s in ring %d: vector %lu", all[i].name, ring,
				     trap.vector);
			EQUAL(trap.frame.error, 0);
			EQUAL(trap.frame.rip, compat_at(all[i].code, ring));
		}
	EQUAL(host_stats()->emulated, emulated);
}

COMPAT_CODE(c_popf, "pushl $0x3002\n\tpopfl\n\tpushfl\n\tpopl %eax\n\tint $0x80");

CASE(popf)
{
	start();
	EACH_RING(ring) {
		EQUAL(compat_go(c_popf, ring), 0x80);
		EQUAL(trap.frame.rax & 0x3200, 0x200);
	}
}

/* --- registers ------------------------------------------------------------------------------ */

COMPAT_CODE(c_ud2, "ud2");

/* What 32-bit code cannot reach is what the guest had there, or 0. */
CASE(upper_halves)
{
	start();
	EACH_RING(ring) {
		u64 *r = (u64 *)&regs, *now = (u64 *)&trap.frame;

		compat_start(&regs, c_ud2, ring);
		for (int i = 0; i < 15; i++)
			r[i] = 0x5a5a5a5a00000000 | (u64)i;
		user_run(&regs);
		EQUAL(trap.vector, 6);
		for (int i = 0; i < 15; i++) {
			EQUAL(now[i] & 0xffffffff, i);
			CHECK(now[i] >> 32 == 0 || now[i] >> 32 == 0x5a5a5a5a);
		}
	}
}

/* --- descriptors --------------------------------------------------------------------------- */

CASE(descriptors)
{
	start();
	for (u64 n = 0; n < 64; n++)
		for (u64 type = 0; type < 32; type++)
			for (u64 dpl = 0; dpl < 4; dpl++) {
				u64 d = 0x00cf80000000ffff | type << 40 | dpl << 45;
				bool place = (u64)RL_SEGMENTS >> n & 1;
				bool good = type >= 16 && type < 28 && (dpl & 1);
				s64 want = place && good ? 0 : -22;

				if (hypercall(RL_HC_SET_SEGMENT, n, d, 0) != want)
					FAIL("entry %lu: 0x%lx", n, d);
				/* The same with L. */
				if (type >= 24)
					EQUAL(hypercall(RL_HC_SET_SEGMENT, n,
							d | 1UL << 53, 0), -22);
			}
	EQUAL(hypercall(RL_HC_SET_SEGMENT, 64, 0, 0), -22);
	EQUAL(hypercall(RL_HC_SET_SEGMENT, 12 + 64, 0, 0), -22);
	EQUAL(hypercall(RL_HC_SET_SEGMENT, ~0UL, 0, 0), -22);
	EQUAL(hypercall(RL_HC_SET_SEGMENT, 1UL << 32 | 12, 0, 0), -22);
}

/* Ring 3 cannot use what has a DPL of 1: data_segments says so, too. */
CASE(accessed_in_advance)
{
	u64 rights;

	start();
	for (u64 s = 0x61; s <= 0x79; s += 8) {
		asm volatile("lar %1, %0" : "=r"(rights) : "r"(s) : "cc");
		CHECK(rights & 0x100);
	}
}

COMPAT_CODE(c_load_ds, "movl $0x69, %eax\n\tmovl %eax, %ds\n\tint $0x80");

/* A segment of ring 1's that is loaded and then taken away. */
CASE_KILLED(taken_away, "invalid segment state on entry")
{
	start();
	EQUAL(compat_go(c_load_ds, 1), 0x80);
	EQUAL(hypercall(RL_HC_SET_SEGMENT, 13, 0, 0), 0);
}
