// SPDX-License-Identifier: GPL-2.0
/*
 * Privileged instructions in ring 1: what the host does for the guest, and what
 * it refuses. In ring 3 all of them are the guest kernel's #GP.
 */
#include "tiny.h"

#define DONE	(1UL << 32)	/* no trap */
#define GP	(1UL << 13)
#define UD	(1UL << 6)

#define EXPECT(instruction_, want_) do { \
	TRY(instruction_); \
	if (!((trap.vector == TRAP_NONE ? DONE : 1UL << trap.vector) & (want_))) \
		FAIL(HERE "%s: vector %lu, error 0x%lx", instruction_, \
		     trap.vector, trap.frame.error); \
} while (0)

CASE(control_registers)
{
	EXPECT("movq %%cr0, %%rax", DONE);
	EXPECT("movq %%cr2, %%rax", DONE);
	EXPECT("movq %%cr3, %%rax", DONE);
	EXPECT("movq %%cr4, %%rax", DONE);
	EXPECT("movq %%cr8, %%rax", DONE);
	EXPECT("movq %%cr0, %%r8", DONE);
	EXPECT("movq %%cr0, %%rax\n\tmovq %%rax, %%cr0", DONE);
	EXPECT("movq %%cr3, %%rax\n\tmovq %%rax, %%cr3", DONE);
	EXPECT("movq %%cr4, %%rax\n\tmovq %%rax, %%cr4", DONE);
	EXPECT("xorl %%eax, %%eax\n\tmovq %%rax, %%cr0", DONE | GP);
	EXPECT("movq $-1, %%rax\n\tmovq %%rax, %%cr0", DONE | GP);
	EXPECT("xorl %%eax, %%eax\n\tmovq %%rax, %%cr4", DONE | GP);
	EXPECT("movq $-1, %%rax\n\tmovq %%rax, %%cr4", DONE | GP);
	EXPECT("movq $-1, %%rax\n\tmovq %%rax, %%cr3", GP);
	EXPECT("movq $-1, %%rax\n\tmovq %%rax, %%cr8", DONE | GP);
	EXPECT(".byte 0x0f, 0x20, 0xc8", GP | UD);	/* CR1 */
	EXPECT(".byte 0x0f, 0x22, 0xe8", GP | UD);	/* CR5 */
	EXPECT("clts", DONE);
	/* Nothing of it has changed the real ones. */
	EXPECT("fninit", DONE);
	EXPECT("rdfsbase %%rax", DONE);
	try_write((u64)direct(TINY_FREE), 1);
	EQUAL(trap.vector, TRAP_NONE);
	try_write(0xffff800000000000, 0);	/* CR0.WP */
	EQUAL(trap.vector, 14);
}

static u64 zeros[4];

CASE(caches_and_tlb)
{
	EXPECT("wbinvd", DONE);
	EXPECT("invd", DONE);
	(void)zeros;
	EXPECT("swapgs", GP);
	EXPECT("xorl %%eax, %%eax\n\tinvpcid zeros, %%rax", GP | UD);
	EXPECT("movl $9, %%eax\n\tinvpcid zeros, %%rax", GP | UD);
}

CASE(interrupt_flag)
{
	EXPECT("sti", DONE);
	EQUAL(shared_page.vif, 1);
	EXPECT("cli", DONE);
	EQUAL(shared_page.vif, 0);
}

CASE(ports)
{
	u64 value;

	EXPECT("inb $0x60, %%al", DONE);
	EXPECT("movw $0x3f8, %%dx\n\tinb %%dx, %%al", DONE);
	EXPECT("inw $0x60, %%ax", DONE);
	EXPECT("inl $0x60, %%eax", DONE);
	EXPECT("outb %%al, $0x80", DONE);
	EXPECT("movw $0xcf8, %%dx\n\toutl %%eax, %%dx", DONE);
	EXPECT("movw $0x64, %%dx\n\tmovb $0xfe, %%al\n\toutb %%al, %%dx", DONE);
	EXPECT("movw $0x60, %%dx\n\tmovq $zeros, %%rdi\n\tinsb", GP);
	EXPECT("movw $0x60, %%dx\n\tmovq $zeros, %%rsi\n\toutsb", GP);
	EXPECT("movl $4, %%ecx\n\tmovw $0x60, %%dx\n\tmovq $zeros, %%rdi\n\t"
	       "rep insb", GP);
	/* Nobody drives the bus. */
	asm volatile("movq $0x1234567800000000, %%rax\n\tinl $0x60, %%eax\n\t"
		     "movq %%rax, %0" : "=r"(value) :: "rax");
	EQUAL(value, 0xffffffff);
	asm volatile("xorl %%eax, %%eax\n\tinb $0x60, %%al\n\tmovq %%rax, %0"
		     : "=r"(value) :: "rax");
	EQUAL(value, 0xff);
	for (u64 port = 0; port < 0x10000; port += 7) {
		asm volatile("xorl %%eax, %%eax\n\tinb %%dx, %%al"
			     : "=a"(value) : "d"(port));
		EQUAL(value, 0xff);
	}
}

