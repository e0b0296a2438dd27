// SPDX-License-Identifier: GPL-2.0
/*
 * The instructions that the shim executes for a 32-bit kernel, on a frame and a stack of
 * this test's below 4 GB. First of all: which frames lead to the kernel's code.
 */
#include <string.h>
#include <sys/mman.h>

#include "unit.h"

#include "guest_i386/shim.h"

volatile struct rl_shared shared;
const struct rl_i386_image image;

static u16 port_number;
static u32 port_value, cr3, reads, halts;
static unsigned int port_bytes;

s64 hypercall(u64 number, u64 a, u64 b, u64 c)
{
	(void)number;
	(void)a;
	(void)b;
	(void)c;
	return 0;
}

void halt(void) { halts++; }
u32 paging_cr0(void) { return 0x80050033; }
u32 paging_cr3(void) { return cr3; }
u32 paging_cr4(void) { return 0x20; }
void paging_set_cr0(u32 value) { (void)value; }
void paging_set_cr3(u32 value, u32 rip) { cr3 = value; (void)rip; }
void paging_set_cr4(u32 value) { (void)value; }
u32 segment_gdt(u16 *limit) { *limit = 255; return 0x1234; }
void segment_set_gdt(u32 base, u16 limit) { (void)base; (void)limit; }
void segment_set_tss(u16 selector) { (void)selector; }
bool segment_sync_tls(void) { return false; }
static u16 ldt;
static bool ldt_is_new;
u16 segment_ldt(void) { return ldt; }
void segment_set_ldt(u16 selector) { ldt = selector; }
bool segment_sync_ldt(void) { return ldt_is_new; }
bool segment_is_kernel(u16 selector) { (void)selector; return false; }
void segment_load(unsigned int which, u16 selector) { (void)which; (void)selector; }
void cpu_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	out[0] = leaf + 1;
	out[1] = 2;
	out[2] = subleaf;
	out[3] = 4;
}
bool cpu_read_msr(u32 msr, u64 *value) { *value = 0x100000002; return msr == 1; }
bool cpu_write_msr(u32 msr, u64 value) { return msr == 1 && value == 0x300000004; }
bool cpu_set_xcr(u32 index, u64 value) { (void)value; return !index; }

u32 port_read(u16 port, unsigned int bytes)
{
	reads++;
	port_number = port;
	port_bytes = bytes;
	return 0xaabbccdd;
}

void port_write(u16 port, unsigned int bytes, u32 value)
{
	port_number = port;
	port_bytes = bytes;
	port_value = value;
}

u32 idt_base, exit_rsp;

#include "guest_i386/insn.c"

static u32 *stack;	/* 1024 words; ESP is at the middle */
static struct frame f;

static int set_up(void **state)
{
	(void)state;
	stack = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	assert_ptr_not_equal(stack, MAP_FAILED);
	f = (struct frame) {
		.rip = 0xc1000000, .cs = KERNEL_CS, .ss = KERNEL_SS,
		.rsp = (u64)(stack + 512), .rflags = 0x202,
	};
	shared.vif = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	munmap(stack, 4096);
	return 0;
}

static enum outcome run(const char *bytes)
{
	return insn_execute(&f, (const u8 *)bytes);
}

static enum outcome iret_to(u32 cs, u32 flags)
{
	set_up(NULL);
	stack[512] = 0x1234;
	stack[513] = cs;
	stack[514] = flags;
	stack[515] = 0x5678;
	stack[516] = 0x7b;
	return run("\xcf");
}

/* To the kernel only by its own selector; nothing is changed where it is refused. */
static void test_iret_to_kernel(void **state)
{
	(void)state;
	for (u32 cs = 0; cs < 0x10000; cs++) {
		enum outcome outcome = iret_to(0xffff0000 | cs, 0x202);

		if ((cs & 3) == 3) {
			assert_int_equal(outcome, DONE);
			assert_int_equal(f.cs, cs);
			assert_int_equal(f.ss, 0x7b);
			assert_int_equal(f.rsp, 0x5678);
			assert_int_equal(exit_rsp, (u32)(u64)(stack + 512));
		} else if (cs == 0x60 || cs == 0x61) {
			assert_int_equal(outcome, DONE);
			assert_int_equal(f.cs, KERNEL_CS);
			assert_int_equal(f.rsp, (u64)(stack + 515));
		} else {
			assert_int_equal(outcome, REFUSED);
			assert_int_equal(f.rip, 0xc1000000);
			assert_int_equal(f.rsp, (u64)(stack + 512));
		}
		tear_down(NULL);
	}
}

static void test_iret_flags(void **state)
{
	(void)state;
	/* Virtual 8086 mode, whatever CS is. */
	assert_int_equal(iret_to(0x1000, 0x20202), REFUSED);
	tear_down(NULL);
	assert_int_equal(iret_to(0x60, 0x20202), REFUSED);
	tear_down(NULL);
	assert_int_equal(iret_to(0x73, 0x20202), REFUSED);
	tear_down(NULL);
	/* IOPL, VM, VIF, VIP and what is reserved never get through; IF is the real one. */
	assert_int_equal(iret_to(0x73, ~0x20000u), DONE);
	assert_int_equal(f.rflags, 0x254fd7);
	assert_int_equal(shared.vif, 1);
	tear_down(NULL);
	assert_int_equal(iret_to(0x60, 0), DONE);
	assert_int_equal(f.rflags, 0x202);
	assert_int_equal(shared.vif, 0);
	tear_down(NULL);
	/* A program has its interrupts on. */
	assert_int_equal(iret_to(0x73, 0), DONE);
	assert_int_equal(shared.vif, 1);
}

