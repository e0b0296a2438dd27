// SPDX-License-Identifier: GPL-2.0
/*
 * Each exception that a program or a kernel can cause, through the host, with
 * the frame that the processor would push.
 */
#include "tiny.h"

/* What ring 3 runs, and what it must give. */
struct wanted {
	const char *name;
	const char *code;	/* of ring 3 */
	unsigned int at;	/* saved RIP, from code */
	u64 vector, error;
};

/* The error code of `int n` that the gate's DPL forbids. TCG has its own. */
USER_CODE(user_de, "xorl %ecx, %ecx\n\tmovl $1, %eax\n\tdiv %ecx\n\tud2");
USER_CODE(user_bp, "int3\n\tud2");
USER_CODE(user_of, "int $4\n\tud2");
USER_CODE(user_ud, "ud2");
USER_CODE(user_gp, "hlt\n\tud2");
USER_CODE(user_gp_selector, "movl $0x1238, %eax\n\tmovw %ax, %ds\n\tud2");
USER_CODE(user_pf_read, "movabs 0x12345678, %rax\n\tud2");
USER_CODE(user_pf_write, "movabs %rax, 0x12345678\n\tud2");
USER_CODE(user_pf_kernel, "movabs 0xffffffff80100000, %rax\n\tud2");
USER_CODE(user_pf_direct, "movabs %rax, 0xffff888000000000\n\tud2");
USER_CODE(user_mf, "fninit\n\tpushq $0x37b\n\tfldcw (%rsp)\n\tpopq %rax\n\t"
	  "fld1\n\tfldz\n\tfdivrp\n\tfwait\n\tud2");

static void same_for_all(const struct wanted *w)
{
	EQUAL(trap.vector, w->vector);
	EQUAL(trap.frame.error, w->error);
	EQUAL(trap.frame.rip, w->code + w->at);
	EQUAL(trap.vif, 0);
}

CASE(from_ring_3)
{
	static const struct wanted list[] = {
		{ "#DE", user_de, 7, 0, 0 },
		{ "#BP", user_bp, 1, 3, 0 },
		{ "#OF", user_of, 2, 4, 0 },
		{ "#UD", user_ud, 0, 6, 0 },
		{ "#GP", user_gp, 0, 13, 0 },
		{ "#GP(selector)", user_gp_selector, 5, 13, 0x1238 },
		{ "#MF", user_mf, 17, 16, 0 },
	};

	for (unsigned int i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		print("%s\n", list[i].name);
		user_go(list[i].code);
		same_for_all(&list[i]);
		EQUAL(trap.frame.cs, RL_USER_CS);
		EQUAL(trap.frame.ss, RL_USER_DS);
		EQUAL(trap.frame.rsp, &user_stack[510]);
		CHECK(trap.frame.rflags & 0x200);
	}
}

CASE(page_fault_of_ring_3)
{
	user_go(user_pf_read);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 4);
	EQUAL(trap.cr2, 0x12345678);
	user_go(user_pf_write);
	EQUAL(trap.frame.error, 6);
	EQUAL(trap.cr2, 0x12345678);
	user_go(user_pf_kernel);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error, 5);
	EQUAL(trap.cr2, 0xffffffff80100000);
	user_go(user_pf_direct);
	EQUAL(trap.frame.error, 7);
	user_go((void *)0xffffffff80100000);
	EQUAL(trap.vector, 14);
	EQUAL(trap.frame.error & 5, 5);
}

/* No vector that is not for programs can be raised by one: not even those of
   the host's interrupts. */
USER_CODE(user_int, "int $0\n\tud2");

CASE(int_n_of_ring_3)
{
	volatile u8 *code = (u8 *)user_int;

	/* Too far away for an address relative to RIP. */
	asm("" : "+r"(code));
	for (unsigned int n = 0; n < 256; n++) {
		if (n == 3 || n == 4)
			continue;
		code[1] = n;
		user_go(user_int);
		if (trap.vector != 13 || !int_error_ok(n, trap.frame.error))
			FAIL("int %u: vector %lu, error 0x%lx", n, trap.vector,
			     trap.frame.error);
		EQUAL(trap.frame.rip, user_int);
	}
}

extern char kernel_int[];
asm(".text\n\t.balign 16\nkernel_int:\tint $0\n\tret");

CASE(int_n_of_ring_1)
{
	for (unsigned int n = 0; n < 256; n++) {
		if (n == 3 || n == 4)
			continue;
		((volatile u8 *)kernel_int)[1] = n;
		try_execute((u64)kernel_int);
		if (trap.vector != 13 || !int_error_ok(n, trap.frame.error))
			FAIL("int %u: vector %lu, error 0x%lx", n, trap.vector,
			     trap.frame.error);
	}
}

/* A gate clears neither. Who looks at what they do to the host is witness/. */
CASE(alignment_flag_of_ring_1)
{
	for (int i = 0; i < 50; i++) {
		TRY("pushfq\n\torl $0x40000, (%%rsp)\n\tpopfq\n\tud2");
		EQUAL(trap.vector, 6);
		CHECK(trap.frame.rflags & 0x40000);
	}
}