USER_CODE(user_in, "inb $0x60, %al\n\tud2");
USER_CODE(user_out, "outb %al, $0x80\n\tud2");

/* The I/O map of the TSS grants nothing, at any port. */
USER_CODE(user_in_dx, "movl %edi, %edx\n\tinb %dx, %al\n\tud2");

CASE(ports_of_ring_3)
{
	struct frame regs;

	user_go(user_in);
	EQUAL(trap.vector, 13);
	user_go(user_out);
	EQUAL(trap.vector, 13);
	for (u64 port = 0; port < 0x10000; port += 61) {
		user_start(&regs, user_in_dx);
		regs.rdi = port;
		user_run(&regs);
		EQUAL(trap.vector, 13);
	}
}

u64 vmx_operand[2] __attribute__((aligned(16)));

CASE(system_calls_and_modes)
{
	EXPECT("sysretq", GP);
	EXPECT("sysretl", GP);
	EXPECT("sysexitl", GP | UD);
	EXPECT("rsm", UD | GP);
	EXPECT("monitor", UD | GP);
	EXPECT("mwait", UD | GP);
	EXPECT("xorl %%ecx, %%ecx\n\trdpmc", GP);
	EXPECT("rdtsc", DONE);
	EXPECT("stac", UD);
	EXPECT("clac", UD);
	EXPECT("vmcall", UD | GP);
	EXPECT("vmmcall", UD | GP);
	/* Where Intel's KVM has VMX on, CR4.VMXE is 1 here, too. */
	EXPECT("vmlaunch", UD | GP);
	EXPECT("vmresume", UD | GP);
	EXPECT("vmxoff", UD | GP);
	EXPECT("vmxon vmx_operand(%%rip)", UD | GP);
	EXPECT("vmclear vmx_operand(%%rip)", UD | GP);
	EXPECT("vmptrld vmx_operand(%%rip)", UD | GP);
	EXPECT("vmptrst vmx_operand(%%rip)", UD | GP);
	EXPECT("vmread %%rax, %%rcx", UD | GP);
	EXPECT("vmwrite %%rax, %%rcx", UD | GP);
	EXPECT("vmfunc", UD | GP);
	EXPECT("invept vmx_operand(%%rip), %%rax", UD | GP);
	EXPECT("invvpid vmx_operand(%%rip), %%rax", UD | GP);
	EXPECT("movq $0, %%rax\n\tvmrun", UD | GP);
	EXPECT("vmload", UD | GP);
	EXPECT("clgi", UD | GP);
	EXPECT("stgi", UD | GP);
	EXPECT("skinit", UD | GP);
	EXPECT(".byte 0x0f, 0x37", UD | GP);	/* GETSEC */
}

CASE(extended_state)
{
	u32 low, high;

	TRY("xorl %%ecx, %%ecx\n\txgetbv");
	if (trap.vector == 6)
		SKIP("the processor has no XSAVE");
	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	trap_clear();
	asm volatile(TRY_BEGIN "xsetbv" TRY_END
		     :: "a"(low), "d"(high), "c"(0));
	EQUAL(trap.vector, TRAP_NONE);
	EXPECT("xorl %%eax, %%eax\n\txorl %%edx, %%edx\n\txorl %%ecx, %%ecx\n\t"
	       "xsetbv", GP);
	EXPECT("movl $-1, %%eax\n\tmovl $-1, %%edx\n\txorl %%ecx, %%ecx\n\t"
	       "xsetbv", GP);
	EXPECT("movl $1, %%eax\n\txorl %%edx, %%edx\n\tmovl $1, %%ecx\n\t"
	       "xsetbv", GP);
	EXPECT("xorl %%eax, %%eax\n\txorl %%edx, %%edx\n\t"
	       "movq $0xffff888002000000, %%rdi\n\txsaves (%%rdi)", UD | GP | DONE);
}

/* Behind the two that QEMU 10 lets everybody execute, without asking. */
#define SWAPGS	11

USER_CODE(user_list,
	  "cli\n\t.balign 8\n\tsti\n\t.balign 8\n\thlt\n\t.balign 8\n\t"
	  "clts\n\t.balign 8\n\tmovq %cr0, %rax\n\t.balign 8\n\t"
	  "movq %rax, %cr3\n\t.balign 8\n\tmovq %rax, %dr7\n\t.balign 8\n\t"
	  "rdmsr\n\t.balign 8\n\twrmsr\n\t.balign 8\n\twbinvd\n\t.balign 8\n\t"
	  "invd\n\t.balign 8\n\tswapgs\n\t.balign 8\n\tsysretq\n\t.balign 8\n\t"
	  "invlpg (%rax)\n\t.balign 8\n\tltr %ax\n\t.balign 8\n\t"
	  "lldt %ax\n\t.balign 8\n\tlmsw %ax\n\t.balign 8\n\txsetbv\n\t"
	  ".balign 8\n\tlgdt (%rsp)\n\t.balign 8\n\tlidt (%rsp)");

