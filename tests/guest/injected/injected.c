// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit SYSCALL from a 64-bit program, in a host that has tests/tiny/injector:
 * what the host injects for it is the vector in EAX. Without a word in EAX it is
 * #UD, as on a processor that does not know the instruction.
 */
#include <asm/prctl.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "check.h"
#include "tests/tiny/injector/injector.h"

#define GS_BASE	0x123456789000

static struct {
	int signal;
	uint64_t trap, rip, rax, flags, cs, gs_base;
} got;

static uint8_t *code;

static void handler(int number, siginfo_t *info, void *context)
{
	const greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	uint64_t gs_base;

	(void)info;
	asm volatile("rdgsbase %0" : "=r" (gs_base));
	got.signal = number;
	got.trap = r[REG_TRAPNO];
	got.rip = r[REG_RIP];
	got.rax = r[REG_RAX];
	got.flags = r[REG_EFL];
	got.cs = r[REG_CSGSFS] & 0xffff;
	got.gs_base = gs_base;
	siglongjmp(caught_jump, 1);
}

/* Goes to 32-bit code: syscall, ud2. EAX: eax. A signal ends it. */
static void syscall32(uint32_t eax)
{
	static struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) to;

	to.offset = (uintptr_t)code;
	to.selector = 0x23;
	memset(&got, 0, sizeof(got));
	if (!sigsetjmp(caught_jump, 1))
		asm volatile("ljmpl *%0" :: "m" (to), "a" (eax)
			     : "rcx", "r11", "memory");
	asm volatile("fninit; ldmxcsr %0" :: "m" ((const uint32_t){ 0x1f80 }));
}

static void expect(int number, unsigned int vector)
{
	CHECK_IS(got.signal, number);
	CHECK_IS(got.trap, vector);
	CHECK_IS(got.rip, code);
	CHECK_IS(got.cs, 0x23);
	CHECK_IS(got.flags & 0x200, 0x200);
	CHECK_IS(got.gs_base, GS_BASE);
}

static void undefined(void)
{
	syscall32(0);
	expect(SIGILL, 6);
}

static void without_a_fault_of_its_own(void)
{
	static const struct {
		uint8_t vector, signal;
	} each[] = {
		{ 0, SIGFPE }, { 3, SIGTRAP }, { 4, SIGSEGV }, { 5, SIGSEGV },
		{ 6, SIGILL },
	};
	unsigned int i;

	for (i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		syscall32(INJECTOR_ASKS + each[i].vector);
		expect(each[i].signal, each[i].vector);
	}
}

/* Linux looks into the FPU for what was wrong. */
static void x87_error(void)
{
	static const uint16_t unmasked = 0x37b;

	asm volatile("fldz; fld1; fldcw %0; fdivp" :: "m" (unmasked));
	syscall32(INJECTOR_ASKS + 16);
	expect(SIGFPE, 16);
}

static void simd_error(void)
{
	/* Divide by zero: not masked, and it happened. */
	asm volatile("ldmxcsr %0" :: "m" ((const uint32_t){ 0x1d84 }));
	syscall32(INJECTOR_ASKS + 19);
	expect(SIGFPE, 19);
}

/* A system call of that number, which is none; then, EAX is new, #UD. */
static void int_80(void)
{
	syscall32(INJECTOR_ASKS + 0x80);
	expect(SIGILL, 6);
	CHECK_IS((int32_t)got.rax, -ENOSYS);
}

int main(void)
{
	static const int numbers[] = { SIGSEGV, SIGFPE, SIGILL, SIGTRAP };
	struct sigaction action = {
		.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	static char stack[65536];
	stack_t on = { .ss_sp = stack, .ss_size = sizeof(stack) };
	unsigned int i;

	NEED(!sigaltstack(&on, NULL));
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		NEED(!sigaction(numbers[i], &action, NULL));
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	NEED(code != MAP_FAILED);
	memcpy(code, "\x0f\x05\x0f\x0b", 4);
	NEED(!syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE));
	CASE(undefined);
	CASE(without_a_fault_of_its_own);
	CASE(x87_error);
	CASE(simd_error);
	CASE(int_80);
	DONE();
}
