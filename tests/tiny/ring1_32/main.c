// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit kernel in ring 1: compatibility mode at CPL 1, under 64-bit handlers. What it
 * was is what the handlers must find and what they go back to.
 */
#include "tiny.h"

static u32 word USER = 0x600dcafe;
static struct frame regs;

/* Runs on from the last trap. */
static u64 go_on(void)
{
	regs = trap.frame;
	user_run(&regs);
	return trap.vector;
}

COMPAT_CODE(c_state, "pushl %cs\n\tpopl %ebx\n\tmovl %ss, %ecx\n\tpushfl\n\t"
	    "popl %edx\n\tint $0x80");

CASE(state)
{
	compat_init(RL_INIT_32BIT);
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	EQUAL(compat_go(c_state, 1), 0x80);
	EQUAL(trap.frame.rbx & 0xffff, COMPAT_KERNEL_CS);
	EQUAL(trap.frame.rcx & 0xffff, COMPAT_KERNEL_SS);
	EQUAL(trap.frame.rdx & 0x3200, 0x200);	/* the real IF, IOPL 0 */
}

/* --- what a handler finds --------------------------------------------------------- */

COMPAT_CODE(c_ud2, "ud2\n\tint $0x80");

CASE(fault_by_the_host)
{
	compat_init(RL_INIT_32BIT);
	EQUAL(compat_go(c_ud2, 1), 6);
	EQUAL(trap.direct, 0);
	EQUAL(trap.frame.cs, COMPAT_KERNEL_CS);
	EQUAL(trap.frame.ss, COMPAT_KERNEL_SS);
	EQUAL(trap.frame.rip, compat_at(c_ud2, 1));
	EQUAL(trap.frame.rsp, compat_at(&user_stack[448], 1));
}

static bool as_linux_wants_it(struct frame *f)
{
	EQUAL(f->vector, 6);
	EQUAL(f->cs, 0x10);
	EQUAL(f->ss, 0x18);
	end(TINY_SUCCESS);
}

/* Without the flag a guest kernel sees itself as Linux wants it. */
CASE(fault_without_the_flag)
{
	compat_init(0);
	trap_hook = as_linux_wants_it;
	compat_go(c_ud2, 1);
	FAIL("the trap was not seen");
}

static u64 gs_seen;

static bool look_at_gs(struct frame *f)
{
	(void)f;
	asm volatile("rdgsbase %0" : "=r"(gs_seen));
	return false;
}

/* GS is the kernel's or a program's TLS, and nobody else's business. */
CASE(gs_is_left_alone)
{
	compat_init(RL_INIT_32BIT);
	trap_hook = look_at_gs;
	shared_page.kernel_gs = 0x1111000;
	for (int ring = 1; ring <= 3; ring += 2) {
		shared_page.user_gs = 0x2222000;
		asm volatile("wrgsbase %0" :: "r"(0x2222000UL));
		EQUAL(compat_go(c_ud2, ring), 6);
		EQUAL(trap.direct, 0);
		EQUAL(gs_seen, 0x2222000);
		EQUAL(shared_page.user_gs, 0x2222000);
	}
}

CASE(gs_is_swapped_without_the_flag)
{
	compat_init(0);
	trap_hook = look_at_gs;
	shared_page.kernel_gs = 0x1111000;
	shared_page.user_gs = 0x2222000;
	EQUAL(compat_go(c_ud2, 3), 6);
	EQUAL(gs_seen, 0x1111000);
	EQUAL(shared_page.user_gs, 0x2222000);
}

COMPAT_CODE(c_gates, "int3\n\tint $0x80\n\tud2");

CASE(direct_gates)
{
	u64 exits;

	compat_init(RL_INIT_32BIT);
	trap_set(3, RL_TRAP_USER | RL_TRAP_DIRECT);
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	compat_go(c_gates, 1);		/* the shadow has all pages now */
	exits = host_stats()->exits[3] + host_stats()->exits[0x80];
	EQUAL(compat_go(c_gates, 1), 3);
	EQUAL(trap.direct, 1);
	EQUAL(trap.frame.cs, COMPAT_KERNEL_CS);
	EQUAL(trap.frame.ss, COMPAT_KERNEL_SS);
	EQUAL(go_on(), 0x80);
	EQUAL(trap.frame.rsp, compat_at(&user_stack[448], 1));
	EQUAL(host_stats()->exits[3] + host_stats()->exits[0x80], exits);
}

/* A #UD by a direct gate, raised by the host or by the processor: the same. */
CASE(direct_fault)
{
	compat_init(RL_INIT_32BIT);
	trap_set(6, RL_TRAP_DIRECT);
	EQUAL(compat_go(c_ud2, 1), 6);
	EQUAL(trap.direct, 1);
	EQUAL(trap.frame.cs, COMPAT_KERNEL_CS);
	EQUAL(trap.frame.ss, COMPAT_KERNEL_SS);
}

/* --- memory ------------------------------------------------------------------------- */

COMPAT_CODE(c_touch, "movl %eax, %ss:(%ebx)\n\tmovl %ss:(%ebx), %ecx\n\tint $0x80");