CASE(direction_flag_of_ring_1)
{
	for (int i = 0; i < 50; i++) {
		TRY("std\n\tud2");
		EQUAL(trap.vector, 6);
		CHECK(trap.frame.rflags & 0x400);
	}
}

CASE(from_ring_1)
{
	TRY("xorl %%ecx, %%ecx\n\tdiv %%ecx");
	EQUAL(trap.vector, 0);
	EQUAL(trap.frame.cs, 0x10);
	EQUAL(trap.frame.ss, 0x18);
	TRY("int3");
	EQUAL(trap.vector, 3);
	TRY("int $4");
	EQUAL(trap.vector, 4);
	TRY("ud2");
	EQUAL(trap.vector, 6);
	TRY("movl $0x1238, %%eax\n\tmovw %%ax, %%ds");
	EQUAL(trap.vector, 13);
	EQUAL(trap.frame.error, 0x1238);
	TRY("movabs $0x8000000000000000, %%rax\n\tmovq (%%rax), %%rax");
	EQUAL(trap.vector, 13);
	TRY("fninit\n\tpushq $0x37b\n\tfldcw (%%rsp)\n\tpopq %%rax\n\t"
	    "fld1\n\tfldz\n\tfdivrp\n\tfwait");
	EQUAL(trap.vector, 16);
	TRY("fnclex\n\tfninit");
}

CASE(stack_fault)
{
	trap_clear();
	asm volatile(TRY_BEGIN "pushq %%rbp\n\t"
		     "movabs $0x8000000000000000, %%rbp\n\t"
		     "movq (%%rbp), %%rax\n\tpopq %%rbp" TRY_END
		     ::: "rax", "memory", "rbx", "r12", "r13", "r14", "r15");
	/* RBP is the saved one again: the resume put RSP back below it. */
	if (under_tcg() && trap.vector == 13)
		SKIP("TCG gives #GP where a processor gives #SS");
	EQUAL(trap.vector, 12);
	EQUAL(trap.frame.error, 0);
}

/* #XF: a division by zero with the exception unmasked. */
USER_CODE(user_xf, "pushq $0x1d80\n\tldmxcsr (%rsp)\n\tpopq %rax\n\t"
	  "movl $1, %eax\n\tcvtsi2ss %eax, %xmm0\n\txorps %xmm1, %xmm1\n\t"
	  "divss %xmm1, %xmm0\n\tsyscall");

CASE(simd_exception)
{
	user_go(user_xf);
	if (under_tcg() && trap.vector == TRAP_SYSCALL)
		SKIP("TCG raises no SIMD exceptions");
	EQUAL(trap.vector, 19);
}

USER_CODE(user_ac, "pushfq\n\torq $0x40000, (%rsp)\n\tpopfq\n\t"
	  "movl -3(%rsp), %eax\n\tsyscall");

CASE(alignment_check)
{
	user_go(user_ac);
	if (under_tcg() && trap.vector == TRAP_SYSCALL)
		SKIP("TCG raises no alignment checks");
	EQUAL(trap.vector, 17);
	EQUAL(trap.frame.error, 0);
}

/* The user's GS base is put away, the kernel's is loaded, on every way in. */
USER_CODE(user_gs, "movl $0x5000, %eax\n\twrgsbase %rax\n\t"
	  "syscall\n\trdgsbase %rbx\n\tud2\n\tint3");

static u64 gs_in_hook, user_gs_in_hook;
static bool look_at_gs(struct frame *f)
{
	(void)f;
	asm volatile("rdgsbase %0" : "=r"(gs_in_hook));
	user_gs_in_hook = shared_page.user_gs;
	return false;
}

CASE(gs_base)
{
	struct frame regs;

	shared_page.kernel_gs = 0xffff900000001000;
	trap_hook = look_at_gs;
	user_go(user_gs);
	EQUAL(trap.vector, TRAP_SYSCALL);
	EQUAL(gs_in_hook, 0xffff900000001000);
	EQUAL(user_gs_in_hook, 0x5000);
	regs = trap.frame;
	user_run(&regs);
	EQUAL(trap.vector, 6);
	EQUAL(trap.frame.rbx, 0x5000);
	EQUAL(gs_in_hook, 0xffff900000001000);
	EQUAL(user_gs_in_hook, 0x5000);
}

CASE(vif_is_saved)
{
	shared_page.vif = 1;
	TRY("ud2");
	EQUAL(trap.vif, 0);
	CHECK(trap.frame.rflags & 0x200);
	EQUAL(shared_page.vif, 1);
	shared_page.vif = 0;
	TRY("ud2");
	CHECK(!(trap.frame.rflags & 0x200));
	EQUAL(shared_page.vif, 0);
}

CASE_KILLED(raw_without_a_handler, "exception 6")
{
	asm volatile("ud2");
}

CASE_KILLED(raw_page_fault_without_a_handler, "exception 14")
{
	*(volatile u64 *)0x1234 = 0;
}

CASE_KILLED(handler_removed, "exception 6")
{
	hypercall(RL_HC_SET_TRAP, 6, 0, 0);
	asm volatile("ud2");
}