CASE(in_ring_3)
{
	for (int i = 0; i < 20; i++) {
		user_go(user_list + 8 * i);
		if (under_tcg() && trap.frame.rip == (u64)user_list + 8 * SWAPGS &&
		    (i == SWAPGS - 1 || i == SWAPGS - 2)) {
			print("this TCG lets everybody execute WBINVD and INVD\n");
			continue;
		}
		if (trap.vector != 13 || trap.frame.rip != (u64)user_list + 8 * i)
			FAIL("instruction %d: vector %lu at 0x%lx", i,
			     trap.vector, trap.frame.rip);
	}
}

/* An instruction that the next page continues, or does not. */
CASE(at_the_end_of_a_page)
{
	u64 a = page_alloc(), b = page_alloc();
	u8 *code = direct(a);

	map_page(0xffffa00000000000, a | P_P | P_W);
	/* mov %cr0, %rax; ret, two bytes on each side */
	code[4094] = 0x0f;
	code[4095] = 0x20;
	try_execute(0xffffa00000000ffe);
	EQUAL(trap.vector, 14);
	EQUAL(trap.cr2 & ~7UL, 0xffffa00000001000);
	map_page(0xffffa00000001000, b | P_P | P_W);
	*(u16 *)direct(b) = 0xc3c0;
	try_execute(0xffffa00000000ffe);
	EQUAL(trap.vector, TRAP_NONE);
	/* Fourteen prefixes and no room for the rest. */
	for (int i = 0; i < 16; i++)
		code[i] = 0x66;
	code[16] = 0xf4;
	try_execute(0xffffa00000000000);
	CHECK(trap.vector == 13 || trap.vector == 6);
}

/* --- MSRs ------------------------------------------------------------------------ */

static bool read_msr(u32 msr, u64 *value)
{
	u32 low = 0, high = 0;

	trap_clear();
	asm volatile(TRY_BEGIN "rdmsr" TRY_END
		     : "+a"(low), "+d"(high) : "c"(msr));
	*value = (u64)high << 32 | low;
	if (trap.vector != TRAP_NONE)
		EQUAL(trap.vector, 13);
	return trap.vector == TRAP_NONE;
}

static bool write_msr(u32 msr, u64 value)
{
	trap_clear();
	asm volatile(TRY_BEGIN "wrmsr" TRY_END
		     :: "c"(msr), "a"((u32)value), "d"(value >> 32)
		     : "memory");
	if (trap.vector != TRAP_NONE)
		EQUAL(trap.vector, 13);
	return trap.vector == TRAP_NONE;
}

USER_CODE(user_syscall, "syscall\n\tud2");

/* No MSR tells an address of the host's, none can be changed. */
CASE(msr_sweep)
{
	static const u32 ranges[][2] = {
		{ 0, 0x1000 }, { 0x40000000, 0x40000110 },
		{ 0x80000000, 0x80000010 }, { 0xc0000080, 0xc0000110 },
		{ 0xc0010000, 0xc0010200 }, { 0xc0011000, 0xc0011040 },
	};
	u64 value;

	for (unsigned int r = 0; r < sizeof(ranges) / 8; r++)
		for (u32 m = ranges[r][0]; m < ranges[r][1]; m++) {
			bool base = m >= 0xc0000100 && m <= 0xc0000102;

			if (read_msr(m, &value) && !base &&
			    value >= 0xffff800000000000)
				FAIL("MSR 0x%x tells 0x%lx", m, value);
			if (base)
				continue;
			write_msr(m, 0);
			write_msr(m, ~0UL);
			write_msr(m, 0xffffffff80100000);
		}
	user_go(user_syscall);
	EQUAL(trap.vector, TRAP_SYSCALL);
}

CASE(msr_random)
{
	u64 seed = 0x2545f4914f6cdd1d, value;

	for (int i = 0; i < 3000; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		if ((u32)seed - 0xc0000100 < 3)
			continue;
		read_msr(seed, &value);
		write_msr(seed, seed >> 13);
	}
}

CASE(msr_values)
{
	u64 value;

	CHECK(read_msr(0xc0000080, &value));	/* EFER */
	EQUAL(value & 0xd01, 0xd01);
	CHECK(read_msr(0xc0000082, &value));	/* LSTAR */
	EQUAL(value, 0);
	CHECK(write_msr(0xc0000100, 0x7000));
	CHECK(read_msr(0xc0000100, &value));
	EQUAL(value, 0x7000);
	asm volatile("rdfsbase %0" : "=r"(value));
	EQUAL(value, 0x7000);
	CHECK(write_msr(0xc0000102, 0x9000));
	EQUAL(shared_page.user_gs, 0x9000);
	CHECK(hypercall(RL_HC_RDMSR, 0x12345678, 0, 0) < 0);
	CHECK(hypercall(RL_HC_WRMSR, 0x12345678, 0, 0) < 0);
	EQUAL(hypercall(RL_HC_RDMSR, 0xc0000100, 0, 0), 0);
	EQUAL(shared_page.value, 0x7000);
}