/* A page that the shadow does not have yet, and one that nobody has. */
CASE(page_faults)
{
	compat_init(RL_INIT_32BIT);
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	map_page(0xc8000000, page_alloc() | P_P | P_W);
	compat_start(&regs, c_touch, 1);
	regs.rax = 0x44;
	regs.rbx = 0xc8000000;
	user_run(&regs);
	EQUAL(trap.vector, 0x80);
	EQUAL(trap.frame.rcx, 0x44);
	compat_start(&regs, c_touch, 1);
	regs.rbx = 0xc9000000;
	user_run(&regs);
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2, 0xc9000000);
	EQUAL(trap.frame.error, 2);
	EQUAL(trap.frame.cs, COMPAT_KERNEL_CS);
}

/* A program's fault that the switcher's stub passes on. */
CASE(page_fault_of_a_program)
{
	compat_init(RL_INIT_32BIT);
	map_page(0x600000, page_alloc() | P_P | P_U);
	shared_page.user_gs = 0x2222000;
	trap_hook = look_at_gs;
	for (int i = 0; i < 4; i++) {
		compat_start(&regs, c_touch, 3);
		regs.rbx = 0x600000;
		user_run(&regs);
		EQUAL(trap.vector, 14);
		EQUAL(trap.cr2, 0x600000);
		EQUAL(trap.frame.error, 7);
		EQUAL(trap.frame.cs, COMPAT_USER_CS);
		EQUAL(trap.frame.ss, COMPAT_USER_SS);
	}
}

/* --- segments over an exit ------------------------------------------------------------ */

COMPAT_CODE(c_segments, "movw $0x69, %ax\n\tmovw %ax, %ds\n\tmovw %ax, %es\n\t"
	    "movw $0x49, %ax\n\tmovw %ax, %fs\n\tmovw $0x33, %ax\n\tmovw %ax, %gs\n\t"
	    "ud2\n\tmovl %fs:0, %ebx\n\tmovl %gs:4, %ecx\n\tmovl %ds:(%edi), %edx\n\t"
	    "movl %es:(%edi), %esi\n\tint $0x80");

/* FS is per CPU in i386 Linux, GS a program's TLS: both have a base. */
static u64 with_base(u64 base, u64 dpl)
{
	return 0x00cf92000000ffff | (base & 0xffffff) << 16 |
	       (base >> 24 & 0xff) << 56 | dpl << 45;
}

CASE(segments)
{
	u64 fs = compat_at(&word, 1), gs = fs - 4;

	compat_init(RL_INIT_32BIT);
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	EQUAL(hypercall(RL_HC_SET_SEGMENT, 9, with_base(fs, 1), 0), 0);
	EQUAL(hypercall(RL_HC_SET_SEGMENT, 6, with_base(gs, 3), 0), 0);
	compat_start(&regs, c_segments, 1);
	regs.rdi = fs;
	user_run(&regs);
	EQUAL(trap.vector, 6);
	regs = trap.frame;
	regs.rip += 2;
	user_run(&regs);
	EQUAL(trap.vector, 0x80);
	EQUAL(trap.frame.rbx, 0x600dcafe);
	EQUAL(trap.frame.rcx, 0x600dcafe);
	EQUAL(trap.frame.rdx, 0x600dcafe);
	EQUAL(trap.frame.rsi, 0x600dcafe);
}

/* --- interrupts ------------------------------------------------------------------------- */

COMPAT_CODE(c_loop, "1:\tincl %eax\n\tmovl %eax, %ebx\n\tcmpl $0, %ss:(%edi)\n\t"
	    "je 1b\n\tint $0x80");
static u64 wrong;

static void tick(struct frame *f, unsigned int line)
{
	(void)line;
	if (f->cs != COMPAT_KERNEL_CS || f->ss != COMPAT_KERNEL_SS)
		wrong++;
	if (irq_count[RL_IRQ_TIMER] == 50)
		COMPAT_DATA(word) = 1;
	else
		hypercall(RL_HC_SET_TIMER, 200000, 0, 0);
}

CASE(interrupts)
{
	compat_init(RL_INIT_32BIT);
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	irq_hook = tick;
	COMPAT_DATA(word) = 0;
	hypercall(RL_HC_SET_TIMER, 200000, 0, 0);
	compat_start(&regs, c_loop, 1);
	regs.rdi = compat_at(&word, 1);
	user_run(&regs);
	EQUAL(trap.vector, 0x80);
	EQUAL(irq_count[RL_IRQ_TIMER], 50);
	EQUAL(wrong, 0);
	EQUAL(trap.frame.rax, trap.frame.rbx);
}

/* --- to ring 3 and back --------------------------------------------------------------- */

COMPAT_CODE(c_iret, "pushl $0x7b\n\tpushl %ecx\n\tpushl $2\n\tpushl $0x73\n\t"
	    "pushl %edx\n\tiretl");
COMPAT_CODE(c_program, "movl $0x55, %eax\n\tint $0x80\n\tint $0x80");

CASE(program)
{
	compat_init(RL_INIT_32BIT);
	trap_set(0x80, RL_TRAP_USER | RL_TRAP_DIRECT);
	compat_start(&regs, c_iret, 1);
	regs.rcx = (u64)&user_stack[200];
	regs.rdx = (u64)c_program;
	user_run(&regs);
	EQUAL(trap.vector, 0x80);
	EQUAL(trap.frame.cs, COMPAT_USER_CS);
	EQUAL(trap.frame.ss, COMPAT_USER_SS);
	EQUAL(trap.frame.rsp, &user_stack[200]);
	EQUAL(trap.frame.rax, 0x55);
	EQUAL(go_on(), 0x80);
	EQUAL(trap.frame.rip, (u64)c_program + 9);
}