static void test_flags(void **state)
{
	(void)state;
	f.rflags = 0x243ed7;
	assert_int_equal(run("\x9c"), DONE);
	assert_int_equal(stack[511], 0x240cd7);
	assert_int_equal(f.rip, 0xc1000001);
	run("\xfb");
	assert_int_equal(shared.vif, 1);
	run("\x9c");
	assert_int_equal(stack[510], 0x240ed7);
	run("\xfa");
	assert_int_equal(shared.vif, 0);
	stack[510] = 0xffffffff;
	run("\x9d");
	assert_int_equal(f.rflags, 0x244fd7);
	assert_int_equal(shared.vif, 1);
	assert_int_equal(f.rsp, (u64)(stack + 511));
	run("\xf4");
	assert_int_equal(halts, 1);
}

static void test_ports(void **state)
{
	(void)state;
	f.rdx = 0x123403f8;
	f.rax = 0x11223344;
	assert_int_equal(run("\xec"), DONE);
	assert_int_equal(f.rax, 0x112233dd);
	assert_int_equal(port_number, 0x3f8);
	run("\x66\xed");
	assert_int_equal(f.rax, 0x1122ccdd);
	assert_int_equal(f.rip, 0xc1000003);
	run("\xe5\x70");
	assert_int_equal(f.rax, 0xaabbccdd);
	assert_int_equal(port_number, 0x70);
	run("\x66\xe7\x71");
	assert_int_equal(port_value, 0xccdd);
	assert_int_equal(port_bytes, 2);
	assert_int_equal(f.rip, 0xc1000008);
}

static void test_two_bytes(void **state)
{
	char lgdt[] = "\x0f\x01\x15\0\0\0", sidt[] = "\x0f\x01\x4c\x8d\x08";
	u32 at = (u32)(u64)stack;

	(void)state;
	memcpy(lgdt + 3, &at, 4);
	assert_int_equal(run(lgdt), DONE);
	assert_int_equal(f.rip, 0xc1000007);
	/* sidt 8(%ebp, %ecx, 4) */
	idt_base = 0xabcdef01;
	f.rbp = at;
	f.rcx = 2;
	assert_int_equal(run(sidt), DONE);
	assert_int_equal(f.rip, 0xc100000c);
	assert_memory_equal((u8 *)stack + 18, &idt_base, 4);
	f.rax = 6;
	run("\x0f\xa2");
	assert_int_equal(f.rax, 7);
	f.rbx = 0x5000;
	run("\x0f\x22\xdb");
	assert_int_equal(cr3, 0x5000);
	f.rcx = 1;
	assert_int_equal(run("\x0f\x32"), DONE);
	assert_int_equal(f.rax, 2);
	assert_int_equal(f.rdx, 1);
	f.rdx = 3;
	f.rax = 4;
	assert_int_equal(run("\x0f\x30"), DONE);
	f.rcx = 2;
	f.rip = 1;
	assert_int_equal(run("\x0f\x30"), REFUSED);
	assert_int_equal(run("\x0f\x32"), REFUSED);
	assert_int_equal(run("\x0f\x33"), REFUSED);
	assert_int_equal(run("\x0f\x04"), UNKNOWN);
	assert_int_equal(run("\x90"), UNKNOWN);
	assert_int_equal(run("\xf3\x6c"), UNKNOWN);
	assert_int_equal(f.rip, 1);
}

/* LLDT is remembered, and a selector that the old table lacks is tried again. */
static void test_ldt(void **state)
{
	char lldt[] = "\x0f\x00\x15\0\0\0";
	u32 at = (u32)(u64)stack;

	(void)state;
	f.rax = 0xabcd0088;
	assert_int_equal(run("\x0f\x00\xd0"), DONE);
	assert_int_equal(ldt, 0x88);
	assert_int_equal(run("\x0f\x00\xc1"), DONE);
	assert_int_equal(f.rcx, 0x88);
	memcpy(lldt + 3, &at, 4);
	stack[0] = 0x70;
	assert_int_equal(run(lldt), DONE);
	assert_int_equal(ldt, 0x70);
	f.rip = 0xc1000000;
	f.error = 6 << 3 | SELECTOR_TI;
	assert_int_equal(insn_selector(&f), UNKNOWN);
	ldt_is_new = true;
	assert_int_equal(insn_selector(&f), DONE);
	assert_int_equal(f.rip, 0xc1000000);
	/* A gate is no entry of the LDT. */
	f.error |= 2;
	assert_int_equal(insn_selector(&f), UNKNOWN);
	ldt_is_new = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iret_to_kernel),
#define T(f_) cmocka_unit_test_setup_teardown(f_, set_up, tear_down)
		cmocka_unit_test_teardown(test_iret_flags, tear_down),
		T(test_flags),
		T(test_ports),
		T(test_two_bytes),
		T(test_ldt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
